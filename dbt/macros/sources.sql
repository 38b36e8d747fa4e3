{#- A column of a generic source: what the user's mapping says, else the column of that name, else NULL. Timestamps
    without time zone are read in attrib_source_time_zone. -#}
{% macro source_column(columns, name, type, mapping={}) %}
  {%- if mapping.get(name) is not none -%}
    {{ '(' ~ mapping[name] ~ ')::' ~ type }}
  {%- elif name in columns -%}
    {%- if type == 'timestamptz' and columns[name] in ('timestamp without time zone', 'date') -%}
      {{ '"' ~ name ~ '"' ~ "::timestamp at time zone '" ~ var('attrib_source_time_zone') ~ "'" }}
    {%- else -%}
      {{ '"' ~ name ~ '"::' ~ type }}
    {%- endif -%}
  {%- else -%}
    null::{{ type }}
  {%- endif -%}
{% endmacro %}


{#- {column: type} of a relation; empty while parsing. -#}
{% macro source_columns(relation) %}
  {%- set columns = {} -%}
  {%- if execute -%}
    {%- for column in adapter.get_columns_in_relation(relation) -%}
      {%- do columns.update({column.name: column.data_type}) -%}
    {%- endfor -%}
  {%- endif -%}
  {%- do return(columns) -%}
{% endmacro %}


{#- {name: SQL} for {name: type}: the columns of a vendor's table. What the table lacks is NULL, since loaders make a column only
    when they first see a value for it. -#}
{% macro vendor_columns(relation, types) %}
  {%- set present = attrib.source_columns(relation) -%}
  {%- set sql = {} -%}
  {%- for name, type in types.items() -%}
    {%- do sql.update({name: attrib.source_column(present, name, type)}) -%}
  {%- endfor -%}
  {%- do return(sql) -%}
{% endmacro %}


{#- union all of the given relations, each with these columns ({name: type}, in this order); without any, no rows.
    relations: those that are enabled; a model asks var() itself so that only enabled models are referenced. -#}
{% macro union_of(relations, columns) %}
  {%- for relation in relations %}
select {{ columns.keys() | join(', ') }} from {{ relation }}
    {%- if not loop.last %}
union all
    {%- endif -%}
  {%- else %}
select {% for name, type in columns.items() %}null::{{ type }} as {{ name }}{{ ', ' if not loop.last }}{% endfor %} where false
  {%- endfor %}
{% endmacro %}


{#- The columns of the four models everything normalises into. A source may leave is_touch of a page NULL: stg_attrib__events
    then decides by where the visitor came from. -#}
{% macro event_columns() %}
  {%- do return({
    'source_relation': 'text', 'event_id': 'text', 'anonymous_id': 'text', 'user_id': 'text', 'occurred_at': 'timestamptz',
    'event_name': 'text', 'channel': 'text', 'source': 'text', 'medium': 'text', 'campaign': 'text', 'content': 'text',
    'term': 'text', 'referrer': 'text', 'url': 'text', 'is_touch': 'boolean', 'is_conversion': 'boolean', 'order_id': 'text',
    'value': 'numeric', 'currency': 'text'}) -%}
{% endmacro %}

{% macro spend_columns() %}
  {%- do return({
    'source_relation': 'text', 'date_day': 'date', 'platform': 'text', 'account': 'text', 'campaign': 'text', 'channel': 'text',
    'currency': 'text', 'spend': 'numeric', 'clicks': 'bigint', 'impressions': 'bigint'}) -%}
{% endmacro %}

{% macro revenue_columns() %}
  {%- do return({
    'source_relation': 'text', 'order_id': 'text', 'user_id': 'text', 'anonymous_id': 'text', 'ordered_at': 'timestamptz',
    'conversion_type': 'text', 'currency': 'text', 'revenue': 'numeric', 'segment': 'text'}) -%}
{% endmacro %}

{% macro factor_columns() %}
  {%- do return({'source_relation': 'text', 'date_day': 'date', 'geo': 'text', 'factor': 'text', 'value': 'float8'}) -%}
{% endmacro %}


{% macro lift_test_columns() %}
  {%- do return({
    'channel': 'text', 'date_from': 'date', 'date_to': 'date', 'measured_until': 'date', 'spend_change': 'float8', 'lift': 'float8',
    'standard_error': 'float8'}) -%}
{% endmacro %}


{#- Python values as SQL literals. -#}
{% macro list_literal(values, type='text') %}
  {%- if values | length == 0 -%}
    '{}'::{{ type }}[]
  {%- else -%}
    array[{% for v in values %}'{{ v | string | replace("'", "''") }}'{{ ', ' if not loop.last }}{% endfor %}]::{{ type }}[]
  {%- endif -%}
{% endmacro %}

{#- Named arguments of a function call from a mapping; lists are arrays of text where arrays names them, else JSON. -#}
{% macro named_arguments(arguments, arrays=[]) %}
  {%- for name, value in arguments.items() -%}
    , {{ name }} =>
    {%- if value is none %} null
    {%- elif value is boolean or value is number %} {{ value | lower }}
    {%- elif name in arrays %} {{ attrib.list_literal(value) }}
    {%- elif value is string %} {{ attrib.literal(value) }}
    {%- else %} {{ attrib.literal(tojson(value)) }}::jsonb
    {%- endif -%}
  {%- endfor -%}
{% endmacro %}

{% macro literal(value) %}
  {%- if value is none -%} null {%- else -%} '{{ value | string | replace("'", "''") }}' {%- endif -%}
{% endmacro %}


{#- An event is a conversion where its own column says so, or its name is one of attrib_conversion_events. -#}
{% macro generic_is_conversion(sql) -%}
  coalesce({{ sql['is_conversion'] }}, {{ sql['event_name'] }} = any ({{ attrib.list_literal(var('attrib_conversion_events')) }}), false)
{%- endmacro %}
