with cases (platform, kind, channel) as (
    values
        ('google_ads', 'SEARCH', 'Paid Search'), ('google_ads', null, 'Paid Search'), ('google_ads', 'DISPLAY', 'Display'),
        ('google_ads', 'VIDEO', 'Paid Video'), ('google_ads', 'SHOPPING', 'Paid Shopping'), ('google_ads', 'PERFORMANCE_MAX', 'Cross-network'),
        ('google_ads', 'DEMAND_GEN', 'Cross-network'), ('microsoft_ads', 'Audience', 'Display'), ('microsoft_ads', 'Search', 'Paid Search'),
        ('microsoft_ads', 'PerformanceMax', 'Cross-network'), ('facebook_ads', null, 'Paid Social'), ('tiktok_ads', null, 'Paid Social'),
        ('linkedin_ads', null, 'Paid Social'), ('amazon_ads', null, 'Paid Shopping'), ('taboola', null, 'Paid Other')
)

select *, {{ attrib.spend_channel('platform', 'kind') }} as said
from cases
where {{ attrib.spend_channel('platform', 'kind') }} is distinct from channel
