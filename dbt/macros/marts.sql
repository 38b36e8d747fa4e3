{#- How a mart is stored: a table with a contract, or a materialized view, which knows no contracts. The unique index on
    plain columns is what REFRESH ... CONCURRENTLY asks for. -#}
{% macro mart_config(key, materialized='table') %}
  {%- set how = attrib.materialization(materialized) -%}
  {{ config(
    materialized=how,
    contract={"enforced": how == "table"},
    persist_docs=attrib.documented(),
    indexes=[{'columns': key, 'unique': true}] if how != 'view' else [],
    post_hook=attrib.bi_view() if how == 'materialized_view' else []) -}}
{% endmacro %}

{#- BI tools that list tables by information_schema do not see materialized views: a view over each. -#}
{% macro bi_view() -%}
  create or replace view {% raw %}{{ this.include(identifier=false) }}."{{ this.identifier }}_view"{% endraw %} as select * from {% raw %}{{ this }}{% endraw %}
{%- endmacro %}
