{{ config(tags=['attrib']) }}
-- A touch that is there twice counts twice. Hashes of 64 bits stand in for the ids: on millions of rows that is several times faster
-- than a unique test.
select count(*) - count(distinct hashtextextended(touch_id, 0)) as duplicates
from {{ ref('int_attrib__touches') }}
having count(*) > count(distinct hashtextextended(touch_id, 0))
