{#- All enabled sources of conversions, in one shape. -#}
{%- set relations = [] -%}
{%- if var('attrib_conversions') is not none -%}{%- do relations.append(ref('stg_attrib_generic__conversions')) -%}{%- endif -%}
{%- if var('attrib_shopify') is not none -%}{%- do relations.append(ref('stg_shopify__orders')) -%}{%- endif -%}
{%- if var('attrib_stripe') is not none -%}{%- do relations.append(ref('stg_stripe__charges')) -%}{%- endif -%}

{{ attrib.union_of(relations, attrib.revenue_columns()) }}
