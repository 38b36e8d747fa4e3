{{ attrib.orphans(ref('int_attrib__journeys'), 'conversion_id', ref('int_attrib__conversions'), 'conversion_id') }}
