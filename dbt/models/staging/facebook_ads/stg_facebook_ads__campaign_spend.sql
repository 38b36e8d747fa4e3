{{ config(enabled=var('attrib_facebook_ads') is not none) }}

-- basic_ad knows ads only; their campaigns are in the histories.
{{ attrib.campaign_spend('facebook_ads',
    report={'of': source('attrib_facebook_ads', 'basic_ad'), 'date': 'date', 'account_id': 'account_id', 'ad_id': 'ad_id',
            'spend': 'spend', 'clicks': 'inline_link_clicks', 'impressions': 'impressions'},
    ads={'of': source('attrib_facebook_ads', 'ad_history'), 'version': 'updated_time', 'id': 'id', 'campaign_id': 'campaign_id'},
    campaigns={'of': source('attrib_facebook_ads', 'campaign_history'), 'version': 'updated_time', 'id': 'id', 'name': 'name'},
    accounts={'of': source('attrib_facebook_ads', 'account_history'), 'version': '_fivetran_synced', 'id': 'id', 'name': 'name', 'currency': 'currency'}) }}
