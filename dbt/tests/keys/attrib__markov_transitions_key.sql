{{ attrib.duplicates(ref('attrib__markov_transitions'), ['source_relation', 'conversion_type', 'segment', 'currency', 'from_state', 'to_state']) }}
