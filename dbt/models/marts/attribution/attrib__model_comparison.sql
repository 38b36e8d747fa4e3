{{ attrib.mart_config(['source_relation', 'conversion_type', 'segment', 'currency', 'model', 'channel']) }}

with credit as (
    select
        scopes.source_relation,
        scopes.conversion_type,
        scopes.segment,
        scopes.currency,
        scopes.first_day,
        scopes.last_day,
        models.model,
        models.channel,
        models.conversions,
        models.value::numeric(28, 6) as revenue,
        models.share
    from {{ ref('int_attrib__scopes') }} as scopes
    cross join lateral attrib.attribution_models(
        scopes.summary, {{ attrib.list_literal(attrib.summary_models()) }}, {{ attrib.literal(tojson(var('attrib_model_options'))) }}) as models
),

intervals as (
    select
        scopes.source_relation,
        scopes.conversion_type,
        scopes.segment,
        scopes.currency,
        model,
        intervals.channel,
        intervals.conversions_low,
        intervals.conversions_high,
        intervals.share_low,
        intervals.share_high
    from {{ ref('int_attrib__scopes') }} as scopes
    cross join unnest({{ attrib.list_literal(var('attrib_interval_models')) }}) as model
    cross join lateral attrib.attribution_intervals(
        scopes.summary, model, {{ var('attrib_interval_replicates') }},
        options => coalesce({{ attrib.literal(tojson(var('attrib_model_options'))) }}::jsonb -> model, '{}')) as intervals
),

last_touch as (
    select scopes.source_relation, scopes.conversion_type, scopes.segment, scopes.currency, credit.channel, credit.share
    from {{ ref('int_attrib__scopes') }} as scopes
    cross join lateral attrib.last_touch_attr(scopes.summary) as credit
)

select
    credit.source_relation,
    credit.conversion_type,
    credit.segment,
    credit.currency,
    credit.model,
    credit.channel,
    credit.first_day,
    credit.last_day,
    credit.conversions,
    credit.revenue,
    credit.share,
    credit.share - coalesce(last_touch.share, 0) as share_delta_vs_last_touch,
    intervals.conversions_low,
    intervals.conversions_high,
    intervals.share_low,
    intervals.share_high
from credit
left join last_touch using (source_relation, conversion_type, segment, currency, channel)
left join intervals using (source_relation, conversion_type, segment, currency, model, channel)
