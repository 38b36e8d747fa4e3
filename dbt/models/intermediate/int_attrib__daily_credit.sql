{{ config(materialized=attrib.materialization('table'), indexes=attrib.refresh_index(['date_basis', 'date_day', 'model', 'source_relation', 'conversion_type', 'segment', 'currency', 'channel', 'campaign']), persist_docs=attrib.documented()) }}

{#- Summed as integers, in units of 1e-12 conversions and 1e-6 of the currency: exact, so that the order of the rows does
    not matter, and faster than numeric. -#}
with sums as (
    {%- for basis in var('attrib_date_bases') %}
    select
        {{ attrib.literal(basis) }}::text as date_basis,
        {{ basis }}_day as date_day,
        source_relation,
        conversion_type,
        segment,
        currency,
        channel,
        campaign
        {%- for model in attrib.touch_models() %},
        sum(({{ model }} * 1e12)::bigint) / 1e12 as {{ model }}_conversions,
        sum(({{ model }} * revenue_float * 1e6)::bigint) / 1e6 as {{ model }}_revenue
        {%- endfor %}
    from (select *, revenue::float8 as revenue_float from {{ ref('int_attrib__touch_credits') }}) as credits
    group by date_day, source_relation, conversion_type, segment, currency, channel, campaign
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    date_basis,
    date_day,
    credit.model,
    source_relation,
    conversion_type,
    segment,
    currency,
    channel,
    campaign,
    credit.conversions,
    credit.revenue
from sums
cross join lateral (
    values
    {%- for model in attrib.touch_models() %}
    ({{ attrib.literal(model) }}::text, {{ model }}_conversions, {{ model }}_revenue){{ ',' if not loop.last }}
    {%- endfor %}
) as credit (model, conversions, revenue)
