{{ attrib.mart_config(['run_id', 'scenario', 'channel']) }}
{{ config(enabled=var('attrib_mmm_enabled')) }}

with curves as (
    select
        run_id,
        array_agg(attrib.response_curve(channel, coefficient, half_saturation, slope, saturation, current_spend, min_spend, max_spend) order by channel) as curves,
        sum(current_spend::numeric)::float8 as current_total
    from {{ ref('optimization_inputs') }}
    group by run_id
),

plans as (
    {%- for name, scenario in var('attrib_budget_scenarios').items() %}
    {%- set arguments = {} %}
    {%- for key, value in scenario.items() if key != 'total' %}{%- do arguments.update({key: value}) -%}{% endfor %}
    {%- if 'constraints' not in arguments %}{%- do arguments.update({'constraints': var('attrib_budget_constraints')}) -%}{% endif %}
    select curves.run_id, {{ attrib.literal(name) }}::text as scenario, plan.*
    from curves
    cross join lateral attrib.optimize_budget(
        curves.curves{% if 'total' in scenario %}, total_budget => curves.current_total * {{ scenario['total'] }}{% endif %}
        {{- attrib.named_arguments(arguments) }}) as plan
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    run_id,
    scenario,
    channel,
    current_spend,
    optimal_spend,
    optimal_spend - current_spend as spend_change,
    current_response,
    optimal_response,
    lift,
    roas,
    marginal_roas,
    binding_constraint,
    shadow_price,
    objective_value,
    upper_bound,
    gap
from plans
