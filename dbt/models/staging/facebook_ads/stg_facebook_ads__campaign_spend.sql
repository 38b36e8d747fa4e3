{{ config(enabled=var('attrib_facebook_ads') is not none) }}
{%- set s = attrib.vendor_columns(source('attrib_facebook_ads', 'basic_ad'), {
    'ad_id': 'text', 'date': 'date', 'account_id': 'text', 'impressions': 'numeric', 'inline_link_clicks': 'numeric', 'spend': 'numeric'}) -%}

-- basic_ad knows ads only; their campaigns are in the histories.
with ads as (
    {{ attrib.latest_of(source('attrib_facebook_ads', 'ad_history'), 'id', 'updated_time', {'id': 'text', 'campaign_id': 'text'}) }}
),

campaigns as (
    {{ attrib.latest_of(source('attrib_facebook_ads', 'campaign_history'), 'id', 'updated_time', {'id': 'text', 'name': 'text'}) }}
),

accounts as (
    {{ attrib.latest_of(source('attrib_facebook_ads', 'account_history'), 'id', '_fivetran_synced', {'id': 'text', 'name': 'text', 'currency': 'text'}) }}
),

stats as (
    select
        s.date_day,
        coalesce(accounts.name, s.account_id) as account,
        coalesce(campaigns.name, ads.campaign_id, 'ad ' || s.ad_id) as campaign,
        accounts.currency,
        s.spend,
        s.clicks,
        s.impressions
    from (
        select
            {{ s.date }} as date_day,
            {{ s.account_id }} as account_id,
            {{ s.ad_id }} as ad_id,
            coalesce({{ s.spend }}, 0) as spend,
            coalesce({{ s.inline_link_clicks }}, 0) as clicks,
            coalesce({{ s.impressions }}, 0) as impressions
        from {{ source('attrib_facebook_ads', 'basic_ad') }}
    ) as s
    left join ads on ads.id = s.ad_id
    left join campaigns on campaigns.id = ads.campaign_id
    left join accounts on accounts.id = s.account_id
)

{{ attrib.spend_of('facebook_ads', 'stats', 'null::text') }}
