select model, conversion_id, touch_number, touch_id, channel, campaign, round(credit::numeric, 6) as credit, round(revenue, 2) as revenue
from {{ ref('attrib', 'attrib__touch_credit') }}
