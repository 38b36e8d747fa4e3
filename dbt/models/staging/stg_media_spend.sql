{#- All enabled sources of media spend, in one shape. -#}
{%- set relations = [] -%}
{%- if var('attrib_spend') is not none -%}{%- do relations.append(ref('stg_attrib_generic__spend')) -%}{%- endif -%}

{{ attrib.union_of(relations, attrib.spend_columns()) }}
