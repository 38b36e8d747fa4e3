select model, channel, round(conversions::numeric, 6) as conversions, round(revenue, 2) as revenue, round(share::numeric, 6) as share,
    round(share_delta_vs_last_touch::numeric, 6) as share_delta_vs_last_touch
from {{ ref('attrib', 'attrib__model_comparison') }}
where segment = 'web' and model in ('last_touch', 'linear', 'markov')
