{{ attrib.duplicates(ref('int_attrib__effects'), ['source_relation', 'conversion_type', 'segment', 'currency']) }}
