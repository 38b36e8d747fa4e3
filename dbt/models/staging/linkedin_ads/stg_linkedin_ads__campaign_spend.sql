{{ config(enabled=var('attrib_linkedin_ads') is not none) }}

-- The report leaves the account to the campaign.
{{ attrib.campaign_spend('linkedin_ads',
    report={'of': source('attrib_linkedin_ads', 'ad_analytics_by_campaign'), 'date': 'day', 'campaign_id': 'campaign_id',
            'spend': 'cost_in_local_currency', 'clicks': 'clicks', 'impressions': 'impressions'},
    campaigns={'of': source('attrib_linkedin_ads', 'campaign_history'), 'version': 'last_modified_time', 'id': 'id', 'name': 'name', 'account_id': 'account_id'},
    accounts={'of': source('attrib_linkedin_ads', 'account_history'), 'version': 'last_modified_time', 'id': 'id', 'name': 'name', 'currency': 'currency'}) }}
