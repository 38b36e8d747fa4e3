select source_relation, order_id, count(*) as rows
from {{ ref('stg_revenue') }}
group by source_relation, order_id
having count(*) > 1 or order_id is null
