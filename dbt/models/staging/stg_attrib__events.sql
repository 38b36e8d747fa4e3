{#- All enabled sources of events, in one shape. -#}
{%- set relations = [] -%}
{%- if var('attrib_events') is not none -%}{%- do relations.append(ref('stg_attrib_generic__events')) -%}{%- endif -%}

{{ attrib.union_of(relations, attrib.event_columns()) }}
