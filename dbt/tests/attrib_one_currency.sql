{{ config(tags=['attrib']) }}
-- Amounts of two currencies must not be added up. Convert them in your own staging, or give each its own reporting
-- source by attrib_reporting_sources.
with amounts as (
    select {{ attrib.reporting_source('source_relation') }} as source_relation, currency, 'spend' as amounts
    from {{ ref('stg_media_spend') }}
    where spend <> 0
    union
    select source_relation, currency, 'revenue'
    from {{ ref('int_attrib__conversions') }}
    where revenue <> 0
)

select source_relation, array_agg(distinct currency) as currencies
from amounts
group by source_relation
having count(distinct currency) > 1
