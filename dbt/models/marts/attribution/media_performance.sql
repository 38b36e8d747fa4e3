{{ attrib.mart_config(['date_day', 'source_relation', 'platform', 'account', 'channel', 'campaign', 'currency']) }}

{#- The credit of a campaign that several accounts spent on that day is divided by their spend. -#}
with spend as (
    select
        date_day,
        {{ attrib.reporting_source('source_relation') }} as source_relation,
        platform,
        account,
        channel,
        coalesce(campaign, '') as campaign,
        currency,
        sum(spend) as spend,
        sum(clicks) as clicks,
        sum(impressions) as impressions
    from {{ ref('stg_media_spend') }}
    group by 1, 2, 3, 4, 5, 6, 7
),

weighted as (
    select
        *,
        coalesce(spend / nullif(sum(spend) over campaign_day, 0), 1.0 / count(*) over campaign_day) as weight
    from spend
    window campaign_day as (partition by date_day, source_relation, channel, campaign, currency)
),

credit as (
    select date_day, source_relation, channel, campaign, currency, conversions, revenue
    from {{ ref('int_performance_agg') }}
    where date_basis = {{ attrib.literal(var('attrib_date_bases')[0]) }}
        and model = {{ attrib.literal(attrib.primary_touch_model()) }}
)

select
    date_day,
    source_relation,
    coalesce(weighted.platform, '') as platform,
    coalesce(weighted.account, '') as account,
    channel,
    campaign,
    currency,
    coalesce(weighted.spend, 0)::numeric(28, 6) as spend,
    coalesce(weighted.clicks, 0)::bigint as clicks,
    coalesce(weighted.impressions, 0)::bigint as impressions,
    (weighted.spend / nullif(weighted.clicks, 0))::float8 as cpc,
    (1000 * weighted.spend / nullif(weighted.impressions, 0))::float8 as cpm,
    (weighted.clicks / nullif(weighted.impressions, 0))::float8 as ctr,
    (credit.conversions::numeric * coalesce(weighted.weight, 1))::float8 as conversions,
    (credit.revenue * coalesce(weighted.weight, 1))::numeric(28, 6) as revenue,
    (weighted.spend / nullif(credit.conversions::numeric * weighted.weight, 0))::float8 as cpa,
    (credit.revenue * weighted.weight / nullif(weighted.spend, 0))::float8 as roas
from credit
full join weighted using (date_day, source_relation, channel, campaign, currency)
