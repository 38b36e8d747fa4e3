{{ config(
    materialized=attrib.materialization('incremental'),
    indexes=attrib.refresh_index(['date_basis', 'date_day', 'model', 'source_relation', 'conversion_type', 'segment', 'currency', 'channel', 'campaign']), persist_docs=attrib.documented(),
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook=["{{ attrib.forget_changed_credit(ref('int_attrib__days')) }}", "{{ attrib.group_by_hash() }}"]
) }}

{%- set scope = 'source_relation, conversion_type, segment, currency, channel, campaign' %}
{%- set inputs = {'conversion': attrib.credit_inputs('days.journey_inputs'), 'touch': attrib.credit_inputs('days.around_inputs')} %}
{%- set branches = [] %}
{%- for basis in var('attrib_date_bases') %}
  {%- if attrib.journey_models() %}{%- do branches.append([basis, attrib.journey_models(), ref('int_attrib__touch_credits'), inputs[basis]]) %}{% endif %}
  {%- if 'markov' in var('attrib_models') %}{%- do branches.append([basis, ['markov_path'], 'markov_credits', 'null::text']) %}{% endif %}
{%- endfor %}

{%- if 'markov' in var('attrib_models') %}
with markov_credits as materialized (
    select conversion_day, touch_day, {{ scope }}, revenue, markov_path
    from {{ ref('int_attrib__markov_credits') }}
)
{% endif %}
{%- for basis, models, credits, inputs in branches %}
select
    {{ attrib.literal(basis) }}::text as date_basis,
    date_day,
    credit.model,
    {{ scope }},
    credit.conversions,
    credit.revenue,
    {{ inputs }} as inputs
from (
    select
        {{ basis }}_day as date_day,
        {{ scope }}
        {%- for model in models %},
        {{ attrib.credit_sums(model) }}
        {%- endfor %}
    from {{ credits }}
    {%- if is_incremental() %}
    where {{ basis }}_day not in (select date_day from {{ this }} where date_basis = {{ attrib.literal(basis) }} and model = {{ attrib.literal(models[0]) }})
    {%- endif %}
    group by {{ basis }}_day, {{ scope }}
) as sums
inner join {{ ref('int_attrib__days') }} as days on days.day = sums.date_day
cross join lateral (
    values
    {%- for model in models %}
    ({{ attrib.literal(model) }}::text, {{ model }}_conversions, {{ model }}_revenue){{ ',' if not loop.last }}
    {%- endfor %}
) as credit (model, conversions, revenue)
{{ 'union all' if not loop.last }}
{%- endfor %}
