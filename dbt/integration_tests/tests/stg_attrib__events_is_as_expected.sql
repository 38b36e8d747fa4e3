{{ config(enabled=var('attrib_test_sources', false)) }}
{{ differences(ref('stg_attrib__events'), ref('sources_expected_events')) }}
