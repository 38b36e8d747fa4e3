-- Shapley values: three games, exact and sampled, ordered, and as an aggregate.
CREATE EXTENSION attrib;
SET search_path = attrib, public;

CREATE TABLE worked (path text[], conversions int, lost int, value float8);
INSERT INTO worked VALUES
  ('{A,B,A,C}', 3, 2, 90), ('{A}', 2, 8, 20), ('{A,A,A,B}', 4, 1, 100), ('{B,C}', 1, 4, 75), ('{C,C}', 0, 5, 0),
  ('{C,B,B,A}', 2, 3, 60), ('{D,A,D}', 1, 0, 12), ('{B,A,B,A,B}', 5, 5, 250), ('{D}', 0, 7, 0);
CREATE TABLE summaries AS
  SELECT journey_summary_agg(path, conversions, lost, value) AS s FROM worked;

-- Worked examples, to 1e-12.
WITH expected(game, channel, phi) AS (VALUES
  ('conversions', 'A', 26 / 3.0), ('conversions', 'B', 20 / 3.0), ('conversions', 'C', 13 / 6.0), ('conversions', 'D', 1 / 2.0),
  ('exact_rate', 'A', 5 / 24.0), ('exact_rate', 'B', 1 / 120.0), ('exact_rate', 'C', -11 / 120.0), ('exact_rate', 'D', -1 / 8.0),
  ('rate', 'A', 37880398 / 153868275.0), ('rate', 'B', 37641341 / 307736550.0),
  ('rate', 'C', -1004483 / 153868275.0), ('rate', 'D', -254773 / 11397650.0)
)
SELECT games.game, channel, round(a.phi::numeric, 9) AS phi, a.conversions IS NULL AS unscaled, std_error,
       abs(a.phi - e.phi) < 1e-12 AS as_expected
FROM summaries, (VALUES ('conversions'), ('rate'), ('exact_rate')) AS games(game),
     shapley_attr(s, game) a JOIN LATERAL (SELECT * FROM expected WHERE expected.game = games.game) e USING (channel)
ORDER BY games.game, channel;

-- 'conversions' hands out what was earned; scale changes nothing there.
SELECT channel, round(phi::numeric, 9) AS phi, round(conversions::numeric, 9) AS conversions,
       round(value::numeric, 9) AS value, round(share::numeric, 9) AS share
FROM summaries, shapley_attr(s, scale => true);

-- Rates scaled to all conversions and all value.
SELECT channel, round(conversions::numeric, 9) AS conversions, round(value::numeric, 9) AS value
FROM summaries, shapley_attr(s, 'rate', scale => true);
SELECT round(sum(phi)::numeric, 12) AS v_all, round(sum(conversions)::numeric, 9) AS conversions,
       round(sum(value)::numeric, 9) AS value, round(sum(share)::numeric, 12) AS share
FROM summaries, shapley_attr(s, 'rate', true);

-- Journeys without touches stay outside every game.
CREATE TABLE touchless AS
  SELECT journey_summary_agg(path, conversions, lost, value) AS s
  FROM (SELECT * FROM worked UNION ALL VALUES ('{}'::text[], 6, 0, 60), ('{A,B,C,D}', 1, 3, 7)) AS t;
SELECT channel, phi IS NULL AS no_phi, round(conversions::numeric, 6) AS conversions, round(value::numeric, 6) AS value
FROM touchless, shapley_attr(s);
SELECT count(*) AS rows, bool_or(channel = '(unattributed)') AS unattributed FROM touchless, shapley_attr(s, 'exact_rate');
SELECT game, round(sum(conversions)::numeric, 9) AS conversions, round(sum(value)::numeric, 9) AS value,
       count(*) FILTER (WHERE channel = '(unattributed)' AND conversions = 6 AND value = 60) AS unattributed
FROM touchless, (VALUES ('conversions'), ('rate'), ('exact_rate')) AS games(game), shapley_attr(s, game, true)
GROUP BY game ORDER BY game;

-- Sampled beyond max_exact: near the exact value, summing to v(all), the same digits for the same seed.
SELECT bool_and(abs(sampled.phi - exact.phi) < 5 * sampled.std_error) AS near,
       bool_and(exact.std_error IS NULL) AS exact_has_no_error,
       abs(sum(sampled.phi) - sum(exact.phi)) < 1e-12 AS efficient,
       bool_and(sampled.phi = again.phi AND sampled.std_error = again.std_error) AS repeatable,
       bool_or(sampled.phi <> other.phi) AS seeded
FROM summaries, shapley_attr(s, 'rate') exact, shapley_attr(s, 'rate', false, 3, 2000, 42) sampled,
     shapley_attr(s, 'rate', false, 3, 2000, 42) again, shapley_attr(s, 'rate', false, 3, 2000, 43) other
WHERE exact.channel = sampled.channel AND again.channel = exact.channel AND other.channel = exact.channel;
-- A single pair of permutations has no error to tell.
SELECT count(std_error) FROM summaries, shapley_attr(s, 'rate', max_exact => 0, samples => 1);

-- More than 64 channels.
CREATE TABLE wide AS
  SELECT journey_summary_agg(ARRAY['c' || i, 'c' || i * 7 % 1200, 'd'], i % 3, i % 5, i % 3) AS s
  FROM generate_series(1, 1200) AS i;
SELECT game, count(*), abs(sum(conversions) - 1200) < 1e-7 AS conserved, count(std_error) AS sampled
FROM wide, (VALUES ('conversions'), ('rate')) AS games(game), shapley_attr(s, game, true, samples => 20)
GROUP BY game ORDER BY game;

-- Ordered: the positions of a channel add up to its value.
SELECT * FROM shapley_attr_ordered((SELECT journey_summary_agg('{A,B,A}'::text[], true, 12)));
SELECT p.channel, p.conversions = s.conversions AS conversions, p.value = s.value AS value
FROM (SELECT channel, sum(conversions) AS conversions, sum(value) AS value
      FROM shapley_attr_ordered((SELECT journey_summary_agg('{A,B,A,B,C}'::text[], 30, 1, 12)))
      GROUP BY channel) p
     JOIN shapley_attr((SELECT journey_summary_agg('{A,B,A,B,C}'::text[], 30, 1, 12))) s USING (channel)
ORDER BY channel;

-- As an aggregate over path rows.
SELECT (c).channel, (c).phi, (c).conversions, (c).value, (c).share, (c).std_error
FROM (SELECT unnest(shapley_attr(path, converted, value)) AS c
      FROM (VALUES ('{A,B}'::text[], true, 10::float8), ('{A}', true, 4), ('{C}', false, 0), ('{}', true, 1)) AS t(path, converted, value)) u;
SELECT shapley_attr(path, true, 1) FROM worked WHERE false;
SELECT conversions, shapley_attr(path, conversions > 0, value * sign(conversions)), journey_summary_agg(path, true) IS NOT NULL AS shared
FROM worked GROUP BY GROUPING SETS ((conversions), ()) ORDER BY conversions LIMIT 2;

SELECT * FROM shapley_attr(NULL);
SELECT * FROM shapley_attr_ordered(NULL);

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
  (1, $$SELECT * FROM summaries, shapley_attr(s, 'revenue')$$),
  (2, $$SELECT * FROM summaries, shapley_attr(s, NULL)$$),
  (3, $$SELECT * FROM summaries, shapley_attr(s, scale => NULL)$$),
  (4, $$SELECT * FROM summaries, shapley_attr(s, max_exact => 27)$$),
  (5, $$SELECT * FROM summaries, shapley_attr(s, max_exact => -1)$$),
  (6, $$SELECT * FROM summaries, shapley_attr(s, max_exact => NULL)$$),
  (7, $$SELECT * FROM summaries, shapley_attr(s, samples => 0)$$),
  (8, $$SELECT * FROM summaries, shapley_attr(s, samples => 2000000000)$$),
  (9, $$SELECT * FROM summaries, shapley_attr(s, samples => NULL)$$),
  (10, $$SELECT * FROM summaries, shapley_attr(s, seed => NULL)$$),
  (11, $$SELECT * FROM summaries, shapley_attr(s, 'exact_rate', scale => true)$$),
  (12, $$SELECT * FROM shapley_attr((SELECT journey_summary_agg('{a}'::text[], false)), 'rate', scale => true)$$)
) AS queries(n, query) ORDER BY n;
