{#- The channel of a touch from what the link, the referrer and the address say: an SQL expression over the columns of
    stg_attrib__events. Dispatched: a project may define default__channel_group of its own and put itself first in
    the search order of the namespace attrib. -#}
{% macro channel_group() %}
  {{- return(adapter.dispatch('channel_group', 'attrib')()) -}}
{% endmacro %}

{% macro default__channel_group() -%}
  case
    when source is null and medium is null and referrer is null then 'Direct'
    when medium in ('cpc', 'ppc', 'paid') then 'Paid Search'
    when medium = 'email' or source = 'email' then 'Email'
    when medium = 'organic' then 'Organic Search'
    when medium = 'social' then 'Organic Social'
    when medium = 'referral' or referrer is not null then 'Referral'
    else 'Unassigned'
  end
{%- endmacro %}
