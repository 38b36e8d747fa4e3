{{ config(tags=['attrib'], enabled=var('attrib_mmm_enabled')) }}
-- A factor that is unknown in some period of the media mix model is left out of it. Fill the gap, or drop the factor.
select factor, count(distinct periods.period) as periods, (select count(*) from {{ ref('int_mmm__periods') }}) as of_periods
from {{ ref('stg_external_factors') }} as factors
inner join {{ ref('int_mmm__periods') }} as periods
    on periods.period = date_trunc({{ attrib.literal(var('attrib_mmm_period')) }}, factors.date_day)::date
where factors.geo is not distinct from {{ attrib.literal(var('attrib_mmm_geo')) }}
group by factor
having count(distinct periods.period) < (select count(*) from {{ ref('int_mmm__periods') }})
