{#- All experiments, as mmm_fit() takes them. -#}
{%- set relations = [] -%}
{%- if var('attrib_lift_tests') is not none -%}{%- do relations.append(ref('stg_attrib_generic__lift_tests')) -%}{%- endif -%}

{{ attrib.union_of(relations, attrib.lift_test_columns()) }}
