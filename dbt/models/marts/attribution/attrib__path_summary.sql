{{ attrib.mart_config(['path_id']) }}

select
    md5({{ attrib.pack_scope('scopes.source_relation', 'scopes.conversion_type', 'scopes.segment', 'scopes.currency') }} || e'\x1f' || array_to_string(journeys.path, e'\x1f')) as path_id,
    scopes.source_relation,
    scopes.conversion_type,
    scopes.segment,
    scopes.currency,
    array_to_string(journeys.path, ' > ') as path,
    cardinality(journeys.path) as touches,
    journeys.conversions,
    journeys.lost,
    journeys.open,
    journeys.value::numeric(28, 6) as revenue,
    journeys.conversions / nullif(journeys.conversions + journeys.lost, 0)::float8 as conversion_rate
from {{ ref('int_attrib__scopes') }} as scopes
cross join lateral attrib.journeys(scopes.summary) as journeys
where journeys.conversions + journeys.lost >= {{ var('attrib_path_summary_min_journeys') }}
