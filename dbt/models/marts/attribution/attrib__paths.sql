{{ attrib.mart_config(['conversion_id']) }}

select
    conversion_id,
    day as date_day,
    converted_at,
    person_id,
    source_relation,
    conversion_type,
    segment,
    currency,
    revenue::numeric(28, 6) as revenue,
    array_to_string(path, ' > ') as path,
    path as path_channels,
    cardinality(path) as touches,
    coalesce(path[1], '(unattributed)') as first_channel,
    coalesce(path[cardinality(path)], '(unattributed)') as last_channel,
    touched_at[1] as first_touched_at,
    (extract(epoch from converted_at - touched_at[1]) / 3600)::float8 as hours_to_convert
from {{ ref('int_attrib__journeys') }}
