{{ config(
    materialized=attrib.materialization('incremental'),
    indexes=attrib.refresh_index(['run_id']), persist_docs=attrib.documented(),
    incremental_strategy='append',
    enabled=var('attrib_mmm_enabled'),
    pre_hook="{{ attrib.forget_other_runs(ref('int_mmm__datasets')) }}"
) }}

{#- Fitted once for the same data and arguments. -#}
select
    run_id,
    method,
    first_period,
    last_period,
    periods,
    attrib.mmm_fit(dataset{{ attrib.mmm_arguments() }}{{ ', lift_tests => lift_tests' if var('attrib_mmm_method') == 'bayes' }}) as model
from {{ ref('int_mmm__datasets') }}
{%- if is_incremental() %}
where run_id not in (select run_id from {{ this }})
{%- endif %}
