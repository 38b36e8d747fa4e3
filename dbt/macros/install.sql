{#- The version of the extension must be known before any model calls it. -#}
{% macro assert_extension() %}
  {%- if execute and flags.WHICH in ('run', 'build', 'test', 'snapshot') -%}
    {%- if var('attrib_create_extension') -%}
      {%- do run_query('create extension if not exists attrib') -%}
    {%- endif -%}
    {%- set wanted = var('attrib_minimum_version') | string -%}
    {%- set found = run_query("select extversion from pg_extension where extname = 'attrib'") -%}
    {%- set available = run_query("select default_version from pg_available_extensions where name = 'attrib'") -%}
    {%- if found | length == 0 -%}
      {%- if available | length == 0 -%}
        {{ exceptions.raise_compiler_error("the PostgreSQL extension attrib is not installed on this server. Its files come first ('make install', or its package); then an administrator runs: dbt run-operation install_attrib") }}
      {%- endif -%}
      {{ exceptions.raise_compiler_error("the PostgreSQL extension attrib is not created in database '" ~ target.dbname ~ "'. Someone with CREATE on the database runs: dbt run-operation install_attrib   (or: CREATE EXTENSION attrib)") }}
    {%- endif -%}
    {%- set version = found.columns[0].values()[0] -%}
    {%- if attrib.version_number(version) < attrib.version_number(wanted) -%}
      {{ exceptions.raise_compiler_error("this package needs the PostgreSQL extension attrib " ~ wanted ~ " or later, database '" ~ target.dbname ~ "' has " ~ version ~ ". An administrator runs: dbt run-operation install_attrib   (or: ALTER EXTENSION attrib UPDATE)") }}
    {%- endif -%}
  {%- endif -%}
{% endmacro %}


{#- "1.10" is later than "1.9". -#}
{% macro version_number(version) %}
  {%- set parts = (version | string).split('.') -%}
  {%- do return((parts[0] | int) * 1000000 + ((parts[1] if parts | length > 1 else 0) | int) * 1000 + ((parts[2] if parts | length > 2 else 0) | int)) -%}
{% endmacro %}


{#- For administrators: dbt run-operation install_attrib -#}
{% macro install_attrib() %}
  {%- do run_query('create extension if not exists attrib') -%}
  {%- do run_query('alter extension attrib update') -%}
  {%- set version = run_query("select extversion from pg_extension where extname = 'attrib'").columns[0].values()[0] -%}
  {%- do log('attrib ' ~ version ~ ' is installed in database ' ~ target.dbname, info=true) -%}
{% endmacro %}
