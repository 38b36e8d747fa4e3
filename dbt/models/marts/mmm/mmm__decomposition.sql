{{ attrib.mart_config(['run_id', 'date_day', 'component']) }}
{{ config(enabled=var('attrib_mmm_enabled')) }}

select
    models.run_id,
    contributions.period as date_day,
    contributions.component,
    case
        when periods.media ? contributions.component then 'channel'
        when periods.controls ? contributions.component then 'control'
        else 'baseline'
    end as component_type,
    contributions.contribution,
    contributions.low as contribution_low,
    contributions.high as contribution_high,
    (periods.media ->> contributions.component)::float8 as spend
from {{ ref('int_mmm__models') }} as models
cross join lateral attrib.mmm_contributions(models.model) as contributions
left join {{ ref('int_mmm__periods') }} as periods using (period)
