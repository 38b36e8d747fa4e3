{{ attrib.duplicates(ref('int_attrib__scopes'), ['source_relation', 'conversion_type', 'segment', 'currency']) }}
