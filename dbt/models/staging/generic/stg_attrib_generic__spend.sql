{{ config(enabled=var('attrib_spend') is not none) }}

{%- set columns = attrib.source_columns(source('attrib_spend', 'spend')) -%}
{%- set mapping = var('attrib_spend_columns') -%}
{%- set c = namespace(sql={}) -%}
{%- for name, type in attrib.spend_columns().items() -%}
  {%- do c.sql.update({name: attrib.source_column(columns, name, type, mapping)}) -%}
{%- endfor -%}

select
    coalesce({{ c.sql['source_relation'] }}, '') as source_relation,
    {{ c.sql['date_day'] }} as date_day,
    coalesce({{ c.sql['platform'] }}, '') as platform,
    coalesce({{ c.sql['account'] }}, '') as account,
    {{ c.sql['campaign'] }} as campaign,
    coalesce({{ c.sql['channel'] }}, {{ c.sql['platform'] }}) as channel,
    coalesce({{ c.sql['currency'] }}, {{ attrib.literal(var('attrib_currency')) }}) as currency,
    coalesce({{ c.sql['spend'] }}, 0) as spend,
    coalesce({{ c.sql['clicks'] }}, 0) as clicks,
    coalesce({{ c.sql['impressions'] }}, 0) as impressions
from {{ source('attrib_spend', 'spend') }}
