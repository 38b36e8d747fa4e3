{#- All enabled sources of external factors, in one shape. -#}
{%- set relations = [] -%}
{%- if var('attrib_factors') is not none -%}{%- do relations.append(ref('stg_attrib_generic__factors')) -%}{%- endif -%}

{{ attrib.union_of(relations, attrib.factor_columns()) }}
