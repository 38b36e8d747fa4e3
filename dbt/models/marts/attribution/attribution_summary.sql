{%- set scope = ['date_basis', 'model', 'period_start', 'source_relation', 'conversion_type', 'segment', 'currency'] %}
{{ attrib.mart_config(scope + ['channel']) }}

{%- set period = attrib.literal(var('attrib_summary_period')) %}

{#- By date of conversion every model is asked about the journeys of the period, Markov chains and all. By date of touch
    the credit of single journeys is added up. -#}
with parts as (
    select *, date_trunc({{ period }}, day)::date as period_start
    from {{ ref('int_attribution') }}
),

lost as (
    select period_start, source_relation, attrib.rollup(summary) as summary
    from parts
    where conversion_type = ''
    group by period_start, source_relation
),

converted as (
    select period_start, source_relation, conversion_type, segment, currency, attrib.rollup(summary) as summary
    from parts
    where conversion_type <> ''
    group by period_start, source_relation, conversion_type, segment, currency
),

summaries as (
    select
        converted.period_start,
        converted.source_relation,
        converted.conversion_type,
        converted.segment,
        converted.currency,
        case when lost.summary is null then converted.summary
            else (select attrib.rollup(s) from (values (converted.summary), (lost.summary)) as both_of (s)) end as summary
    from converted
    left join lost using (period_start, source_relation)
),

credit as (
    {%- if 'conversion' in var('attrib_date_bases') %}
    select
        'conversion'::text as date_basis,
        models.model,
        summaries.period_start,
        summaries.source_relation,
        summaries.conversion_type,
        summaries.segment,
        summaries.currency,
        models.channel,
        models.conversions,
        round(models.value::numeric, 6) as revenue
    from summaries
    cross join lateral attrib.attribution_models(
        summaries.summary, {{ attrib.list_literal(attrib.summary_models()) }}, {{ attrib.literal(tojson(var('attrib_model_options'))) }}) as models
    {{ 'union all' if 'touch' in var('attrib_date_bases') }}
    {%- endif %}
    {%- if 'touch' in var('attrib_date_bases') %}
    select
        date_basis,
        model,
        date_trunc({{ period }}, date_day)::date as period_start,
        source_relation,
        conversion_type,
        segment,
        currency,
        channel,
        sum(conversions)::float8 as conversions,
        round(sum(revenue), 6) as revenue
    from {{ ref('int_attrib__daily_credit') }}
    where date_basis = 'touch'
    group by 1, 2, 3, 4, 5, 6, 7, 8
    {%- endif %}
),

spend as (
    select
        date_trunc({{ period }}, date_day)::date as period_start,
        {{ attrib.reporting_source('source_relation') }} as source_relation,
        currency,
        channel,
        sum(spend) as spend
    from {{ ref('stg_media_spend') }}
    group by 1, 2, 3, 4
),

{#- What a period's spend is held against: every kind of conversion there is, under every model. -#}
asked as (
    select distinct date_basis, model, source_relation, conversion_type, segment, currency
    from credit
),

spend_asked as (
    select *
    from spend
    inner join asked using (source_relation, currency)
),

joined as (
    select
        {{ scope | join(', ') }}, channel,
        coalesce(credit.conversions, 0) as conversions,
        coalesce(credit.revenue, 0) as revenue,
        coalesce(spend.spend, 0) as spend
    from credit
    full join spend_asked as spend using ({{ scope | join(', ') }}, channel)
)

select
    {{ scope | join(', ') }}, channel,
    conversions,
    revenue::numeric(28, 6) as revenue,
    (conversions / nullif((sum(conversions::numeric) over everything)::float8, 0))::float8 as share,
    spend::numeric(28, 6) as spend,
    (spend / nullif(conversions::numeric, 0))::float8 as cpa,
    (revenue / nullif(spend, 0))::float8 as roas
from joined
window everything as (partition by {{ scope | join(', ') }})
