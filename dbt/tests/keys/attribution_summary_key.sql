{{ attrib.duplicates(ref('attribution_summary'), ['date_basis', 'model', 'period_start', 'source_relation', 'conversion_type', 'segment', 'currency', 'channel']) }}
