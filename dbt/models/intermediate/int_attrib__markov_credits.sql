{{ config(materialized='view', persist_docs=attrib.documented(), enabled='markov' in var('attrib_models')) }}

{#- Not kept: a day more moves the removal effects and with them every row. -#}
{{ attrib.touch_credits_of(ref('int_attrib__journeys'), ['markov_path'], effects=ref('int_attrib__effects')) }}
