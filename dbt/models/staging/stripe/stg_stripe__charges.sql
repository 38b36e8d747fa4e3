{{ config(enabled=var('attrib_stripe') is not none) }}
{%- set present = attrib.source_columns(source('attrib_stripe', 'charges')) -%}
{%- set c = attrib.vendor_columns(source('attrib_stripe', 'charges'), {
    'id': 'text', 'customer_id': 'text', 'created': 'timestamptz', 'amount': 'numeric', 'amount_refunded': 'numeric', 'currency': 'text',
    'paid': 'boolean', 'status': 'text', 'captured': 'boolean', '_fivetran_deleted': 'boolean'}) -%}
{#- Stripe's own API says seconds since 1970. -#}
{%- set created = 'to_timestamp("created")' if present.get('created') in ('bigint', 'integer', 'numeric') else c.created -%}

-- Charges that failed or were refunded in full are no conversions; an authorisation counts once it is captured.
select
    'stripe' as source_relation,
    {{ c.id }} as order_id,
    {{ c.customer_id }} as user_id,
    null::text as anonymous_id,
    {{ created }} as ordered_at,
    {{ attrib.literal(var('attrib_conversion_type')) }} as conversion_type,
    coalesce(upper({{ c.currency }}), {{ attrib.literal(var('attrib_currency')) }}) as currency,
    trim_scale(({{ c.amount }} - coalesce({{ c.amount_refunded }}, 0)) / {{ attrib.stripe_minor_units(c.currency) }}) as revenue,
    null::text as segment
from {{ source('attrib_stripe', 'charges') }}
where coalesce({{ c.paid }}, false)
    and coalesce({{ c.captured }}, true)
    and coalesce({{ c.status }}, 'succeeded') = 'succeeded'
    and not coalesce({{ c._fivetran_deleted }}, false)
    and {{ c.amount }} > coalesce({{ c.amount_refunded }}, 0)
