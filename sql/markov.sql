-- Markov removal effects of any order, transitions, the choice of an order, and the aggregate.
CREATE EXTENSION attrib;
SET search_path = attrib, public;

CREATE TABLE worked (path text[], conversions int, lost int, value float8);
INSERT INTO worked VALUES
  ('{A,B,A,C}', 3, 2, 90), ('{A}', 2, 8, 20), ('{A,A,A,B}', 4, 1, 100), ('{B,C}', 1, 4, 75), ('{C,C}', 0, 5, 0),
  ('{C,B,B,A}', 2, 3, 60), ('{D,A,D}', 1, 0, 12), ('{B,A,B,A,B}', 5, 5, 250), ('{D}', 0, 7, 0);
CREATE TABLE summaries AS
  SELECT journey_summary_agg(path, conversions, lost, value) AS s,
         journey_summary_agg(path, conversions, 0, value) AS winners
  FROM worked;

-- Worked examples, to 1e-12.
WITH expected(example, channel, effect) AS (VALUES
  ('order 1', 'A', 674 / 1053.0), ('order 1', 'B', 1490 / 2061.0), ('order 1', 'C', 1067 / 3330.0), ('order 1', 'D', 842 / 11151.0),
  ('order 2', 'A', 17 / 18.0), ('order 2', 'B', 5 / 6.0), ('order 2', 'C', 1 / 3.0), ('order 2', 'D', 1 / 18.0),
  ('nulls ignored', 'A', 1003 / 1332.0), ('nulls ignored', 'B', 1003 / 1323.0), ('nulls ignored', 'C', 2006 / 6435.0),
  ('nulls ignored', 'D', 1003 / 9360.0)
), answers AS (
  SELECT 'order 1' AS example, m.* FROM summaries, markov_removal_effect(s) m
  UNION ALL SELECT 'order 2', m.* FROM summaries, markov_removal_effect(s, 2) m
  UNION ALL SELECT 'nulls ignored', m.* FROM summaries, markov_removal_effect(winners) m
)
SELECT example, channel, round(removal_effect::numeric, 9) AS removal_effect,
       abs(removal_effect - effect) < 1e-12 AS as_expected
FROM answers JOIN expected USING (example, channel) ORDER BY example, channel;

SELECT channel, round(removal_effect_value::numeric, 9) AS removal_effect_value, round(conversions::numeric, 9) AS conversions,
       round(value::numeric, 9) AS value, round(share::numeric, 9) AS share
FROM summaries, markov_removal_effect(s);
SELECT round(sum(conversions)::numeric, 9) AS conversions, round(sum(value)::numeric, 9) AS value, round(sum(share)::numeric, 9) AS share
FROM summaries, markov_removal_effect(s, markov_order => 3, collapse_repeats => false);

-- Three journeys: P = 1/3, effects 1/2, 1, 1.
SELECT channel, round(removal_effect::numeric, 12) AS removal_effect, round(conversions::numeric, 12) AS conversions
FROM (SELECT journey_summary_agg(path, converted) AS s
      FROM (VALUES ('{c1,c2,c3}'::text[], true), ('{c1}', false), ('{c2,c3}', false)) AS t(path, converted)) AS t,
     markov_removal_effect(s);

-- Repeats change the chain, not which states a walk visits.
SELECT count(*) AS same FROM summaries, markov_removal_effect(s, 1, true) a JOIN markov_removal_effect(s, 1, false) b USING (channel)
WHERE abs(a.removal_effect - b.removal_effect) < 1e-12;

-- An order beyond the longest path: every path a state of its own.
SELECT channel, round(removal_effect::numeric, 9) AS removal_effect FROM summaries, markov_removal_effect(s, 1000);

-- Transitions, and that they add up.
SELECT from_state, to_state, transitions, round(probability::numeric, 9) AS probability
FROM summaries, markov_transitions(s);
SELECT from_state, to_state, transitions FROM summaries, markov_transitions(s, 2, false);
SELECT markov_order, collapse, count(DISTINCT from_state) AS states, bool_and(abs(total - 1) < 1e-12) AS certain
FROM (SELECT k AS markov_order, c AS collapse, from_state, sum(probability) AS total
      FROM summaries, generate_series(1, 6) AS k, unnest(ARRAY[true, false]) AS c, markov_transitions(s, k, c)
      GROUP BY k, c, from_state) AS t
GROUP BY markov_order, collapse ORDER BY markov_order, collapse;

-- The choice of the order.
SELECT markov_order, states, nodes, round(auc::numeric, 9) AS auc, round(penalized_auc::numeric, 9) AS penalized_auc
FROM summaries, markov_choose_order(s);
SELECT count(*) FROM summaries, markov_choose_order(s, 1);
SELECT markov_order, states, nodes, auc, penalized_auc FROM summaries, markov_choose_order(winners, 2);

-- Journeys without touches stay outside the chain.
SELECT channel, removal_effect IS NULL AS no_effect, round(conversions::numeric, 9) AS conversions, round(value::numeric, 9) AS value
FROM (SELECT journey_summary_agg(path, conversions, lost, value) AS s
      FROM (SELECT * FROM worked UNION ALL VALUES ('{}'::text[], 6, 1, 60)) AS t) AS t, markov_removal_effect(s);

-- Nothing to learn from: no conversions; conversions but no value.
SELECT m.* FROM (SELECT journey_summary_agg(path, 0, lost, 0) AS s FROM worked) AS t, markov_removal_effect(s) m;
SELECT channel, removal_effect_value, round(value::numeric, 9) AS value
FROM (SELECT journey_summary_agg(path, conversions, lost, 0) AS s FROM worked) AS t, markov_removal_effect(s);

-- Conversions, but none matured: all of it stays unattributed.
SELECT m.*
FROM (SELECT journey_summary_agg(u, at, channel, converted, value, journey_options(observed_until => '2026-01-10', lookback => '30 days')) AS s
      FROM (VALUES (1, '2026-01-01'::timestamptz, 'A', false, NULL::float8), (1, '2026-01-02', 'B', true, 10),
                   (2, '2026-01-03', 'B', false, NULL)) AS e(u, at, channel, converted, value)) AS t,
     markov_removal_effect(s) m;

-- Matured conversions without value, young ones with: value follows the conversions.
SELECT channel, removal_effect, removal_effect_value, round(conversions::numeric, 9) AS conversions, round(value::numeric, 9) AS value
FROM (SELECT journey_summary_agg(u, at, channel, converted, value, journey_options(observed_until => '2026-03-10', lookback => '30 days')) AS s
      FROM (VALUES (1, '2026-01-01'::timestamptz, 'A', true, NULL::float8), (2, '2026-03-05', 'B', true, 10),
                   (3, '2026-01-03', 'B', true, NULL), (3, '2026-01-02', 'A', false, NULL)) AS e(u, at, channel, converted, value)) AS t,
     markov_removal_effect(s);

-- The aggregate.
SELECT (m).channel, round((m).removal_effect::numeric, 9) AS removal_effect, round((m).conversions::numeric, 9) AS conversions
FROM (SELECT unnest(markov_removal_effect(path, n <= conversions, CASE WHEN n <= conversions THEN value / conversions END)) AS m
      FROM worked, generate_series(1, conversions + lost) AS n) AS t;
SELECT markov_removal_effect(path, true, 1) FROM worked WHERE false;

-- Long paths: near-absorbing cycles, a single state, and the limits of counts.
SELECT channel, round(removal_effect::numeric, 9) AS removal_effect
FROM (SELECT journey_summary_agg(path, 1, 1, 0) AS s
      FROM (SELECT array_agg(CASE n % 2 WHEN 0 THEN 'A' ELSE 'B' END ORDER BY n) AS path FROM generate_series(1, 20000) AS n
            UNION ALL SELECT '{C,A}') AS t) AS t, markov_removal_effect(s, 2);
SELECT channel, removal_effect, conversions
FROM (SELECT journey_summary_agg('{A,B,A,B,C}', 4000000000000000000, 1, 0) AS s) AS t, markov_removal_effect(s);
SELECT * FROM (SELECT journey_summary_agg('{A,B,A,B,A,B,C}', 4000000000000000000, 1, 0) AS s) AS t, markov_transitions(s);

-- Arguments.
SELECT count(*) FROM markov_removal_effect(NULL), markov_transitions(NULL), markov_choose_order(NULL);
SELECT * FROM summaries, markov_removal_effect(s, 0);
SELECT * FROM summaries, markov_removal_effect(s, -1);
SELECT * FROM summaries, markov_removal_effect(s, NULL);
SELECT * FROM summaries, markov_removal_effect(s, 1, NULL);
SELECT * FROM summaries, markov_transitions(s, 0);
SELECT * FROM summaries, markov_choose_order(s, 0);
