{{ config(enabled=var('attrib_mmm_enabled')) }}
{{ attrib.duplicates(ref('mmm__response_curve'), ['run_id', 'channel', 'multiplier']) }}
