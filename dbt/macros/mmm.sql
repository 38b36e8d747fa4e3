{#- The arguments of mmm_fit() after the dataset. -#}
{% macro mmm_arguments() -%}
  {%- set arguments = {'method': var('attrib_mmm_method')} -%}
  {%- do arguments.update(var('attrib_mmm_arguments')) -%}
  {{- attrib.named_arguments(arguments, ['interactions']) -}}
{%- endmacro %}

{#- Drops fits of other data or other arguments. -#}
{% macro forget_other_runs(datasets) %}
  {%- if is_incremental() %}
    delete from {{ this }} where run_id not in (select run_id from {{ datasets }})
  {%- else -%}
    select 1
  {%- endif %}
{% endmacro %}
