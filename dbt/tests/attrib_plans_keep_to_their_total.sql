{{ config(tags=['attrib'], enabled=var('attrib_mmm_enabled')) }}
-- A plan spends no more than its scenario allows, and its value does not exceed the proven bound.
{%- set limited = {} -%}
{%- for name, scenario in var('attrib_budget_scenarios').items() if 'total' in scenario -%}{%- do limited.update({name: scenario['total']}) -%}{%- endfor %}
select run_id, scenario, sum(optimal_spend) as optimal, sum(current_spend) as today
from {{ ref('mmm__budget_plan') }}
group by run_id, scenario
having sum(optimal_spend) > sum(current_spend) * coalesce(({{ attrib.literal(tojson(limited)) }}::jsonb ->> scenario)::float8, 'infinity') * (1 + 1e-9)
    or max(objective_value) > max(upper_bound) + 1e-6 * abs(max(upper_bound))
