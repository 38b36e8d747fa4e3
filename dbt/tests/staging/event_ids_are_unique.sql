-- An event that came twice would count twice. Hashes of 64 bits stand in for the ids: on millions of rows that is several times
-- faster than grouping them.
select count(*) - count(distinct hashtextextended(source_relation || e'\x1f' || event_id, 0)) as duplicates
from {{ ref('stg_attrib__events') }}
having count(*) > count(distinct hashtextextended(source_relation || e'\x1f' || event_id, 0))
