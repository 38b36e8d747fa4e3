{#- Whom an id stands for. An id that is not listed stands for itself: person_id is then 'u:' || user_id, or
    'a:' || anonymous_id. -#}
with pairs as (
    select distinct anonymous_id, user_id
    from {{ ref('stg_attrib__events') }}
    where anonymous_id is not null and user_id is not null
)

select
    'anonymous' as id_type,
    anonymous_id as id,
    'u:' || min(user_id) as person_id
from pairs
group by anonymous_id
having count(*) = 1
