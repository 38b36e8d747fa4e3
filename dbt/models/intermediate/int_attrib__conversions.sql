{{ config(materialized=attrib.materialization('table'), indexes=attrib.refresh_index(['conversion_id']), persist_docs=attrib.documented()) }}

{#- An order that both a shop and an event report counts once: the shop knows what it was worth, the event who it was. -#}
with conversion_events as (
    select *
    from {{ ref('stg_attrib__events') }}
    where is_conversion
),

event_ids as (
    select order_id, min(anonymous_id) as anonymous_id, min(user_id) as user_id
    from conversion_events
    where order_id is not null
    group by order_id
),

conversions as (
    select
        orders.source_relation,
        orders.order_id as conversion_id,
        coalesce(orders.user_id, event_ids.user_id) as user_id,
        coalesce(orders.anonymous_id, event_ids.anonymous_id) as anonymous_id,
        orders.ordered_at as converted_at,
        orders.conversion_type,
        orders.segment,
        orders.currency,
        orders.revenue
    from {{ ref('stg_revenue') }} as orders
    left join event_ids using (order_id)
    union all
    select
        source_relation,
        coalesce(order_id, event_id),
        user_id,
        anonymous_id,
        occurred_at,
        {{ attrib.literal(var('attrib_conversion_type')) }},
        null,
        currency,
        value
    from conversion_events
    where not exists (select from {{ ref('stg_revenue') }} as orders where orders.order_id = conversion_events.order_id)
)

select
    conversions.source_relation || case when conversions.source_relation <> '' then ':' else '' end || conversion_id as conversion_id,
    coalesce(users.person_id, 'u:' || conversions.user_id, anonymous.person_id, 'a:' || conversions.anonymous_id) as person_id,
    converted_at,
    {{ attrib.day_of('converted_at') }} as day,
    {{ attrib.reporting_source('conversions.source_relation') }} as source_relation,
    conversion_type,
    coalesce(segment, '') as segment,
    currency,
    greatest(coalesce(revenue, 0), 0) as revenue
from conversions
left join {{ ref('int_attrib__identities') }} as users
    on users.id_type = 'user' and users.id = conversions.user_id
left join {{ ref('int_attrib__identities') }} as anonymous
    on anonymous.id_type = 'anonymous' and anonymous.id = conversions.anonymous_id
{%- if var('attrib_conversion_types') | length > 0 %}
where conversion_type = any ({{ attrib.list_literal(var('attrib_conversion_types')) }})
{%- endif %}
