{{ config(enabled=var('attrib_conversions') is not none) }}

{%- set columns = attrib.source_columns(source('attrib_conversions', 'conversions')) -%}
{%- set mapping = var('attrib_conversions_columns') -%}
{%- set c = namespace(sql={}) -%}
{%- for name, type in attrib.revenue_columns().items() -%}
  {%- do c.sql.update({name: attrib.source_column(columns, name, type, mapping)}) -%}
{%- endfor -%}

select
    coalesce({{ c.sql['source_relation'] }}, '') as source_relation,
    {{ c.sql['order_id'] }} as order_id,
    {{ c.sql['user_id'] }} as user_id,
    {{ c.sql['anonymous_id'] }} as anonymous_id,
    {{ c.sql['ordered_at'] }} as ordered_at,
    coalesce({{ c.sql['conversion_type'] }}, {{ attrib.literal(var('attrib_conversion_type')) }}) as conversion_type,
    coalesce({{ c.sql['currency'] }}, {{ attrib.literal(var('attrib_currency')) }}) as currency,
    coalesce({{ c.sql['revenue'] }}, 0) as revenue,
    {{ c.sql['segment'] }} as segment
from {{ source('attrib_conversions', 'conversions') }}
