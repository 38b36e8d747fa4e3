{{ config(enabled=var('attrib_segment') is not none) }}
{%- set c = attrib.vendor_columns(source('attrib_segment', 'tracks'), {
    'id': 'text', 'anonymous_id': 'text', 'user_id': 'text', 'timestamp': 'timestamptz', 'received_at': 'timestamptz', 'event': 'text',
    'context_page_url': 'text', 'context_page_referrer': 'text', 'context_campaign_source': 'text', 'context_campaign_medium': 'text',
    'context_campaign_name': 'text', 'context_campaign_content': 'text', 'context_campaign_term': 'text'}) -%}
{%- set has_orders = var('attrib_segment_orders') is not none -%}

-- Tracked events carry ids and conversions; the page they happen on is in stg_segment__pages.
with tracks as (
    select distinct on (id) *
    from (
        select
            {{ c.id }} as id,
            {{ c.anonymous_id }} as anonymous_id,
            {{ c.user_id }} as user_id,
            coalesce({{ c.timestamp }}, {{ c.received_at }}) as occurred_at,
            {{ c.received_at }} as received_at,
            {{ c.event }} as event_name,
            {{ c.context_campaign_source }} as source,
            {{ c.context_campaign_medium }} as medium,
            {{ c.context_campaign_name }} as campaign,
            {{ c.context_campaign_content }} as content,
            {{ c.context_campaign_term }} as term,
            {{ c.context_page_referrer }} as referrer,
            {{ c.context_page_url }} as url
        from {{ source('attrib_segment', 'tracks') }}
    ) as sent
    order by id, received_at, occurred_at
)
{%- if has_orders %},
{%- set o = attrib.vendor_columns(source('attrib_segment', 'orders'), {
    'id': 'text', 'order_id': 'text', 'revenue': 'numeric', 'total': 'numeric', 'value': 'numeric', 'currency': 'text'}) %}

orders as (
    select distinct on ({{ o.id }})
        {{ o.id }} as id,
        {{ o.order_id }} as order_id,
        coalesce({{ o.revenue }}, {{ o.total }}, {{ o.value }}) as value,
        upper({{ o.currency }}) as currency
    from {{ source('attrib_segment', 'orders') }}
    order by {{ o.id }}
)
{%- endif %}

select
    'segment' as source_relation,
    'track:' || tracks.id as event_id,
    tracks.anonymous_id,
    tracks.user_id,
    tracks.occurred_at,
    tracks.event_name,
    null::text as channel,
    tracks.source,
    tracks.medium,
    tracks.campaign,
    tracks.content,
    tracks.term,
    tracks.referrer,
    tracks.url,
    false as is_touch,
{%- if has_orders %}
    (orders.id is not null or {{ attrib.is_conversion_event('tracks.event_name') }}) as is_conversion,
    orders.order_id,
    orders.value,
    coalesce(orders.currency, {{ attrib.literal(var('attrib_currency')) }}) as currency
from tracks
left join orders on orders.id = tracks.id
{%- else %}
    {{ attrib.is_conversion_event('tracks.event_name') }} as is_conversion,
    null::text as order_id,
    null::numeric as value,
    {{ attrib.literal(var('attrib_currency')) }} as currency
from tracks
{%- endif %}
