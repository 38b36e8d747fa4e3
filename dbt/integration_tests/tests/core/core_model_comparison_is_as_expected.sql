{{ config(enabled=var('attrib_test_core', false)) }}
{{ differences(ref('core_model_comparison'), ref('core_expected_model_comparison')) }}
