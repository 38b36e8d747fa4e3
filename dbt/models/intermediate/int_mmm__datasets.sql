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

experiments as (
    select coalesce(jsonb_agg(to_jsonb(lift_tests) order by channel, x, delta_x, delta_y, sigma), '[]') as lift_tests
    from {{ ref('stg_attrib__lift_tests') }} as lift_tests
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
