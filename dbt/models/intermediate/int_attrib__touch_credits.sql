{{ config(materialized=attrib.materialization('table'), indexes=attrib.refresh_index(['conversion_id', 'touch_number']), persist_docs=attrib.documented()) }}

{#- A row for each touch of a conversion, a column for each model: a tenth of the rows that the long form has. -#}
select
    journeys.conversion_id,
    touch.touch_number::int as touch_number,
    touch.touch_id,
    journeys.source_relation,
    journeys.conversion_type,
    journeys.segment,
    journeys.currency,
    journeys.converted_at,
    journeys.day as conversion_day,
    touch.touched_at,
    {{ attrib.day_of('touch.touched_at') }} as touch_day,
    touch.channel,
    touch.campaign,
    journeys.revenue
    {%- for model in attrib.touch_models() %},
    touch.{{ model }}
    {%- endfor %}
from {{ ref('int_attrib__journeys') }} as journeys
left join {{ ref('int_attrib__effects') }} as effects using (source_relation, conversion_type, segment, currency)
cross join lateral unnest(
    journeys.path, journeys.campaigns, journeys.touch_ids, journeys.touched_at
    {%- for model in attrib.touch_models() %},
    {{ attrib.touch_credit_of(model, 'journeys.path', 'journeys.touched_at', 'effects.effects') }}
    {%- endfor %}
) with ordinality as touch (channel, campaign, touch_id, touched_at, {{ attrib.touch_models() | join(', ') }}, touch_number)
union all
select
    conversion_id,
    0,
    null,
    source_relation,
    conversion_type,
    segment,
    currency,
    converted_at,
    day,
    converted_at,
    day,
    '(unattributed)',
    '',
    revenue
    {%- for model in attrib.touch_models() %},
    1
    {%- endfor %}
from {{ ref('int_attrib__journeys') }}
where cardinality(path) = 0
