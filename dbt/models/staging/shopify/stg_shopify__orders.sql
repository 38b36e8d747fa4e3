{{ config(enabled=var('attrib_shopify') is not none) }}
{%- set c = attrib.vendor_columns(source('attrib_shopify', 'orders'), {
    'id': 'text', 'customer_id': 'text', 'email': 'text', 'created_at': 'timestamptz', 'total_price': 'numeric', 'currency': 'text',
    'cancelled_at': 'timestamptz', 'test': 'boolean', 'source_name': 'text', '_fivetran_deleted': 'boolean'}) -%}
{%- set has_refunds = var('attrib_shopify_transactions') is not none -%}

-- Test orders, cancelled orders and orders refunded in full are no conversions.
with orders as (
    select
        {{ c.id }} as order_id,
        {{ c[var('attrib_shopify_user_id')] }} as user_id,
        {{ c.created_at }} as ordered_at,
        upper({{ c.currency }}) as currency,
        coalesce({{ c.total_price }}, 0) as total,
        {{ c.source_name }} as segment
    from {{ source('attrib_shopify', 'orders') }}
    where {{ c.cancelled_at }} is null and not coalesce({{ c.test }}, false) and not coalesce({{ c._fivetran_deleted }}, false)
)
{%- if has_refunds %},
{%- set t = attrib.vendor_columns(source('attrib_shopify', 'transactions'), {'order_id': 'text', 'kind': 'text', 'status': 'text', 'amount': 'numeric'}) %}

refunds as (
    select {{ t.order_id }} as order_id, sum({{ t.amount }}) as refunded
    from {{ source('attrib_shopify', 'transactions') }}
    where {{ t.kind }} = 'refund' and {{ t.status }} = 'success'
    group by 1
)
{%- endif %}

select
    'shopify' as source_relation,
    orders.order_id,
    orders.user_id,
    null::text as anonymous_id,
    orders.ordered_at,
    {{ attrib.literal(var('attrib_conversion_type')) }} as conversion_type,
    coalesce(orders.currency, {{ attrib.literal(var('attrib_currency')) }}) as currency,
{%- if has_refunds %}
    orders.total - coalesce(refunds.refunded, 0) as revenue,
    orders.segment
from orders
left join refunds on refunds.order_id = orders.order_id
where refunds.refunded is null or orders.total > refunds.refunded
{%- else %}
    orders.total as revenue,
    orders.segment
from orders
{%- endif %}
