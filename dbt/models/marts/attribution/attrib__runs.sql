{{ config(
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false,
    on_schema_change='append_new_columns',
    contract={'enforced': true}
) }}

{#- A row for each run, never deleted; not even by a full refresh. attrib_refresh() adds to it. -#}
select
    {{ attrib.literal(invocation_id) }}::text as run_id,
    'build'::text as kind,
    {{ attrib.literal(run_started_at.isoformat()) }}::timestamptz as started_at,
    clock_timestamp() as finished_at,
    (select extversion from pg_catalog.pg_extension where extname = 'attrib')::text as extension_version,
    {{ attrib.literal(attrib.package_version()) }}::text as package_version,
    {{ attrib.literal(dbt_version) }}::text as dbt_version,
    {{ attrib.literal(attrib.run_parameters()) }}::jsonb as parameters,
    (select md5(string_agg(day || '=' || fingerprint, ',' order by day)) from {{ ref('int_attrib__days') }})::text as input_fingerprint,
    (select sum(touches) from {{ ref('int_attrib__days') }})::bigint as touches,
    (select sum(conversions) from {{ ref('int_attrib__days') }})::bigint as conversions,
    (select max(observed_until) from {{ ref('int_attrib__days') }})::timestamptz as observed_until,
    {% if var('attrib_mmm_enabled') -%}
    (select max(run_id) from {{ ref('int_mmm__models') }})::text as mmm_run_id
    {%- else -%}
    null::text as mmm_run_id
    {%- endif %}
