-- Journeys: every rule by which events become journeys.
CREATE EXTENSION attrib;
SET search_path = attrib, public;
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';

-- Events of these examples are written as day, channel, converted, value; day 1 is 2024-01-01.
CREATE FUNCTION day_of(t timestamptz) RETURNS text
    LANGUAGE sql AS $$ SELECT round(extract(epoch FROM t - timestamptz '2023-12-31') / 86400, 5)::float8::text $$;
CREATE FUNCTION cut(events text, options journey_options DEFAULT journey_options(lookback => '5 days'))
    RETURNS TABLE (path text, at_days text, ids text, converted text, id text, ended text, value float8, is_open boolean)
    LANGUAGE sql AS $$
    WITH event AS (
        SELECT n, split_part(e, ' ', 1)::float8 AS day, nullif(split_part(e, ' ', 2), '-') AS channel,
               split_part(e, ' ', 3) AS outcome
        FROM regexp_split_to_table(events, ' *, *') WITH ORDINALITY AS x (e, n)
    ), cut AS (
        SELECT journey_agg(timestamptz '2023-12-31' + day * interval '1 day', channel, outcome <> '',
                           nullif(outcome, '')::float8, 'e' || n, options ORDER BY random()) AS journeys
        FROM event
    )
    SELECT array_to_string(j.path, ' > '),
           (SELECT string_agg(day_of(t), ' ') FROM unnest(touched_at) AS t),
           array_to_string(touch_ids, ' '), day_of(converted_at), conversion_id, day_of(ended_at), j.value, j.is_open
    FROM cut, unnest(journeys) WITH ORDINALITY
        AS j (path, touched_at, touch_ids, converted_at, conversion_id, ended_at, value, is_open, place)
    ORDER BY place
$$;

-- A touch, a conversion, and a row that is both (the touch comes first).
SELECT * FROM cut('1 a, 2 b, 3 - 10');
SELECT * FROM cut('1 a, 2 b 10');
-- Gaps of at most lookback make a run; 5 days are within, a microsecond more is not.
SELECT * FROM cut('1 a, 6 b, 11 - 1');
SELECT * FROM cut('1 a, 6.00001 b, 12 c');
-- A conversion after the lookback of the last touch: the run is lost, the conversion has an empty path.
SELECT * FROM cut('1 a, 7 - 10');
SELECT * FROM cut('1 - 10');
-- The window reaches back over lookback, not over the run.
SELECT * FROM cut('1 a, 4 b, 8 c, 9 - 10');
SELECT * FROM cut('1 a, 4 b, 8 c');
-- Several cycles: touches are used again, or not.
SELECT * FROM cut('1 a, 2 - 10, 3 b, 4 - 20, 5 - 30, 6 c');
SELECT * FROM cut('1 a, 2 - 10, 3 b, 4 - 20, 5 - 30, 6 c', journey_options(lookback => '5 days', reuse_touches => false));
-- A touch at the instant of a conversion comes before it, so it is not "after the previous conversion".
SELECT * FROM cut('1 a, 2 b, 2 - 10, 3 - 20', journey_options(lookback => '5 days', reuse_touches => false));
-- Conversions at one instant see the same touches; they are ordered by value and event_id.
SELECT * FROM cut('1 a, 2 - 20, 2 - 10, 2 - 10, 3 b', journey_options(lookback => '5 days', reuse_touches => false));
SELECT * FROM cut('1 a, 2 b 10, 2 c 20, 2 d');
-- Touches at one instant are ordered by channel bytes.
SELECT * FROM cut('1 b, 1 B, 1 a, 1 é, 1 ab, 2 - 1');
-- Identical rows count twice.
SELECT * FROM cut('1 a, 1 a, 2 - 1, 2 - 1');
-- Lost journeys never reuse touches from before a conversion.
SELECT * FROM cut('1 a, 2 - 10, 3 b');

-- Events after observed_until are not seen; what may still convert is open.
SELECT * FROM cut('1 a, 7 b, 8 - 10', journey_options(lookback => '5 days', observed_until => '2024-01-07'));
SELECT * FROM cut('1 a, 2 b', journey_options(lookback => '5 days', observed_until => '2024-01-07'));
SELECT * FROM cut('1 a, 2 b', journey_options(lookback => '5 days', observed_until => '2024-01-06 23:59:59.999999'));
SELECT * FROM cut('1 a, 9 b', journey_options(lookback => '5 days', observed_until => '2024-01-09'));
SELECT * FROM cut('1 a, 2 - 10', journey_options(lookback => '5 days', observed_until => '2023-12-31'));
-- Without a lookback nothing is open and all touches count.
SELECT * FROM cut('1 a, 40 b, 80 - 1, 120 c', journey_options(lookback => NULL, observed_until => '2024-06-01'));

-- A channel's own lookback shortens the window and never lengthens it.
SELECT * FROM cut('1 display, 2 a, 3 display, 4 - 10', journey_options(lookback => '5 days', channel_lookback => '{"display": "1 day"}'));
SELECT * FROM cut('1 display, 2 a, 3 display, 4.00001 - 10', journey_options(lookback => '5 days', channel_lookback => '{"display": "24:00:00"}'));
SELECT * FROM cut('1 display, 8 - 10', journey_options(lookback => '5 days', channel_lookback => '{"display": "100 days"}'));
-- Nothing left is an empty path, and the run has converted all the same.
SELECT * FROM cut('1 display, 3 - 10', journey_options(lookback => '5 days', channel_lookback => '{"display": "1 day"}'));
-- In a lost journey it counts from the last touch.
SELECT * FROM cut('1 display, 2 display, 4 a', journey_options(lookback => '5 days', channel_lookback => '{"display": "2 days"}'));

-- max_touches keeps the latest, after channel_lookback and before transforms.
SELECT * FROM cut('1 a, 2 b, 3 display, 5 c, 5 - 10', journey_options(lookback => '5 days', max_touches => 2, channel_lookback => '{"display": "1 day"}'));
SELECT * FROM cut('1 a, 2 b, 3 b, 5 - 10', journey_options(lookback => '5 days', max_touches => 2, transforms => '["exposure"]'));
-- The arrays stay parallel to the transformed path; ended_at is the last touch before transforms.
SELECT * FROM cut('1 a, 2 b, 3 b, 4 direct, 5 - 10', journey_options(lookback => '5 days', transforms => '["first", {"remove_if_last_and_not_all": ["direct"]}]'));
SELECT * FROM cut('1 a, 2 b, 3 b, 4 - 10', journey_options(lookback => '5 days', transforms => '["frequency"]'));

-- Only journeys dated in [counted_from, counted_until) count, but all events cut and feed them.
SELECT * FROM cut('1 a, 2 - 10, 3 b, 4 - 20, 5 - 30, 6 c', journey_options(lookback => '5 days', counted_from => '2024-01-04', counted_until => '2024-01-05'));
SELECT * FROM cut('1 a, 7 b', journey_options(lookback => '5 days', counted_from => '2024-01-02'));
SELECT * FROM cut('1 a, 7 b', journey_options(lookback => '5 days', counted_until => '2024-01-07'));
SELECT * FROM cut('1 a', journey_options(counted_from => '2024-01-05', counted_until => '2024-01-05'));
SELECT count(*) FROM cut('1 a, 2 - 1', journey_options(counted_from => '-infinity', counted_until => 'infinity', observed_until => 'infinity'));

-- The plain result, with NULLs where there is nothing.
SELECT journey_agg(t.at::timestamptz, channel, converted, value, event_id)
FROM (VALUES ('2024-01-01', 'a', false, NULL, NULL), ('2024-01-02', NULL, true, NULL::float8, NULL),
             ('2024-01-03', NULL, NULL, 0, 'x'), ('2024-01-04', 'b', NULL, -0.0, 'y')) AS t (at, channel, converted, value, event_id);
-- No rows, only rows to ignore, and a window.
SELECT journey_agg(now(), 'a', true, 1, NULL) FILTER (WHERE false) AS none, journey_agg(now(), NULL, NULL, NULL, 'x') AS ignored;
SELECT d, array_length(journey_agg(timestamptz '2024-01-01' + d * interval '1 day', 'a', d % 2 = 0, 0, NULL) OVER (ORDER BY d), 1)
FROM generate_series(1, 4) AS d;
-- Serial and parallel plans give the same, whatever the order of rows.
CREATE TABLE event AS
    SELECT (n * 7919 % 997)::int AS user_id, timestamptz '2024-01-01' + (n * 104729 % 86400) * interval '1 minute' AS at,
           CASE WHEN n % 11 > 0 THEN 'channel ' || n % 7 END AS channel, n % 5 = 0 AS converted, n % 5 = 0 AND n % 2 = 0 AS paid,
           CASE WHEN n % 13 > 0 THEN n::text END AS event_id
    FROM generate_series(1, 20000) AS n;
CREATE VIEW cut_events AS
    SELECT user_id, journey_agg(at, channel, converted, CASE WHEN paid THEN 9.99 END, event_id,
                                journey_options(max_touches => 5, transforms => '["exposure"]')) AS journeys
    FROM event GROUP BY user_id;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE serial AS SELECT * FROM cut_events;
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET enable_sort = off;
EXPLAIN (COSTS off) SELECT * FROM cut_events;
CREATE TABLE parallel AS SELECT * FROM cut_events;
SELECT count(*) AS users, sum(cardinality(serial.journeys)) AS journeys, count(*) FILTER (WHERE serial.journeys IS DISTINCT FROM parallel.journeys) AS different
FROM serial FULL JOIN parallel USING (user_id);
SELECT journey_agg(at, channel, converted, 0, event_id) FILTER (WHERE false) FROM event;
RESET max_parallel_workers_per_gather;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET enable_sort;
-- The first timestamp falls on no date west of UTC.
SELECT (p).day FROM (SELECT unnest(journey_parts_agg(1, '4714-11-24 00:00:00+00 BC'::timestamptz, 'a', true, 1, NULL)) AS p) AS x;
SELECT journey_parts_agg(1, '4714-11-24 00:00:00+00 BC'::timestamptz, 'a', true, 1, NULL, journey_options(time_zone => 'America/New_York'));
SELECT journey_parts_agg(1, '4714-11-24 00:00:00+00 BC'::timestamptz, 'a', true, 1, NULL, journey_options(time_zone => 'EST5'));
