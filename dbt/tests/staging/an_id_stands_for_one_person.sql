select id_type, id, count(*) as rows
from {{ ref('int_attrib__identities') }}
group by id_type, id
having count(*) > 1 or bool_or(person_id is null)
