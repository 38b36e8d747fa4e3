{{ config(enabled=var('attrib_test_sources', false)) }}
{{ differences(ref('int_attrib__channels'), ref('sources_expected_channels')) }}
