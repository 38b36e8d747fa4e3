{{ config(
    materialized=attrib.materialization('incremental'),
    indexes=attrib.refresh_index(['date_basis', 'date_day', 'model', 'source_relation', 'conversion_type', 'segment', 'currency', 'channel', 'campaign']), persist_docs=attrib.documented(),
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ attrib.forget_changed_credit(ref('int_attrib__days')) }}"
) }}

{%- set scope = 'source_relation, conversion_type, segment, currency, channel, campaign' %}
{%- set inputs = {'conversion': 'journey_inputs', 'touch': 'around_inputs'} %}
{%- set bases = var('attrib_date_bases') %}
{%- set has_markov = 'markov' in var('attrib_models') %}

{% for basis in bases if attrib.journey_models() %}
select
    {{ attrib.literal(basis) }}::text as date_basis,
    date_day,
    credit.model,
    {{ scope }},
    credit.conversions,
    credit.revenue,
    {{ attrib.credit_inputs('days.' ~ inputs[basis]) }} as inputs
from (
    select
        {{ basis }}_day as date_day,
        {{ scope }}
        {%- for model in attrib.journey_models() %},
        {{ attrib.credit_sums(model) }}
        {%- endfor %}
    from {{ ref('int_attrib__touch_credits') }}
    {%- if is_incremental() %}
    where {{ basis }}_day not in (select date_day from {{ this }} where date_basis = {{ attrib.literal(basis) }})
    {%- endif %}
    group by {{ basis }}_day, {{ scope }}
) as sums
inner join {{ ref('int_attrib__days') }} as days on days.day = sums.date_day
cross join lateral (
    values
    {%- for model in attrib.journey_models() %}
    ({{ attrib.literal(model) }}::text, {{ model }}_conversions, {{ model }}_revenue){{ ',' if not loop.last }}
    {%- endfor %}
) as credit (model, conversions, revenue)
{{ 'union all' if not loop.last or has_markov }}
{% endfor %}

{%- if has_markov %}
select
    case {% for basis in bases %}when grouping({{ basis }}_day) = 0 then {{ attrib.literal(basis) }}::text {% endfor %}end as date_basis,
    coalesce({% for basis in bases %}{{ basis }}_day{{ ', ' if not loop.last }}{% endfor %}) as date_day,
    'markov_path'::text as model,
    {{ scope }},
    {{ attrib.credit_sums('markov_path') }},
    null::text as inputs
from {{ ref('int_attrib__markov_credits') }}
group by grouping sets ({% for basis in bases %}({{ basis }}_day, {{ scope }}){{ ', ' if not loop.last }}{% endfor %})
{%- endif %}
