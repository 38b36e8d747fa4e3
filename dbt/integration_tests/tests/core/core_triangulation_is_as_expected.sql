{{ config(enabled=var('attrib_test_core', false)) }}
{{ differences(ref('core_triangulation'), ref('core_expected_triangulation')) }}
