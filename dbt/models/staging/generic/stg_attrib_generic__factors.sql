{{ config(enabled=var('attrib_factors') is not none) }}

{%- set columns = attrib.source_columns(source('attrib_factors', 'factors')) -%}
{%- set mapping = var('attrib_factors_columns') -%}
{%- set c = namespace(sql={}) -%}
{%- for name, type in attrib.factor_columns().items() -%}
  {%- do c.sql.update({name: attrib.source_column(columns, name, type, mapping)}) -%}
{%- endfor -%}

select
    coalesce({{ c.sql['source_relation'] }}, '') as source_relation,
    {{ c.sql['date_day'] }} as date_day,
    {{ c.sql['geo'] }} as geo,
    {{ c.sql['factor'] }} as factor,
    {{ c.sql['value'] }} as value
from {{ source('attrib_factors', 'factors') }}
