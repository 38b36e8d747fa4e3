select period_start, conversion_type, segment, channel, conversions, revenue, share, spend, cpa, round(roas::numeric, 6) as roas
from {{ ref('attrib', 'attribution_summary') }}
where date_basis = 'conversion' and model = 'linear' and (conversions > 0 or spend > 0)
