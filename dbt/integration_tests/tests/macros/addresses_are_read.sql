-- What is wrong in what the macros over web addresses say.
with cases (url, host, any_country, source, click_source, click_medium) as (
    values
        ('https://www.google.co.uk/search?q=x', 'google.co.uk', 'google.*', null::text, null::text, null::text),
        ('HTTPS://News.Example.COM:8080/a#b', 'news.example.com', 'example.*', null, null, null),
        ('https://me:pw@a.b.com.au/', 'a.b.com.au', 'b.*', null, null, null),
        ('android-app://com.google.android.gm/', 'com.google.android.gm', 'android.*', null, null, null),
        ('https://x.de?utm_source=a+b%20c', 'x.de', 'x.*', 'a b c', null, null),
        ('https://x.de/?a=1&utm_source=%C3%A9t%C3%A9#utm_source=no', 'x.de', 'x.*', 'été', null, null),
        ('https://x.de/?utm_source=%F0%9F%8E%81', 'x.de', 'x.*', '🎁', null, null),
        ('https://x.de/?utm_source=%ED%A0%80', 'x.de', 'x.*', '%ED%A0%80', null, null),
        ('https://x.de/?utm_source=50%25+off', 'x.de', 'x.*', '50% off', null, null),
        ('https://x.de/?utm_source=50%', 'x.de', 'x.*', '50%', null, null),
        ('https://x.de/?utm_source=%00', 'x.de', 'x.*', '%00', null, null),
        ('https://x.de/?utm_source=&xutm_source=z', 'x.de', 'x.*', null, null, null),
        ('https://x.de/?gclid=', 'x.de', 'x.*', null, null, null),
        ('https://x.de/?b=1&gclid=1', 'x.de', 'x.*', null, 'google', 'cpc'),
        ('https://x.de/?fbclid=1', 'x.de', 'x.*', null, 'facebook', 'social'),
        ('https://x.de/?msclkid=1', 'x.de', 'x.*', null, 'bing', 'cpc'),
        ('https://x.de/?ttclid=1', 'x.de', 'x.*', null, 'tiktok', 'cpc'),
        ('https://x.de/?li_fat_id=1', 'x.de', 'x.*', null, 'linkedin', 'cpc'),
        ('/relative?utm_source=a', null, null, 'a', null, null),
        ('', null, null, null, null, null),
        ('localhost/x', null, null, null, null, null),
        (null, null, null, null, null, null)
),

said as (
    select
        url,
        row (host, any_country, source, click_source, click_medium)::text as expected,
        row (
            {{ attrib.url_host('url') }},
            {{ attrib.host_of_any_country(attrib.url_host('url')) }},
            {{ attrib.url_decode(attrib.url_parameter(attrib.url_query('url'), 'utm_source')) }},
            {{ attrib.click_id_says(attrib.click_id(attrib.url_query('url')), 0) }},
            {{ attrib.click_id_says(attrib.click_id(attrib.url_query('url')), 1) }})::text as said
    from cases
)

select url, expected, said
from said
where expected is distinct from said
