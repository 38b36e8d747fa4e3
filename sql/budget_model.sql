-- optimize_budget() over a model, and optimize_flighting(). Against independent solvers: test/mmm/test_budget.py.
CREATE EXTENSION attrib;
SET search_path = attrib, public;
\set SHOW_CONTEXT never

CREATE TABLE weeks AS
SELECT date '2023-01-02' + 7 * t AS week, t,
       CASE WHEN t % 13 >= 8 THEN 100 + 37 * (t % 7) ELSE 0 END::float8 AS tv, (20 + (t * 29) % 31)::float8 AS search
FROM generate_series(0, 103) AS t;
CREATE TABLE sales AS
SELECT week, tv, search, 500 + t + 400 * hill_saturation(adstock(tv, 0.5, 8, true) OVER (ORDER BY week), 150, 3)
         + 200 * hill_saturation(search, 30) + 5 * sin(t * t) AS sales
FROM weeks;
CREATE TABLE datasets AS SELECT mmm_dataset_agg(week, sales, jsonb_build_object('tv', tv, 'search', search)) AS d FROM sales;
CREATE TABLE models (name text PRIMARY KEY, m mmm_model);
INSERT INTO models
SELECT 'first', mmm_fit(d, 'ridge', fourier_terms => 0, free_slope => true, extra => '{"replicates": 40}') FROM datasets UNION ALL
SELECT 'no carry-over', mmm_fit(d, 'ridge', 'none', fourier_terms => 0, free_slope => true, extra => '{"replicates": 0}') FROM datasets UNION ALL
SELECT 'saturation first', mmm_fit(d, 'ridge', adstock_first => false, free_slope => true, fourier_terms => 0, extra => '{"replicates": 0}') FROM datasets UNION ALL
SELECT 'linear', mmm_fit(d, 'ridge', saturation => 'linear', fourier_terms => 0, extra => '{"replicates": 0}') FROM datasets UNION ALL
SELECT 'worth', mmm_fit(d, 'ridge', fourier_terms => 0, kpi_value => 2, extra => '{"replicates": 0}') FROM datasets UNION ALL
SELECT 'interaction', mmm_fit(d, 'ridge', interactions => '{tv*search}', fourier_terms => 0, extra => '{"replicates": 0}') FROM datasets;

-- Today's numbers are those of the other reports; the plan spends the total, is no worse, and proven.
SELECT o.channel, current_spend = r.spend AS spend, abs(current_response / r.contribution - 1) < 1e-9 AS response, extrapolated,
       abs(lift - (optimal_response - current_response)) < 1e-9 AS lift, lift_low <= lift_high AS interval, binding_constraint
FROM models, optimize_budget(m) AS o JOIN LATERAL mmm_roas(m) AS r ON r.channel = o.channel WHERE name = 'first';
SELECT name, abs(sum(optimal_spend) / sum(current_spend) - 1) < 1e-9 AS spends, sum(optimal_response) > sum(current_response) AS better,
       abs(sum(optimal_response) / max(objective_value) - 1) < 1e-12 AS value, max(gap) < 1e-6 AS proven, max(upper_bound) >= max(objective_value) AS bounded,
       count(lift_low) AS intervals
FROM models, optimize_budget(m) WHERE name <> 'interaction' GROUP BY name ORDER BY name;
-- A window of one period without carry-over is a single curve: the same plan as from the curve.
SELECT p.channel, abs(p.optimal_spend / c.optimal_spend - 1) < 1e-5 AS spend, abs(p.objective_value / c.objective_value - 1) < 1e-9 AS value,
       abs(p.marginal_roas / c.marginal_roas - 1) < 1e-4 AS marginal, abs(p.shadow_price / c.shadow_price - 1) < 1e-4 AS price
FROM models,
     LATERAL (SELECT array_agg(response_curve(component, k, h, s, current_spend => spend) ORDER BY component) AS curves, sum(spend) AS total
              FROM (SELECT component, max(mean) FILTER (WHERE parameter = 'coefficient') AS k, max(mean) FILTER (WHERE parameter = 'half_saturation') AS h,
                           max(mean) FILTER (WHERE parameter = 'slope') AS s FROM mmm_parameters(m) GROUP BY component) AS p
              JOIN LATERAL mmm_roas(m, '2024-12-23', '2024-12-23') AS r ON r.channel = p.component) AS known,
     optimize_budget(m, total * 2, periods => 1) AS p JOIN LATERAL optimize_budget(curves, total * 2) AS c ON c.channel = p.channel
WHERE name = 'no carry-over';
-- Targets, constraints and objectives as with curves.
SELECT round((sum(optimal_response) / sum(optimal_spend))::numeric, 6) AS roas, max(gap) < 1e-6 AS proven
FROM models, optimize_budget(m, target_roas => 3) WHERE name = 'first';
SELECT bool_and(optimal_spend = 0 OR abs(marginal_roas - 3) < 1e-6) AS marginal, max(gap) < 1e-6 AS proven, min(binding_constraint) AS binding
FROM models, optimize_budget(m, target_marginal_roas => 3) WHERE name = 'first';
SELECT round(sum(optimal_response)::numeric, 4) AS response, abs(max(objective_value) + sum(optimal_spend)) < 1e-6 AS objective, max(gap) < 1e-6 AS proven
FROM models, optimize_budget(m, target_response => 20000) WHERE name = 'first';
SELECT channel, round(optimal_spend) AS spend, binding_constraint, shadow_price < 0 AS costs, max(gap) OVER () < 1e-6 AS proven
FROM models, optimize_budget(m, constraints => '[{"name": "contract", "channels": ["search"], "equal": 3000}]') WHERE name = 'first';
SELECT sum(optimal_spend) <= 8000 * (1 + 1e-9) AS total, max(objective_value) AS objective_at_least, max(gap) < 1e-6 AS proven
FROM models, LATERAL (SELECT channel, optimal_spend, round((objective_value - (sum(2 * optimal_response - optimal_spend) OVER ()))::numeric, 6) AS objective_value, gap
                      FROM optimize_budget(m, 8000, objective => 'profit', margin => 2)) AS o WHERE name = 'first';
-- kpi_value: responses stay in units of the KPI, returns are money.
SELECT abs(sum(optimal_response) / max(objective_value) - 1) < 1e-12 AS response, bool_and(abs(o.roas / (2 * optimal_response / optimal_spend) - 1) < 1e-12) AS roas
FROM models, optimize_budget(m) AS o WHERE name = 'worth';
SELECT round((2 * sum(optimal_response) / sum(optimal_spend))::numeric, 6) AS roas, abs(sum(optimal_response) / max(objective_value) - 1) < 1e-9 AS response
FROM models, optimize_budget(m, target_roas => 6) WHERE name = 'worth';
SELECT max(abs(a.optimal_spend - b.optimal_spend)) < 1e-3 AS same_plan
FROM models, optimize_budget(m, target_roas => 6) AS a JOIN LATERAL optimize_budget(m, (SELECT sum(optimal_spend) FROM optimize_budget(m, target_roas => 6))) AS b
     ON a.channel = b.channel WHERE name = 'worth';
-- The worst tenth of the draws; over all of them it is the mean.
SELECT level, max(gap) < 0.05 AS narrow, max(upper_bound) >= max(objective_value) AS bounded, round(sum(optimal_spend)) = round(sum(current_spend)) AS spends,
       max(objective_value) <= sum(optimal_response) * (1 + 1e-9) AS below_mean
FROM models, unnest(ARRAY[0.1, 0.5, 1]) AS level, optimize_budget(m, risk => 'cvar', risk_level => level, tolerance => 0.05) WHERE name = 'first'
GROUP BY level ORDER BY level;
-- The interval of a lift holds the lift, as everything reported of a ridge fit does.
SELECT bool_and(lift BETWEEN lift_low AND lift_high) AS inside, count(lift_low) > 0 AS any
FROM models, unnest(ARRAY[0.5, 1, 2]) AS budget,
     LATERAL optimize_budget(m, budget * (SELECT sum(current_spend) FROM optimize_budget(m))) WHERE name = 'first';
-- A posterior: responses are means over its draws.
SET client_min_messages = error;
INSERT INTO models SELECT 'posterior', mmm_fit(d, fourier_terms => 0, chains => 2, warmup => 150, draws => 100) FROM datasets;
RESET client_min_messages;
SELECT o.channel, abs(current_response / r.contribution - 1) < 1e-9 AS response, lift_low < lift AND lift < lift_high AS lift, gap < 1e-6 AS proven
FROM models, optimize_budget(m) AS o JOIN LATERAL mmm_roas(m) AS r ON r.channel = o.channel WHERE name = 'posterior';
SELECT max(abs(a.optimal_spend - b.optimal_spend)) < 1e-3 AS plan, max(abs(a.objective_value / b.objective_value - 1)) < 1e-8 AS value
FROM models, optimize_budget(m) AS a JOIN LATERAL optimize_budget(m, risk => 'cvar', risk_level => 1) AS b USING (channel) WHERE name = 'posterior';
SELECT count(*) FROM models, optimize_budget(NULL::mmm_model);

-- Flighting
CREATE TABLE flights AS SELECT name, f.* FROM models, optimize_flighting(m, 1000, 6) AS f WHERE name NOT IN ('interaction', 'posterior');
SELECT name, count(*), min(period), max(period), abs(sum(spend) - 1000) < 1e-6 AS spends, min(spend) >= 0 AS positive,
       max(upper_bound) >= sum(response) * (1 - 1e-12) AS bounded, max(upper_bound) <= sum(response) * 1.2 AS tight
FROM flights GROUP BY name ORDER BY name;
-- The responses are what the model predicts for that spend, less what it predicts without any channel.
SELECT name, max(abs(predicted - base - response)) < 1e-6 AS predicted
FROM models AS m JOIN (SELECT name, period, sum(response) AS response FROM flights GROUP BY name, period) AS f USING (name)
JOIN LATERAL mmm_predict(m.m, (SELECT mmm_dataset_agg(period, NULL, media) FROM (
         SELECT period, jsonb_object_agg(channel, spend) AS media FROM flights WHERE flights.name = m.name GROUP BY period) AS t)) AS p USING (period)
JOIN LATERAL (SELECT period, predicted - sum(late) AS base FROM mmm_predict(m.m, (SELECT mmm_dataset_agg(period, NULL, '{"tv": 0, "search": 0}') FROM (
                  SELECT DISTINCT period FROM flights) AS t)) AS q
              JOIN (SELECT period, sum(response) AS late FROM optimize_flighting(m.m, 0, 6) GROUP BY period) AS l USING (period) GROUP BY period, predicted) AS z USING (period)
GROUP BY name ORDER BY name;
SELECT channel, round(sum(spend)) AS spend FROM models, optimize_flighting(m, 1000, 6, '[{"channels": ["search"], "equal": 150}, {"channels": ["tv"], "max": 500}]')
WHERE name = 'first' GROUP BY channel ORDER BY channel;
SELECT count(*) FROM optimize_flighting(NULL, 1000, 6);

-- What is refused, and why
\set VERBOSITY default
SELECT count(*) FROM models, optimize_budget(m) WHERE name = 'interaction';
SELECT count(*) FROM models, optimize_flighting(m, 10, 2) WHERE name = 'interaction';
SELECT count(*) FROM models, optimize_budget(m, objective => 'reach') WHERE name = 'first';
SELECT count(*) FROM models, optimize_budget(m, periods => 0) WHERE name = 'first';
SELECT count(*) FROM models, optimize_budget(m, periods => 1000) WHERE name = 'first';
SELECT count(*) FROM models, optimize_budget(m, risk => 'var') WHERE name = 'first';
SELECT count(*) FROM models, optimize_budget(m, risk_level => 0) WHERE name = 'first';
SELECT count(*) FROM models, optimize_budget(m, risk => 'cvar', target_roas => 3) WHERE name = 'first';
SELECT count(*) FROM models, optimize_budget(m, risk => 'cvar') WHERE name = 'worth';
SELECT count(*) FROM models, optimize_budget(m, extra => '{"draws": 10}') WHERE name = 'first';
SELECT count(*) FROM models, optimize_budget(m, constraints => '[{"channels": ["radio"], "min": 1}]') WHERE name = 'first';
SELECT count(*) FROM models, optimize_budget(m, 100, constraints => '[{"name": "floor", "channels": ["tv"], "min": 500}]') WHERE name = 'first';
DO $$
BEGIN
	PERFORM count(*) FROM models, optimize_budget(m, target_response => 1e9) WHERE name = 'first';
EXCEPTION WHEN invalid_parameter_value THEN
	RAISE NOTICE '%', regexp_replace(SQLERRM, 'at most \d+\.\d+', 'at most ...');
END $$;
SELECT count(*) FROM models, optimize_flighting(m, -1, 6) WHERE name = 'first';
SELECT count(*) FROM models, optimize_flighting(m, 100, 0) WHERE name = 'first';
SELECT count(*) FROM models, optimize_flighting(m, 100, NULL) WHERE name = 'first';
SELECT count(*) FROM models, optimize_flighting(m, 100, 6, '[{"name": "floor", "channels": ["tv"], "min": 500}]') WHERE name = 'first';
SELECT count(*) FROM models, optimize_budget((SELECT mmm_fit(d, 'ridge', fourier_terms => 0, extra => '{"replicates": 0}') FROM (
    SELECT mmm_dataset_agg(week, sales, jsonb_build_object('tv', CASE WHEN week < '2024-06-01' THEN tv ELSE 0 END)) AS d FROM sales) AS t), periods => 5) WHERE name = 'first';
