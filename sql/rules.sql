-- Rule models: first, last, linear, by position, by the clock.
CREATE EXTENSION attrib;
SET search_path = attrib, public;

CREATE TABLE worked (path text[], conversions int, lost int, value float8);
INSERT INTO worked VALUES
  ('{A,B,A,C}', 3, 2, 90), ('{A}', 2, 8, 20), ('{A,A,A,B}', 4, 1, 100), ('{B,C}', 1, 4, 75), ('{C,C}', 0, 5, 0),
  ('{C,B,B,A}', 2, 3, 60), ('{D,A,D}', 1, 0, 12), ('{B,A,B,A,B}', 5, 5, 250), ('{D}', 0, 7, 0);
CREATE TABLE summaries AS
  SELECT journey_summary_agg(path, conversions, lost, value) AS s FROM worked;

-- Worked examples, to 1e-12.
WITH expected(model, channel, conversions) AS (VALUES
  ('first', 'A', 9.0), ('first', 'B', 6), ('first', 'C', 2), ('first', 'D', 1),
  ('last', 'A', 4), ('last', 'B', 9), ('last', 'C', 4), ('last', 'D', 1),
  ('linear', 'A', 28 / 3.0), ('linear', 'B', 6.25), ('linear', 'C', 1.75), ('linear', 'D', 2 / 3.0),
  ('position', 'A', 227 / 30.0), ('position', 'B', 107 / 15.0), ('position', 'C', 2.5), ('position', 'D', 0.8)
), actual AS (
  SELECT 'first' AS model, (first_touch_attr(s)).* FROM summaries
  UNION ALL SELECT 'last', (last_touch_attr(s)).* FROM summaries
  UNION ALL SELECT 'linear', (linear_attr(s)).* FROM summaries
  UNION ALL SELECT 'position', (position_based_attr(s)).* FROM summaries
)
SELECT model, channel, round(a.conversions::numeric, 9) AS conversions, round(value::numeric, 9) AS value,
       round(share::numeric, 9) AS share, abs(a.conversions - e.conversions) < 1e-12 AS as_expected
FROM actual a FULL JOIN expected e USING (model, channel)
ORDER BY model, channel;

-- ignore: passed over where something else is on the path, and only there; unknown names match nothing.
SELECT f.channel, f.conversions AS first_non_a, l.conversions AS last_non_a
FROM summaries, first_touch_attr(s, '{A}') f, last_touch_attr(s, ARRAY['A', 'nobody']) l
WHERE f.channel = l.channel;
SELECT channel, conversions FROM summaries, last_touch_attr(s, ignore => NULL);
SELECT channel, conversions FROM summaries, last_touch_attr(s, '{A,B,C,D}');

-- Two touches: the ends renormalised; one touch: all.
CREATE TABLE short AS
  SELECT journey_summary_agg(path, converted, value) AS s
  FROM (VALUES ('{A,B}'::text[], true, 8::float8), ('{}', true, 5), (NULL, false, 0)) AS t(path, converted, value);
SELECT c.* FROM short, position_based_attr(s, 0.2, 0.6) c;
SELECT channel, conversions FROM short, position_based_attr(s, 0, 0);
SELECT channel, conversions FROM short, position_based_attr(s, first => 1, last => 0);

-- Position decay: each touch weighs ratio times the next.
SELECT channel, round(conversions::numeric, 12) AS conversions FROM short, position_decay_attr(s);
SELECT bool_and(abs(p.conversions - l.conversions) < 1e-12) AS ratio_1_is_linear
FROM summaries, position_decay_attr(s, 1) p, linear_attr(s) l WHERE p.channel = l.channel;

-- Time decay: each path keeps its channels' credit by the clock; a path of one channel needs none.
CREATE TABLE clocked AS
  SELECT '{"version": 1, "options": {"lookback": "30 days", "half_life": "7 days"}, "channels": ["a", "b", "c"], "paths": [
    {"path": [0], "conversions": 2, "value": 4}, {"path": [0, 1], "conversions": 3, "value": 12, "decay": [[1, 4], [2, 8]]},
    {"path": [2], "lost": 1}]}'::journey_summary AS s;
SELECT c.* FROM clocked, time_decay_attr(s) c;

-- Credit is conserved, whatever the counts.
CREATE TABLE heavy AS
  SELECT journey_summary_agg(array_fill('x'::text, ARRAY[i % 7]) || ('c' || i % 1500)::text || '{y,z}'::text[],
                             4000000000000000 + i, i, i * 1e9 + 0.01) AS s
  FROM generate_series(1, 2000) AS i;
SELECT model, abs(sum(c.conversions) / min(total.conversions) - 1) < 1e-12 AS conversions,
       abs(sum(c.value) / min(total.value) - 1) < 1e-12 AS value, count(*) AS rows
FROM heavy, LATERAL (SELECT sum(conversions)::float8 AS conversions, sum(value) AS value FROM journeys(s)) total,
     LATERAL (SELECT 'first' AS model, * FROM first_touch_attr(s)
              UNION ALL SELECT 'last', * FROM last_touch_attr(s)
              UNION ALL SELECT 'linear', * FROM linear_attr(s)
              UNION ALL SELECT 'position', * FROM position_based_attr(s, 0.123, 0.456)
              UNION ALL SELECT 'decay', * FROM position_decay_attr(s, 0.9)) c
GROUP BY model ORDER BY model;

-- (unattributed) takes its place in the order of bytes; shares are NULL where nothing converted.
SELECT * FROM linear_attr((SELECT journey_summary_agg(path, true) FROM (VALUES ('{é,!,~}'::text[]), ('{}')) AS t(path)));
SELECT * FROM linear_attr((SELECT journey_summary_agg('{a,b}'::text[], false)));

-- No summary, no rows.
SELECT * FROM first_touch_attr(NULL);
SELECT * FROM last_touch_attr(NULL, NULL);
SELECT * FROM linear_attr(NULL);
SELECT * FROM position_based_attr(NULL);
SELECT * FROM position_decay_attr(NULL);
SELECT * FROM time_decay_attr(NULL);

-- What is refused.
CREATE FUNCTION refused(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE message text; hint text;
BEGIN
  EXECUTE query;
  RETURN 'not refused';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
  RETURN SQLSTATE || ': ' || left(message, 120) || coalesce(' -- ' || nullif(hint, ''), '');
END $$;
\pset format unaligned
SELECT refused(query) FROM (VALUES
  (1, $$SELECT * FROM summaries, first_touch_attr(s, ARRAY['A', NULL])$$),
  (2, $$SELECT * FROM summaries, last_touch_attr(s, ARRAY[['A'], ['B']])$$),
  (3, $$SELECT * FROM summaries, position_based_attr(s, -0.1)$$),
  (4, $$SELECT * FROM summaries, position_based_attr(s, 0.6, 0.5)$$),
  (5, $$SELECT * FROM summaries, position_based_attr(s, 'nan')$$),
  (6, $$SELECT * FROM summaries, position_based_attr(s, 0.1, 'infinity')$$),
  (7, $$SELECT * FROM summaries, position_based_attr(s, NULL)$$),
  (8, $$SELECT * FROM summaries, position_decay_attr(s, 0)$$),
  (9, $$SELECT * FROM summaries, position_decay_attr(s, 1.5)$$),
  (10, $$SELECT * FROM summaries, position_decay_attr(s, 'nan')$$),
  (11, $$SELECT * FROM summaries, position_decay_attr(s, NULL)$$),
  (12, $$SELECT * FROM summaries, time_decay_attr(s)$$)
) AS queries(n, query) ORDER BY n;
