{{ config(enabled=var('attrib_tiktok_ads') is not none) }}

-- stat_time_hour is the advertiser's own wall clock, and so are the days made of it.
{{ attrib.campaign_spend('tiktok_ads',
    report={'of': source('attrib_tiktok_ads', 'campaign_report_hourly'), 'date': 'stat_time_hour', 'campaign_id': 'campaign_id',
            'spend': 'spend', 'clicks': 'clicks', 'impressions': 'impressions'},
    campaigns={'of': source('attrib_tiktok_ads', 'campaign_history'), 'version': 'updated_at', 'id': 'campaign_id', 'name': 'campaign_name', 'account_id': 'advertiser_id'},
    accounts={'of': source('attrib_tiktok_ads', 'advertiser'), 'version': '_fivetran_synced', 'id': 'id', 'name': 'name', 'currency': 'currency'}) }}
