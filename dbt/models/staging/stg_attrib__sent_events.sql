{#- All enabled sources of events, in one shape, as they say it. -#}
{%- set relations = [] -%}
{%- if var('attrib_events') is not none -%}{%- do relations.append(ref('stg_attrib_generic__events')) -%}{%- endif -%}
{%- if var('attrib_segment') is not none -%}{%- do relations.extend([ref('stg_segment__pages'), ref('stg_segment__tracks')]) -%}{%- endif -%}
{%- if var('attrib_snowplow') is not none -%}{%- do relations.append(ref('stg_snowplow__events')) -%}{%- endif -%}
{%- if var('attrib_ga4') is not none -%}{%- do relations.append(ref('stg_ga4__events')) -%}{%- endif -%}

{{ attrib.union_of(relations, attrib.event_columns()) }}
