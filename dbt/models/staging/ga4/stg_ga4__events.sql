{{ config(enabled=var('attrib_ga4') is not none) }}
{%- set present = attrib.source_columns(source('attrib_ga4', 'events')) -%}
{%- set c = attrib.vendor_columns(source('attrib_ga4', 'events'), {
    'event_date': 'text', 'event_timestamp': 'bigint', 'event_name': 'text', 'user_pseudo_id': 'text', 'user_id': 'text',
    'event_bundle_sequence_id': 'text', 'event_params': 'jsonb', 'collected_traffic_source': 'jsonb', 'ecommerce': 'jsonb'}) -%}
{%- set loaded_at = var('attrib_ga4_loaded_at') -%}

-- Google rewrites a day for up to three days. A loader that appends keeps every version of it: with attrib_ga4_loaded_at, the
-- column that tells versions apart, only the latest version of a day is read.
--
-- traffic_source is that of the user's first visit ever and says nothing about this one; collected_traffic_source is what the page's
-- own address said, and older exports have it among the parameters. A click on an ad with a gclid is exported as organic, a
-- known fault. The export has no event id: what identifies an event is hashed,
-- and of rows that agree in all of it, each has its own number.
with exported as (
    select
        {{ c.event_date }} as event_date,
        timestamptz 'epoch' + {{ c.event_timestamp }} * interval '1 microsecond' as occurred_at,
        {{ c.event_name }} as event_name,
        {{ c.user_pseudo_id }} as anonymous_id,
        {{ c.user_id }} as user_id,
        {{ c.event_bundle_sequence_id }} as bundle,
        (select jsonb_object_agg(param ->> 'key', coalesce(param #> '{value,string_value}', param #> '{value,int_value}', param #> '{value,double_value}', param #> '{value,float_value}') #>> '{}')
         from jsonb_array_elements({{ c.event_params }}) as param
         where param ->> 'key' in ('page_location', 'page_referrer', 'source', 'medium', 'campaign', 'content', 'term', 'gclid', 'currency', 'value', 'transaction_id')) as params,
        {{ attrib.ga4_record(present, 'collected_traffic_source', ['manual_source', 'manual_medium', 'manual_campaign_name', 'manual_content', 'manual_term', 'gclid', 'dclid']) }} as collected,
        {{ attrib.ga4_record(present, 'ecommerce', ['transaction_id', 'purchase_revenue']) }} as ecommerce
        {%- if loaded_at is not none %},
        {{ loaded_at }} as loaded_at,
        max({{ loaded_at }}) over (partition by {{ c.event_date }}) as last_loaded_at
        {%- endif %}
    from {{ source('attrib_ga4', 'events') }}
),

fields as (
    select
        md5(concat_ws('|', anonymous_id, extract(epoch from occurred_at), event_name, bundle, params, collected, ecommerce)) as hash,
        exported.*,
        coalesce(collected ->> 'gclid', params ->> 'gclid') is not null
            and coalesce(collected ->> 'manual_medium', params ->> 'medium', '') in ('', '(none)', '(not set)', 'organic', 'referral') as is_unnoticed_click,
        coalesce(collected ->> 'manual_source', params ->> 'source') as source,
        coalesce(collected ->> 'manual_medium', params ->> 'medium') as medium,
        coalesce(collected ->> 'manual_campaign_name', params ->> 'campaign') as campaign,
        nullif(nullif(coalesce(ecommerce ->> 'transaction_id', params ->> 'transaction_id'), ''), '(not set)') as order_id
    from exported
    {%- if loaded_at is not none %}
    where loaded_at = last_loaded_at
    {%- endif %}
)

select
    'ga4' as source_relation,
    hash || '-' || row_number() over (partition by hash) as event_id,
    anonymous_id,
    user_id,
    occurred_at,
    event_name,
    null::text as channel,
    case when is_unnoticed_click then 'google' when source <> '(direct)' then source end as source,
    case when is_unnoticed_click then 'cpc' when medium not in ('(none)', '(not set)') then medium end as medium,
    case when campaign not in ('(direct)', '(organic)', '(referral)', '(not set)') then campaign end as campaign,
    coalesce(collected ->> 'manual_content', params ->> 'content') as content,
    coalesce(collected ->> 'manual_term', params ->> 'term') as term,
    params ->> 'page_referrer' as referrer,
    params ->> 'page_location' as url,
    case when event_name <> 'page_view' then false end as is_touch,
    (event_name = 'purchase' or {{ attrib.is_conversion_event('event_name') }}) as is_conversion,
    order_id,
    coalesce(ecommerce ->> 'purchase_revenue', params ->> 'value')::numeric as value,
    coalesce(upper(params ->> 'currency'), {{ attrib.literal(var('attrib_currency')) }}) as currency
from fields
