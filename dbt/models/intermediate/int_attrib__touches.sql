{{ config(
    materialized=attrib.materialization('incremental'),
    indexes=attrib.refresh_index(['touch_id']) + [{'columns': ['day']}], persist_docs=attrib.documented(),
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ attrib.forget_changed_days_by_index(ref('int_attrib__days'), 'days.touch_inputs') }}"
) }}

{#- If the sources change while a run is on, a day may be newer than its fingerprint; the next run then builds it again. -#}
with days as (
    select day, touch_inputs
    from {{ ref('int_attrib__days') }} as days
    where touches > 0
    {%- if is_incremental() %}
        and not exists (select from {{ this }} as mine where mine.day = days.day limit 1)
    {%- endif %}
)

select
    visits.touch_id,
    visits.person_id,
    visits.touched_at,
    visits.day,
    coalesce(visits.channel, channels.channel) as channel,
    visits.campaign,
    visits.source_relation,
    days.touch_inputs as inputs
from {{ ref('int_attrib__visits') }} as visits
inner join days using (day)
left join {{ ref('int_attrib__channels') }} as channels
    on visits.channel is null
    and channels.source = visits.source
    and channels.medium = visits.medium
    and channels.campaign = visits.campaign
where coalesce(visits.channel, channels.channel) is not null
{%- if is_incremental() %}
    and visits.touched_at >= (select {{ attrib.start_of('min(day)') }} from days)
    and visits.touched_at < (select {{ attrib.start_of('max(day) + 1') }} from days)
{%- endif %}
