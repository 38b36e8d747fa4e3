{{ attrib.duplicates(ref('int_performance_agg'), ['date_basis', 'date_day', 'model', 'source_relation', 'currency', 'channel', 'campaign']) }}
