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

{#- For a model that groups a great many rows into few by expressions, of which the planner cannot know that they are few: it would
    sort them all. Settings of the model's transaction. -#}
{% macro group_by_hash() -%}
  set local enable_sort = off; set local parallel_setup_cost = 0; set local parallel_tuple_cost = 0
{%- endmacro %}
