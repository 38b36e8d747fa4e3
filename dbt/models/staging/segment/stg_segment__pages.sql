{{ config(enabled=var('attrib_segment') is not none) }}
{%- set c = attrib.vendor_columns(source('attrib_segment', 'pages'), {
    'id': 'text', 'anonymous_id': 'text', 'user_id': 'text', 'timestamp': 'timestamptz', 'received_at': 'timestamptz', 'name': 'text',
    'url': 'text', 'context_page_url': 'text', 'referrer': 'text', 'context_page_referrer': 'text', 'context_campaign_source': 'text',
    'context_campaign_medium': 'text', 'context_campaign_name': 'text', 'context_campaign_content': 'text',
    'context_campaign_term': 'text'}) -%}

-- distinct on: a call that is sent again keeps its id
select distinct on (event_id) *
from (
    select
        'segment' as source_relation,
        'page:' || {{ c.id }} as event_id,
        {{ c.anonymous_id }} as anonymous_id,
        {{ c.user_id }} as user_id,
        coalesce({{ c.timestamp }}, {{ c.received_at }}) as occurred_at,
        'page' as event_name,
        null::text as channel,
        {{ c.context_campaign_source }} as source,
        {{ c.context_campaign_medium }} as medium,
        {{ c.context_campaign_name }} as campaign,
        {{ c.context_campaign_content }} as content,
        {{ c.context_campaign_term }} as term,
        coalesce(nullif({{ c.referrer }}, ''), {{ c.context_page_referrer }}) as referrer,
        coalesce(nullif({{ c.url }}, ''), {{ c.context_page_url }}) as url,
        null::boolean as is_touch,
        {{ attrib.is_conversion_event("'page'") }} as is_conversion,
        null::text as order_id,
        null::numeric as value,
        null::text as currency,
        {{ c.received_at }} as received_at
    from {{ source('attrib_segment', 'pages') }}
) as pages
order by event_id, received_at, occurred_at
