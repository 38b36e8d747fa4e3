{{ config(enabled=var('attrib_test_core', false)) }}
{{ differences(ref('core_channel_daily'), ref('core_expected_channel_daily')) }}
