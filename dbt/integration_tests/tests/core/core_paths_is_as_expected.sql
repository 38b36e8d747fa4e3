{{ config(enabled=var('attrib_test_core', false)) }}
{{ differences(ref('attrib', 'attrib__paths'), ref('core_expected_paths')) }}
