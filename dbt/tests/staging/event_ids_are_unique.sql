-- An event that came twice would count twice.
select source_relation, event_id, count(*) as rows
from {{ ref('stg_attrib__events') }}
group by source_relation, event_id
having count(*) > 1 or event_id is null
