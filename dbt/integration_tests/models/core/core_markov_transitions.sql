select from_state, to_state, transitions, round(probability::numeric, 6) as probability
from {{ ref('attrib', 'attrib__markov_transitions') }}
where segment = 'web'
