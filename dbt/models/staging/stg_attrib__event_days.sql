{{ config(
    materialized=attrib.materialization('table'), enabled=attrib.keeps_events(),
    indexes=attrib.refresh_index(['day']), persist_docs=attrib.documented(),
    pre_hook="{{ attrib.group_by_hash() }}"
) }}

{#- A fingerprint of what the sources say of each day, and of all that decides how stg_attrib__events reads it. Reading an address
    takes many times as long as noticing that it is still the same. -#}
select
    day,
    hashtextextended(
        count(*) || ':' || sum(hash) || ':' || (select coalesce(sum(hash_record_extended(row (site, source, category), 0)), 0) from {{ ref('attrib_sources') }})
            || {{ attrib.literal(tojson([attrib.package_version(), var('attrib_ignored_ids'), var('attrib_internal_hosts')])) }},
        0) as inputs
from (
    select
        {{ attrib.sent_day('occurred_at') }} as day,
        hash_record_extended(row ({% for name, type in attrib.event_columns().items() %}{{ name }}{{ '::text' if type == 'numeric' }}{{ ', ' if not loop.last }}{% endfor %}), 0) as hash
    from {{ ref('stg_attrib__sent_events') }}
) as events
group by day
