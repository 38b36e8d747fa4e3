{{ config(tags=['attrib']) }}
-- Attributed and unattributed together are what happened: by day of conversion, in every model.
with actual as (
    select day as date_day, source_relation, conversion_type, segment, currency, count(*) as conversions, sum(revenue) as revenue
    from {{ ref('int_attrib__conversions') }}
    group by 1, 2, 3, 4, 5
),

credited as (
    select date_day, model, source_relation, conversion_type, segment, currency, sum(conversions) as conversions, sum(revenue) as revenue
    from {{ ref('int_attrib__daily_credit') }}
    where date_basis = 'conversion'
    group by 1, 2, 3, 4, 5, 6
),

models as (
    select model from unnest({{ attrib.list_literal(attrib.touch_models() if 'conversion' in var('attrib_date_bases') else []) }}) as model
),

expected as (
    select actual.*, models.model from actual cross join models
)

select date_day, model, source_relation, conversion_type, segment, currency, expected.conversions, credited.conversions as credited, expected.revenue, credited.revenue as credited_revenue
from expected
full join credited using (date_day, model, source_relation, conversion_type, segment, currency)
where abs(coalesce(expected.conversions, 0) - coalesce(credited.conversions, 0)) > 1e-6
    or abs(coalesce(expected.revenue, 0) - coalesce(credited.revenue, 0)) > greatest(0.01, 1e-6 * coalesce(expected.revenue, 0))
