{{ config(materialized=attrib.materialization('table'), indexes=attrib.refresh_index(['source', 'medium', 'campaign']), persist_docs=attrib.documented()) }}

{#- Rules are looked up once for each way visits came, not for each visit. -#}
with ways as (
    select distinct source, medium, campaign
    from {{ ref('int_attrib__ways') }}
    where channel is null
),

categories as (
    select
        ways.*,
        (select min(category) from {{ ref('attrib_sources') }} as site
         where site.category <> 'payment'
            and (lower(ways.source) in (site.site, site.source)
                or site.site = case when ways.source like '%.%' then {{ attrib.host_of_any_country('lower(ways.source)') }} end)) as category
    from ways
)

select
    source,
    medium,
    campaign,
    category,
    coalesce({{ attrib.channel_rule('categories.source', 'categories.medium', 'categories.campaign') }}, {{ attrib.channel_group() }}) as channel
from categories
