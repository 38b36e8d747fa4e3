{#- All enabled sources of media spend, in one shape. -#}
{%- set relations = [] -%}
{%- if var('attrib_spend') is not none -%}{%- do relations.append(ref('stg_attrib_generic__spend')) -%}{%- endif -%}
{%- if var('attrib_google_ads') is not none -%}{%- do relations.append(ref('stg_google_ads__campaign_spend')) -%}{%- endif -%}
{%- if var('attrib_facebook_ads') is not none -%}{%- do relations.append(ref('stg_facebook_ads__campaign_spend')) -%}{%- endif -%}
{%- if var('attrib_linkedin_ads') is not none -%}{%- do relations.append(ref('stg_linkedin_ads__campaign_spend')) -%}{%- endif -%}
{%- if var('attrib_microsoft_ads') is not none -%}{%- do relations.append(ref('stg_microsoft_ads__campaign_spend')) -%}{%- endif -%}
{%- if var('attrib_tiktok_ads') is not none -%}{%- do relations.append(ref('stg_tiktok_ads__campaign_spend')) -%}{%- endif -%}
{%- if var('attrib_ad_reporting') is not none -%}{%- do relations.append(ref('stg_ad_reporting__campaign_spend')) -%}{%- endif -%}

{{ attrib.union_of(relations, attrib.spend_columns()) }}
