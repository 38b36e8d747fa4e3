{{ config(enabled=var('attrib_linkedin_ads') is not none) }}
{%- set s = attrib.vendor_columns(source('attrib_linkedin_ads', 'ad_analytics_by_campaign'), {
    'campaign_id': 'text', 'day': 'date', 'clicks': 'numeric', 'impressions': 'numeric', 'cost_in_local_currency': 'numeric'}) -%}

with campaigns as (
    {{ attrib.latest_of(source('attrib_linkedin_ads', 'campaign_history'), 'id', 'last_modified_time', {'id': 'text', 'name': 'text', 'account_id': 'text'}) }}
),

accounts as (
    {{ attrib.latest_of(source('attrib_linkedin_ads', 'account_history'), 'id', 'last_modified_time', {'id': 'text', 'name': 'text', 'currency': 'text'}) }}
),

stats as (
    select
        s.date_day,
        coalesce(accounts.name, campaigns.account_id) as account,
        coalesce(campaigns.name, s.campaign_id) as campaign,
        accounts.currency,
        s.spend,
        s.clicks,
        s.impressions
    from (
        select
            {{ s.day }} as date_day,
            {{ s.campaign_id }} as campaign_id,
            coalesce({{ s.cost_in_local_currency }}, 0) as spend,
            coalesce({{ s.clicks }}, 0) as clicks,
            coalesce({{ s.impressions }}, 0) as impressions
        from {{ source('attrib_linkedin_ads', 'ad_analytics_by_campaign') }}
    ) as s
    left join campaigns on campaigns.id = s.campaign_id
    left join accounts on accounts.id = campaigns.account_id
)

{{ attrib.spend_of('linkedin_ads', 'stats', 'null::text') }}
