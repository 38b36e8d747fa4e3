{{ config(enabled=var('attrib_events') is not none) }}

{%- set columns = attrib.source_columns(source('attrib_events', 'events')) -%}
{%- set mapping = var('attrib_events_columns') -%}
{%- set c = namespace(sql={}) -%}
{%- for name, type in attrib.event_columns().items() -%}
  {%- do c.sql.update({name: attrib.source_column(columns, name, type, mapping)}) -%}
{%- endfor -%}

select
    coalesce({{ c.sql['source_relation'] }}, '') as source_relation,
    {{ c.sql['event_id'] }} as event_id,
    {{ c.sql['anonymous_id'] }} as anonymous_id,
    {{ c.sql['user_id'] }} as user_id,
    {{ c.sql['occurred_at'] }} as occurred_at,
    {{ c.sql['event_name'] }} as event_name,
    {{ c.sql['channel'] }} as channel,
    {{ c.sql['source'] }} as source,
    {{ c.sql['medium'] }} as medium,
    {{ c.sql['campaign'] }} as campaign,
    {{ c.sql['content'] }} as content,
    {{ c.sql['term'] }} as term,
    {{ c.sql['referrer'] }} as referrer,
    {{ c.sql['url'] }} as url,
    coalesce({{ c.sql['is_touch'] }}, not {{ attrib.generic_is_conversion(c.sql) }}) as is_touch,
    {{ attrib.generic_is_conversion(c.sql) }} as is_conversion,
    {{ c.sql['order_id'] }} as order_id,
    {{ c.sql['value'] }} as value,
    coalesce({{ c.sql['currency'] }}, {{ attrib.literal(var('attrib_currency')) }}) as currency
from {{ source('attrib_events', 'events') }}
