{{ config(
    materialized=attrib.materialization(var('attrib_touch_credit_materialized')),
    indexes=[] if var('attrib_touch_credit_materialized') == 'view' else [{'columns': ['model', 'conversion_id', 'touch_number'], 'unique': true}],
    persist_docs=attrib.documented()
) }}

{% for model in attrib.touch_models() -%}
select
    {{ attrib.literal(model) }}::text as model,
    conversion_id,
    touch_number,
    touch_id,
    source_relation,
    conversion_type,
    segment,
    currency,
    converted_at,
    touched_at,
    channel,
    campaign,
    {{ model }} as credit,
    ({{ model }} * revenue::float8 * 1e6)::bigint / 1e6::numeric as revenue
from {{ ref('int_attrib__markov_credits' if model == 'markov_path' else 'int_attrib__touch_credits') }}
{{ 'union all' if not loop.last }}
{% endfor %}
