{{ config(
    materialized=attrib.materialization('incremental'),
    indexes=attrib.refresh_index(['day', 'source_relation', 'conversion_type', 'segment', 'currency']), persist_docs=attrib.documented(),
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ attrib.forget_changed_days(ref('int_attrib__days'), 'days.part_inputs') }}"
) }}

with observed as (
    select max(observed_until) as until from {{ ref('int_attrib__days') }}
),

{%- if is_incremental() %}

missing as (
    select day from {{ ref('int_attrib__days') }}
    except
    select day from {{ this }}
),

{#- Days in a row are built together. -#}
windows as (
    select {{ attrib.start_of('min(day)') }} as counted_from, {{ attrib.start_of('max(day) + 1') }} as counted_until
    from (select day, day - (row_number() over (order by day))::int as island from missing) as islands
    group by island
),
{%- endif %}

parts as (
    {%- if is_incremental() %}
    select part.*
    from windows
    cross join lateral (
        select
            attrib.journey_parts_agg(
                events.person_id, events.at, events.channel, events.converted, events.value, events.scope,
                {{ attrib.journey_options('(select until from observed)', 'windows.counted_from', 'windows.counted_until') }}) as parts
        from (
            {{ attrib.journey_events() }}
        ) as events
        where events.at >= windows.counted_from - {{ attrib.lookback() }}
            and events.at < windows.counted_until + {{ attrib.lookback() }}
    ) as built
    cross join lateral unnest(built.parts) as part
    {%- else %}
    select part.*
    from unnest((
        select
            attrib.journey_parts_agg(
                events.person_id, events.at, events.channel, events.converted, events.value, events.scope,
                (select {{ attrib.journey_options('(select until from observed)') }}))
        from (
            {{ attrib.journey_events() }}
        ) as events
    )) as part
    {%- endif %}
)

select
    parts.day,
    {{ attrib.unpack_scope('parts.segment') }},
    parts.summary,
    days.part_inputs as inputs
from parts
inner join {{ ref('int_attrib__days') }} as days using (day)
