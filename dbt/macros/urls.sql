{#- What web addresses say. All of it is NULL for NULL, at the cost of a look. -#}

{#- The host without "www.", lower case. Plain cuts are several times as fast as one expression that says it all. -#}
{% macro url_host(url) -%}
  {%- set authority = "split_part(split_part(split_part(split_part(" ~ url ~ ", '://', 2), '/', 1), '?', 1), '#', 1)" -%}
  nullif(regexp_replace(lower(split_part(split_part({{ authority }}, '@', -1), ':', 1)), '^www\.', ''), '')
{%- endmacro %}

{#- What follows the question mark, behind an "&" so that every parameter has one before it; NULL if nothing does. -#}
{% macro url_query(url) -%}
  '&' || nullif(split_part(split_part({{ url }}, '#', 1), '?', 2), '')
{%- endmacro %}

{#- A parameter of a query as it stands there; NULL if it is missing or empty. -#}
{% macro url_parameter(query, name) -%}
  nullif(split_part(split_part({{ query }}, '&{{ name }}=', 2), '&', 1), '')
{%- endmacro %}

{#- Percent-encoding undone where it is that of UTF-8 text without control characters; other values stay as they are, since
    anybody may type anything into an address. -#}
{% macro url_decode(value) -%}
  case
      when not {{ value }} ~ '[%+]' then {{ value }}
      when {{ value }} !~ '%' then replace({{ value }}, '+', ' ')
      when {{ value }} ~* '^([^%]|%[2-7][0-9a-f]|%c[2-9a-f]%[89ab][0-9a-f]|%d[0-9a-f]%[89ab][0-9a-f]|%e0%[ab][0-9a-f]%[89ab][0-9a-f]|%e[1-9a-cef](%[89ab][0-9a-f]){2}|%ed%[89][0-9a-f]%[89ab][0-9a-f]|%f0%[9ab][0-9a-f](%[89ab][0-9a-f]){2}|%f[1-3](%[89ab][0-9a-f]){3}|%f4%8[0-9a-f](%[89ab][0-9a-f]){2})*$'
        then (select convert_from(string_agg(case when part[1] is null then convert_to(replace(part[2], '+', ' '), 'UTF8') else decode(part[1], 'hex') end, ''::bytea order by place), 'UTF8')
              from regexp_matches({{ value }}, '%([0-9a-fA-F]{2})|([^%]+)', 'g') with ordinality as parts (part, place))
      else {{ value }}
    end
{%- endmacro %}

{#- Click identifiers that ad platforms add to links: {parameter: [source, medium]}. Facebook marks every link that leaves
    it, paid or not, so its mark alone means social. -#}
{% macro click_ids() %}
  {%- do return({
    'gclid': ['google', 'cpc'], 'gbraid': ['google', 'cpc'], 'wbraid': ['google', 'cpc'], 'dclid': ['google', 'display'],
    'msclkid': ['bing', 'cpc'], 'fbclid': ['facebook', 'social'], 'ttclid': ['tiktok', 'cpc'], 'li_fat_id': ['linkedin', 'cpc'],
    'twclid': ['twitter', 'cpc'], 'epik': ['pinterest', 'cpc'], 'ScCid': ['snapchat', 'cpc'], 'rdt_cid': ['reddit', 'cpc']}) -%}
{% endmacro %}

{#- The first of them in the query that has a value. -#}
{% macro click_id(query) -%}
  substring({{ query }} from '&({{ attrib.click_ids().keys() | join('|') }})=[^&]')
{%- endmacro %}

{#- The source (which = 0) or the medium (1) that a click identifier stands for. -#}
{% macro click_id_says(click_id, which) -%}
  case {{ click_id }}
    {%- for name, says in attrib.click_ids().items() %} when '{{ name }}' then '{{ says[which] }}'{% endfor %} end
{%- endmacro %}

{#- "https://news.google.co.uk/x" -> "google.*": how seeds name sites that have a host in every country. -#}
{% macro host_of_any_country(host) -%}
  case when split_part({{ host }}, '.', -2) in ('co', 'com', 'org', 'net') and length(split_part({{ host }}, '.', -1)) = 2
      and split_part({{ host }}, '.', -3) <> '' then split_part({{ host }}, '.', -3)
    else split_part({{ host }}, '.', -2) end || '.*'
{%- endmacro %}

{#- Is the host one of attrib_internal_hosts or below it? -#}
{% macro is_internal_host(host) -%}
  {%- set hosts = var('attrib_internal_hosts') -%}
  {%- if hosts | length == 0 -%} false
  {%- else -%} {{ host }} ~ {{ attrib.literal('(^|\\.)(' ~ hosts | map('lower') | map('replace', '.', '\\.') | join('|') ~ ')$') }}
  {%- endif -%}
{%- endmacro %}
