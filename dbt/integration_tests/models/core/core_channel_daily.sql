select date_basis, date_day, channel, campaign, conversions, revenue, spend, clicks, impressions, cpa, roas
from {{ ref('attrib', 'attrib__channel_daily') }}
where model = 'first_touch'
