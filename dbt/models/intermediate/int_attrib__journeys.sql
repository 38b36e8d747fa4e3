{{ config(
    materialized=attrib.materialization('incremental'),
    indexes=attrib.refresh_index(['conversion_id']), persist_docs=attrib.documented(),
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ attrib.forget_changed_days(ref('int_attrib__days'), 'days.journey_inputs') }}"
) }}

{#- The journeys that converted. Those that did not are many, and in the summaries of int_attribution. -#}
with wanted as (
    select conversions.*, days.journey_inputs as inputs
    from {{ ref('int_attrib__conversions') }} as conversions
    inner join {{ ref('int_attrib__days') }} as days using (day)
    {%- if is_incremental() %}
    where conversions.day not in (select day from {{ this }})
    {%- endif %}
),

persons as (
    select distinct person_id from wanted
),

touches as (
    select touches.*
    from {{ ref('int_attrib__touches') }} as touches
    inner join persons using (person_id)
    {%- if is_incremental() %}
    where touched_at >= (select min(converted_at) from wanted) - {{ attrib.lookback() }}
    {%- endif %}
),

{#- All their conversions: an earlier one may have used up touches. -#}
events as (
    select person_id, touched_at as at, channel, false as converted, 0::float8 as value, touch_id as event_id
    from touches
    union all
    select conversions.person_id, converted_at, null, true, revenue::float8, conversion_id
    from {{ ref('int_attrib__conversions') }} as conversions
    left join persons using (person_id)
    where persons.person_id is not null or conversions.person_id is null
),

journeys as (
    select (journey).*
    from (
        select
            unnest(attrib.journey_agg(at, channel, converted, value, event_id, (select {{ attrib.journey_options() }}))) as journey
        from events
        group by person_id
    ) as persons
),

converted as (
    select wanted.*, journeys.path, journeys.touched_at, journeys.touch_ids
    from wanted
    inner join journeys using (conversion_id)
),

campaigns as (
    select
        step.conversion_id,
        array_agg(touches.campaign order by step.touch_number) as campaigns
    from (
        select conversion_id, touch_id, touch_number
        from converted
        cross join lateral unnest(touch_ids) with ordinality as t (touch_id, touch_number)
    ) as step
    inner join touches using (touch_id)
    group by step.conversion_id
)

select
    converted.conversion_id,
    converted.person_id,
    converted.converted_at,
    converted.day,
    converted.source_relation,
    converted.conversion_type,
    converted.segment,
    converted.currency,
    converted.revenue,
    converted.path,
    coalesce(campaigns.campaigns, '{}') as campaigns,
    converted.touch_ids,
    converted.touched_at,
    converted.inputs
from converted
left join campaigns using (conversion_id)
