{#- All enabled sources of conversions, in one shape. -#}
{%- set relations = [] -%}
{%- if var('attrib_conversions') is not none -%}{%- do relations.append(ref('stg_attrib_generic__conversions')) -%}{%- endif -%}

{{ attrib.union_of(relations, attrib.revenue_columns()) }}
