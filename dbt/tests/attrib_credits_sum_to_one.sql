{{ config(tags=['attrib']) }}
-- Every conversion is handed out exactly once under every model.
select conversion_id
from {{ ref('int_attrib__touch_credits') }}
group by conversion_id
having {% for model in attrib.journey_models() %}abs(sum({{ model }}) - 1) > 1e-9 or {% endfor %}false
{%- if 'markov' in var('attrib_models') %}
union all
select conversion_id
from {{ ref('int_attrib__markov_credits') }}
group by conversion_id
having abs(sum(markov_path) - 1) > 1e-9
{%- endif %}
