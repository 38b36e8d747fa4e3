{{ attrib.duplicates(ref('attrib__blended_roas'), ['date_day', 'source_relation', 'currency']) }}
