{{ config(enabled=var('attrib_snowplow') is not none) }}
{%- set c = attrib.vendor_columns(source('attrib_snowplow', 'events'), {
    'event_id': 'text', 'domain_userid': 'text', 'network_userid': 'text', 'user_id': 'text', 'derived_tstamp': 'timestamptz',
    'collector_tstamp': 'timestamptz', 'event_name': 'text', 'event': 'text', 'mkt_source': 'text', 'mkt_medium': 'text',
    'mkt_campaign': 'text', 'mkt_content': 'text', 'mkt_term': 'text', 'refr_medium': 'text', 'refr_source': 'text',
    'refr_term': 'text', 'page_referrer': 'text', 'page_url': 'text', 'tr_orderid': 'text', 'tr_total': 'numeric',
    'tr_currency': 'text'}) -%}

-- Snowplow delivers at least once: the first arrival of an event_id counts. Where a link carries no campaign, the enriched
-- referrer (refr_) says where the visitor came from.
with arrived as (
    select distinct on (event_id) *
    from (
        select
            {{ c.event_id }} as event_id,
            coalesce(nullif({{ c.domain_userid }}, ''), {{ c.network_userid }}) as anonymous_id,
            {{ c.user_id }} as user_id,
            coalesce({{ c.derived_tstamp }}, {{ c.collector_tstamp }}) as occurred_at,
            {{ c.collector_tstamp }} as collected_at,
            coalesce({{ c.event_name }}, {{ c.event }}) as event_name,
            nullif({{ c.mkt_source }}, '') as mkt_source,
            nullif({{ c.mkt_medium }}, '') as mkt_medium,
            nullif({{ c.mkt_campaign }}, '') as mkt_campaign,
            {{ c.mkt_content }} as content,
            {{ c.mkt_term }} as mkt_term,
            {{ c.refr_medium }} as refr_medium,
            {{ c.refr_source }} as refr_source,
            {{ c.refr_term }} as refr_term,
            {{ c.page_referrer }} as referrer,
            {{ c.page_url }} as url,
            nullif({{ c.tr_orderid }}, '') as order_id,
            {{ c.tr_total }} as value,
            {{ c.tr_currency }} as currency
        from {{ source('attrib_snowplow', 'events') }}
    ) as loaded
    order by event_id, collected_at, occurred_at
),

told as (
    select
        *,
        coalesce(mkt_source, mkt_medium, mkt_campaign) is not null or {{ attrib.click_id(attrib.url_query('url')) }} is not null as is_tagged,
        refr_source is not null and refr_medium in ('search', 'social', 'email', 'paid') as is_referred
    from arrived
)

select
    'snowplow' as source_relation,
    event_id,
    anonymous_id,
    user_id,
    occurred_at,
    event_name,
    null::text as channel,
    case when is_tagged then mkt_source when is_referred then lower(refr_source) end as source,
    case when is_tagged then mkt_medium when is_referred then
        case refr_medium when 'search' then 'organic' when 'paid' then 'cpc' else refr_medium end end as medium,
    mkt_campaign as campaign,
    content,
    coalesce(mkt_term, refr_term) as term,
    referrer,
    url,
    case
        when event_name is distinct from 'page_view' then false
        when not is_tagged and refr_medium = 'internal' then false
    end as is_touch,
    (order_id is not null or {{ attrib.is_conversion_event('event_name') }}) as is_conversion,
    order_id,
    value,
    coalesce(upper(nullif(currency, '')), {{ attrib.literal(var('attrib_currency')) }}) as currency
from told
