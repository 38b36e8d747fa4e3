{#- The seed, or whatever attrib_channel_rules names in its place: a seed or model of your project. -#}
{%- set name = var('attrib_channel_rules') -%}
select priority, source_pattern, medium_pattern, campaign_pattern, channel
from {{ ref('attrib', name) if name == 'attrib_channel_rules' else ref(project_name, name) }}
