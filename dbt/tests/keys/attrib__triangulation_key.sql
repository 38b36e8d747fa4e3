{{ attrib.duplicates(ref('attrib__triangulation'), ['source_relation', 'conversion_type', 'segment', 'currency', 'channel']) }}
