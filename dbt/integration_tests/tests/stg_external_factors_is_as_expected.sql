{{ config(enabled=var('attrib_test_sources', false)) }}
{{ differences(ref('stg_external_factors'), ref('sources_expected_external_factors')) }}
