{{ config(enabled=var('attrib_lift_tests') is not none) }}

{%- set columns = attrib.source_columns(source('attrib_lift_tests', 'lift_tests')) -%}

select
    {%- for name, type in attrib.lift_test_columns().items() %}
    {{ attrib.source_column(columns, name, type, var('attrib_lift_tests_columns')) }} as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
from {{ source('attrib_lift_tests', 'lift_tests') }}
