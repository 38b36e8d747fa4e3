-- The event table of the benchmark: the same rows for everybody, from hashes alone.
--
-- :users users with 1 to 8 events each (4.5 on average) over 2025, 12 channels of falling popularity, one
-- event in 25 a conversion with its touch, and the rows in no order at all, as an event log of many
-- writers has them.
CREATE FUNCTION pg_temp.uniform(key bigint, seed bigint) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (hashint8extended(key, seed) & 9007199254740991) / 9007199254740992.0;

CREATE UNLOGGED TABLE events AS
SELECT user_id,
       timestamptz '2025-01-01 00:00+00'
         + pg_temp.uniform(user_id, 1) * interval '300 days'
         + (n - 1 + pg_temp.uniform(key, 2)) * interval '8 days' AS at,
       -- the bounds are the sums of 1/1, 1/2, 1/3, ... over their total
       (ARRAY['search', 'social', 'email', 'display', 'direct', 'video', 'referral', 'affiliate', 'shopping',
              'podcast', 'tv', 'print'])
         [1 + width_bucket(pg_temp.uniform(key, 3),
                           ARRAY[0.3222, 0.4834, 0.5908, 0.6713, 0.7358, 0.7895, 0.8355, 0.8758, 0.9116, 0.9438,
                                 0.9731]::float8[])] AS channel,
       pg_temp.uniform(key, 4) < 0.04 AS converted,
       CASE WHEN pg_temp.uniform(key, 4) < 0.04
            THEN round((10 + 190 * pg_temp.uniform(key, 5))::numeric, 2)::float8 END AS revenue
FROM generate_series(1, :users) AS user_id,
     LATERAL (SELECT n, user_id * 8 + n AS key
              FROM generate_series(1, 1 + (hashint8extended(user_id, 6) & 7)) AS n) AS events
ORDER BY hashint8extended(key, 7);
VACUUM (ANALYZE) events;

-- One row a user: what path rows cost.
CREATE UNLOGGED TABLE path_rows AS
SELECT array_agg(channel ORDER BY at) AS path, bool_or(converted) AS converted, sum(revenue) AS revenue
FROM events GROUP BY user_id;
VACUUM (ANALYZE) path_rows;

-- The same question to real paths, of which few are distinct: path_data.csv, one row a journey, twenty times over.
CREATE TEMP TABLE path_data (path text, total_conversions int, total_conversion_value float8, total_null int);
\copy path_data FROM 'demo/data/path_data.csv' CSV HEADER
CREATE UNLOGGED TABLE real_path_rows AS
SELECT string_to_array(path, ' > ') AS path, n <= total_conversions AS converted,
       CASE WHEN n <= total_conversions THEN total_conversion_value / total_conversions END AS revenue
FROM path_data, generate_series(1, total_conversions + total_null) AS n, generate_series(1, 20) AS copy
ORDER BY hashint8extended(total_null * 1000003::bigint + n * 31 + copy, 11);
VACUUM (ANALYZE) real_path_rows;

-- A wide problem: 200 000 paths over 500 channels.
CREATE UNLOGGED TABLE wide_paths AS
SELECT (SELECT array_agg('channel ' || (500 * pg_temp.uniform(p * 16 + n, 8) ^ 2)::int % 500 ORDER BY n)
        FROM generate_series(1, 1 + (hashint8extended(p, 9) & 7)) AS n) AS path,
       pg_temp.uniform(p, 10) < 0.1 AS converted
FROM generate_series(1, 200000) AS p;
VACUUM (ANALYZE) wide_paths;
