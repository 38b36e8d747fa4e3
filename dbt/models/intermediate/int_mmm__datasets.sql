{{ config(materialized=attrib.materialization('table'), indexes=attrib.refresh_index(['run_id']), persist_docs=attrib.documented(), enabled=var('attrib_mmm_enabled')) }}

{#- The run is named by what goes in: data and arguments. No row where there are too few periods or no media to learn from. -#}
with datasets as (
    select
        attrib.mmm_dataset_agg(period, kpi, media, controls) as dataset,
        min(period) as first_period,
        max(period) as last_period,
        count(*)::int as periods
    from {{ ref('int_mmm__periods') }}
    having count(*) >= {{ var('attrib_mmm_min_periods') }}
),

{#- As mmm_fit() takes them; those that lie within the periods of the dataset, on channels that it has. -#}
experiments as (
    select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
            'channel', tests.channel, 'from', tests.date_from, 'to', tests.date_to, 'measured_until', tests.measured_until,
            'spend_change', tests.spend_change, 'lift', tests.lift, 'standard_error', tests.standard_error))
        order by tests.channel, tests.date_from, tests.date_to, tests.spend_change, tests.lift, tests.standard_error), '[]') as lift_tests
    from {{ ref('stg_attrib__lift_tests') }} as tests
    cross join datasets
    where tests.date_from >= datasets.first_period
        and coalesce(tests.measured_until, tests.date_to) <= datasets.last_period
        and exists (select from {{ ref('int_mmm__periods') }} where media ? tests.channel)
)

select
    md5(datasets.dataset::text || {{ attrib.literal(attrib.mmm_arguments()) }}{{ ' || experiments.lift_tests::text' if var('attrib_mmm_method') == 'bayes' }}) as run_id,
    {{ attrib.literal(var('attrib_mmm_method')) }}::text as method,
    datasets.first_period,
    datasets.last_period,
    datasets.periods,
    datasets.dataset,
    experiments.lift_tests
from datasets
cross join experiments
