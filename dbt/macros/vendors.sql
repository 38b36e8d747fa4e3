{#- Is the event's name one of attrib_conversion_events? -#}
{% macro is_conversion_event(name) -%}
  coalesce({{ name }} = any ({{ attrib.list_literal(var('attrib_conversion_events')) }}), false)
{%- endmacro %}


{#- An id, or NULL where a tracker filled the gap with one of attrib_ignored_ids: such an id would make strangers one person. -#}
{% macro known_id(id) -%}
  case when not {{ id }} = any ({{ attrib.list_literal(var('attrib_ignored_ids')) }}) then {{ id }} end
{%- endmacro %}


{#- A record of the GA4 export as jsonb: the export's own nested column, or the columns into which a loader flattened it. -#}
{% macro ga4_record(present, record, fields) -%}
  {%- if record in present -%}
    {{ record }}::jsonb
  {%- else -%}
    {%- set pairs = [] -%}
    {%- for field in fields if record ~ '_' ~ field in present -%}
      {%- do pairs.append("'" ~ field ~ "', " ~ record ~ '_' ~ field) -%}
    {%- endfor -%}
    {%- if pairs | length == 0 -%} null::jsonb {%- else -%} jsonb_strip_nulls(jsonb_build_object({{ pairs | join(', ') }})) {%- endif -%}
  {%- endif -%}
{%- endmacro %}


{#- The latest state of each id of a history table: {alias: column} of what is wanted, `id` among it, by the column that grows
    with each version. -#}
{% macro latest_of(relation, version, columns) -%}
  {%- set present = attrib.source_columns(relation) -%}
  select distinct on (1)
      {{ attrib.source_column(present, columns.id, 'text') }} as id
  {%- for alias, column in columns.items() if alias != 'id' %},
      {{ attrib.source_column(present, column, 'text') }} as {{ alias }}
  {%- endfor %}
  from {{ relation }}
  order by 1{% if version in present %}, {{ version }} desc nulls last{% endif %}
{%- endmacro %}


{#- Daily spend by campaign in the columns of stg_media_spend, from how an ad platform's tables are loaded: a report, whose ids
    get their names from histories. Each of the three is {of: relation, alias: column}; what a platform does not have is left out.
      report     date, spend, clicks, impressions; campaign_id or ad_id; account_id, currency
      campaigns  version, id, name; account_id, kind
      accounts   version, id, name, currency
      ads        version, id, campaign_id; where the report knows ads alone
    `units` of the report's spend make one of the currency. -#}
{% macro campaign_spend(platform, report, campaigns, accounts, ads={}, units=1) -%}
  {%- set present = attrib.source_columns(report.of) -%}
  {%- set c = {} -%}
  {%- for alias, type in {'date': 'date', 'account_id': 'text', 'campaign_id': 'text', 'ad_id': 'text', 'currency': 'text', 'spend': 'numeric',
                          'clicks': 'numeric', 'impressions': 'numeric'}.items() -%}
    {%- do c.update({alias: attrib.source_column(present, report.get(alias), type)}) -%}
  {%- endfor -%}
  {%- set histories = {'campaigns': campaigns, 'accounts': accounts} -%}
  {%- if ads -%}{%- do histories.update({'ads': ads}) -%}{%- endif -%}
with report as (
    select
        {{ c.date }} as date_day,
        {{ c.account_id }} as account_id,
        {{ c.campaign_id }} as campaign_id,
        {{ c.ad_id }} as ad_id,
        {{ c.currency }} as currency,
        {{ c.spend }} / {{ units }} as spend,
        {{ c.clicks }} as clicks,
        {{ c.impressions }} as impressions
    from {{ report.of }}
),
{%- for name, history in histories.items() %}
{%- set wanted = {} %}
{%- for alias, column in history.items() if alias not in ('of', 'version') %}{%- do wanted.update({alias: column}) -%}{% endfor %}

{{ name }} as (
    {{ attrib.latest_of(history.of, history.version, wanted) }}
),
{%- endfor %}

daily as (
    select
        report.date_day,
        coalesce(accounts.name, report.account_id{{ ', campaigns.account_id' if campaigns.account_id }}, '') as account,
        coalesce(campaigns.name, report.campaign_id{{ ", ads.campaign_id, 'ad ' || report.ad_id" if ads }}) as campaign,
        {{ 'campaigns.kind' if campaigns.kind else 'null::text' }} as kind,
        coalesce(upper(coalesce(report.currency, accounts.currency)), {{ attrib.literal(var('attrib_currency')) }}) as currency,
        trim_scale(coalesce(sum(report.spend), 0)) as spend,
        coalesce(sum(report.clicks), 0)::bigint as clicks,
        coalesce(sum(report.impressions), 0)::bigint as impressions
    from report
    {%- if ads %}
    left join ads on ads.id = report.ad_id
    {%- endif %}
    left join campaigns on campaigns.id = {{ 'ads' if ads else 'report' }}.campaign_id
    left join accounts on accounts.id = {{ 'campaigns' if campaigns.account_id else 'report' }}.account_id
    where report.date_day is not null
    group by 1, 2, 3, 4, 5
)

select
    '{{ platform }}' as source_relation,
    date_day,
    '{{ platform }}' as platform,
    account,
    campaign,
    coalesce({{ attrib.channel_rule(attrib.spend_source("'" ~ platform ~ "'"), "'cpc'", 'campaign') }}, {{ attrib.spend_channel("'" ~ platform ~ "'", 'kind') }}) as channel,
    currency,
    spend,
    clicks,
    impressions
from daily
{%- endmacro %}


{#- How many minor units Stripe counts in one unit of a currency (docs.stripe.com/currencies): most have a hundred, some none and
    some a thousand. Icelandic and Ugandan amounts are said in hundredths though their money has none. -#}
{% macro stripe_minor_units(currency) -%}
  case
    when lower({{ currency }}) in ('bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf') then 1
    when lower({{ currency }}) in ('bhd', 'jod', 'kwd', 'omr', 'tnd') then 1000
    else 100
  end
{%- endmacro %}


{#- Does stg_attrib__events keep what it read? Where web addresses are read, which takes long. -#}
{% macro keeps_events() -%}
  {{- return(var('attrib_segment') is not none or var('attrib_snowplow') is not none or var('attrib_ga4') is not none) -}}
{%- endmacro %}

{#- The day by which it keeps them: UTC, whatever attrib_time_zone; events without a time are kept, too. -#}
{% macro sent_day(at) -%} coalesce(({{ at }} at time zone 'UTC')::date, '-infinity') {%- endmacro %}
