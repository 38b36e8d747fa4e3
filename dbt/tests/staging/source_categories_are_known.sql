select *
from {{ ref('attrib_sources') }}
where category not in ('search', 'social', 'video', 'shopping', 'email', 'payment')
