{{ config(tags=['attrib']) }}
-- Every conversion is handed out exactly once under every model.
select conversion_id
from {{ ref('int_attrib__touch_credits') }}
group by conversion_id
having {% for model in attrib.touch_models() %}abs(sum({{ model }}) - 1) > 1e-9{{ ' or ' if not loop.last }}{% endfor %}
