{{ attrib.duplicates(ref('int_attrib__touch_credits'), ['conversion_id', 'touch_number']) }}
