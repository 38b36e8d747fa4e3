{{ config(
    materialized=attrib.materialization('incremental'),
    indexes=attrib.refresh_index(['conversion_id', 'touch_number']), persist_docs=attrib.documented(),
    incremental_strategy='append',
    on_schema_change='append_new_columns',
    pre_hook=["{{ attrib.forget_other_models() }}",
              "{{ attrib.forget_changed_days(ref('int_attrib__days'), attrib.credit_inputs('days.journey_inputs'), 'conversion_day') }}"]
) }}

{%- if is_incremental() %}
with new as (
    select * from {{ ref('int_attrib__journeys') }} where day not in (select conversion_day from {{ this }})
)
{% endif %}
{{ attrib.touch_credits_of('new' if is_incremental() else ref('int_attrib__journeys'), attrib.journey_models(), inputs=attrib.credit_inputs('journeys.inputs')) }}
