{{ config(enabled=var('attrib_mmm_enabled')) }}
{{ attrib.duplicates(ref('mmm__decomposition'), ['run_id', 'date_day', 'component']) }}
