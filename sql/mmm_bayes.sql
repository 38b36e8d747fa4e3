-- mmm_fit with method bayes: shape of its answers, priors, lift tests, errors. What it reaches is in test/mmm.
CREATE EXTENSION attrib;
SET search_path = attrib, public;
SET client_min_messages = error; -- a few draws are enough here, and the WARNINGs say so

CREATE TABLE weeks AS
SELECT date '2023-01-02' + 7 * t AS week, t,
       CASE WHEN t % 13 < 5 THEN 100 + 37 * (t % 7) ELSE 0 END::float8 AS tv, (20 + (t * 29) % 31)::float8 AS search,
       9 + ((t * 17) % 11) / 10.0 AS price
FROM generate_series(0, 119) AS t;
CREATE TABLE sales AS
SELECT week, t, tv, search, price,
       500 + t + 40 * sin(2 * pi() * t / 52.17857142857143) - 20 * (price - 9)
         + 400 * hill_saturation(adstock(tv, 0.5, 8, true) OVER (ORDER BY week), 80)
         + 200 * hill_saturation(search, 30) + 15 * sin(t * t) AS sales
FROM weeks;
CREATE TABLE datasets AS
SELECT mmm_dataset_agg(week, sales, jsonb_build_object('tv', tv, 'search', search), jsonb_build_object('price', price)) AS d FROM sales;

CREATE TABLE models (name text PRIMARY KEY, m mmm_model);
INSERT INTO models SELECT 'first', mmm_fit(d, fourier_terms => 1, chains => 2, warmup => 500, draws => 500, extra => '{"workers": 0}') FROM datasets;
INSERT INTO models SELECT 'again', mmm_fit(d, 'bayes', fourier_terms => 1, chains => 2, warmup => 500, draws => 500, extra => '{"workers": 0}') FROM datasets;
INSERT INTO models SELECT 'parallel', mmm_fit(d, fourier_terms => 1, chains => 2, warmup => 500, draws => 500, extra => '{"workers": 1}') FROM datasets;
INSERT INTO models SELECT 'text', m::text::mmm_model FROM models WHERE name = 'first';
INSERT INTO models SELECT 'other seed', mmm_fit(d, fourier_terms => 1, chains => 2, warmup => 500, draws => 500, seed => 2) FROM datasets;
SELECT name, mmm_model_send(m) = (SELECT mmm_model_send(m) FROM models WHERE name = 'first') AS same FROM models ORDER BY name;

-- Parameters: posterior, prior and what the chains are worth
SELECT component, parameter, low < median AND median < high AS ordered, sd > 0 AS has_sd, prior_sd > 0 AS has_prior,
       abs(contraction - (1 - (sd / prior_sd) ^ 2)) < 1e-9 AS contraction, rhat < 1.05 AS converged, ess_bulk > 50 AS bulk, ess_tail > 20 AS tail
FROM models, mmm_parameters(m) WHERE name = 'first';
SELECT component, parameter, round(prior_mean::numeric, 3) AS prior_mean, round(prior_sd::numeric, 3) AS prior_sd FROM models, mmm_parameters(m) WHERE name = 'first';
SELECT metric, component, ok, threshold FROM models, mmm_diagnostics(m) WHERE name = 'first' AND metric NOT IN ('rhat_max', 'ess_bulk_min', 'ess_tail_min', 'mcse_to_sd_max', 'condition_number', 'pareto_k_max');
SELECT count(*), count(DISTINCT (chain, draw)) AS draws, max(chain) AS chains, max(draw) AS each, count(DISTINCT (component, parameter)) AS parameters
FROM models, mmm_draws(m) WHERE name = 'first';
SELECT bool_and(abs(p.mean - d.mean) <= 1e-12 * abs(p.mean) AND abs(p.sd - d.sd) <= 1e-9 * p.sd AND abs(p.median - d.median) <= 1e-12 * abs(p.median)) AS draws_give_the_parameters
FROM models, mmm_parameters(m) AS p
JOIN LATERAL (SELECT component, parameter, avg(value) AS mean, stddev_samp(value) AS sd, percentile_cont(0.5) WITHIN GROUP (ORDER BY value) AS median
              FROM mmm_draws(m) GROUP BY 1, 2) AS d USING (component, parameter) WHERE name = 'first';

-- Reports are of the draws, and agree with one another
SELECT r.channel, abs(r.contribution / c.contribution - 1) < 1e-9 AS contributions, abs(r.contribution / v.response - 1) < 1e-9 AS curves,
       abs(r.contribution_low / v.low - 1) < 1e-9 AND abs(r.contribution_high / v.high - 1) < 1e-9 AS intervals,
       abs(r.marginal_roas / v.marginal_roas - 1) < 1e-9 AS marginal, r.roas_low < r.roas AND r.roas < r.roas_high AS inside
FROM (SELECT m FROM models WHERE name = 'first') AS f, mmm_roas(m) AS r
JOIN LATERAL (SELECT component, sum(contribution) AS contribution FROM mmm_contributions(m) GROUP BY component) AS c ON c.component = r.channel
JOIN LATERAL (SELECT * FROM mmm_response_curves(m)) AS v ON v.channel = r.channel AND v.multiplier = 1;
SELECT max(abs(p.predicted - c.total)) < 1e-9 AS contributions_sum_to_prediction,
       count(*) FILTER (WHERE s.sales BETWEEN p.low AND p.high) >= 100 AS nine_in_ten_inside
FROM datasets, (SELECT m FROM models WHERE name = 'first') AS t, mmm_predict(m, d) AS p
JOIN (SELECT period, sum(contribution) AS total FROM models, mmm_contributions(m) WHERE name = 'first' GROUP BY period) AS c USING (period)
JOIN sales AS s ON s.week = p.period;
SELECT channel, truth BETWEEN contribution_low AND contribution_high AS covered
FROM models, mmm_roas(m, level => 0.99) JOIN
     (SELECT 'tv' AS channel, sum(y) AS truth FROM (SELECT 400 * hill_saturation(adstock(tv, 0.5, 8, true) OVER (ORDER BY week), 80) AS y FROM sales) AS s
      UNION ALL SELECT 'search', sum(200 * hill_saturation(search, 30)) FROM sales) AS t USING (channel)
WHERE name = 'first';
SELECT channel FROM models, unnest(steady_state_curves(m)) WHERE name = 'first';

-- Every argument is taken
CREATE FUNCTION quick(d mmm_dataset, VARIADIC arguments text[]) RETURNS mmm_model LANGUAGE plpgsql AS $$
DECLARE m mmm_model;
BEGIN
	EXECUTE format('SELECT mmm_fit($1, chains => 1, warmup => 80, draws => 30, %s)', array_to_string(arguments, ', ')) INTO m USING d;
	RETURN m;
END $$;
SELECT adstock, saturation, (SELECT value > 0.9 FROM mmm_diagnostics(quick(d, format('adstock => %L, saturation => %L, max_lag => 6, free_slope => true', adstock, saturation))) WHERE metric = 'r2') AS fits
FROM datasets, (VALUES ('none', 'linear'), ('geometric', 'root'), ('delayed', 'tanh'), ('binomial', 'michaelis_menten'), ('weibull_pdf', 'log1p'), ('weibull_cdf', 'hill'),
                       ('geometric', 'inverse_scaled_logistic'), ('geometric', 'hill_sigmoid')) AS k (adstock, saturation);
SELECT DISTINCT component FROM datasets, mmm_parameters(quick(d, 'interactions => ''{search*tv}''', 'trend => ''knots''', 'adstock_first => false', 'max_lag => NULL',
  'extra => ''{"likelihood": "student_t"}''', 'priors => ''{"search*tv": {"dist": "normal", "mu": 0, "sigma": 0.1}, "nu": {"dist": "gamma", "alpha": 4, "beta": 1}}''')) ORDER BY 1;
SELECT parameter, round(mean::numeric, 9) AS mean, prior_sd, contraction FROM datasets, mmm_parameters(quick(d, 'extra => ''{"likelihood": "student_t", "nu": 4}''')) WHERE parameter = 'nu';
SELECT metric, ok FROM datasets, mmm_diagnostics(quick(d, 'holdout_periods => 10')) WHERE metric LIKE 'holdout%';
SELECT component, parameter, prior_mean, prior_sd FROM datasets, mmm_parameters(quick(d, $q$priors => '{
  "tv": {"decay": {"dist": "beta", "alpha": 2, "beta": 2}, "coefficient": {"dist": "halfnormal", "sigma": 1}, "half_saturation": {"dist": "uniform", "lower": 0.1, "upper": 0.5}},
  "search": {"coefficient": {"dist": "gamma", "alpha": 4, "beta": 8}},
  "price": {"dist": "normal", "mu": -0.1, "sigma": 0.2}, "intercept": {"dist": "lognormal", "mu": 0, "sigma": 0.5}, "trend": {"coefficient": {"dist": "studentt", "nu": 4, "mu": 0, "sigma": 1}},
  "seasonality": {"dist": "normal", "mu": 0, "sigma": 0.1}, "sigma": {"dist": "exponential", "lam": 10}}'$q$))
WHERE (component, parameter) NOT IN (('search', 'decay'), ('search', 'half_saturation'));

-- Prior alone: its moments, whatever the data
SELECT component, parameter, abs(mean - prior_mean) < 5 * prior_sd / sqrt(ess_bulk) AS mean, abs(sd / prior_sd - 1) < 0.2 AS sd
FROM datasets, mmm_parameters(mmm_fit(d, chains => 2, warmup => 500, draws => 1000, extra => '{"prior_only": true}')) WHERE component IN ('tv', 'price', 'likelihood');
SELECT metric, component, ok, advice FROM datasets, mmm_diagnostics(mmm_fit(d, chains => 2, warmup => 300, draws => 300, extra => '{"prior_only": true}')) WHERE metric = 'contraction' AND component = 'tv decay';

-- A prior of ROI implies the coefficient; a lift test pulls it
SELECT abs(roas - 7) < 0.1 AS as_believed FROM datasets, mmm_roas(mmm_fit(d, chains => 1, warmup => 300, draws => 200, kpi_value => 2,
  priors => '{"tv": {"roi": {"dist": "truncatednormal", "mu": 7, "sigma": 0.05, "lower": 0}}}')) WHERE channel = 'tv';
SELECT channel, abs(roas - 7) < 0.1 AS as_believed FROM datasets, mmm_roas(mmm_fit(d, chains => 1, warmup => 300, draws => 200, extra => '{"prior_only": true}',
  priors => '{"tv": {"roi": {"dist": "truncatednormal", "mu": 7, "sigma": 0.05, "lower": 0}}}')) WHERE channel = 'tv';
CREATE TABLE tested AS
SELECT mmm_fit(d, chains => 2, warmup => 200, draws => 100, lift_tests =>
  '[{"channel": "tv", "from": "2024-03-04", "to": "2024-03-25", "spend_change": 400, "lift": 2000, "standard_error": 10}]') AS m FROM datasets;
-- the model's own prediction with that spend, carried over within the window
SELECT abs(sum(a.predicted - b.predicted) - 2000) < 50 AS as_tested
FROM tested, LATERAL mmm_predict(m, (SELECT mmm_dataset_agg(week, sales, jsonb_build_object('tv', tv + CASE WHEN week BETWEEN '2024-03-04' AND '2024-03-25' THEN 100 ELSE 0 END, 'search', search), jsonb_build_object('price', price)) FROM sales)) AS a
JOIN LATERAL mmm_predict(m, (SELECT d FROM datasets)) AS b USING (period) WHERE period BETWEEN '2024-03-04' AND '2024-03-25';
SELECT count(*) FROM datasets, mmm_roas(quick(d, $q$extra => '{"lift_likelihood": "student_t"}', lift_tests =>
  '[{"channel": "search", "from": "2024-03-04", "to": "2024-03-25", "measured_until": "2024-04-08", "spend_change": -20, "lift": -100, "standard_error": 50}]'$q$));

-- Candidates are ridge fits, whatever the method
SELECT count(*) > 5 AS several FROM datasets, mmm_candidates(d, extra => '{"candidates": 200}');

-- Refused
SELECT mmm_fit(d, priors => '{"radio": {}}') FROM datasets;
SELECT mmm_fit(d, priors => '{"tv": {"speed": {}}}') FROM datasets;
SELECT mmm_fit(d, priors => '{"tv": {"decay": {"alpha": 1}}}') FROM datasets;
SELECT mmm_fit(d, priors => '{"tv": {"decay": {"dist": "magic"}}}') FROM datasets;
SELECT mmm_fit(d, priors => '{"tv": {"decay": {"dist": "beta", "alpha": 1}}}') FROM datasets;
SELECT mmm_fit(d, priors => '{"tv": {"decay": {"dist": "beta", "alpha": 1, "beta": 1, "gamma": 1}}}') FROM datasets;
SELECT mmm_fit(d, priors => '{"tv": {"decay": {"dist": "beta", "alpha": 1, "beta": -1}}}') FROM datasets;
SELECT mmm_fit(d, priors => '{"tv": {"decay": {"dist": "normal", "mu": 0.5, "sigma": 0.1}}}') FROM datasets;
SELECT mmm_fit(d, priors => '{"tv": {"coefficient": {"dist": "normal", "mu": 0, "sigma": 1}}}') FROM datasets;
SELECT mmm_fit(d, priors => '{"tv": {"coefficient": {"dist": "halfnormal", "sigma": 1}, "roi": {"dist": "halfnormal", "sigma": 1}}}') FROM datasets;
SELECT mmm_fit(d, priors => '{"tv": {"coefficient": {"dist": "halfnormal", "sigma": "wide"}}}') FROM datasets;
SELECT mmm_fit(d, priors => '{"tv": 1}') FROM datasets;
SELECT mmm_fit(d, priors => '{"nu": {"dist": "halfnormal", "sigma": 1}}') FROM datasets;
SELECT mmm_fit(d, lift_tests => '{}') FROM datasets;
SELECT mmm_fit(d, lift_tests => '[1]') FROM datasets;
SELECT mmm_fit(d, lift_tests => '[{"channel": "tv"}]') FROM datasets;
SELECT mmm_fit(d, lift_tests => '[{"channel": "radio"}]') FROM datasets;
SELECT mmm_fit(d, lift_tests => '[{"channel": "tv", "geo": "north"}]') FROM datasets;
SELECT mmm_fit(d, lift_tests => '[{"channel": "tv", "where": "north"}]') FROM datasets;
SELECT mmm_fit(d, lift_tests => '[{"channel": "tv", "from": "2030-01-01", "to": "2030-02-01", "spend_change": 1, "lift": 1, "standard_error": 1}]') FROM datasets;
SELECT mmm_fit(d, lift_tests => '[{"channel": "tv", "from": "2024-03-04", "to": "2024-03-25", "spend_change": -1e6, "lift": 1, "standard_error": 1}]') FROM datasets;
SELECT mmm_fit(d, lift_tests => '[{"channel": "tv", "from": "2024-03-04", "to": "2024-03-25", "spend_change": 0, "lift": 1, "standard_error": 1}]') FROM datasets;
SELECT mmm_fit(d, lift_tests => '[{"channel": "tv", "from": "2024-03-04", "to": "2024-03-25", "spend_change": 1, "lift": 1, "standard_error": 0}]') FROM datasets;
SELECT mmm_fit(d, extra => '{"speed": 1}') FROM datasets;
SELECT mmm_fit(d, extra => '{"likelihood": "cauchy"}') FROM datasets;
SELECT mmm_fit(d, extra => '{"nu": 3}') FROM datasets;
SELECT mmm_fit(d, extra => '{"target_accept": 1}') FROM datasets;
SELECT mmm_fit(d, chains => 0) FROM datasets;
SELECT mmm_fit(d, draws => 0) FROM datasets;
SELECT mmm_fit(d, adstock => 'delayed', max_lag => 0) FROM datasets;
SELECT mmm_fit(d, chains => 1000, draws => 1000000) FROM datasets;
SELECT mmm_fit(mmm_dataset_agg(week, sales, jsonb_build_object('tv', tv, 'radio', 0)), priors => '{"radio": {"roi": {"dist": "halfnormal", "sigma": 1}}}') FROM sales;
-- Absurd priors end in an answer or an error
SELECT mmm_fit(d, chains => 1, warmup => 50, draws => 50, priors => '{"sigma": {"dist": "uniform", "lower": 1e-300, "upper": 2e-300}}') FROM datasets;
SELECT mmm_fit(d, chains => 1, warmup => 50, draws => 50, priors => '{"tv": {"coefficient": {"dist": "lognormal", "mu": 400, "sigma": 1}}}') FROM datasets;
SELECT (SELECT count(*) FROM mmm_draws(NULL)) AS null_model;
SELECT regexp_replace(m::text, '"chains": 2', '"chains": 3')::mmm_model FROM models WHERE name = 'first';
SELECT regexp_replace(m::text, '"likelihood": "normal"', '"likelihood": "cauchy"')::mmm_model FROM models WHERE name = 'first';
SELECT regexp_replace(m::text, '"marginals": \[[^,]*, ', '"marginals": [')::mmm_model FROM models WHERE name = 'first';
