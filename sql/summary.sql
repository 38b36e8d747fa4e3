-- journey_summary: the type, the aggregates that make one from paths, and the questions that need no model.
CREATE EXTENSION attrib;
SET search_path = attrib, public;
SET intervalstyle = 'postgres';

CREATE FUNCTION refused(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE message text; detail text; hint text;
BEGIN
  EXECUTE query;
  RETURN 'not refused';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN SQLSTATE || ': ' || left(message, 120) || coalesce(' -- ' || nullif(detail, ''), '') || coalesce(' -- ' || nullif(hint, ''), '');
END $$;

-- One row a journey. NULL converted is lost, NULL value is 0, a NULL path is an empty one.
CREATE TABLE journey (path text[], converted boolean, value float8);
INSERT INTO journey VALUES
  ('{search}', true, 20), ('{search}', false, NULL), ('{search}', NULL, 0), ('{tv,search}', true, 80.5),
  ('{tv,search}', true, NULL), ('{tv,tv,email}', false, NULL), ('{}', true, 5), (NULL, true, 10), ('{email}', false, 0);
CREATE TABLE kept AS SELECT journey_summary_agg(path, converted, value) AS s FROM journey;

SELECT j.* FROM kept, journeys(s) AS j;
SELECT c.* FROM kept, channels(s) AS c;
SELECT t.* FROM kept, summary_stats(s) AS t;
-- Its size is that of the bytes, compressed in the table or not.
SELECT bytes = octet_length(journey_summary_send(s)) + 4 AS bytes FROM kept, summary_stats(s);

-- Without values, and counted: the same paths.
SELECT j.* FROM journeys((SELECT journey_summary_agg(path, converted) FROM journey)) AS j;
SELECT (SELECT journey_summary_agg(path, converted) FROM journey) = (SELECT journey_summary_agg(path, conversions, lost, 0) FROM kept, journeys(s)) AS same_bytes;
-- With values all is the same but the squares, which say how values vary: counted conversions of a path are taken
-- to have equal ones. 80.5 and 0 vary more than twice 40.25.
SELECT s FROM kept;
SELECT journey_summary_agg(path, conversions, lost, value) FROM kept, journeys(s);
-- A path may come in several rows, a row with no journeys adds nothing, not even its channels.
SELECT j.* FROM journeys((
  SELECT journey_summary_agg(path, conversions, lost, value)
  FROM (VALUES ('{a}'::text[], 1, 0, 5.0), ('{a}', 2, 3, NULL), ('{ghost}', 0, 0, 0), ('{ghost,a}', NULL, NULL, NULL), ('{b}', NULL, 1, 0))
       AS t (path, conversions, lost, value))) AS j;
SELECT channels, distinct_paths FROM summary_stats((SELECT journey_summary_agg('{ghost}'::text[], 0, 0, 0)));
-- Zero rows are NULL.
SELECT journey_summary_agg(path, converted) IS NULL AS two, journey_summary_agg(path, converted, value) IS NULL AS three,
       journey_summary_agg(path, 1, 1, value) IS NULL AS four FROM journey WHERE false;

-- Counts are whole numbers >= 0, whatever their type, and together fit a bigint.
SELECT conversions, lost FROM journeys((SELECT journey_summary_agg('{a}'::text[], 1e18, 2.000, 0)));
SELECT conversions + lost AS all_there_can_be FROM journeys((SELECT journey_summary_agg('{a}'::text[], 9223372036854775806, 1, 0)));
-- A conversion is worth up to 1e15, counted ones in proportion.
SELECT value FROM summary_stats((SELECT journey_summary_agg('{a}'::text[], 3, 0, 3e15)));
\pset format unaligned
SELECT refused(query) FROM (VALUES
  (0, $$SELECT journey_summary_agg('{a}'::text[], 2, 0, 3e15)$$),
  (1, $$SELECT journey_summary_agg('{a}'::text[], -1, 0, 0)$$),
  (2, $$SELECT journey_summary_agg('{a}'::text[], 0, 1.5, 0)$$),
  (3, $$SELECT journey_summary_agg('{a}'::text[], 'NaN'::numeric, 0, 0)$$),
  (4, $$SELECT journey_summary_agg('{a}'::text[], 0, 'infinity'::numeric, 0)$$),
  (5, $$SELECT journey_summary_agg('{a}'::text[], 9223372036854775808, 0, 0)$$),
  (6, $$SELECT journey_summary_agg('{a}'::text[], 9223372036854775807, 1, 0)$$),
  (7, $$SELECT journey_summary_agg('{a}'::text[], 9223372036854775807, 0, 0) FROM generate_series(1, 2)$$),
  (8, $$SELECT journey_summary_agg('{a}'::text[], 0, 1, 5)$$),
  (9, $$SELECT journey_summary_agg('{a}'::text[], false, 5)$$),
  (10, $$SELECT journey_summary_agg('{a}'::text[], true, -5)$$),
  (11, $$SELECT journey_summary_agg('{a}'::text[], true, 'nan')$$),
  (12, $$SELECT journey_summary_agg('{a}'::text[], true, 'infinity')$$),
  (13, $$SELECT journey_summary_agg('{a}'::text[], true, 1.1e15)$$),
  (14, $$SELECT journey_summary_agg('{a,NULL}'::text[], true)$$),
  (15, $$SELECT journey_summary_agg('{{a,b},{c,d}}'::text[], true)$$),
  (16, $$SELECT journey_summary_agg('{(start)}'::text[], true)$$),
  (17, $$SELECT journey_summary_agg(ARRAY[repeat('x', 65536)], true)$$),
  (18, $$SELECT journey_summary_agg('{a}'::text[], true, 1e15) FROM generate_series(1, 10000)$$)
) AS queries (n, query) ORDER BY n;
\pset format aligned
-- A channel's name has up to 65 535 bytes; the empty string is a name.
SELECT channel = '' AS empty, octet_length(channel) AS bytes
FROM channels((SELECT journey_summary_agg(ARRAY['', repeat('x', 65535)], true)));

-- Sums are exact: every cent comes back, in any order of the rows.
SELECT (SELECT value FROM summary_stats((SELECT journey_summary_agg('{a}'::text[], true, 0.1) FROM generate_series(1, 1000000)))) AS exact,
       (SELECT sum(0.1::float8) FROM generate_series(1, 1000000)) AS float8;
SELECT count(DISTINCT s) AS summaries, min(value) AS value
FROM (SELECT (SELECT journey_summary_agg('{a}'::text[], true, v ORDER BY hashint8(n + seed))
              FROM unnest('{1e15,0.1,1e-9,0.3,123456.78}'::float8[]) WITH ORDINALITY AS t (v, n)) AS s
      FROM generate_series(1, 20) AS seed) AS orders, summary_stats(s);

-- Text is JSON, exact, and reads back as the same bytes. Read by hand: any order of channels, paths and keys.
SELECT s = s::text::journey_summary AS same FROM kept;
SELECT '{"version": 1, "channels": ["tv", "search"], "paths": [{"lost": 2, "path": [1]}, {"path": [0, 1], "conversions": 3, "value": 12.50},
  {"path": [1], "conversions": 1}, {"path": [], "open": 1}], "touches_seen": 7, "options": null}'::journey_summary;
-- Amounts carry 20 decimals, enough for multiples of 2^-64.
SELECT journey_summary_agg('{a}'::text[], true, v) FROM unnest('{0.1,5e-20,2.7e-20,999999999999999.9}'::float8[]) AS v;
\pset format unaligned
SELECT refused(format('SELECT %L::journey_summary', text)) FROM (VALUES
  (1, ''), (2, 'summary'), (3, '[]'), (4, '{}'), (5, '{"version": 2}'), (6, '{"version": 1, "colour": 3}'),
  (7, '{"version": 1, "channels": ["a", "a"]}'),
  (8, '{"version": 1, "channels": ["(null)"]}'),
  (9, '{"version": 1, "channels": [null]}'),
  (10, '{"version": 1, "channels": ["a"], "paths": [{"path": [1], "lost": 1}]}'),
  (11, '{"version": 1, "channels": ["a"], "paths": [{"path": [-1], "lost": 1}]}'),
  (12, '{"version": 1, "channels": ["a"], "paths": [{"path": ["a"], "lost": 1}]}'),
  (13, '{"version": 1, "channels": ["a"], "paths": [{"path": [0], "lost": -1}]}'),
  (14, '{"version": 1, "channels": ["a"], "paths": [{"path": [0], "lost": 1.5}]}'),
  (15, '{"version": 1, "channels": ["a"], "paths": [{"path": [0], "lost": 9223372036854775808}]}'),
  (16, '{"version": 1, "channels": ["a"], "paths": [{"path": [0], "lost": 1, "value": 5}]}'),
  (17, '{"version": 1, "channels": ["a"], "paths": [{"path": [0], "conversions": 1, "value": -5}]}'),
  (18, '{"version": 1, "channels": ["a"], "paths": [{"path": [0], "conversions": 1, "value": 1e3}]}'),
  (19, '{"version": 1, "channels": ["a"], "paths": [{"path": [0], "conversions": 1, "matured_conversions": 2}]}'),
  (20, '{"version": 1, "channels": ["a"], "paths": [{"path": [0], "conversions": 1, "decay": [[1, 0]]}]}'),
  (21, '{"version": 1, "options": {"half_life": "7 days"}, "channels": ["a", "b"], "paths": [{"path": [0, 1], "conversions": 1}]}'),
  (22, '{"version": 1, "options": {"half_life": "7 days"}, "channels": ["a", "b"], "paths": [{"path": [0, 1], "conversions": 1, "decay": [[1, 0], [1, 0]]}]}'),
  (23, '{"version": 1, "options": {"half_life": "1 month"}}'),
  (24, '{"version": 1, "options": {"transforms": ["last"]}}'),
  (25, '{"version": 1, "touches_seen": 1, "anonymous_touches": 2}'),
  (26, '{"version": 1, "channels": ["a"], "paths": [{"path": ["0"], "lost": 1}]}'),
  (27, '{"version": 1, "options": {"half_life": "7 days"}, "channels": ["a", "b"], "paths": [{"path": [0, 1], "conversions": 1, "decay": [["1", 0], [0, 0]]}]}'),
  (28, '{"version": 1, "channels": ["a"], "paths": [{"path": [0], "conversions": 2, "value": 10, "squares": 49.99}]}'),
  (29, '{"version": 1, "channels": ["a"], "paths": [{"path": [0], "conversions": 2, "value": 10, "squares": 100.01}]}'),
  (30, '{"version": 1, "channels": ["a"], "paths": [{"path": [0], "lost": 2, "squares": 1}]}')
) AS texts (n, text) ORDER BY n;
\pset format aligned

-- Equal content is equal bytes, so summaries compare, sort, group and join. More or less means nothing.
CREATE TABLE part (day int, s journey_summary);
INSERT INTO part SELECT d, journey_summary_agg(path, converted, value ORDER BY random()) FROM journey, generate_series(1, 3) AS d GROUP BY d;
INSERT INTO part SELECT 4, journey_summary_agg(path, converted) FROM journey;
SELECT count(*), count(DISTINCT s) FROM part;
SELECT array_agg(day ORDER BY day) AS days FROM part GROUP BY s ORDER BY 1;
SELECT a.day, b.day FROM part AS a JOIN part AS b ON a.s = b.s AND a.day < b.day ORDER BY 1, 2;
SELECT a.s = b.s AS eq, a.s <> b.s AS ne, (a.s < b.s) <> (a.s > b.s) AS lt_or_gt, (a.s <= b.s) = (a.s < b.s) AS le, (a.s >= b.s) = (a.s > b.s) AS ge,
       journey_summary_cmp(a.s, b.s) = -journey_summary_cmp(b.s, a.s) AS cmp
FROM part AS a, part AS b WHERE a.day = 1 AND b.day = 4;
CREATE UNIQUE INDEX ON part (s) WHERE day IN (1, 4);
SELECT refused('INSERT INTO part SELECT 1, s FROM part WHERE day = 4');

-- The bytes say it all, on every machine: version, flags, counts, totals; names; paths.
SELECT journey_summary_send(journey_summary_agg('{a,b}'::text[], true, 1.5));

-- rollup: the summary of all their journeys, whatever the split.
SELECT (SELECT rollup(s) FROM (SELECT journey_summary_agg(path, converted, value) AS s FROM journey GROUP BY path, converted) AS parts) = s AS rolled_up FROM kept;
SELECT rollup(s) IS NULL AS none FROM kept WHERE false;
SELECT rollup(s) = (SELECT s FROM kept) AS nulls_add_nothing FROM (SELECT s FROM kept UNION ALL SELECT NULL) AS x;
SELECT conversions, value FROM summary_stats((SELECT rollup(s) FROM part));
-- What shaped the journeys must be the same. What was observed and counted may differ: parts of different days.
CREATE FUNCTION of_events(options journey_options) RETURNS journey_summary LANGUAGE sql AS
  $$ SELECT journey_summary_agg(1::bigint, timestamptz '2024-01-01', 'a', true, 1, options) $$;
SELECT count(rollup) FROM (
  SELECT rollup(s) FROM (VALUES (of_events(journey_options())), (of_events(journey_options(observed_until => '2024-02-01'))),
    (of_events(journey_options(counted_from => '2024-01-01', counted_until => '2024-01-02'))), (of_events(journey_options(time_zone => 'Asia/Tokyo'))),
    (of_events(journey_options(lookback => '720 hours', half_life => '168 hours')))) AS x (s)) AS y;
\pset format unaligned
SELECT refused(format('SELECT rollup(s) FROM (VALUES (of_events(journey_options())), (%s)) AS x (s)', other)) FROM (VALUES
  (1, $$(SELECT s FROM kept)$$),
  (2, $$of_events(journey_options(lookback => '29 days'))$$),
  (3, $$of_events(journey_options(lookback => NULL))$$),
  (4, $$of_events(journey_options(max_touches => 9))$$),
  (5, $$of_events(journey_options(reuse_touches => false))$$),
  (6, $$of_events(journey_options(half_life => '8 days'))$$),
  (7, $$of_events(journey_options(half_life => NULL))$$),
  (8, $$of_events(journey_options(channel_lookback => '{"a": "1 day"}'))$$),
  (9, $$of_events(journey_options(transforms => '["first"]'))$$)
) AS others (n, other) ORDER BY n;
\pset format aligned
SELECT jsonb_pretty(options) FROM summary_stats(of_events(journey_options('90 minutes', 9, false, half_life => NULL,
  channel_lookback => '{"b": "36:00:00", "a": "1 day"}', transforms => '["exposure", {"remove_if_not_all": ["z", "direct"]}]')));

-- map_channels: the same journeys under other names; several may become one. Touches stay where they are.
SELECT j.* FROM kept, journeys(map_channels(s, '{"tv": "video", "search": "google", "email": "google", "radio": "audio"}')) AS j;
SELECT map_channels(s, '{"tv": "x", "search": "x", "email": "x"}') = (
  SELECT journey_summary_agg(array_replace(array_replace(array_replace(path, 'tv', 'x'), 'search', 'x'), 'email', 'x'), converted, value)
  FROM journey) AS as_if_renamed_before FROM kept;
-- Names are exchanged at once, not one after the other.
SELECT j.path, j.lost FROM journeys(map_channels((SELECT journey_summary_agg('{a,b}'::text[], false)), '{"a": "b", "b": "a"}')) AS j;
SELECT map_channels(s, '{}') = s AS unchanged FROM kept;
\pset format unaligned
SELECT refused(format('SELECT map_channels(s, %L) FROM kept', mapping)) FROM (VALUES
  (1, '[]'), (2, '{"tv": 1}'), (3, '{"tv": null}'), (4, '{"tv": "(unattributed)"}'), (5, '"tv"')
) AS mappings (n, mapping) ORDER BY n;
\pset format aligned

-- No summary, no answer.
SELECT * FROM journeys(NULL);
SELECT * FROM channels(NULL);
SELECT * FROM summary_stats(NULL);
SELECT map_channels(NULL, '{}') IS NULL AS no_summary, map_channels(s, NULL) IS NULL AS no_mapping FROM kept;
-- The functions behind the aggregates do not work alone.
SELECT refused('SELECT journey_summary_path_trans(NULL, ''{a}'', true)');
SELECT refused('SELECT journey_summary_combine(s, s) FROM kept');
-- Many small summaries, each with a channel of its own, roll up to the summary of all.
SELECT rollup(s) = (SELECT journey_summary_agg(ARRAY['c' || i, 'd' || i % 7], i % 3 = 0) FROM generate_series(1, 3000) AS i) AS whole
FROM (SELECT journey_summary_agg(ARRAY['c' || i, 'd' || i % 7], i % 3 = 0) AS s FROM generate_series(1, 3000) AS i GROUP BY i) AS parts;
