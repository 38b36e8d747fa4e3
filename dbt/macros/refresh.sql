{#- Makes attrib_refresh() beside attrib__runs, where materialized views are asked for. -#}
{% macro create_refresh() %}
  {%- if execute and var('attrib_materialized_views') and flags.WHICH in ('run', 'build') -%}
    {%- set views = [] -%}
    {%- for node in graph.nodes.values() if node.package_name == 'attrib' and node.config.materialized == 'materialized_view' -%}
      {%- do views.append(api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias).include(database=false) | string) -%}
    {%- endfor -%}
    {%- set runs = (graph.nodes.values() | selectattr('unique_id', 'equalto', 'model.attrib.attrib__runs') | list)[0] -%}
    {%- set log = api.Relation.create(database=runs.database, schema=runs.schema, identifier=runs.alias).include(database=false) -%}
    {%- set days_node = (graph.nodes.values() | selectattr('unique_id', 'equalto', 'model.attrib.int_attrib__days') | list)[0] -%}
    {%- set days = api.Relation.create(database=days_node.database, schema=days_node.schema, identifier=days_node.alias).include(database=false) -%}
create or replace procedure {{ log.include(identifier=false) }}.attrib_refresh(concurrent boolean default true)
language plpgsql
as $procedure$
declare
  began timestamptz := clock_timestamp();
  view regclass;
  views regclass[];
begin
  -- A view comes after all that it reads, directly or through other views.
  with recursive reads as (
    select distinct rule.ev_class as reader, depends.refobjid as source
    from pg_catalog.pg_depend as depends
    inner join pg_catalog.pg_rewrite as rule on rule.oid = depends.objid and rule.ev_class <> depends.refobjid
    where depends.classid = 'pg_catalog.pg_rewrite'::regclass and depends.refclassid = 'pg_catalog.pg_class'::regclass
  ),
  places as (
    select name::regclass::oid as relation, 0 as place
    from unnest({{ attrib.list_literal(views) }}) as name
    union
    select reads.reader, places.place + 1
    from places
    inner join reads on reads.source = places.relation
  )
  select array_agg(relation::regclass order by place, relation::regclass::text)
  into views
  from (select relation, max(place) as place from places group by relation) as ordered
  inner join pg_catalog.pg_class on pg_class.oid = ordered.relation and pg_class.relkind = 'm';

  foreach view in array views loop
    execute format('refresh materialized view %s %s',
      case when concurrent and exists (
          select from pg_catalog.pg_index
          where indrelid = view and indisunique and indpred is null and indexprs is null) then 'concurrently' end,
      view);
    -- Each view is given free at once, and its locks with it.
    commit;
  end loop;

  insert into {{ log }} (run_id, kind, started_at, finished_at, extension_version, package_version, dbt_version, parameters,
    input_fingerprint, touches, conversions, observed_until, mmm_run_id)
  select
    md5(began::text || pg_backend_pid()), 'refresh', began, clock_timestamp(),
    (select extversion from pg_catalog.pg_extension where extname = 'attrib'), {{ attrib.literal(attrib.package_version()) }}, null,
    {{ attrib.literal(attrib.run_parameters()) }}::jsonb,
    md5(string_agg(day || '=' || fingerprint, ',' order by day)), sum(touches), sum(conversions), max(observed_until),
    {% if var('attrib_mmm_enabled') -%}
    {%- set models_node = (graph.nodes.values() | selectattr('unique_id', 'equalto', 'model.attrib.int_mmm__models') | list)[0] -%}
    (select max(run_id) from {{ api.Relation.create(database=models_node.database, schema=models_node.schema, identifier=models_node.alias).include(database=false) }})
    {%- else -%} null {%- endif %}
  from {{ days }};
end
$procedure$;
comment on procedure {{ log.include(identifier=false) }}.attrib_refresh(boolean) is
  'refreshes the materialized views of the dbt package attrib in the order in which they read each other, and logs the run in attrib__runs';
  {%- endif -%}
{% endmacro %}
