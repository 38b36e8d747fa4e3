{{ config(materialized=attrib.materialization('table'), indexes=attrib.refresh_index(['touch_id']), persist_docs=attrib.documented()) }}

with events as (
    select events.*, coalesce(events.channel, channels.channel) as touch_channel
    from {{ ref('stg_attrib__events') }} as events
    left join {{ ref('int_attrib__channels') }} as channels
        on events.channel is null
        and channels.source = coalesce(events.source, '')
        and channels.medium = coalesce(events.medium, '')
        and channels.campaign = coalesce(events.campaign, '')
    where events.is_touch
)

select
    events.source_relation || case when events.source_relation <> '' then ':' else '' end || events.event_id as touch_id,
    coalesce(users.person_id, 'u:' || events.user_id, anonymous.person_id, 'a:' || events.anonymous_id) as person_id,
    events.occurred_at as touched_at,
    {{ attrib.day_of('events.occurred_at') }} as day,
    events.touch_channel as channel,
    coalesce(events.campaign, '') as campaign,
    {{ attrib.reporting_source('events.source_relation') }} as source_relation
from events
left join {{ ref('int_attrib__identities') }} as users
    on users.id_type = 'user' and users.id = events.user_id
left join {{ ref('int_attrib__identities') }} as anonymous
    on anonymous.id_type = 'anonymous' and anonymous.id = events.anonymous_id
where events.touch_channel is not null
