{{ attrib.mart_config(['date_basis', 'model', 'date_day', 'source_relation', 'currency', 'channel', 'campaign']) }}

select
    date_basis,
    model,
    date_day,
    source_relation,
    currency,
    channel,
    campaign,
    conversions,
    revenue::numeric(28, 6) as revenue,
    spend::numeric(28, 6) as spend,
    clicks,
    impressions,
    (spend / nullif(conversions::numeric, 0))::float8 as cpa,
    (revenue / nullif(spend, 0))::float8 as roas
from {{ ref('int_performance_agg') }}
