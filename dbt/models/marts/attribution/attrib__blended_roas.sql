{{ attrib.mart_config(['date_day', 'source_relation', 'currency']) }}

with earned as (
    select day as date_day, source_relation, currency, count(*) as conversions, sum(revenue) as revenue
    from {{ ref('int_attrib__conversions') }}
    group by 1, 2, 3
),

spent as (
    select date_day, {{ attrib.reporting_source('source_relation') }} as source_relation, currency, sum(spend) as spend
    from {{ ref('stg_media_spend') }}
    group by 1, 2, 3
)

select
    date_day,
    source_relation,
    currency,
    coalesce(earned.conversions, 0) as conversions,
    coalesce(earned.revenue, 0)::numeric(28, 6) as revenue,
    coalesce(spent.spend, 0)::numeric(28, 6) as spend,
    (coalesce(spent.spend, 0) / nullif(earned.conversions, 0))::float8 as blended_cpa,
    (coalesce(earned.revenue, 0) / nullif(spent.spend, 0))::float8 as blended_roas
from earned
full join spent using (date_day, source_relation, currency)
