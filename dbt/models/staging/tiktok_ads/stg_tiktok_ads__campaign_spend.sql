{{ config(enabled=var('attrib_tiktok_ads') is not none) }}
{%- set s = attrib.vendor_columns(source('attrib_tiktok_ads', 'campaign_report_hourly'), {
    'campaign_id': 'text', 'stat_time_hour': 'timestamp', 'clicks': 'numeric', 'impressions': 'numeric', 'spend': 'numeric'}) -%}

-- stat_time_hour is the advertiser's own wall clock, and so are the days made of it.
with campaigns as (
    {{ attrib.latest_of(source('attrib_tiktok_ads', 'campaign_history'), 'campaign_id', 'updated_at', {'campaign_id': 'text', 'campaign_name': 'text', 'advertiser_id': 'text'}) }}
),

advertisers as (
    {{ attrib.latest_of(source('attrib_tiktok_ads', 'advertiser'), 'id', '_fivetran_synced', {'id': 'text', 'name': 'text', 'currency': 'text'}) }}
),

stats as (
    select
        s.date_day,
        coalesce(advertisers.name, campaigns.advertiser_id) as account,
        coalesce(campaigns.campaign_name, s.campaign_id) as campaign,
        advertisers.currency,
        s.spend,
        s.clicks,
        s.impressions
    from (
        select
            ({{ s.stat_time_hour }})::date as date_day,
            {{ s.campaign_id }} as campaign_id,
            coalesce({{ s.spend }}, 0) as spend,
            coalesce({{ s.clicks }}, 0) as clicks,
            coalesce({{ s.impressions }}, 0) as impressions
        from {{ source('attrib_tiktok_ads', 'campaign_report_hourly') }}
    ) as s
    left join campaigns on campaigns.campaign_id = s.campaign_id
    left join advertisers on advertisers.id = campaigns.advertiser_id
)

{{ attrib.spend_of('tiktok_ads', 'stats', 'null::text') }}
