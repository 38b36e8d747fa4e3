{{ config(enabled=var('attrib_microsoft_ads') is not none) }}

-- The report has a row for each device, network and match type.
{{ attrib.campaign_spend('microsoft_ads',
    report={'of': source('attrib_microsoft_ads', 'campaign_performance_daily_report'), 'date': 'date', 'account_id': 'account_id',
            'campaign_id': 'campaign_id', 'currency': 'currency_code', 'spend': 'spend', 'clicks': 'clicks', 'impressions': 'impressions'},
    campaigns={'of': source('attrib_microsoft_ads', 'campaign_history'), 'version': 'modified_time', 'id': 'id', 'name': 'name', 'kind': 'type'},
    accounts={'of': source('attrib_microsoft_ads', 'account_history'), 'version': 'last_modified_time', 'id': 'id', 'name': 'name', 'currency': 'currency_code'}) }}
