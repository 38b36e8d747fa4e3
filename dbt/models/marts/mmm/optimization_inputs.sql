{{ attrib.mart_config(['run_id', 'channel']) }}
{{ config(enabled=var('attrib_mmm_enabled')) }}

{#- What the optimizer gets: the curve of each channel, its spend a period, and the bounds you set. -#}
select
    models.run_id,
    curves.channel,
    curves.saturation,
    curves.coefficient,
    curves.half_saturation,
    curves.slope,
    curves.current_spend,
    coalesce(({{ attrib.literal(tojson(var('attrib_budget_bounds'))) }}::jsonb -> curves.channel ->> 'min_spend')::float8, curves.min_spend) as min_spend,
    coalesce(({{ attrib.literal(tojson(var('attrib_budget_bounds'))) }}::jsonb -> curves.channel ->> 'max_spend')::float8, curves.max_spend) as max_spend,
    roas.roas,
    roas.roas_low,
    roas.roas_high,
    roas.marginal_roas
from {{ ref('int_mmm__models') }} as models
cross join lateral unnest(attrib.steady_state_curves(models.model)) as curves
inner join lateral attrib.mmm_roas(models.model) as roas using (channel)
