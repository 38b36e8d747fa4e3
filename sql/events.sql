-- From raw events to summaries: journey_summary_agg over events and journey rows, and journey_parts_agg.
CREATE EXTENSION attrib;
SET search_path = attrib, public;
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';

CREATE FUNCTION refused(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE message text; hint text;
BEGIN
  EXECUTE query;
  RETURN 'not refused';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
  RETURN SQLSTATE || ': ' || left(message, 120) || coalesce(' -- ' || nullif(hint, ''), '');
END $$;

-- A row with a channel is a touch, a row with converted is a conversion, a row may be both (the touch first) or neither.
CREATE TABLE event (user_id bigint, at timestamptz, channel text, converted boolean, value float8, segment text);
INSERT INTO event VALUES
  (1, '2024-01-01 10:00', 'display', false, NULL, 'web'), (1, '2024-01-03 10:00', 'search', NULL, 0, 'web'), (1, '2024-01-03 10:30', NULL, true, 100, 'web'),
  (2, '2024-01-02 09:00', 'email', true, 40, 'app'),
  (3, '2024-01-02 12:00', 'display', false, NULL, 'web'), (3, '2024-01-04 12:00', 'display', false, NULL, 'app'),
  (4, '2024-01-05 23:30', NULL, true, 7, 'web'),
  (5, '2024-01-06 08:00', 'search', false, NULL, NULL), (5, '2024-01-06 09:00', NULL, NULL, NULL, 'web'),
  (NULL, '2024-01-06 10:00', 'search', false, NULL, 'web'), (NULL, '2024-01-06 11:00', 'search', true, 3, 'web'), (NULL, '2024-01-07 11:00', NULL, true, NULL, 'app');

-- Nobody's touches are counted and lead nowhere, nobody's conversions have empty paths.
SELECT j.* FROM journeys((SELECT journey_summary_agg(user_id, at, channel, converted, value) FROM event)) AS j;
SELECT journeys, conversions, lost, open, matured, value, unattributed, touches_seen, anonymous_touches, options
FROM summary_stats((SELECT journey_summary_agg(user_id, at, channel, converted, value) FROM event));

-- The user may be a bigint, a uuid or a text; bytes do not tell.
SELECT journey_summary_agg(user_id, at, channel, converted, value) = journey_summary_agg(md5(user_id::text)::uuid, at, channel, converted, value) AS uuid,
       journey_summary_agg(user_id, at, channel, converted, value) = journey_summary_agg('user ' || user_id, at, channel, converted, value) AS text
FROM event;
-- Text users are kept apart by a 128-bit hash of their bytes; the empty text is a user like any other.
SELECT journeys FROM summary_stats((SELECT journey_summary_agg(u, '2024-01-01', 'a', false, 0) FROM unnest('{"", " ", a, A, NULL}'::text[]) AS u));

-- The order of rows means nothing.
SELECT count(DISTINCT s) FROM generate_series(1, 10) AS seed, LATERAL
  (SELECT journey_summary_agg(user_id, at, channel, converted, value ORDER BY md5(seed || event::text)) AS s FROM event) AS x;
-- Neither does a split by user, nor the detour over rows (which carry no count of touches).
SELECT rollup(s) = (SELECT journey_summary_agg(user_id, at, channel, converted, value) FROM event) AS rolled_up
FROM (SELECT journey_summary_agg(user_id, at, channel, converted, value) AS s FROM event GROUP BY user_id) AS users;
SELECT (SELECT journey_summary_agg(j) FROM (SELECT unnest(journey_agg(at, channel, converted, value, NULL)) AS j FROM event WHERE user_id IS NOT NULL GROUP BY user_id) AS x)::text::jsonb - 'touches_seen'
     = (SELECT journey_summary_agg(user_id, at, channel, converted, value) FROM event WHERE user_id IS NOT NULL)::text::jsonb - 'touches_seen' AS by_rows;

-- Options, with time decay: user 1 saw display two half-lives before search.
SELECT * FROM time_decay_attr((SELECT journey_summary_agg(user_id, at, channel, converted, value, journey_options(half_life => '1 day')) FROM event));
SELECT j.* FROM journeys((SELECT journey_summary_agg(user_id, at, channel, converted, value,
  journey_options(lookback => '1 day', observed_until => '2024-01-06 12:00')) FROM event)) AS j;
SELECT j.path, conversions, lost FROM journeys((SELECT journey_summary_agg(user_id, at, channel, converted, value,
  journey_options(channel_lookback => '{"display": "1 day"}', transforms => '["frequency"]', max_touches => 1)) FROM event)) AS j;
-- Only what is known to have matured enters rates; conversions of the immature are credited all the same.
SELECT conversions, lost, open, matured, (linear_attr(s)).*
FROM (SELECT journey_summary_agg(user_id, at, channel, converted, value, journey_options(lookback => '3 days', observed_until => '2024-01-06')) AS s
      FROM event WHERE user_id < 4) AS x, summary_stats(s);

-- A counting window takes the journeys dated in it, with all the touches that lead there, and the touches in it.
SELECT j.* FROM journeys((SELECT journey_summary_agg(user_id, at, channel, converted, value,
  journey_options(counted_from => '2024-01-03', counted_until => '2024-01-05')) FROM event)) AS j;
SELECT touches_seen, anonymous_touches, options = jsonb '{"lookback": "30 days", "max_touches": null, "reuse_touches": true, "half_life": "7 days", "channel_lookback": {}, "transforms": []}' AS options
FROM summary_stats((SELECT journey_summary_agg(user_id, at, channel, converted, value, journey_options(counted_from => '2024-01-03', counted_until => '2024-01-05')) FROM event));

-- Parts: one summary per day and segment. A journey belongs to the day and segment of its conversion, else of its last touch.
CREATE TABLE part AS
  SELECT p.* FROM unnest((SELECT journey_parts_agg(user_id, at, channel, converted, value, segment) FROM event)) AS p;
SELECT day, segment, j.path, conversions, lost, j.value, touches_seen, anonymous_touches
FROM part, LATERAL (SELECT touches_seen, anonymous_touches FROM summary_stats(summary)) AS t LEFT JOIN LATERAL journeys(summary) AS j ON true
ORDER BY day, segment NULLS FIRST, j.path;
SELECT rollup(summary) = (SELECT journey_summary_agg(user_id, at, channel, converted, value) FROM event) AS whole FROM part;
SELECT rollup(p.summary) = rollup(part.summary) AS other_users
FROM part, unnest((SELECT journey_parts_agg('u' || user_id, at, channel, converted, value, segment) FROM event)) AS p WHERE p.day = part.day AND p.segment IS NOT DISTINCT FROM part.segment;
SELECT journey_parts_agg(user_id, at, channel, converted, value, segment) IS NULL AS none FROM event WHERE false;
SELECT journey_parts_agg(1::bigint, now(), NULL, false, 0, 'x') AS nothing;

-- Rebuilding the parts of a window needs only the events within lookback before and after it.
CREATE TABLE log AS
  SELECT n % 40 AS user_id, timestamptz '2024-01-01' + hashint8(n) % 86400 * interval '45 seconds' AS at,
         CASE WHEN n % 6 > 0 THEN 'c' || hashint8(n * 7) % 4 END AS channel, n % 6 = 0 AS converted, CASE WHEN n % 6 = 0 THEN n / 8.0 END AS value,
         (ARRAY['web', 'app', NULL])[n % 3 + 1] AS segment
  FROM generate_series(1, 2000::bigint) AS n;
UPDATE log SET at = at + interval '1 month' WHERE at < '2024-01-01';
CREATE TABLE whole AS
  SELECT day, coalesce(segment, '?') AS segment, summary
  FROM unnest((SELECT journey_parts_agg(user_id, at, channel, converted, value, segment, journey_options(lookback => '3 days')) FROM log));
CREATE TABLE rebuilt AS
  SELECT day, coalesce(segment, '?') AS segment, summary
  FROM unnest((SELECT journey_parts_agg(user_id, at, channel, converted, value, segment,
                                        journey_options(lookback => '3 days', counted_from => '2024-01-20', counted_until => '2024-01-22'))
               FROM log WHERE at BETWEEN timestamptz '2024-01-20' - interval '3 days' AND timestamptz '2024-01-22' + interval '3 days'));
SELECT min(rebuilt.day) AS from_day, max(rebuilt.day) AS to_day, count(*) AS parts, count(*) FILTER (WHERE whole.summary = rebuilt.summary) AS same
FROM rebuilt FULL JOIN (SELECT * FROM whole WHERE day BETWEEN '2024-01-20' AND '2024-01-21') AS whole USING (day, segment);
SELECT rollup(summary) = (SELECT journey_summary_agg(user_id, at, channel, converted, value, journey_options(lookback => '3 days')) FROM log) AS rolled_up FROM whole;

-- Days are those of a time zone. In Berlin 31 March 2024 has 23 hours and 27 October has 25.
CREATE TABLE hourly AS SELECT at FROM (VALUES ('2024-03-30'::date), ('2024-10-26')) AS d (day), generate_series(day + time '20:00', day + interval '54 hours', '1 hour') AS at;
CREATE FUNCTION hourly_days(zone text) RETURNS TABLE (day date, conversions bigint) LANGUAGE sql AS $$
  SELECT p.day, t.conversions
  FROM unnest((SELECT journey_parts_agg(1::bigint, at AT TIME ZONE 'UTC', NULL, true, 0, NULL, journey_options(time_zone => zone)) FROM hourly)) AS p, summary_stats(p.summary) AS t
$$;
SELECT coalesce(b.day, t.day) AS day, b.conversions AS berlin, t.conversions AS utc,
       (SELECT count(*) FROM hourly WHERE ((at AT TIME ZONE 'UTC') AT TIME ZONE 'Europe/Berlin')::date = b.day) AS berlin_by_sql
FROM hourly_days('Europe/Berlin') AS b FULL JOIN hourly_days('UTC') AS t USING (day) ORDER BY 1;
-- Those who choose a zone east or west get other days, of the same whole.
SELECT zone, array_agg(DISTINCT to_char(day, 'MM-DD')) AS days, rollup(summary) = (SELECT rollup(summary) FROM part) AS same_whole
FROM (SELECT zone, (unnest((SELECT journey_parts_agg(user_id, at, channel, converted, value, segment, journey_options(time_zone => zone)) FROM event))).*
      FROM unnest('{UTC,Asia/Tokyo,America/Los_Angeles}'::text[]) AS zone) AS x
GROUP BY zone ORDER BY zone;

-- journey_row: journeys cut elsewhere are taken as they are, options are only recorded and say what has matured.
CREATE TABLE cut (j journey_row);
INSERT INTO cut VALUES (ROW('{a,b}', NULL, NULL, '2024-01-02', 'order 1', NULL, 9, false)), (ROW('{a,b}', NULL, NULL, NULL, NULL, '2024-01-02', 0, NULL)),
  (ROW('{a}', NULL, NULL, NULL, NULL, '2024-01-02', NULL, true)), (ROW(NULL, NULL, NULL, '2024-01-02', NULL, NULL, 1, NULL)), (NULL);
SELECT j.* FROM journeys((SELECT journey_summary_agg(j, journey_options(half_life => NULL)) FROM cut)) AS j;
SELECT conversions, matured, options ->> 'max_touches' AS max_touches FROM summary_stats((
  SELECT journey_summary_agg(ROW('{a,b,c}', ARRAY[at, at, at], NULL, at, NULL, at, 1, false)::journey_row, journey_options(lookback => '10 days', observed_until => '2024-01-15', max_touches => 2))
  FROM unnest('{2024-01-04,2024-01-05,2024-01-06}'::timestamptz[]) AS at));

-- What is refused. An event's time, channel and value are checked as journey_agg checks them.
\pset format unaligned
SELECT refused(query) FROM (VALUES
  (1, $$SELECT journey_summary_agg(1::bigint, NULL, 'a', false, 0)$$),
  (2, $$SELECT journey_summary_agg(1::bigint, 'infinity', 'a', false, 0)$$),
  (3, $$SELECT journey_summary_agg(1::bigint, '2024-01-01', '(conversion)', false, 0)$$),
  (4, $$SELECT journey_summary_agg(1::bigint, '2024-01-01', repeat('x', 65536), false, 0)$$),
  (5, $$SELECT journey_summary_agg(1::bigint, '2024-01-01', 'a', false, 5)$$),
  (6, $$SELECT journey_summary_agg(1::bigint, '2024-01-01', 'a', true, -5)$$),
  (7, $$SELECT journey_summary_agg(1::bigint, '2024-01-01', 'a', true, 'nan')$$),
  (8, $$SELECT journey_summary_agg(1::bigint, '2024-01-01', 'a', true, 1e16)$$),
  (9, $$SELECT journey_summary_agg(n, '2024-01-01', 'a', true, 1, journey_options(lookback => n * interval '1 day')) FROM generate_series(1, 2::bigint) AS n$$),
  (10, $$SELECT journey_summary_agg(1::bigint, '2024-01-01', 'a', true, 1, journey_options(lookback => '1 month'))$$),
  (11, $$SELECT journey_parts_agg(1::bigint, '2024-01-01', 'a', true, 1, repeat('s', 65536))$$),
  (12, $$SELECT journey_summary_agg(ROW('{a,b}', '{2024-01-01}', NULL, '2024-01-02', NULL, NULL, 1, false)::journey_row)$$),
  (13, $$SELECT journey_summary_agg(ROW('{a,b}', '{2024-01-02,2024-01-01}', NULL, '2024-01-02', NULL, NULL, 1, false)::journey_row)$$),
  (14, $$SELECT journey_summary_agg(ROW('{a,b}', '{2024-01-02,NULL}', NULL, '2024-01-02', NULL, NULL, 1, false)::journey_row)$$),
  (15, $$SELECT journey_summary_agg(ROW('{a,b}', NULL, NULL, '2024-01-02', NULL, NULL, 1, false)::journey_row)$$),
  (16, $$SELECT journey_summary_agg(ROW('{a,b}', NULL, NULL, NULL, NULL, NULL, 1, false)::journey_row)$$),
  (17, $$SELECT rollup(s) FROM (SELECT journey_summary_agg(n, '2024-01-01', 'a', true, 1, journey_options(lookback => n * interval '1 day')) AS s FROM generate_series(1, 2::bigint) AS n GROUP BY n) AS x$$)
) AS queries (n, query) ORDER BY n;
-- A counting window and a lookback that together reach beyond all time lose nothing.
SELECT journeys, conversions, touches_seen
FROM summary_stats((SELECT journey_summary_agg(1::bigint, '2024-01-01', 'a', true, 1, journey_options(lookback => '106751991 days', counted_from => '4714-11-24 BC', counted_until => '294276-12-31'))));
