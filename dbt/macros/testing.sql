{#- Rows of a model that share what ought to be a key of it. Tests that take arguments are written as files: how YAML passes
    arguments to generic tests changed between versions of dbt, and either way warns or fails on the other side. -#}
{% macro duplicates(relation, key) -%}
select {{ key | join(', ') }}, count(*) as rows
from {{ relation }}
group by {{ key | join(', ') }}
having count(*) > 1
{%- endmacro %}

{#- Values of a column that another model's column does not have. -#}
{% macro orphans(relation, column, parent, parent_column) -%}
select child.{{ column }}
from {{ relation }} as child
left join {{ parent }} as parent on parent.{{ parent_column }} = child.{{ column }}
where parent.{{ parent_column }} is null
{%- endmacro %}
