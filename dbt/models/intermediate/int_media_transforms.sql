{{ config(materialized=attrib.materialization('table'), indexes=attrib.refresh_index(['period', 'channel']), persist_docs=attrib.documented(), enabled=var('attrib_mmm_enabled')) }}

{#- Spend carried over and saturated, with parameters you choose; the model finds its own. -#}
with spend as (
    select period, media.key as channel, media.value::float8 as spend
    from {{ ref('int_mmm__periods') }}
    cross join lateral jsonb_each_text(media) as media
),

carried as (
    select
        *,
        attrib.adstock(spend, {{ var('attrib_adstock_decay') }}, {{ var('attrib_adstock_max_lag') }}, true) over (partition by channel order by period) as adstock,
        {% if var('attrib_saturation_half') is none -%}
        nullif(avg(spend::numeric) over (partition by channel)::float8, 0)
        {%- else -%}
        {{ var('attrib_saturation_half') }}::float8
        {%- endif %} as half_saturation
    from spend
)

select
    period,
    channel,
    spend,
    adstock,
    half_saturation,
    attrib.hill_saturation(adstock, half_saturation) as saturation
from carried
