{{ config(materialized=attrib.materialization('table'), indexes=attrib.refresh_index(['source_relation', 'conversion_type', 'segment', 'currency']), persist_docs=attrib.documented()) }}

{#- Removal effects of each channel, for sharing single conversions by them. -#}
select
    scopes.source_relation,
    scopes.conversion_type,
    scopes.segment,
    scopes.currency,
    jsonb_object_agg(effects.channel, effects.removal_effect) as effects
from {{ ref('int_attrib__scopes') }} as scopes
cross join lateral attrib.markov_removal_effect(
    scopes.summary,
    {{ var('attrib_model_options').get('markov', {}).get('markov_order', 1) }},
    {{ var('attrib_model_options').get('markov', {}).get('collapse_repeats', true) }}) as effects
where effects.removal_effect is not null
group by scopes.source_relation, scopes.conversion_type, scopes.segment, scopes.currency
