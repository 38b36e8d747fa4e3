{#- One place knows how journeys are cut. Rows of a group need the same options, so callers put this into a scalar
    subquery: evaluated once, whatever the plan. -#}
{% macro journey_options(observed_until='null', counted_from='null', counted_until='null') -%}
  attrib.journey_options(
    lookback => {{ attrib.lookback() }},
    max_touches => {{ var('attrib_max_touches') if var('attrib_max_touches') is not none else 'null' }},
    reuse_touches => {{ 'true' if var('attrib_reuse_touches') else 'false' }},
    observed_until => {{ observed_until }},
    counted_from => {{ counted_from }},
    counted_until => {{ counted_until }},
    half_life => {{ attrib.half_life() }},
    channel_lookback => {{ attrib.literal(tojson(var('attrib_channel_lookback'))) }}::jsonb,
    transforms => {{ attrib.literal(tojson(var('attrib_transforms'))) }}::jsonb,
    time_zone => {{ attrib.literal(var('attrib_time_zone')) }})
{%- endmacro %}

{% macro lookback() -%} interval '{{ var('attrib_lookback_days') | int }} days' {%- endmacro %}

{% macro half_life() -%}
  {%- if var('attrib_half_life_days') is none -%} null {%- else -%} interval '{{ (var('attrib_half_life_days') * 24) | int }} hours' {%- endif -%}
{%- endmacro %}

{#- The day of an instant, and the first instant of a day, in the time zone of days. -#}
{% macro day_of(at) -%} (({{ at }}) at time zone {{ attrib.literal(var('attrib_time_zone')) }})::date {%- endmacro %}
{% macro start_of(day) -%} (({{ day }})::timestamp at time zone {{ attrib.literal(var('attrib_time_zone')) }}) {%- endmacro %}

{#- What shaped the rows of an incremental model. Other settings, other rows: all of them are built again. -#}
{% macro journey_settings() -%}
  {{ attrib.literal(tojson([var('attrib_lookback_days'), var('attrib_max_touches'), var('attrib_reuse_touches'), var('attrib_half_life_days'),
                            var('attrib_channel_lookback'), var('attrib_transforms'), var('attrib_time_zone'), var('attrib_reporting_sources')])) }}
{%- endmacro %}

{#- The name under which marts report a source. -#}
{% macro reporting_source(column) -%}
  {%- set names = var('attrib_reporting_sources') -%}
  {%- if names | length == 0 -%}
    ''::text
  {%- else -%}
    case {{ column }} {% for source, name in names.items() %} when {{ attrib.literal(source) }} then {{ attrib.literal(name) }} {% endfor %} else '' end
  {%- endif -%}
{%- endmacro %}

{#- What a journey is filed under besides its day: the reporting source, and what its conversion is. Lost journeys have
    the source alone. Packed into the segment of journey_parts_agg with a separator no name contains. -#}
{% macro pack_scope(source_relation, conversion_type="''", segment="''", currency="''") -%}
  ({{ source_relation }} || e'\x1f' || {{ conversion_type }} || e'\x1f' || {{ segment }} || e'\x1f' || {{ currency }})
{%- endmacro %}
{% macro unpack_scope(packed) -%}
    split_part({{ packed }}, e'\x1f', 1) as source_relation,
    split_part({{ packed }}, e'\x1f', 2) as conversion_type,
    split_part({{ packed }}, e'\x1f', 3) as segment,
    split_part({{ packed }}, e'\x1f', 4) as currency
{%- endmacro %}

{#- Deletes from an incremental model the days that were built from other inputs than today's (an expression over the row `days` of
    int_attrib__days), so that the model only builds the days it does not have. -#}
{% macro forget_changed_days(days, inputs, day='day') %}
  {%- if is_incremental() %}
    delete from {{ this }} as mine
    where not exists (select from {{ days }} as days where days.day = mine.{{ day }} and {{ inputs }} = mine.inputs)
  {%- else -%}
    select 1
  {%- endif %}
{% endmacro %}

{#- The same for a model with an index on the day, whose rows are too many to look at each: from day to day by the index. -#}
{% macro forget_changed_days_by_index(days, inputs) %}
  {%- if is_incremental() %}
    with recursive built as (
        (select day, inputs from {{ this }} order by day limit 1)
        union all
        select next.day, next.inputs
        from built
        cross join lateral (select day, inputs from {{ this }} as mine where mine.day > built.day order by mine.day limit 1) as next
    )
    delete from {{ this }}
    where day = any (array(
        select mine.day
        from built as mine
        where not exists (select from {{ days }} as days where days.day = mine.day and {{ inputs }} = mine.inputs)))
  {%- else -%}
    select 1
  {%- endif %}
{% endmacro %}

{#- Touches and conversions as the aggregates of the extension take them. Touches are many, so their scope is a constant where it
    can be. -#}
{% macro journey_events() -%}
    select person_id, touched_at as at, channel, false as converted, 0::float8 as value, {{ attrib.pack_scope('source_relation' if var('attrib_reporting_sources') else "''") }} as scope
    from {{ ref('int_attrib__touches') }}
    union all
    select person_id, converted_at, null, true, revenue::float8, {{ attrib.pack_scope('source_relation', 'conversion_type', 'segment', 'currency') }}
    from {{ ref('int_attrib__conversions') }}
{%- endmacro %}
