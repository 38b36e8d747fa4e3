{{ config(enabled=var('attrib_microsoft_ads') is not none) }}
{%- set s = attrib.vendor_columns(source('attrib_microsoft_ads', 'campaign_performance_daily_report'), {
    'date': 'date', 'account_id': 'text', 'campaign_id': 'text', 'currency_code': 'text', 'clicks': 'numeric', 'impressions': 'numeric',
    'spend': 'numeric'}) -%}

-- The report has a row for each device, network and match type.
with campaigns as (
    {{ attrib.latest_of(source('attrib_microsoft_ads', 'campaign_history'), 'id', 'modified_time', {'id': 'text', 'name': 'text', 'type': 'text'}) }}
),

accounts as (
    {{ attrib.latest_of(source('attrib_microsoft_ads', 'account_history'), 'id', 'last_modified_time', {'id': 'text', 'name': 'text', 'currency_code': 'text'}) }}
),

stats as (
    select
        s.date_day,
        coalesce(accounts.name, s.account_id) as account,
        coalesce(campaigns.name, s.campaign_id) as campaign,
        campaigns.type,
        coalesce(s.currency_code, accounts.currency_code) as currency,
        s.spend,
        s.clicks,
        s.impressions
    from (
        select
            {{ s.date }} as date_day,
            {{ s.account_id }} as account_id,
            {{ s.campaign_id }} as campaign_id,
            {{ s.currency_code }} as currency_code,
            coalesce({{ s.spend }}, 0) as spend,
            coalesce({{ s.clicks }}, 0) as clicks,
            coalesce({{ s.impressions }}, 0) as impressions
        from {{ source('attrib_microsoft_ads', 'campaign_performance_daily_report') }}
    ) as s
    left join campaigns on campaigns.id = s.campaign_id
    left join accounts on accounts.id = s.account_id
)

{{ attrib.spend_of('microsoft_ads', 'stats', 'type') }}
