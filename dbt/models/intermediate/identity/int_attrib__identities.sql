{{ config(materialized=attrib.materialization('table'), indexes=attrib.refresh_index(['id_type', 'id']), persist_docs=attrib.documented()) }}

{#- Whom an id stands for. An id that is not listed stands for itself: person_id is then 'u:' || user_id, or
    'a:' || anonymous_id. Ids seen together are one person, over any number of steps and whenever that was; an anonymous id
    seen with more than attrib_max_users_per_device users is a shared device, which joins nobody and stands for itself. -#}
with orders as (
    select order_id, user_id
    from {{ ref('stg_revenue') }}
    where order_id is not null and user_id is not null
),

pairs as (
    select anonymous_id, user_id
    from {{ ref('stg_attrib__events') }}
    where anonymous_id is not null and user_id is not null
    union
    select anonymous_id, user_id
    from {{ ref('stg_revenue') }}
    where anonymous_id is not null and user_id is not null
    union
    -- an order that the shop knows by its customer and the site by its visitor
    select events.anonymous_id, orders.user_id
    from {{ ref('stg_attrib__events') }} as events
    inner join orders using (order_id)
    where events.is_conversion and events.anonymous_id is not null
    union
    -- or by another user id: the order itself is then what both were seen with
    select E'\x1forder ' || order_id, user_id
    from {{ ref('stg_attrib__events') }}
    where is_conversion and order_id is not null and user_id is not null
    union
    select E'\x1forder ' || order_id, user_id
    from orders
),

ids as (
    select anonymous_id, user_id from pairs
    union all
    select distinct anonymous_id, null from pairs
    union all
    select distinct null, user_id from pairs
),

stitched as (
    select
        anonymous_id,
        user_id,
        attrib.stitch_identity(anonymous_id, user_id, {{ attrib.literal(var('attrib_max_users_per_device')) }}::integer) over () as person_id
    from ids
)

select
    case when user_id is null then 'anonymous' else 'user' end as id_type,
    coalesce(user_id, anonymous_id) as id,
    person_id
from stitched
where (anonymous_id is null or user_id is null)
    and coalesce(anonymous_id, '') not like E'\x1f%'
    and person_id <> case when user_id is null then 'a:' || anonymous_id else 'u:' || user_id end
