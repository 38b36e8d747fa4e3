{{ config(materialized=attrib.materialization('table'), indexes=attrib.refresh_index(['date_basis', 'date_day', 'model', 'source_relation', 'currency', 'channel', 'campaign']), persist_docs=attrib.documented()) }}

{#- Credit beside spend. A full join: spend that earned nothing and conversions that cost nothing both have a row. Spend is
    the same under every model and date basis, so it stands beside each. -#}
with credit as (
    select date_basis, date_day, model, source_relation, currency, channel, campaign, sum(conversions) as conversions, sum(revenue) as revenue
    from {{ ref('int_attrib__daily_credit') }}
    group by date_basis, date_day, model, source_relation, currency, channel, campaign
),

spend as (
    select
        date_day,
        {{ attrib.reporting_source('source_relation') }} as source_relation,
        currency,
        channel,
        coalesce(campaign, '') as campaign,
        sum(spend) as spend,
        sum(clicks) as clicks,
        sum(impressions) as impressions
    from {{ ref('stg_media_spend') }}
    group by 1, 2, 3, 4, 5
),

views as (
    select date_basis, model
    from unnest({{ attrib.list_literal(var('attrib_date_bases')) }}) as date_basis
    cross join unnest({{ attrib.list_literal(attrib.touch_models()) }}) as model
),

spend_in_views as (
    select spend.*, views.date_basis, views.model
    from spend
    cross join views
)

select
    date_basis,
    date_day,
    model,
    source_relation,
    currency,
    channel,
    campaign,
    coalesce(credit.conversions, 0)::float8 as conversions,
    round(coalesce(credit.revenue, 0), 6) as revenue,
    coalesce(spend.spend, 0) as spend,
    coalesce(spend.clicks, 0)::bigint as clicks,
    coalesce(spend.impressions, 0)::bigint as impressions
from credit
full join spend_in_views as spend using (date_basis, date_day, model, source_relation, currency, channel, campaign)
