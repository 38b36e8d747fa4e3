{{ config(tags=['attrib']) }}
-- The summaries count every conversion and its revenue once, on its day.
with actual as (
    select day, source_relation, conversion_type, segment, currency, count(*) as conversions, sum(revenue) as revenue
    from {{ ref('int_attrib__conversions') }}
    group by 1, 2, 3, 4, 5
),

summed as (
    select parts.day, parts.source_relation, parts.conversion_type, parts.segment, parts.currency, stats.conversions, stats.value
    from {{ ref('int_attribution') }} as parts
    cross join lateral attrib.summary_stats(parts.summary) as stats
    where parts.conversion_type <> ''
)

select *
from actual
full join summed using (day, source_relation, conversion_type, segment, currency)
where actual.conversions is distinct from summed.conversions
    or abs(actual.revenue - summed.value::numeric) > greatest(0.01, 1e-9 * actual.revenue)
