{{ attrib.orphans(ref('int_attrib__touch_credits'), 'conversion_id', ref('attrib__paths'), 'conversion_id') }}
