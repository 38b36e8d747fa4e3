{{ attrib.mart_config(['source_relation', 'conversion_type', 'segment', 'currency', 'from_state', 'to_state']) }}

select
    scopes.source_relation,
    scopes.conversion_type,
    scopes.segment,
    scopes.currency,
    array_to_string(transitions.from_state, ' > ') as from_state,
    array_to_string(transitions.to_state, ' > ') as to_state,
    transitions.transitions,
    transitions.probability
from {{ ref('int_attrib__scopes') }} as scopes
cross join lateral attrib.markov_transitions(scopes.summary, {{ var('attrib_markov_order') }}) as transitions
