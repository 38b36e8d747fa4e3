{{ config(enabled=var('attrib_mmm_enabled')) }}
{{ attrib.duplicates(ref('mmm__budget_plan'), ['run_id', 'scenario', 'channel']) }}
