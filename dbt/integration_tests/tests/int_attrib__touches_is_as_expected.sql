{{ config(enabled=var('attrib_test_sources', false)) }}
{{ differences(ref('int_attrib__touches'), ref('sources_expected_touches')) }}
