select source, medium, campaign, count(*) as rows
from {{ ref('int_attrib__channels') }}
group by source, medium, campaign
having count(*) > 1
