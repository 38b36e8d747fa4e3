{#- What a model is stored as: as named, or as a materialized view where those were asked for. A materialized view reads
    views and materialized views alone, since replacing a table would drop it. -#}
{% macro materialization(otherwise) -%}
  {{- return('materialized_view' if var('attrib_materialized_views') else otherwise) -}}
{%- endmacro %}
