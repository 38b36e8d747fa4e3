{#- The seed, or whatever attrib_channel_rules names in its place. -#}
select priority, source_pattern, medium_pattern, campaign_pattern, channel
from {{ ref(var('attrib_channel_rules')) }}
