{{ config(enabled=var('attrib_test_core', false)) }}
{{ differences(ref('core_markov_transitions'), ref('core_expected_markov_transitions')) }}
