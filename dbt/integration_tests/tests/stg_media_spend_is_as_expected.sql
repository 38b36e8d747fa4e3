{{ config(enabled=var('attrib_test_sources', false)) }}
{{ differences(ref('stg_media_spend'), ref('sources_expected_media_spend')) }}
