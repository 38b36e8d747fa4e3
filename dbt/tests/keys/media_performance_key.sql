{{ attrib.duplicates(ref('media_performance'), ['date_day', 'source_relation', 'platform', 'account', 'channel', 'campaign', 'currency']) }}
