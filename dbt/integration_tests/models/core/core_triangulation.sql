select channel, spend, last_touch_share, round(markov_share::numeric, 6) as markov_share, lift_test_roas,
    round(lift_test_roas_low::numeric, 6) as lift_test_roas_low, round(lift_test_roas_high::numeric, 6) as lift_test_roas_high, lift_tests
from {{ ref('attrib', 'attrib__triangulation') }}
where segment = 'web'
