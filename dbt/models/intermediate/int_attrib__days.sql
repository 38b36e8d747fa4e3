{{ config(materialized=attrib.materialization('table'), indexes=attrib.refresh_index(['day']), persist_docs=attrib.documented()) }}

{#- What each day's rows depend on, as fingerprints: incremental models build a day again when its fingerprint is another. -#}
with ways as (
    select
        ways.day,
        ways.touches,
        ways.last_touched_at,
        concat_ws(e'\x1f', coalesce(ways.channel, channels.channel), ways.campaign, ways.touches, ways.hash) as fingerprint
    from {{ ref('int_attrib__ways') }} as ways
    left join {{ ref('int_attrib__channels') }} as channels
        on ways.channel is null
        and channels.source = ways.source
        and channels.medium = ways.medium
        and channels.campaign = ways.campaign
),

touches as (
    select
        day,
        sum(touches) as touches,
        max(last_touched_at) as last_at,
        hashtextextended(string_agg(fingerprint, e'\x1e' order by fingerprint), 0) as inputs
    from ways
    group by day
),

conversions as (
    select
        day,
        count(*) as conversions,
        max(converted_at) as last_at,
        sum(hash_record_extended(row (conversion_id, person_id, converted_at, source_relation, conversion_type, segment, currency, revenue), 1)) as hash
    from {{ ref('int_attrib__conversions') }}
    group by day
),

days as (
    select
        day,
        coalesce(touches.touches, 0)::bigint as touches,
        coalesce(conversions.conversions, 0) as conversions,
        touches.inputs as touch_inputs,
        concat_ws(':', touches.touches, touches.inputs, conversions.conversions, conversions.hash) as fingerprint,
        max(greatest(touches.last_at, conversions.last_at)) over () as observed_until
    from touches
    full join conversions using (day)
),

{#- With a day of lookback more, for days of the clock's change. -#}
inputs as (
    select
        days.day,
        {#- Journeys that convert on a day come from the touches of the lookback before it. -#}
        md5({{ attrib.journey_settings() }}
            || string_agg(around.day || '=' || around.fingerprint, ',' order by around.day) filter (where around.day <= days.day)) as journey_inputs,
        {#- What was lost on a day depends on the lookback after it, too, and so does what its touches earned. -#}
        md5({{ attrib.journey_settings() }}
            || string_agg(around.day || '=' || around.fingerprint, ',' order by around.day)) as around_inputs
    from days
    inner join days as around
        on around.day between days.day - {{ var('attrib_lookback_days') + 1 }} and days.day + {{ var('attrib_lookback_days') + 1 }}
    group by days.day
)

select
    days.*,
    inputs.journey_inputs,
    inputs.around_inputs,
    {#- What was lost may be open until its lookback has been observed. -#}
    md5(inputs.around_inputs
        || case when day < {{ attrib.day_of('days.observed_until - ' ~ attrib.lookback()) }} then ''
            else extract(epoch from days.observed_until)::text end) as part_inputs
from days
inner join inputs using (day)
