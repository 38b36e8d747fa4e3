{#- All enabled sources of events, in one shape, and for each visit where it came from: what the source's own columns say, else
    the address (utm parameters, then click identifiers), else the referrer. -#}
{%- set relations = [] -%}
{%- if var('attrib_events') is not none -%}{%- do relations.append(ref('stg_attrib_generic__events')) -%}{%- endif -%}
{%- if var('attrib_segment') is not none -%}{%- do relations.extend([ref('stg_segment__pages'), ref('stg_segment__tracks')]) -%}{%- endif -%}
{%- if var('attrib_snowplow') is not none -%}{%- do relations.append(ref('stg_snowplow__events')) -%}{%- endif -%}
{%- if var('attrib_ga4') is not none -%}{%- do relations.append(ref('stg_ga4__events')) -%}{%- endif -%}
{#- Reading addresses costs more than keeping the answers. -#}
{{ config(materialized='view' if var('attrib_segment') is none and var('attrib_snowplow') is none and var('attrib_ga4') is none else attrib.materialization('table')) }}

{#- A generic table without addresses needs none of that. -#}
{%- set generic = attrib.source_columns(source('attrib_events', 'events')) if var('attrib_events') is not none else {} -%}
{%- set mapped = var('attrib_events_columns') -%}
{%- set has_addresses = var('attrib_segment') is not none or var('attrib_snowplow') is not none or var('attrib_ga4') is not none
    or 'url' in generic or 'referrer' in generic or mapped.get('url') is not none or mapped.get('referrer') is not none -%}
-- depends_on: {{ ref('attrib_sources') }}
with events as (
    {{ attrib.union_of(relations, attrib.event_columns()) | indent(4) }}
)
{%- if not has_addresses %}

select
    source_relation,
    event_id,
    {{ attrib.known_id('anonymous_id') }} as anonymous_id,
    {{ attrib.known_id('user_id') }} as user_id,
    occurred_at,
    event_name,
    channel,
    nullif(source, '') as source,
    nullif(medium, '') as medium,
    nullif(campaign, '') as campaign,
    nullif(content, '') as content,
    nullif(term, '') as term,
    referrer,
    url,
    coalesce(is_touch, true) as is_touch,
    is_conversion,
    order_id,
    value,
    currency
from events
{%- else -%}
,

addresses as (
    select
        *,
        {{ attrib.url_host('url') }} as url_host,
        {{ attrib.url_query('url') }} as query,
        {{ attrib.url_host('referrer') }} as referrer_host
    from events
),

tags as (
    select
        *,
        coalesce(nullif(source, ''), {{ attrib.url_parameter('query', 'utm_source') }}) as tag_source,
        coalesce(nullif(medium, ''), {{ attrib.url_parameter('query', 'utm_medium') }}) as tag_medium,
        coalesce(nullif(campaign, ''), {{ attrib.url_parameter('query', 'utm_campaign') }}) as tag_campaign,
        {{ attrib.click_id_says('query', 0) }} as click_source,
        {{ attrib.click_id_says('query', 1) }} as click_medium
    from addresses
),

-- tag: the source or the link says it; click; referrer; own: from the same site, or back from paying; NULL: nothing is known
evidence as (
    select
        tags.*,
        coalesce(host.source, any_country.source, referrer_host) as site_source,
        coalesce(host.category, any_country.category) as site_category,
        case
            when coalesce(channel, tag_source, tag_medium, tag_campaign) is not null then 'tag'
            when click_source is not null then 'click'
            when referrer_host is null then null
            when referrer_host = url_host or coalesce(host.category, any_country.category) = 'payment'
                or {{ attrib.is_internal_host('referrer_host') }} then 'own'
            else 'referrer'
        end as told_by
    from tags
    left join {{ ref('attrib_sources') }} as host on host.site = tags.referrer_host
    left join {{ ref('attrib_sources') }} as any_country on any_country.site = {{ attrib.host_of_any_country('tags.referrer_host') }}
)

select
    source_relation,
    event_id,
    {{ attrib.known_id('anonymous_id') }} as anonymous_id,
    {{ attrib.known_id('user_id') }} as user_id,
    occurred_at,
    event_name,
    channel,
    case told_by when 'tag' then coalesce(tag_source, click_source) when 'click' then click_source when 'referrer' then site_source end as source,
    case told_by
        when 'tag' then coalesce(tag_medium, case when tag_source is null then click_medium end)
        when 'click' then click_medium
        when 'referrer' then case site_category when 'search' then 'organic' when 'email' then 'email' else 'referral' end
    end as medium,
    tag_campaign as campaign,
    coalesce(nullif(content, ''), {{ attrib.url_parameter('query', 'utm_content') }}) as content,
    coalesce(nullif(term, ''), {{ attrib.url_parameter('query', 'utm_term') }}) as term,
    referrer,
    url,
    coalesce(is_touch, told_by is distinct from 'own') as is_touch,
    is_conversion,
    order_id,
    value,
    currency
from evidence
{%- endif %}
