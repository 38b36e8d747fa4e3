-- How far the models' numbers can be trusted: intervals, differences, prediction, experiments.
CREATE EXTENSION attrib;
SET search_path = attrib, public;

CREATE TABLE worked (path text[], conversions int, lost int, value float8);
INSERT INTO worked VALUES
  ('{A,B,A,C}', 3, 2, 90), ('{A}', 2, 8, 20), ('{A,A,A,B}', 4, 1, 100), ('{B,C}', 1, 4, 75), ('{C,C}', 0, 5, 0),
  ('{C,B,B,A}', 2, 3, 60), ('{D,A,D}', 1, 0, 12), ('{B,A,B,A,B}', 5, 5, 250), ('{D}', 0, 7, 0), ('{}', 2, 0, 3);
CREATE TABLE summaries AS
  SELECT journey_summary_agg(path, conversions, lost, value) AS s FROM worked;

-- attribution_intervals: every model and both methods, around the model's own numbers.
CREATE FUNCTION models_and_methods(OUT model text, OUT options jsonb) RETURNS SETOF record LANGUAGE sql AS $$
  SELECT m, jsonb_build_object('method', method) || more
  FROM (VALUES ('first_touch', '{}'::jsonb), ('last_touch', '{"ignore": ["A"]}'), ('linear', '{}'), ('position_based', '{"first": 0.2}'),
               ('position_decay', '{"ratio": 0.3}'), ('shapley', '{}'), ('shapley', '{"game": "rate"}'), ('markov', '{}'),
               ('markov', '{"markov_order": 2}'), ('markov', '{"markov": {"markov_order": 3, "collapse_repeats": false}}')) AS m(m, more),
       (VALUES ('percentile'), ('bca')) AS methods(method)
$$;
SELECT model, options, count(*) AS rows,
       bool_and(conversions_low <= conversions AND conversions <= conversions_high) AS conversions_within,
       bool_and(value_low <= value AND value <= value_high) AS value_within,
       bool_and(share_low <= conversions / 20 AND conversions / 20 <= share_high) AS share_within,
       round(sum(conversions)::numeric, 9) AS conversions, round(sum(value)::numeric, 9) AS value
FROM summaries, models_and_methods(), LATERAL attribution_intervals(s, model, 200, options => options)
GROUP BY model, options ORDER BY model, options;

-- The point estimates are the models'.
SELECT model, bool_and(i.conversions = m.conversions AND i.value = m.value) AS same
FROM summaries, attribution_models(s) AS m
     JOIN LATERAL attribution_intervals(s, m.model, 10) AS i USING (channel)
GROUP BY model ORDER BY model;

-- One seed, one answer; another seed, another; wider at a higher level.
SELECT (SELECT array_agg(i::text) FROM attribution_intervals(s, 'markov', 50) AS i)
     = (SELECT array_agg(i::text) FROM attribution_intervals(s, 'markov', 50) AS i) AS same_seed,
       (SELECT array_agg(i::text) FROM attribution_intervals(s, 'markov', 50) AS i)
     = (SELECT array_agg(i::text) FROM attribution_intervals(s, 'markov', 50, seed => 2) AS i) AS other_seed,
       (SELECT bool_and(wide.share_high - wide.share_low >= narrow.share_high - narrow.share_low)
        FROM attribution_intervals(s, 'linear', 500, 0.99) AS wide
             JOIN attribution_intervals(s, 'linear', 500, 0.8) AS narrow USING (channel)) AS wider
FROM summaries;

-- Conversions of a rule are a binomial number: 70 of 1000 journeys, 95%, taken at the level for 70 terms: 54 to 87
-- (scipy.stats.binom.ppf, norm.sf and t.ppf, SciPy 1.17.1).
-- At 10 apiece their value goes from 540 to 870.
SELECT channel, conversions, conversions_low, conversions_high, value_low, value_high, share_low, share_high
FROM attribution_intervals((SELECT journey_summary_agg('{a}', 70, 930, 700)), 'first_touch', 20000, options => '{"method": "percentile"}');

-- Value varies with the squares: two conversions of 1 and 99 are not two of 50.
SELECT name, round((value_high - value_low)::numeric) AS width
FROM (VALUES ('even', 50, 50), ('uneven', 1, 99)) AS t(name, a, b),
     LATERAL (SELECT journey_summary_agg('{x}', true, v) AS s FROM (SELECT unnest(ARRAY[a, b]) AS v FROM generate_series(1, 100)) AS rows) AS sums,
     attribution_intervals(s, 'linear') ORDER BY name;

-- time_decay, where the summary keeps a clock.
SELECT channel, conversions, conversions_low < conversions_high AS wide
FROM attribution_intervals('{"version": 1, "options": {"half_life": "7 days"}, "channels": ["a", "b"], "paths": [
  {"path": [0, 1], "conversions": 3, "lost": 5, "value": 12, "decay": [[1, 4], [2, 8]]}]}', 'time_decay', 200);
SELECT * FROM summaries, LATERAL attribution_intervals(s, 'time_decay') AS i WHERE i.channel IS NULL;

-- The share of a in 12 conversions of 60: 0.102 to 0.306, BCa 0.110 to 0.317 (scipy.stats.bootstrap, SciPy 1.17.1, 100 000 resamples
-- of the 1000 journeys; such shares are a sixtieth apart).
SELECT method, abs(share_low - low) < 0.004 AS low, abs(share_high - high) < 0.004 AS high
FROM (VALUES ('percentile', 0.10204, 0.30612), ('bca', 0.10959, 0.31667)) AS scipy(method, low, high),
     attribution_intervals((SELECT journey_summary_agg(p, c, l, 0) FROM (VALUES ('{a}'::text[], 12, 0), ('{b}', 48, 0), ('{c}', 0, 940)) AS v(p, c, l)),
                           'first_touch', 20000, options => jsonb_build_object('method', method)) WHERE channel = 'a';
-- Nothing to resample, nothing converted, only immature conversions.
SELECT * FROM attribution_intervals(NULL, 'linear');
SELECT model, i.* FROM unnest('{linear,markov,shapley}'::text[]) AS model,
  LATERAL attribution_intervals((SELECT journey_summary_agg('{a,b}'::text[], false)), model, 20) AS i ORDER BY model, channel;
SELECT i.* FROM attribution_intervals('{"version": 1, "options": {"lookback": "30 days"}, "channels": ["a"], "paths": [
  {"path": [0], "conversions": 3, "matured_conversions": 0}]}', 'markov', 20) AS i;

SELECT attribution_intervals(s, 'guess') FROM summaries;
SELECT attribution_intervals(s, 'linear', 9) FROM summaries;
SELECT attribution_intervals(s, 'linear', level => 1) FROM summaries;
SELECT attribution_intervals(s, 'linear', level => 'NaN') FROM summaries;
SELECT attribution_intervals(s, 'linear', seed => NULL) FROM summaries;
SELECT attribution_intervals(s, 'linear', options => '{"method": "exact"}') FROM summaries;
SELECT attribution_intervals(s, 'linear', options => '{"ratio": 1}') FROM summaries;

-- attribution_difference: a less b, channels of either, unattributed ones in their place.
CREATE TABLE arms AS
SELECT journey_summary_agg('{search}', 300, 700, 0) AS a,
       (SELECT journey_summary_agg(p.path, p.conversions, p.lost, 0)
        FROM (VALUES ('{search}'::text[], 200, 700), ('{tv}', 100, 0), ('{}', 10, 0)) AS p(path, conversions, lost)) AS b;
SELECT channel, round(share_a::numeric, 4) AS a, round(share_b::numeric, 4) AS b, round(difference::numeric, 4) AS difference,
       round(low::numeric, 2) AS low, round(high::numeric, 2) AS high, round(p_value::numeric, 3) AS p, round(p_adjusted::numeric, 3) AS p_adjusted,
       conversions_a, conversions_b
FROM arms, attribution_difference(a, b, 'linear');
-- Wald's test of two proportions, 530 and 480 of 1000: p 0.02516 (statsmodels 0.15.0, test_proportions_2indep), interval 0.0062 to
-- 0.0938; Holm's of two channels is twice that.
SELECT channel, abs(p_value / 0.025157181940966375 - 1) < 0.1 AS p, abs(p_adjusted / p_value - 2) < 1e-9 AS p_adjusted,
       abs(abs(low + high) - 0.1) < 0.003 AS middle, abs(high - low - 0.0876) < 0.003 AS width
FROM attribution_difference((SELECT journey_summary_agg(p, c, 0, 0) FROM (VALUES ('{a}'::text[], 530), ('{b}', 470)) AS v(p, c)),
                            (SELECT journey_summary_agg(p, c, 0, 0) FROM (VALUES ('{a}'::text[], 480), ('{b}', 520)) AS v(p, c)),
                            'linear', 20000);
-- A summary against itself: no difference, and p-values that say so.
SELECT bool_and(difference = 0 AND low < 0 AND high > 0 AND p_value > 0.5 AND p_adjusted = 1) AS none
FROM summaries, attribution_difference(s, s, 'markov', 400);
SELECT bool_and(p_adjusted >= p_value) AS adjusted FROM arms, attribution_difference(b, a, 'shapley');
SELECT * FROM arms, LATERAL attribution_difference(a, NULL, 'linear') AS d;
SELECT channel, share_b, difference, low, p_value FROM arms, attribution_difference(a, (SELECT journey_summary_agg('{x}'::text[], false)), 'linear', 20);
SELECT attribution_difference(a, b, 'linear', options => '{"method": "bca"}') FROM arms;
-- Unequal maturity and unequal options are told.
SELECT count(*) FROM attribution_difference(
  '{"version": 1, "options": {"lookback": "30 days"}, "channels": ["a"], "paths": [{"path": [0], "conversions": 5, "lost": 5, "open": 5}]}',
  '{"version": 1, "options": {"lookback": "7 days"}, "channels": ["a"], "paths": [{"path": [0], "conversions": 5, "lost": 5}]}', 'linear', 20);

-- model_agreement
SELECT model_a, model_b, round(rank_correlation::numeric, 6) AS rank_correlation, round(total_variation::numeric, 6) AS total_variation
FROM summaries, model_agreement(s);
SELECT * FROM summaries, LATERAL model_agreement(s, '{markov,markov}') AS a;
SELECT count(*) FROM summaries, model_agreement(s, '{linear}');
SELECT a.* FROM model_agreement((SELECT journey_summary_agg('{a}'::text[], false)), '{linear,markov}') AS a;

-- scipy.stats.spearmanr of the models' shares, SciPy 1.17.1.
SELECT round(rank_correlation::numeric, 6) = -0.5 AS correlation
FROM model_agreement((SELECT journey_summary_agg(p, c, 0, 0) FROM (VALUES ('{a,b}'::text[], 5), ('{b,c}', 2), ('{c,c}', 4)) AS v(p, c)),
                     '{first_touch,last_touch}');

-- conversion_probability
SELECT path, round(conversion_probability(s, path)::numeric, 6) AS k1, round(conversion_probability(s, path, 2)::numeric, 6) AS k2
FROM summaries, worked ORDER BY path;
-- Many journeys: a path's own rate.
SELECT round(conversion_probability(s, '{a}')::numeric, 2) AS a, round(conversion_probability(s, '{a,b}', 3)::numeric, 2) AS ab
FROM (SELECT journey_summary_agg(path, conversions, lost, 0) AS s
      FROM (VALUES ('{a}'::text[], 30000, 70000), ('{a,b}', 20000, 20000)) AS p(path, conversions, lost)) AS t;
-- Two summaries in one call site, one after the other.
SELECT round(conversion_probability(s, '{a}')::numeric, 3) AS p
FROM (SELECT journey_summary_agg('{a}', 1000, 1000 * lost, 0) AS s FROM (VALUES (1, 1), (2, 3), (3, 1)) AS t(place, lost) GROUP BY place ORDER BY place) AS sums;
SELECT conversion_probability(NULL, '{a}'), conversion_probability(s, NULL),
       conversion_probability(s, '{nowhere,seen}') BETWEEN 0 AND 1 AS unknown,
       conversion_probability((SELECT journey_summary_agg('{}'::text[], true)), '{a}') AS nothing_learned
FROM summaries;
SELECT conversion_probability(s, '{a}', 0) FROM summaries;
SELECT conversion_probability(s, '{a,NULL}') FROM summaries;
SELECT conversion_probability(s, '{{a},{b}}') FROM summaries;

-- conversion_accuracy: the same for any order of the rows.
CREATE TABLE users AS
SELECT user_id, coalesce(array_agg(channel ORDER BY at) FILTER (WHERE channel IS NOT NULL), '{}') AS path, bool_or(converted) AS converted
FROM generate_events(4000, 5) GROUP BY user_id;
SELECT model, markov_order, best, journeys, conversions, round(auc::numeric, 4) AS auc, round(accuracy::numeric, 4) AS accuracy,
       round(majority_rate::numeric, 4) AS majority_rate, round(log_loss::numeric, 4) AS log_loss, round(brier::numeric, 4) AS brier,
       jsonb_array_length(calibration) AS bins,
       (SELECT sum((bin ->> 'journeys')::int) FROM jsonb_array_elements(calibration) AS bin) AS in_bins
FROM unnest((SELECT conversion_accuracy(user_id::text, path, converted, '{"max_order": 2, "folds": 4}') FROM users));
SELECT (SELECT conversion_accuracy(user_id::text, path, converted ORDER BY user_id) FROM users)
     = (SELECT conversion_accuracy(user_id::text, path, converted ORDER BY user_id DESC) FROM users) AS same;
SELECT conversion_accuracy(user_id::text, path, converted) FROM users WHERE false;
SELECT model, auc, accuracy FROM unnest((SELECT conversion_accuracy('u', '{a}', false, '{"max_order": 1}')));
-- Workers give the same digits.
ANALYZE users;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
CREATE TEMP TABLE shared AS SELECT conversion_accuracy(user_id::text, path, converted, '{"max_order": 3}') AS a FROM users;
SET max_parallel_workers_per_gather = 0;
SELECT a = (SELECT conversion_accuracy(user_id::text, path, converted, '{"max_order": 3}') FROM users) AS same FROM shared;
RESET max_parallel_workers_per_gather;
EXPLAIN (COSTS OFF) SELECT conversion_accuracy(user_id::text, path, converted) FROM users;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
SELECT conversion_accuracy(NULL, path, converted) FROM users;
SELECT conversion_accuracy('u', path, converted, '{"fold": 3}') FROM users;
SELECT conversion_accuracy('u', path, converted, '{"folds": 1}') FROM users;
SELECT conversion_accuracy('u', path, converted, jsonb_build_object('seed', user_id)) FROM users;

-- lift_test: Welch's t-test of the gaps (scipy.stats.ttest_ind, equal_var=False, SciPy 1.17.1:
-- t 4.456038416139605, 5.8019279601221605 degrees of freedom, p 0.0046659899447502, 95% interval 0.836814 to 2.913186).
SELECT channel, x, delta_x, round(delta_y::numeric, 6) AS delta_y, round((delta_y / sigma)::numeric, 9) AS t, round(low::numeric, 6) AS low,
       round(high::numeric, 6) AS high, round(degrees_of_freedom::numeric, 9) AS degrees, round(p_value::numeric, 9) AS p,
       round(relative_lift::numeric, 6) AS relative, periods, round(total::numeric, 6) AS total, round(total_low::numeric, 5) AS total_low
FROM lift_test('{13.1,14.4,13.0,14.3,16.9,13.6,11.0,11.7,18.2,19.1,17.3,15.0,16.4}', '{10,12,9,11,14,10,8,9,13,15,11,10,12}', 8, 'tv', 1000, 400);
SELECT delta_y, low, high, p_value FROM lift_test('{1,1,2,2}', '{1,1,1,1}', 2);
SELECT * FROM lift_test(NULL, '{1}', 2);
SELECT lift_test('{1,2,3,4}', '{1,2,3}', 2);
SELECT lift_test('{1,2,3,4}', '{1,2,3,4}', 3);
SELECT lift_test('{1,2,NULL,4}', '{1,2,3,4}', 2);
SELECT lift_test('{1,2,NaN,4}', '{1,2,3,4}', 2);
