{#- Models that can be asked about one journey at a time, with their arguments: rows (model, options) for VALUES. Markov
    chains know journeys only together; within a journey their removal effects are shared out as markov_path. -#}
{% macro touch_models() %}
  {%- set models = [] -%}
  {%- for model in var('attrib_models') -%}
    {%- if model != 'markov' and not (model == 'time_decay' and var('attrib_half_life_days') is none) -%}
      {%- do models.append(model) -%}
    {%- endif -%}
  {%- endfor -%}
  {%- if 'markov' in var('attrib_models') -%}
    {%- do models.append('markov_path') -%}
  {%- endif -%}
  {%- do return(models) -%}
{% endmacro %}

{#- Models that a summary answers. -#}
{% macro summary_models() %}
  {%- set models = [] -%}
  {%- for model in var('attrib_models') -%}
    {%- if not (model == 'time_decay' and var('attrib_half_life_days') is none) -%}
      {%- do models.append(model) -%}
    {%- endif -%}
  {%- endfor -%}
  {%- do return(models) -%}
{% endmacro %}

{#- The weight of each touch of a journey under a model: an array parallel to its path. -#}
{% macro touch_credit_of(model, path='path', touched_at='touched_at', effects='effects') -%}
  {%- set options = var('attrib_model_options').get(model, {}) -%}
  {%- if model == 'markov_path' -%}
    attrib.touch_credit_by_effect({{ path }}, coalesce({{ effects }}, '{}'))
  {%- elif model == 'time_decay' -%}
    attrib.touch_credit({{ path }}, 'time_decay', jsonb_build_object('touched_at', {{ touched_at }}, 'half_life', {{ attrib.literal((var('attrib_half_life_days') * 24) | int ~ ' hours') }}))
  {%- elif model == 'shapley' -%}
    attrib.touch_credit({{ path }}, 'shapley')
  {%- else -%}
    attrib.touch_credit({{ path }}, {{ attrib.literal(model) }}, {{ attrib.literal(tojson(options)) }}::jsonb)
  {%- endif -%}
{%- endmacro %}

{#- The primary model, by the name it has where journeys are credited one by one. -#}
{% macro primary_touch_model() -%}
  {{- 'markov_path' if var('attrib_primary_model') == 'markov' else var('attrib_primary_model') -}}
{%- endmacro %}
