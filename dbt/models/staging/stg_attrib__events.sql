{#- All enabled sources of events, in one shape, and for each visit where it came from: what the source's own columns say, else
    the address (utm parameters, then click identifiers), else the referrer. -#}
{#- Reading addresses costs more than keeping the answers, day by day: whatever the sources change of a day, the day is read again. -#}
{{ config(
    materialized=attrib.materialization('incremental') if attrib.keeps_events() else 'view', persist_docs=attrib.documented(),
    indexes=[{'columns': ['day']}] if attrib.keeps_events() else [],
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ attrib.forget_changed_days_by_index(ref('stg_attrib__event_days'), 'days.inputs') if attrib.keeps_events() else 'select 1' }}"
) }}

{#- A generic table without addresses needs none of that. -#}
{%- set generic = attrib.source_columns(source('attrib_events', 'events')) if var('attrib_events') is not none else {} -%}
{%- set mapped = var('attrib_events_columns') -%}
{%- set has_addresses = attrib.keeps_events() or 'url' in generic or 'referrer' in generic or mapped.get('url') is not none or mapped.get('referrer') is not none -%}
-- depends_on: {{ ref('attrib_sources') }}
with events as (
    select events.*{{ ', days.day, days.inputs' if attrib.keeps_events() }}
    from {{ ref('stg_attrib__sent_events') }} as events
    {%- if attrib.keeps_events() %}
    inner join {{ ref('stg_attrib__event_days') }} as days on days.day = {{ attrib.sent_day('events.occurred_at') }}
    {%- endif %}
    {%- if is_incremental() %}
    where not exists (select from {{ this }} as mine where mine.day = days.day limit 1)
    {%- endif %}
),
{%- if has_addresses %}

-- "offset 0" keeps the planner from copying what one step reads from an address into each of its uses in the next
addresses as (
    select
        *,
        {{ attrib.url_host('url') }} as url_host,
        {{ attrib.url_query('url') }} as query,
        {{ attrib.url_host('referrer') }} as referrer_host
    from events
    offset 0
),

parameters as (
    select
        *,
    {%- for column in ['source', 'medium', 'campaign', 'content', 'term'] %}
        {{ attrib.url_parameter('query', 'utm_' ~ column) }} as utm_{{ column }},
    {%- endfor %}
        {{ attrib.click_id('query') }} as click_id,
        case when referrer_host is distinct from url_host then {{ attrib.host_of_any_country('referrer_host') }} end as referrer_of_any_country
    from addresses
    offset 0
),

tags as (
    select
        *
    {%- for column in ['source', 'medium', 'campaign', 'content', 'term'] %},
        coalesce(nullif({{ column }}, ''), {{ attrib.url_decode('utm_' ~ column) }}) as tag_{{ column }}
    {%- endfor %}
    from parameters
    offset 0
),

-- tag: the source or the link says it; click; referrer; own: from the same site, or back from paying; NULL: nothing is known
evidence as (
    select
        tags.*,
        coalesce(host.source, any_country.source, referrer_host) as site_source,
        coalesce(host.category, any_country.category) as site_category,
        {{ attrib.click_id_says('click_id', 0) }} as click_source,
        {{ attrib.click_id_says('click_id', 1) }} as click_medium,
        case
            when coalesce(channel, tag_source, tag_medium, tag_campaign) is not null then 'tag'
            when click_id is not null then 'click'
            when referrer_host is null then null
            when referrer_host = url_host or coalesce(host.category, any_country.category) = 'payment'
                or {{ attrib.is_internal_host('referrer_host') }} then 'own'
            else 'referrer'
        end as told_by
    from tags
    left join {{ ref('attrib_sources') }} as host on host.site = tags.referrer_host
    left join {{ ref('attrib_sources') }} as any_country on any_country.site = tags.referrer_of_any_country
    offset 0
),

told as (
    select
        *,
        case told_by when 'tag' then coalesce(tag_source, click_source) when 'click' then click_source when 'referrer' then site_source end as told_source,
        case told_by
            when 'tag' then coalesce(tag_medium, case when tag_source is null then click_medium end)
            when 'click' then click_medium
            when 'referrer' then case site_category when 'search' then 'organic' when 'email' then 'email' else 'referral' end
        end as told_medium
    from evidence
)
{%- else %}

told as (
    select
        *,
        nullif(source, '') as told_source,
        nullif(medium, '') as told_medium
    {%- for column in ['campaign', 'content', 'term'] %},
        nullif({{ column }}, '') as tag_{{ column }}
    {%- endfor %},
        'tag' as told_by
    from events
)
{%- endif %}

select
    source_relation,
    event_id,
    {{ attrib.known_id('anonymous_id') }} as anonymous_id,
    {{ attrib.known_id('user_id') }} as user_id,
    occurred_at,
    event_name,
    channel,
    told_source as source,
    told_medium as medium,
    tag_campaign as campaign,
    tag_content as content,
    tag_term as term,
    referrer,
    url,
    coalesce(is_touch, told_by is distinct from 'own') as is_touch,
    is_conversion,
    order_id,
    value,
    currency
    {%- if attrib.keeps_events() %},
    day,
    inputs
    {%- endif %}
from told
