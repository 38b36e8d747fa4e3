{{ attrib.mart_config(['source_relation', 'conversion_type', 'segment', 'currency', 'channel']) }}

{#- What each kind of evidence says about a channel, side by side. They answer different questions; where they disagree,
    experiment. -#}
with comparison as (
    select * from {{ ref('attrib__model_comparison') }}
),

attribution as (
    select
        source_relation,
        conversion_type,
        segment,
        currency,
        channel,
        max(conversions) filter (where model = 'last_touch') as last_touch_conversions,
        max(revenue) filter (where model = 'last_touch') as last_touch_revenue,
        max(share) filter (where model = 'last_touch') as last_touch_share,
        max(conversions) filter (where model = 'markov') as markov_conversions,
        max(revenue) filter (where model = 'markov') as markov_revenue,
        max(share) filter (where model = 'markov') as markov_share,
        max(share_low) filter (where model = 'markov') as markov_share_low,
        max(share_high) filter (where model = 'markov') as markov_share_high,
        min(first_day) as first_day,
        max(last_day) as last_day
    from comparison
    group by source_relation, conversion_type, segment, currency, channel
),

spend as (
    select
        attribution.source_relation,
        attribution.currency,
        attribution.channel,
        attribution.conversion_type,
        attribution.segment,
        sum(media.spend) as spend
    from attribution
    inner join {{ ref('stg_media_spend') }} as media
        on media.channel = attribution.channel
        and media.currency = attribution.currency
        and {{ attrib.reporting_source('media.source_relation') }} = attribution.source_relation
        and media.date_day between attribution.first_day and attribution.last_day
    group by 1, 2, 3, 4, 5
),

{%- if var('attrib_mmm_enabled') %}

mmm as (
    select roas.channel, roas.roas, roas.roas_low, roas.roas_high, roas.contribution_share
    from {{ ref('int_mmm__models') }} as models
    cross join lateral attrib.mmm_roas(models.model) as roas
),
{%- endif %}

{#- Several experiments with a channel weigh by their precision. -#}
experiments as (
    select
        channel,
        sum(lift / spend_change / (standard_error / spend_change) ^ 2) / sum(1 / (standard_error / spend_change) ^ 2) as roas,
        1 / sqrt(sum(1 / (standard_error / spend_change) ^ 2)) as roas_error,
        count(*)::int as tests
    from (select * from {{ ref('stg_attrib__lift_tests') }} where spend_change <> 0 and standard_error > 0 order by channel, spend_change, lift, standard_error) as tests
    group by channel
)

select
    attribution.source_relation,
    attribution.conversion_type,
    attribution.segment,
    attribution.currency,
    attribution.channel,
    attribution.first_day,
    attribution.last_day,
    coalesce(spend.spend, 0)::numeric(28, 6) as spend,
    attribution.last_touch_conversions,
    attribution.last_touch_share,
    (attribution.last_touch_revenue / nullif(spend.spend, 0))::float8 as last_touch_roas,
    attribution.markov_conversions,
    attribution.markov_share,
    attribution.markov_share_low,
    attribution.markov_share_high,
    (attribution.markov_revenue / nullif(spend.spend, 0))::float8 as markov_roas,
    {% if var('attrib_mmm_enabled') -%}
    mmm.contribution_share as mmm_share,
    mmm.roas as mmm_roas,
    mmm.roas_low as mmm_roas_low,
    mmm.roas_high as mmm_roas_high,
    {%- else -%}
    null::float8 as mmm_share,
    null::float8 as mmm_roas,
    null::float8 as mmm_roas_low,
    null::float8 as mmm_roas_high,
    {%- endif %}
    experiments.roas as lift_test_roas,
    experiments.roas - 1.6448536269514722 * experiments.roas_error as lift_test_roas_low,
    experiments.roas + 1.6448536269514722 * experiments.roas_error as lift_test_roas_high,
    coalesce(experiments.tests, 0) as lift_tests
from attribution
left join spend using (source_relation, conversion_type, segment, currency, channel)
{%- if var('attrib_mmm_enabled') %}
left join mmm using (channel)
{%- endif %}
left join experiments using (channel)
