{#- The channel of a visit by its source, medium and campaign (SQL expressions) and the category of its source, which is search,
    social, video, shopping, email or NULL. These are the rules of Google Analytics 4's default channel group
    (support.google.com/analytics/answer/9756891), in their order; where it knows nothing at all, a visit is Direct.
    Dispatched: a project may define default__channel_group of its own and put itself first in the search order of the
    namespace attrib. For single exceptions the seed attrib_channel_rules is enough. -#}
{% macro channel_group(source='source', medium='medium', campaign='campaign', category='category') %}
  {{- return(adapter.dispatch('channel_group', 'attrib')(source, medium, campaign, category)) -}}
{% endmacro %}

{% macro default__channel_group(source, medium, campaign, category) -%}
  {%- set paid = "lower(" ~ medium ~ ") ~ '^(.*cp.*|ppc|retargeting|paid.*)$'" -%}
  {%- set shopping = "(" ~ category ~ " = 'shopping' or lower(" ~ campaign ~ ") ~ '^(.*(([^a-df-z]|^)shop|shopping).*)$')" -%}
  case
    when coalesce(lower({{ source }}), '') in ('', '(direct)', 'direct')
      and coalesce(lower({{ medium }}), '') in ('', '(none)', '(not set)') and coalesce({{ campaign }}, '') in ('', '(not set)', '(direct)') then 'Direct'
    when lower({{ campaign }}) like '%cross-network%' then 'Cross-network'
    when {{ shopping }} and {{ paid }} then 'Paid Shopping'
    when {{ category }} = 'search' and {{ paid }} then 'Paid Search'
    when {{ category }} = 'social' and {{ paid }} then 'Paid Social'
    when {{ category }} = 'video' and {{ paid }} then 'Paid Video'
    when lower({{ medium }}) in ('display', 'banner', 'expandable', 'interstitial', 'cpm') then 'Display'
    when {{ paid }} then 'Paid Other'
    when {{ shopping }} then 'Organic Shopping'
    when {{ category }} = 'social' or lower({{ medium }}) in ('social', 'social-network', 'social-media', 'sm', 'social network', 'social media') then 'Organic Social'
    when {{ category }} = 'video' or lower({{ medium }}) like '%video%' then 'Organic Video'
    when {{ category }} = 'search' or lower({{ medium }}) = 'organic' then 'Organic Search'
    when {{ category }} = 'email' or lower({{ source }}) in ('email', 'e-mail', 'e_mail', 'e mail')
      or lower({{ medium }}) in ('email', 'e-mail', 'e_mail', 'e mail') then 'Email'
    when lower({{ medium }}) = 'affiliate' then 'Affiliates'
    when lower({{ medium }}) in ('referral', 'app', 'link') then 'Referral'
    when lower({{ medium }}) = 'audio' then 'Audio'
    when lower({{ source }}) = 'sms' or lower({{ medium }}) = 'sms' then 'SMS'
    when lower({{ medium }}) like '%push' or lower({{ medium }}) like '%mobile%' or lower({{ medium }}) like '%notification%'
      or lower({{ source }}) = 'firebase' then 'Mobile Push Notifications'
    else 'Unassigned'
  end
{%- endmacro %}


{#- The channel that an ad platform's spend is for, in the names of channel_group(), so that spend and touches meet. `kind` is what
    the platform calls the type of a campaign. Dispatched, as channel_group(). -#}
{% macro spend_channel(platform='platform', kind='null::text') %}
  {{- return(adapter.dispatch('spend_channel', 'attrib')(platform, kind)) -}}
{% endmacro %}

{% macro default__spend_channel(platform, kind) -%}
  case
    when {{ platform }} in ('facebook_ads', 'linkedin_ads', 'tiktok_ads', 'twitter_ads', 'snapchat_ads', 'pinterest_ads', 'reddit_ads') then 'Paid Social'
    when lower({{ kind }}) in ('performance_max', 'performancemax', 'demand_gen', 'discovery', 'multi_channel', 'smart') then 'Cross-network'
    when lower({{ kind }}) in ('display', 'audience') then 'Display'
    when lower({{ kind }}) = 'video' then 'Paid Video'
    when lower({{ kind }}) in ('shopping', 'hotel', 'local') then 'Paid Shopping'
    when {{ platform }} in ('google_ads', 'microsoft_ads', 'apple_search_ads') then 'Paid Search'
    when {{ platform }} = 'amazon_ads' then 'Paid Shopping'
    else 'Paid Other'
  end
{%- endmacro %}


{#- The source that a platform's clicks carry, by which the seed attrib_channel_rules knows its spend. -#}
{% macro spend_source(platform) -%}
  case {{ platform }} when 'google_ads' then 'google' when 'facebook_ads' then 'facebook' when 'linkedin_ads' then 'linkedin'
    when 'microsoft_ads' then 'bing' when 'tiktok_ads' then 'tiktok' when 'twitter_ads' then 'twitter' when 'snapchat_ads' then 'snapchat'
    when 'pinterest_ads' then 'pinterest' when 'reddit_ads' then 'reddit' else {{ platform }} end
{%- endmacro %}


{#- The channel of the first of the seed's rules that fits, or NULL. Patterns are regular expressions, regardless of case; an
    empty one fits everything. -#}
{% macro channel_rule(source='source', medium='medium', campaign='campaign') -%}
  (select rule.channel
   from {{ ref('stg_attrib__channel_rules') }} as rule
   where (rule.source_pattern is null or coalesce({{ source }}, '') ~* rule.source_pattern)
     and (rule.medium_pattern is null or coalesce({{ medium }}, '') ~* rule.medium_pattern)
     and (rule.campaign_pattern is null or coalesce({{ campaign }}, '') ~* rule.campaign_pattern)
   order by rule.priority, rule.channel
   limit 1)
{%- endmacro %}
