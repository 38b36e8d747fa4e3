{{ config(enabled=var('attrib_mmm_enabled')) }}
{{ attrib.duplicates(ref('optimization_inputs'), ['run_id', 'channel']) }}
