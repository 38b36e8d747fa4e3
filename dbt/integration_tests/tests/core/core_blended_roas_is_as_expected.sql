{{ config(enabled=var('attrib_test_core', false)) }}
{{ differences(ref('attrib', 'attrib__blended_roas'), ref('core_expected_blended_roas')) }}
