{{ config(enabled=var('attrib_ad_reporting') is not none) }}
{%- set c = attrib.vendor_columns(source('attrib_ad_reporting', 'campaign_report'), {
    'source_relation': 'text', 'date_day': 'date', 'platform': 'text', 'account_id': 'text', 'account_name': 'text', 'campaign_id': 'text',
    'campaign_name': 'text', 'currency': 'text', 'spend': 'numeric', 'clicks': 'numeric', 'impressions': 'numeric'}) -%}
{%- set direct = [] -%}
{%- for platform in ['google_ads', 'facebook_ads', 'linkedin_ads', 'microsoft_ads', 'tiktok_ads'] if var('attrib_' ~ platform) is not none -%}
  {%- do direct.append(platform) -%}
{%- endfor -%}

-- A platform that is also enabled by itself comes from there, so that no spend counts twice.
select
    source_relation,
    date_day,
    platform,
    account,
    campaign,
    coalesce({{ attrib.channel_rule(attrib.spend_source('platform'), "'cpc'", 'campaign') }}, {{ attrib.spend_channel('platform') }}) as channel,
    currency,
    spend,
    clicks,
    impressions
from (
    select
        coalesce(nullif({{ c.source_relation }}, ''), 'ad_reporting') as source_relation,
        {{ c.date_day }} as date_day,
        lower({{ c.platform }}) as platform,
        coalesce({{ c.account_name }}, {{ c.account_id }}, '') as account,
        coalesce({{ c.campaign_name }}, {{ c.campaign_id }}) as campaign,
        coalesce(upper({{ c.currency }}), {{ attrib.literal(var('attrib_currency')) }}) as currency,
        coalesce(sum({{ c.spend }}), 0) as spend,
        coalesce(sum({{ c.clicks }}), 0)::bigint as clicks,
        coalesce(sum({{ c.impressions }}), 0)::bigint as impressions
    from {{ source('attrib_ad_reporting', 'campaign_report') }}
    group by 1, 2, 3, 4, 5, 6
) as daily
where not platform = any ({{ attrib.list_literal(direct) }})
