{#- Is the event's name one of attrib_conversion_events? -#}
{% macro is_conversion_event(name) -%}
  coalesce({{ name }} = any ({{ attrib.list_literal(var('attrib_conversion_events')) }}), false)
{%- endmacro %}


{#- An id, or NULL where a tracker filled the gap with one of attrib_ignored_ids: such an id would make strangers one person. -#}
{% macro known_id(id) -%}
  case when not {{ id }} = any ({{ attrib.list_literal(var('attrib_ignored_ids')) }}) then {{ id }} end
{%- endmacro %}


{#- A record of the GA4 export as jsonb: the export's own nested column, or the columns into which a loader flattened it. -#}
{% macro ga4_record(present, record, fields) -%}
  {%- if record in present -%}
    {{ record }}::jsonb
  {%- else -%}
    {%- set pairs = [] -%}
    {%- for field in fields if record ~ '_' ~ field in present -%}
      {%- do pairs.append("'" ~ field ~ "', " ~ record ~ '_' ~ field) -%}
    {%- endfor -%}
    {%- if pairs | length == 0 -%} null::jsonb {%- else -%} jsonb_strip_nulls(jsonb_build_object({{ pairs | join(', ') }})) {%- endif -%}
  {%- endif -%}
{%- endmacro %}


{#- The latest state of each id of a history table: {alias: SQL} of the wanted columns, by the column that grows with each version. -#}
{% macro latest_of(relation, id, version, types) -%}
  {%- set c = attrib.vendor_columns(relation, types) -%}
  {%- set present = attrib.source_columns(relation) -%}
  select distinct on ({{ c[id] }})
  {%- for name in types %}
      {{ c[name] }} as {{ name }}{{ ',' if not loop.last }}
  {%- endfor %}
  from {{ relation }}
  order by {{ c[id] }}{% if version in present %}, {{ version }} desc nulls last{% endif %}
{%- endmacro %}


{#- Daily spend by campaign in the columns of stg_media_spend, from a CTE `stats` of (date_day, account, campaign, currency, spend,
    clicks, impressions) and perhaps a `kind` of campaign. -#}
{% macro spend_of(platform, stats, kind='null::text') -%}
select
    '{{ platform }}' as source_relation,
    date_day,
    '{{ platform }}' as platform,
    account,
    campaign,
    coalesce({{ attrib.channel_rule(attrib.spend_source("'" ~ platform ~ "'"), "'cpc'", 'campaign') }}, {{ attrib.spend_channel("'" ~ platform ~ "'", 'kind') }}) as channel,
    currency,
    spend,
    clicks,
    impressions
from (
    select
        date_day,
        coalesce(account, '') as account,
        campaign,
        {{ kind }} as kind,
        coalesce(upper(currency), {{ attrib.literal(var('attrib_currency')) }}) as currency,
        trim_scale(sum(spend)) as spend,
        sum(clicks)::bigint as clicks,
        sum(impressions)::bigint as impressions
    from {{ stats }}
    where date_day is not null
    group by 1, 2, 3, 4, 5
) as daily
{%- endmacro %}


{#- How many minor units Stripe counts in one unit of a currency (docs.stripe.com/currencies): most have a hundred, some none and
    some a thousand. Icelandic and Ugandan amounts are said in hundredths though their money has none. -#}
{% macro stripe_minor_units(currency) -%}
  case
    when lower({{ currency }}) in ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') then 1
    when lower({{ currency }}) in ('bhd', 'jod', 'kwd', 'omr', 'tnd') then 1000
    else 100
  end
{%- endmacro %}
