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

{#- Those whose credit depends on the journey alone. Removal effects are of all journeys: a day more changes them for all. -#}
{% macro journey_models() %}
  {%- do return(attrib.touch_models() | reject('equalto', 'markov_path') | list) -%}
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

{#- A row for each touch of the journeys of a relation, a column for each model, which is a tenth of the rows of the long form.
    A conversion without touches has one row, of the channel (unattributed). -#}
{% macro touch_credits_of(journeys, models, effects=none, inputs=none) -%}
select
    journeys.conversion_id,
    coalesce(touch.touch_number, 0)::int as touch_number,
    touch.touch_id,
    journeys.source_relation,
    journeys.conversion_type,
    journeys.segment,
    journeys.currency,
    journeys.converted_at,
    journeys.day as conversion_day,
    coalesce(touch.touched_at, journeys.converted_at) as touched_at,
    {{ attrib.day_of('coalesce(touch.touched_at, journeys.converted_at)') }} as touch_day,
    coalesce(touch.channel, '(unattributed)') as channel,
    coalesce(touch.campaign, '') as campaign,
    journeys.revenue
    {%- for model in models %},
    case when touch.touch_number is null then 1 else touch.{{ model }} end as {{ model }}
    {%- endfor %}
    {%- if inputs %},
    {{ inputs }} as inputs
    {%- endif %}
from {{ journeys }} as journeys
{%- if effects %}
left join {{ effects }} as effects using (source_relation, conversion_type, segment, currency)
{%- endif %}
left join lateral unnest(
    journeys.path, journeys.campaigns, journeys.touch_ids, journeys.touched_at
    {%- for model in models %},
    {{ attrib.touch_credit_of(model, 'journeys.path', 'journeys.touched_at', 'effects.effects') }}
    {%- endfor %}
) with ordinality as touch (channel, campaign, touch_id, touched_at{% for model in models %}, {{ model }}{% endfor %}, touch_number) on true
{%- endmacro %}

{#- Credit summed as integers, in units of 1e-12 conversions and 1e-6 of the currency: exact, so that the order of the rows does
    not matter, and faster than numeric. -#}
{% macro credit_sums(model) -%}
        sum(({{ model }} * 1e12)::bigint) / 1e12 as {{ model }}_conversions,
        sum(({{ model }} * revenue::float8 * 1e6)::bigint) / 1e6 as {{ model }}_revenue
{%- endmacro %}

{#- What credits were worked out from: days, by an expression for their fingerprint, and the models asked. -#}
{% macro credit_inputs(fingerprint) -%}
  md5({{ fingerprint }} || {{ attrib.literal(tojson([attrib.journey_models(), var('attrib_model_options'), var('attrib_half_life_days')])) }})
{%- endmacro %}

{#- Drops the columns of models that are not asked for any more, with the views that read them, which are built after. -#}
{% macro forget_other_models() %}
  {%- set others = ['first_touch', 'last_touch', 'linear', 'position_based', 'position_decay', 'time_decay', 'shapley'] | reject('in', attrib.journey_models()) | list -%}
  {%- if is_incremental() and others %}
    alter table {{ this }}{% for model in others %} drop column if exists {{ model }} cascade{{ ',' if not loop.last }}{% endfor %}
  {%- else -%}
    select 1
  {%- endif %}
{% endmacro %}

{#- Deletes sums of credit of days that have changed, and what depends on all days. -#}
{% macro forget_changed_credit(days) -%}
  {%- if is_incremental() %}
    delete from {{ this }} as mine
    where model = 'markov_path' or not exists (
        select from {{ days }} as days
        where days.day = mine.date_day
            and mine.inputs = case mine.date_basis when 'touch' then {{ attrib.credit_inputs('days.around_inputs') }} else {{ attrib.credit_inputs('days.journey_inputs') }} end)
  {%- else -%}
    select 1
  {%- endif %}
{%- endmacro %}

{#- The primary model, by the name it has where journeys are credited one by one. -#}
{% macro primary_touch_model() -%}
  {{- 'markov_path' if var('attrib_primary_model') == 'markov' else var('attrib_primary_model') -}}
{%- endmacro %}
