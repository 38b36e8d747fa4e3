{{ config(enabled=var('attrib_google_ads') is not none) }}
{%- set s = attrib.vendor_columns(source('attrib_google_ads', 'campaign_stats'), {
    'customer_id': 'text', 'date': 'date', 'id': 'text', 'cost_micros': 'numeric', 'clicks': 'numeric', 'impressions': 'numeric'}) -%}

-- campaign_stats has a row for each device and network; costs are millionths of the account's currency.
with campaigns as (
    {{ attrib.latest_of(source('attrib_google_ads', 'campaign_history'), 'id', 'updated_at', {'id': 'text', 'name': 'text', 'advertising_channel_type': 'text'}) }}
),

accounts as (
    {{ attrib.latest_of(source('attrib_google_ads', 'account_history'), 'id', 'updated_at', {'id': 'text', 'descriptive_name': 'text', 'currency_code': 'text'}) }}
),

stats as (
    select
        s.date_day,
        coalesce(accounts.descriptive_name, s.customer_id) as account,
        coalesce(campaigns.name, s.campaign_id) as campaign,
        campaigns.advertising_channel_type,
        accounts.currency_code as currency,
        s.spend,
        s.clicks,
        s.impressions
    from (
        select
            {{ s.date }} as date_day,
            {{ s.customer_id }} as customer_id,
            {{ s.id }} as campaign_id,
            coalesce({{ s.cost_micros }}, 0) / 1000000 as spend,
            coalesce({{ s.clicks }}, 0) as clicks,
            coalesce({{ s.impressions }}, 0) as impressions
        from {{ source('attrib_google_ads', 'campaign_stats') }}
    ) as s
    left join campaigns on campaigns.id = s.campaign_id
    left join accounts on accounts.id = s.customer_id
)

{{ attrib.spend_of('google_ads', 'stats', 'advertising_channel_type') }}
