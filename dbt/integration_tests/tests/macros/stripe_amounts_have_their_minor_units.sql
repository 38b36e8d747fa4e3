with cases (currency, units) as (
    values ('usd', 100), ('EUR', 100), ('jpy', 1), ('krw', 1), ('clp', 1), ('kwd', 1000), ('tnd', 1000), ('isk', 100), ('ugx', 100)
)

select *
from cases
where {{ attrib.stripe_minor_units('currency') }} <> units
