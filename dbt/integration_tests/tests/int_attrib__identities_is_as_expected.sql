{{ config(enabled=var('attrib_test_sources', false)) }}
{{ differences(ref('int_attrib__identities'), ref('sources_expected_identities')) }}
