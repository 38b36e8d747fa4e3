select source_relation, event_id
from {{ ref('stg_attrib__events') }}
where occurred_at is null or not isfinite(occurred_at)
