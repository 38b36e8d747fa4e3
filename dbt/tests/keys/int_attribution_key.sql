{{ attrib.duplicates(ref('int_attribution'), ['day', 'source_relation', 'conversion_type', 'segment', 'currency']) }}
