{{ config(materialized=attrib.materialization('table'), indexes=attrib.refresh_index(['source_relation', 'conversion_type', 'segment', 'currency']), persist_docs=attrib.documented()) }}

{#- The summary of all journeys in the window, for each kind of conversion. Journeys that did not convert are of no kind:
    they stand against every kind of conversion of their reporting source. -#}
with parts as (
    select *
    from {{ ref('int_attribution') }}
    {%- if var('attrib_window_days') is not none %}
    where day > (select max(day) from {{ ref('int_attrib__days') }}) - {{ var('attrib_window_days') | int }}
    {%- endif %}
),

lost as (
    select source_relation, attrib.rollup(summary) as summary, min(day) as first_day, max(day) as last_day
    from parts
    where conversion_type = ''
    group by source_relation
),

converted as (
    select source_relation, conversion_type, segment, currency, attrib.rollup(summary) as summary, min(day) as first_day, max(day) as last_day
    from parts
    where conversion_type <> ''
    group by source_relation, conversion_type, segment, currency
)

select
    converted.source_relation,
    converted.conversion_type,
    converted.segment,
    converted.currency,
    least(converted.first_day, lost.first_day) as first_day,
    greatest(converted.last_day, lost.last_day) as last_day,
    case when lost.summary is null then converted.summary
        else (select attrib.rollup(s) from (values (converted.summary), (lost.summary)) as both_of (s)) end as summary
from converted
left join lost using (source_relation)
