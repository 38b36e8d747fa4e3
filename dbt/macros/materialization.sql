{#- What a model is stored as: as named, or as a materialized view where those were asked for. A materialized view reads
    views and materialized views alone, since replacing a table would drop it. -#}
{% macro materialization(otherwise) -%}
  {{- return('materialized_view' if var('attrib_materialized_views') and otherwise != 'view' else otherwise) -}}
{%- endmacro %}

{#- The unique index that REFRESH ... CONCURRENTLY asks for. -#}
{% macro refresh_index(key) -%}
  {{- return([{'columns': key, 'unique': true}] if var('attrib_materialized_views') else []) -}}
{%- endmacro %}

{#- Descriptions are kept in the database. Of materialized views only as a whole: dbt does not find their columns. -#}
{% macro documented() -%}
  {{- return({'relation': true, 'columns': not var('attrib_materialized_views')}) -}}
{%- endmacro %}
