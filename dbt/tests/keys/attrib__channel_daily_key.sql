{{ attrib.duplicates(ref('attrib__channel_daily'), ['date_basis', 'model', 'date_day', 'source_relation', 'currency', 'channel', 'campaign']) }}
