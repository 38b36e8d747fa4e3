{{ config(enabled=var('attrib_test_sources', false)) }}
{{ differences(ref('stg_revenue'), ref('sources_expected_revenue')) }}
