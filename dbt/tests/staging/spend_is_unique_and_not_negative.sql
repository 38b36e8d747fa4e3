-- A row for each day, platform, account, campaign, channel and currency of a source; anything else would be double spend.
select source_relation, date_day, platform, account, campaign, channel, currency, count(*) as rows, min(spend) as spend
from {{ ref('stg_media_spend') }}
group by source_relation, date_day, platform, account, campaign, channel, currency
having count(*) > 1 or date_day is null or min(spend) < 0 or currency is null or channel is null
