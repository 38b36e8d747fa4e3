{#- What was asked for, as JSON: every variable of this package that shapes a number. -#}
{% macro run_parameters() %}
  {%- set parameters = {} -%}
  {%- for name in [
      'attrib_lookback_days', 'attrib_max_touches', 'attrib_reuse_touches', 'attrib_half_life_days', 'attrib_channel_lookback',
      'attrib_transforms', 'attrib_time_zone', 'attrib_conversion_types', 'attrib_window_days', 'attrib_models', 'attrib_model_options',
      'attrib_interval_models', 'attrib_interval_replicates', 'attrib_mmm_enabled', 'attrib_mmm_method', 'attrib_mmm_kpi',
      'attrib_mmm_period', 'attrib_mmm_arguments', 'attrib_budget_scenarios', 'attrib_budget_bounds', 'attrib_budget_constraints',
      'attrib_reporting_sources'] -%}
    {%- do parameters.update({name: var(name)}) -%}
  {%- endfor -%}
  {%- do return(tojson(parameters)) -%}
{% endmacro %}

{% macro package_version() %}
  {%- do return('1.0.0') -%}
{% endmacro %}
