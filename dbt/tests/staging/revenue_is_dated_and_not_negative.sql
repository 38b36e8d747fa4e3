-- Refunds are netted against the order they refund.
select *
from {{ ref('stg_revenue') }}
where ordered_at is null or revenue is null or revenue < 0 or currency !~ '^[A-Z]{3}$' or currency is null
