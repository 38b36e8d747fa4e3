{{ config(enabled=var('attrib_test_core', false)) }}
{{ differences(ref('core_touch_credit'), ref('core_expected_touch_credit')) }}
