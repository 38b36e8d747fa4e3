{{ config(materialized=attrib.materialization('table'), indexes=attrib.refresh_index(['day']), persist_docs=attrib.documented()) }}

{#- What each day's rows depend on, as fingerprints: incremental models build a day again when its fingerprint is another.
    The sum of the rows' hashes does not depend on their order, and moves when a row comes, goes or changes. -#}
with rows as (
    select day, touched_at as at, 0 as conversions,
        hash_record_extended(row (touch_id, person_id, touched_at, channel, campaign, source_relation), 0) as hash
    from {{ ref('int_attrib__touches') }}
    union all
    select day, converted_at, 1,
        hash_record_extended(row (conversion_id, person_id, converted_at, source_relation, conversion_type, segment, currency, revenue), 1)
    from {{ ref('int_attrib__conversions') }}
),

days as (
    select
        day,
        count(*) - sum(conversions) as touches,
        sum(conversions) as conversions,
        count(*) || ':' || sum(hash) as fingerprint,
        max(max(at)) over () as observed_until
    from rows
    group by day
)

select
    days.day,
    days.touches,
    days.conversions,
    days.observed_until,
    days.fingerprint,
    {#- Journeys that convert on a day come from the touches of the lookback before it. A day of lookback more, for days
        of the clock's change. -#}
    md5({{ attrib.journey_settings() }}
        || string_agg(around.day || '=' || around.fingerprint, ',' order by around.day) filter (where around.day <= days.day)) as journey_inputs,
    {#- What was lost on a day depends on the lookback after it, too; and may be open until that has been observed. -#}
    md5({{ attrib.journey_settings() }}
        || string_agg(around.day || '=' || around.fingerprint, ',' order by around.day)
        || case when days.day < {{ attrib.day_of('days.observed_until - ' ~ attrib.lookback()) }} then ''
            else extract(epoch from days.observed_until)::text end) as part_inputs
from days
inner join days as around
    on around.day between days.day - {{ var('attrib_lookback_days') + 1 }} and days.day + {{ var('attrib_lookback_days') + 1 }}
group by days.day, days.touches, days.conversions, days.observed_until, days.fingerprint
