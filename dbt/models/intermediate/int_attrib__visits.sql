{{ config(materialized='view', persist_docs=attrib.documented()) }}

{#- Touches with their person, before channels: what int_attrib__touches keeps, as the sources have it at this moment. -#}
select
    events.source_relation || case when events.source_relation <> '' then ':' else '' end || events.event_id as touch_id,
    coalesce(users.person_id, 'u:' || events.user_id, anonymous.person_id, 'a:' || events.anonymous_id) as person_id,
    events.occurred_at as touched_at,
    {{ attrib.day_of('events.occurred_at') }} as day,
    events.channel,
    coalesce(events.source, '') as source,
    coalesce(events.medium, '') as medium,
    coalesce(events.campaign, '') as campaign,
    {{ attrib.reporting_source('events.source_relation') }} as source_relation
from {{ ref('stg_attrib__events') }} as events
left join {{ ref('int_attrib__identities') }} as users
    on users.id_type = 'user' and users.id = events.user_id
left join {{ ref('int_attrib__identities') }} as anonymous
    on anonymous.id_type = 'anonymous' and anonymous.id = events.anonymous_id
where events.is_touch
