{#- What web addresses say. All of it is NULL for NULL, at the cost of a look. -#}

{#- The host without "www.", lower case. -#}
{% macro url_host(url) -%}
  lower(substring({{ url }} from '^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(?:[wW][wW][wW]\.)?([^/:?#]+)'))
{%- endmacro %}

{#- What follows the question mark. -#}
{% macro url_query(url) -%}
  substring({{ url }} from '\?([^#]*)')
{%- endmacro %}

{#- A parameter of a query, decoded; NULL if it is missing or empty. -#}
{% macro url_parameter(query, name) -%}
  {{ attrib.url_decode("nullif(substring(" ~ query ~ " from '(?:^|&)" ~ name ~ "=([^&]*)'), '')") }}
{%- endmacro %}

{#- Percent-encoding undone where it is that of UTF-8 text without control characters; other values stay as they are, since
    anybody may type anything into an address. -#}
{% macro url_decode(value) -%}
  (select case
      when encoded !~ '%' then replace(encoded, '+', ' ')
      when encoded ~* '^([^%]|%[2-7][0-9a-f]|%c[2-9a-f]%[89ab][0-9a-f]|%d[0-9a-f]%[89ab][0-9a-f]|%e0%[ab][0-9a-f]%[89ab][0-9a-f]|%e[1-9a-cef](%[89ab][0-9a-f]){2}|%ed%[89][0-9a-f]%[89ab][0-9a-f]|%f0%[9ab][0-9a-f](%[89ab][0-9a-f]){2}|%f[1-3](%[89ab][0-9a-f]){3}|%f4%8[0-9a-f](%[89ab][0-9a-f]){2})*$'
        then (select convert_from(string_agg(case when part[1] is null then convert_to(replace(part[2], '+', ' '), 'UTF8') else decode(part[1], 'hex') end, ''::bytea order by place), 'UTF8')
              from regexp_matches(encoded, '%([0-9a-fA-F]{2})|([^%]+)', 'g') with ordinality as parts (part, place))
      else encoded
    end
   from (select {{ value }} as encoded) as address
   where encoded is not null)
{%- endmacro %}

{#- Click identifiers that ad platforms add to links: {parameter: [source, medium]}. Facebook marks every link that leaves
    it, paid or not, so its mark alone means social. -#}
{% macro click_ids() %}
  {%- do return({
    'gclid': ['google', 'cpc'], 'gbraid': ['google', 'cpc'], 'wbraid': ['google', 'cpc'], 'dclid': ['google', 'display'],
    'msclkid': ['bing', 'cpc'], 'fbclid': ['facebook', 'social'], 'ttclid': ['tiktok', 'cpc'], 'li_fat_id': ['linkedin', 'cpc'],
    'twclid': ['twitter', 'cpc'], 'epik': ['pinterest', 'cpc'], 'ScCid': ['snapchat', 'cpc'], 'rdt_cid': ['reddit', 'cpc']}) -%}
{% endmacro %}

{#- The source (which = 0) or the medium (1) that a click identifier in the query stands for. -#}
{% macro click_id_says(query, which) -%}
  case substring({{ query }} from '(?:^|&)({{ attrib.click_ids().keys() | join('|') }})=[^&]')
    {%- for name, says in attrib.click_ids().items() %} when '{{ name }}' then '{{ says[which] }}'{% endfor %} end
{%- endmacro %}

{#- "https://news.google.co.uk/x" -> "google.*": how seeds name sites that have a host in every country. -#}
{% macro host_of_any_country(host) -%}
  substring(regexp_replace({{ host }}, '\.(?:(?:com?|org|net)\.[a-z]{2}|[a-z]{2,})$', '') from '[^.]+$') || '.*'
{%- endmacro %}

{#- Is the host one of attrib_internal_hosts or below it? -#}
{% macro is_internal_host(host) -%}
  {%- set hosts = var('attrib_internal_hosts') -%}
  {%- if hosts | length == 0 -%} false
  {%- else -%} {{ host }} ~ {{ attrib.literal('(^|\\.)(' ~ hosts | map('lower') | map('replace', '.', '\\.') | join('|') ~ ')$') }}
  {%- endif -%}
{%- endmacro %}
