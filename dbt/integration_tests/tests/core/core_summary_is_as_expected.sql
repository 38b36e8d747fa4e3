{{ config(enabled=var('attrib_test_core', false)) }}
{{ differences(ref('core_summary'), ref('core_expected_summary')) }}
