{{ config(materialized=attrib.materialization('table'), indexes=attrib.refresh_index(['period']), persist_docs=attrib.documented(), enabled=var('attrib_mmm_enabled')) }}

{%- set period = attrib.literal(var('attrib_mmm_period')) %}

{#- Whole periods in which both spend and conversions were collected. Every period has every channel, spend or not. -#}
with spend as (
    select date_trunc({{ period }}, date_day)::date as period, channel, sum(spend)::float8 as spend
    from {{ ref('stg_media_spend') }}
    group by 1, 2
),

conversions as (
    select date_trunc({{ period }}, day)::date as period, sum(revenue)::float8 as revenue, count(*)::float8 as conversions
    from {{ ref('int_attrib__conversions') }}
    group by 1
),

collected as (
    select
        greatest((select min(date_day) from {{ ref('stg_media_spend') }}), (select min(day) from {{ ref('int_attrib__conversions') }})) as first_day,
        least((select max(date_day) from {{ ref('stg_media_spend') }}), (select max(day) from {{ ref('int_attrib__conversions') }})) as last_day
),

periods as (
    select period::date as period
    from collected
    cross join lateral generate_series(date_trunc({{ period }}, first_day::timestamp), last_day::timestamp, {{ attrib.literal('1 ' ~ var('attrib_mmm_period')) }}::interval) as period
    where period >= first_day
        and period + {{ attrib.literal('1 ' ~ var('attrib_mmm_period')) }}::interval - interval '1 day' <= last_day
),

channels as (
    select distinct channel from spend where spend > 0
),

media as (
    select periods.period, jsonb_object_agg(channels.channel, coalesce(spend.spend, 0)) as media
    from periods
    cross join channels
    left join spend on spend.period = periods.period and spend.channel = channels.channel
    group by periods.period
),

{#- A factor is a control if it is known in every period. -#}
factors as (
    select date_trunc({{ period }}, date_day)::date as period, factor, avg(value::numeric)::float8 as value
    from {{ ref('stg_external_factors') }}
    where geo is not distinct from {{ attrib.literal(var('attrib_mmm_geo')) }}
    group by 1, 2
),

controls as (
    select period, jsonb_object_agg(factor, value) as controls
    from factors
    where factor in (
        select factor from factors inner join periods using (period) group by factor having count(*) = (select count(*) from periods)
    )
    group by period
)

select
    periods.period,
    coalesce(conversions.{{ var('attrib_mmm_kpi') }}, 0) as kpi,
    media.media,
    coalesce(controls.controls, '{}') as controls
from periods
inner join media using (period)
left join conversions using (period)
left join controls using (period)
