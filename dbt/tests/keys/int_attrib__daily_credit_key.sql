{{ attrib.duplicates(ref('int_attrib__daily_credit'), ['date_basis', 'date_day', 'model', 'source_relation', 'conversion_type', 'segment', 'currency', 'channel', 'campaign']) }}
