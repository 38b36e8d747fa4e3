-- optimize_budget() and budget_frontier() over response curves
CREATE EXTENSION attrib;
SET search_path = attrib, public;
\set SHOW_CONTEXT never

CREATE FUNCTION public.rounded(plan float8, digits int DEFAULT 4) RETURNS numeric
LANGUAGE sql IMMUTABLE RETURN round(plan::numeric, digits);

-- A curve is a plain composite.
SELECT response_curve('tv', 1000, 300, 2);
SELECT (response_curve('tv', 1000, 300, saturation => 'tanh', current_spend => 5, max_spend => 9)).*;

-- The golden budgets: optimum and plan.
CREATE TABLE public.golden (name text, budget float8, optimum float8, curves response_curve[]);
INSERT INTO golden VALUES
	('concave_2', 100, 94.71188537902144, ARRAY[
		response_curve('a', 100, 50, 1, max_spend => 100), response_curve('b', 60, 20, 1, max_spend => 100)]),
	('twin_S_half_budget', 100, 88.52691218130312, ARRAY[
		response_curve('a', 100, 60, 4, max_spend => 100), response_curve('b', 100, 60, 4, max_spend => 100)]),
	('five_mixed_bounds', 200, 173.80694737821315, ARRAY[
		response_curve('a', 90, 40, 2.5, min_spend => 5, max_spend => 80),
		response_curve('b', 70, 60, 3, min_spend => 5, max_spend => 120),
		response_curve('c', 50, 15, 1, min_spend => 5, max_spend => 60),
		response_curve('d', 120, 110, 4, min_spend => 5, max_spend => 150),
		response_curve('e', 30, 8, 0.7, min_spend => 5, max_spend => 40)]),
	('robyn_range_alpha3', 120000, 1297606.0491216832, ARRAY[
		response_curve('a', 1e6, 5e4, 3, min_spend => 1e4, max_spend => 9e4),
		response_curve('b', 6e5, 3e4, 2.2, min_spend => 5e3, max_spend => 6e4),
		response_curve('c', 8e5, 4e4, 1, min_spend => 1e4, max_spend => 9e4),
		response_curve('d', 4e5, 6e4, 2.8, min_spend => 5e3, max_spend => 9e4),
		response_curve('e', 3e5, 2e4, 0.6, min_spend => 5e3, max_spend => 5e4)]);
SELECT name, abs(sum(optimal_response) / optimum - 1) < 1e-9 AS optimal, max(gap) <= 1e-6 AS proven,
	max(upper_bound) >= optimum * (1 - 1e-12) AS bounded, rounded(sum(optimal_spend), 6) AS spent,
	array_agg(rounded(optimal_spend, 3) ORDER BY channel) AS plan
FROM golden, optimize_budget(curves, budget) GROUP BY name, optimum ORDER BY name;

-- Every column, today's plan as the yardstick.
\x on
SELECT channel, current_spend, rounded(optimal_spend) AS optimal_spend, rounded(current_response) AS current_response,
	rounded(optimal_response) AS optimal_response, rounded(lift) AS lift, rounded(roas) AS roas,
	rounded(marginal_roas) AS marginal_roas, rounded(shadow_price) AS shadow_price, binding_constraint, extrapolated,
	rounded(objective_value) AS objective_value, rounded(upper_bound) AS upper_bound, gap <= 1e-6 AS proven
FROM optimize_budget(ARRAY[response_curve('tv', 100, 60, 4, current_spend => 50),
                           response_curve('search', 60, 20, current_spend => 50)]);
\x off

-- What the plan obeys, and what each limit costs.
CREATE TABLE public.mix (curves response_curve[]);
INSERT INTO mix VALUES (ARRAY[
	response_curve('tv', 900, 400, 2.5, current_spend => 300),
	response_curve('ooh', 300, 300, 3, current_spend => 200),
	response_curve('search', 500, 150, 1, current_spend => 250),
	response_curve('social', 400, 200, 1.6, current_spend => 150, max_spend => 350),
	response_curve('email', 80, 20, saturation => 'logistic', current_spend => 20)]);
CREATE FUNCTION public.plan(q text) RETURNS TABLE (channel text, spend numeric, binding text, price numeric, objective numeric, proven boolean)
LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT channel, rounded(optimal_spend, 2), binding_constraint, rounded(shadow_price),
		rounded(objective_value, 2), gap <= 1e-6 FROM mix, optimize_budget(curves%s)', q);
END $$;
SELECT * FROM plan('');
SELECT * FROM plan(', 900, constraints => ''[{"name": "ooh contract", "channels": ["ooh"], "equal": 300},
	{"name": "brand floor", "channels": ["tv", "ooh"], "min": 700}, {"channels": ["search"], "max_change": 0.3}]''');
SELECT * FROM plan(', 5000, ''exactly''');
SELECT * FROM plan(', target_roas => 1.5');
SELECT * FROM plan(', target_marginal_roas => 0.5');
SELECT * FROM plan(', target_response => 1200');
SELECT * FROM plan(', ''Infinity'', objective => ''profit'', margin => 1.2');
SELECT * FROM plan(', objective => ''roi'', constraints => ''[{"channels": ["tv", "search"], "min": 300}]''');
-- The price of the floor is what one unit of it costs.
SELECT rounded((b.objective - a.objective), 2) AS cost_of_100
FROM plan(', 900, constraints => ''[{"channels": ["tv", "ooh"], "min": 750}]''') AS a,
	plan(', 900, constraints => ''[{"channels": ["tv", "ooh"], "min": 850}]''') AS b LIMIT 1;

-- Targets hold.
SELECT sum(optimal_response) / sum(optimal_spend) >= 1.5 * (1 - 1e-9) AS roas_reached
FROM mix, optimize_budget(curves, target_roas => 1.5);
SELECT abs(sum(optimal_response) / 1200 - 1) < 1e-9 AS response_reached
FROM mix, optimize_budget(curves, target_response => 1200);
SELECT bool_and(optimal_spend = 0 OR abs(marginal_roas / 0.5 - 1) < 1e-6) AS marginal_return_reached
FROM mix, optimize_budget(curves, target_marginal_roas => 0.5);

-- Reach: the share of the audience that at least one channel reaches.
SELECT channel, rounded(optimal_spend), rounded(optimal_response), rounded(objective_value),
	abs(objective_value - (1 - exp(sum(ln(1 - optimal_response)) OVER ()))) < 1e-12 AS combined
FROM optimize_budget(ARRAY[response_curve('tv', 0.7, 40, 1.8), response_curve('radio', 0.5, 15),
                           response_curve('web', 1, 30, saturation => 'tanh')], 100, objective => 'reach');

-- All kinds together, and the same plan in another currency.
WITH curves AS (
	SELECT yen, array_agg(response_curve(kind, CASE kind WHEN 'root' THEN 2 * yen ^ 0.5 WHEN 'linear' THEN 0.2 ELSE 20 * yen END,
		30 * yen, CASE kind WHEN 'hill' THEN 3 ELSE 0.5 END, kind, max_spend => 80 * yen) ORDER BY kind) AS curves
	FROM unnest(ARRAY['hill', 'logistic', 'tanh', 'michaelis_menten', 'root', 'linear', 'log1p']) AS kind,
		unnest(ARRAY[1, 150]) AS yen GROUP BY yen
)
SELECT channel, rounded(min(optimal_spend / yen)) AS spend, rounded(max(optimal_spend / yen)) AS in_yen,
	rounded(min(marginal_roas)) AS marginal_roas, bool_and(gap <= 1e-6) AS proven
FROM curves, optimize_budget(curves, 200 * yen) GROUP BY channel ORDER BY channel;

-- The frontier, alone and with a constraint.
SELECT total_budget, rounded(response), rounded(marginal_roas) AS marginal_roas, rounded(shadow_price) AS shadow_price,
	(SELECT sum(value::float8) <= total_budget * (1 + 1e-12) FROM jsonb_each_text(allocation)) AS within
FROM mix, budget_frontier(curves, 200, 1400, 7);
SELECT total_budget, rounded(response), rounded(shadow_price) AS shadow_price, rounded((allocation ->> 'ooh')::float8) AS ooh
FROM mix, budget_frontier(curves, 200, 1000, 3, '[{"channels": ["ooh"], "equal": 200}]');
SELECT bool_and(abs(response / best - 1) < 1e-6) AS as_alone
FROM mix, budget_frontier(curves, 100, 2000, 8) AS f,
	LATERAL (SELECT sum(optimal_response) AS best FROM optimize_budget(curves, f.total_budget)) AS o;

-- Odd cases
SELECT channel, optimal_spend, roas, objective_value, gap FROM optimize_budget(ARRAY[response_curve('a', 10, 5, 2), response_curve('b', 10, 5)], 0);
SELECT channel, optimal_spend, binding_constraint FROM optimize_budget(ARRAY[response_curve('a', 10, 5)], 7);
SELECT rounded(sum(optimal_spend)) AS spent, count(*) FILTER (WHERE optimal_spend > 0) AS used, max(gap) <= 1e-6 AS proven
FROM (SELECT array_agg(response_curve('c' || i, 10, 5, 3)) AS curves FROM generate_series(1, 50) AS i) AS c, optimize_budget(curves, 60);
SELECT channel, rounded(optimal_spend) FROM optimize_budget(ARRAY[response_curve('flat', 0, 5, 2), response_curve('steep', 10, 5, 50)], 100) ORDER BY channel;
SELECT channel, optimal_spend FROM optimize_budget(ARRAY[response_curve('a', 10, 5, min_spend => 3, max_spend => 3), response_curve('b', 10, 5)], 10, 'exactly');
SELECT * FROM optimize_budget(NULL::response_curve[], 10);
SELECT * FROM optimize_budget('{}'::response_curve[], 10);
SELECT * FROM budget_frontier(NULL, 0, 10);
SELECT count(*) FROM mix, budget_frontier(curves, 5, 5, 1);
-- Today's plan is never beaten by the optimizer's own.
SELECT bool_and(better) AS never_worse
FROM (SELECT sum(lift) >= 0 AS better
	  FROM (SELECT seed, array_agg(response_curve('c' || i, 1 + (seed * i * 7) % 13, 5 + (seed * i * 3) % 17, 1 + (seed + i) % 5,
	               current_spend => (seed * i * 11) % 19)) AS curves
	        FROM generate_series(1, 40) AS seed, generate_series(1, 7) AS i GROUP BY seed) AS s, optimize_budget(curves) GROUP BY seed) AS t;

-- A node limit stops the proof, not the plan.
WITH hard AS (
	SELECT array_agg(response_curve('c' || i, 10 + i * 0.001, 50 + i * 0.01, 6)) AS curves FROM generate_series(1, 12) AS i
)
SELECT rounded(sum(optimal_spend), 2) AS spent, max(gap) > 1e-9 AS open FROM hard, optimize_budget(curves, 500, tolerance => 1e-9, node_limit => 1);

-- Demands that cannot be met name what stands in the way.
SELECT * FROM plan(', 600, constraints => ''[{"name": "brand floor", "channels": ["tv", "ooh"], "min": 700}]''');
SELECT * FROM plan(', 2000, constraints => ''[{"name": "social floor", "channels": ["social"], "min": 400}]''');
SELECT * FROM plan(', 2000, constraints => ''[{"name": "a", "channels": ["tv", "ooh"], "min": 500}, {"name": "b", "channels": ["ooh", "search"], "max": 100},
	{"name": "c", "channels": ["tv"], "max": 300}]''');
SELECT * FROM plan(', target_response => 5000');
SELECT * FROM plan(', 300, target_response => 1200');
SELECT * FROM plan(', target_roas => 50');
SELECT * FROM plan(', ''Infinity''');
SELECT * FROM plan(', objective => ''roi''');
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, 5, min_spend => 4, max_spend => 3)], 10);

-- What makes no sense
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, 5)]);
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, 5), NULL], 10);
SELECT * FROM optimize_budget(ARRAY[response_curve(NULL, 10, 5)], 10);
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, 5), response_curve('a', 10, 5)], 10);
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 'NaN', 5)], 10);
SELECT * FROM optimize_budget(ARRAY[response_curve('a', -1, 5)], 10);
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, NULL)], 10);
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, 0)], 10);
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, 5, 'Infinity')], 10);
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, 5, saturation => 'cubic')], 10);
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, 5)], -1);
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, 5)], 'NaN');
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, 5)], 10, 'roughly');
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, 5)], 10, objective => 'fame');
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, 5)], 10, margin => 0);
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, 5)], 10, tolerance => 0);
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, 5)], 10, node_limit => 0);
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, 5)], 10, extra => '{"speed": 1}');
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, 5)], target_roas => 1, target_response => 1);
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, 5)], target_roas => 1, objective => 'roi');
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, 5)], 10, 'exactly', target_response => 1);
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, 5)], 'Infinity', 'exactly');
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, 5)], 10, objective => 'reach');
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 0.1, NULL, saturation => 'linear')], 10, objective => 'reach');
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, 5)], 10, constraints => '{"min": 1}');
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, 5)], 10, constraints => '[{"min": 1}]');
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, 5)], 10, constraints => '[{"channels": ["a"]}]');
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, 5)], 10, constraints => '[{"channels": ["b"], "min": 1}]');
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, 5)], 10, constraints => '[{"channels": ["a", "a"], "min": 1}]');
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, 5)], 10, constraints => '[{"channels": ["a"], "min": 3, "max": 2}]');
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, 5)], 10, constraints => '[{"channels": ["a"], "max_change": 0.1}]');
SELECT * FROM optimize_budget(ARRAY[response_curve('a', 10, 5)], 10, constraints => '[{"channels": ["a"], "floor": 0.1}]');
SELECT * FROM budget_frontier(ARRAY[response_curve('a', 10, 5)], 10, 5);
SELECT * FROM budget_frontier(ARRAY[response_curve('a', 10, 5, min_spend => 7)], 5, 10);
SELECT * FROM budget_frontier(ARRAY[response_curve('a', 10, 5)], 5, 10, 0);

-- A profit's certificate does not hang on the units: the same plan in millions, in billionths, and with a margin that takes it back.
SELECT spend_unit, response_unit, round(sum(optimal_spend)::numeric / spend_unit, 3) AS spend,
       round((max(objective_value) / spend_unit)::numeric, 4) AS profit, bool_and(gap BETWEEN 0 AND 1e-6) AS proven,
       bool_and(upper_bound <= objective_value + 1e-5 * abs(objective_value)) AS bounded
FROM (VALUES (1::numeric, 1::numeric), (1e-6, 1e9), (1e6, 1e-9)) AS u (spend_unit, response_unit),
     optimize_budget(ARRAY[response_curve('a', 100 * response_unit::float8, 50 * spend_unit::float8, 2, max_spend => 100 * spend_unit::float8),
                           response_curve('b', 60 * response_unit::float8, 20 * spend_unit::float8, 2, max_spend => 100 * spend_unit::float8)],
                     100 * spend_unit::float8, objective => 'profit', margin => (2 * spend_unit / response_unit)::float8)
GROUP BY 1, 2 ORDER BY 1;
