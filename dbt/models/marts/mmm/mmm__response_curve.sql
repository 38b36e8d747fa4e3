{{ attrib.mart_config(['run_id', 'channel', 'multiplier']) }}
{{ config(enabled=var('attrib_mmm_enabled')) }}

select
    models.run_id,
    curves.channel,
    curves.multiplier,
    curves.spend,
    curves.response,
    curves.low as response_low,
    curves.high as response_high,
    curves.marginal_roas,
    curves.extrapolated
from {{ ref('int_mmm__models') }} as models
cross join lateral attrib.mmm_response_curves(models.model, {{ var('attrib_mmm_curve_points') }}) as curves
