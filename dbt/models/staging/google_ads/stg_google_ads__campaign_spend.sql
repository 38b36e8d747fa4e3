{{ config(enabled=var('attrib_google_ads') is not none) }}

-- campaign_stats has a row for each device and network; costs are millionths of the account's currency.
{{ attrib.campaign_spend('google_ads',
    report={'of': source('attrib_google_ads', 'campaign_stats'), 'date': 'date', 'account_id': 'customer_id', 'campaign_id': 'id',
            'spend': 'cost_micros', 'clicks': 'clicks', 'impressions': 'impressions'},
    units=1000000,
    campaigns={'of': source('attrib_google_ads', 'campaign_history'), 'version': 'updated_at', 'id': 'id', 'name': 'name', 'kind': 'advertising_channel_type'},
    accounts={'of': source('attrib_google_ads', 'account_history'), 'version': 'updated_at', 'id': 'id', 'name': 'descriptive_name', 'currency': 'currency_code'}) }}
