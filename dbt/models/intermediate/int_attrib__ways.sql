{{ config(
    materialized=attrib.materialization('table'),
    indexes=attrib.refresh_index(['day', 'channel', 'source', 'medium', 'campaign']), persist_docs=attrib.documented(),
    pre_hook="{{ attrib.group_by_hash() }}"
) }}

{#- The one look at all touches that every run takes: which ways visits came on which day, and whether they are still the same.
    The sum of the touches' hashes does not depend on their order, and moves when one comes, goes, changes or becomes another
    person's. Hashes by column, each the seed of the next, take half the time of a hash of the row. -#}
select
    day,
    channel,
    source,
    medium,
    campaign,
    count(*) as touches,
    max(touched_at) as last_touched_at,
    sum(hashtextextended(coalesce(touch_id, ''), hashtextextended(coalesce(person_id, ''),
        hashtextextended(source_relation, hashfloat8extended(date_part('epoch', touched_at), 0))))) as hash
from {{ ref('int_attrib__visits') }}
group by day, channel, source, medium, campaign
