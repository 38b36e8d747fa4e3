{{ attrib.duplicates(ref('attrib__model_comparison'), ['source_relation', 'conversion_type', 'segment', 'currency', 'model', 'channel']) }}
