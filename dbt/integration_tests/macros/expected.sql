{#- The rows of a model that differ from those of a seed of expected rows, by the seed's columns; duplicates count. A CSV has
    no empty text, so that is taken as NULL. -#}
{% macro differences(model, expected) %}
  {%- set columns = adapter.get_columns_in_relation(expected) if execute else [] -%}
  {%- set types = {} -%}
  {#- Not by the adapter, which knows nothing of the columns of materialized views. -#}
  {%- if execute -%}
    {%- for row in run_query("select attname, format_type(atttypid, atttypmod) from pg_attribute where attnum > 0 and not attisdropped and attrelid = '" ~ model ~ "'::regclass").rows -%}
      {%- do types.update({row[0]: row[1]}) -%}
    {%- endfor -%}
  {%- endif -%}
  {%- set actual = [] -%}
  {%- set wanted = [] -%}
  {%- for column in columns -%}
    {%- set type = types[column.name] -%}
    {%- set value = "nullif(%s, '')" if type == 'text' else 'cast(%s as ' ~ type ~ ')' -%}
    {%- do actual.append(value | replace('%s', column.quoted) ~ ' as ' ~ column.quoted) -%}
    {%- do wanted.append(value | replace('%s', 'cast(' ~ column.quoted ~ ' as text)') ~ ' as ' ~ column.quoted) -%}
  {%- endfor %}
with actual as (
    select {{ actual | join(', ') or '1' }} from {{ model }}
),

expected as (
    select {{ wanted | join(', ') or '1' }} from {{ expected }}
)

select 'missing' as difference, missing.* from (select * from expected except all select * from actual) as missing
union all
select 'unexpected', unexpected.* from (select * from actual except all select * from expected) as unexpected
{% endmacro %}
