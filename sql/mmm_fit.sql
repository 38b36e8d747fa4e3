-- mmm_fit with method ridge, the model as a value, and its accessors. Accuracy on known truth is in test/mmm.
CREATE EXTENSION attrib;
SET search_path = attrib, public;

-- 120 weeks of a known process: tv carries over and saturates, search saturates, price hurts, summers are better.
CREATE TABLE weeks AS
SELECT date '2023-01-02' + 7 * t AS week, t,
       CASE WHEN t % 13 < 5 THEN 100 + 37 * (t % 7) ELSE 0 END::float8 AS tv, (20 + (t * 29) % 31)::float8 AS search,
       9 + ((t * 17) % 11) / 10.0 AS price
FROM generate_series(0, 119) AS t;
CREATE TABLE sales AS
SELECT week, t, tv, search, price,
       500 + t + 40 * sin(2 * pi() * t / 52.17857142857143) - 20 * (price - 9)
         + 400 * hill_saturation(adstock(tv, 0.5, 8, true) OVER (ORDER BY week), 80)
         + 200 * hill_saturation(search, 30) + 5 * sin(t * t) AS sales
FROM weeks;
CREATE TABLE datasets AS
SELECT mmm_dataset_agg(week, sales, jsonb_build_object('tv', tv, 'search', search), jsonb_build_object('price', price)) AS d FROM sales;

CREATE TABLE models (name text PRIMARY KEY, m mmm_model);
INSERT INTO models SELECT 'first', mmm_fit(d, method => 'ridge', fourier_terms => 1) FROM datasets;
INSERT INTO models SELECT 'again', mmm_fit(d, method => 'ridge', fourier_terms => 1) FROM datasets;
INSERT INTO models SELECT 'text', m::text::mmm_model FROM models WHERE name = 'first';
-- The digits of the text are all that it needs, whatever those of a float8 are.
SET extra_float_digits = -15;
INSERT INTO models SELECT 'short text', m::text::mmm_model FROM models WHERE name = 'first';
SELECT d::text = d::text::mmm_dataset::text AND mmm_dataset_send(d::text::mmm_dataset) = mmm_dataset_send(d) AS same FROM datasets;
RESET extra_float_digits;
SET max_parallel_workers_per_gather = 0;
SET work_mem = '64kB';
INSERT INTO models SELECT 'serial', mmm_fit(d, method => 'ridge', fourier_terms => 1) FROM datasets;
RESET max_parallel_workers_per_gather;
RESET work_mem;
INSERT INTO models SELECT 'other seed', mmm_fit(d, method => 'ridge', fourier_terms => 1, seed => 2) FROM datasets;
SELECT name, mmm_model_send(m) = (SELECT mmm_model_send(m) FROM models WHERE name = 'first') AS same FROM models ORDER BY name;

SELECT component, parameter, round(mean::numeric, 1) AS mean, low < mean AND mean < high AS inside, sd > 0 AS has_sd,
       num_nonnulls(prior_mean, prior_sd, contraction, rhat, ess_bulk, ess_tail) AS bayesian
FROM models, mmm_parameters(m) WHERE name = 'first' ORDER BY component, parameter;
SELECT metric, component, ok, threshold, advice FROM models, mmm_diagnostics(m) WHERE name = 'first';
SELECT metric, round(value::numeric, 2) AS value FROM models, mmm_diagnostics(m)
WHERE name = 'first' AND metric IN ('r2', 'adj_r2', 'condition_number', 'vif', 'exposure_variation');

-- Contributions add up to the prediction, whoever is asked
SELECT max(abs(p.predicted - c.total)) < 1e-9 AS contributions_sum_to_prediction
FROM datasets, (SELECT m FROM models WHERE name = 'text') AS t, mmm_predict(m, d) AS p
JOIN (SELECT period, sum(contribution) AS total FROM models, mmm_contributions(m) WHERE name = 'first' GROUP BY period) AS c USING (period);
-- One response function: roas, contributions and curves are the same number
SELECT r.channel, abs(r.contribution / c.contribution - 1) < 1e-9 AS contributions, abs(r.contribution / v.response - 1) < 1e-9 AS curves,
       abs(r.contribution_low / v.low - 1) < 1e-9 AND abs(r.contribution_high / v.high - 1) < 1e-9 AS intervals,
       abs(r.marginal_roas / v.marginal_roas - 1) < 1e-9 AS marginal, abs(r.roas * r.spend / r.contribution - 1) < 1e-12 AS roas,
       abs(r.cost_per_kpi * r.roas - 1) < 1e-12 AS cost, abs(p.contribution / r.contribution - 1) < 1e-9 AS periods
FROM (SELECT m FROM models WHERE name = 'first') AS f, mmm_roas(m) AS r
JOIN LATERAL (SELECT component, sum(contribution) AS contribution FROM mmm_contributions(m) GROUP BY component) AS c ON c.component = r.channel
JOIN LATERAL (SELECT * FROM mmm_response_curves(m)) AS v ON v.channel = r.channel AND v.multiplier = 1
JOIN LATERAL (SELECT channel, sum(contribution) AS contribution FROM mmm_roas(m, by => 'period') GROUP BY channel) AS p ON p.channel = r.channel;
-- ... in a window too, whose interval comes from the window's own draws
SELECT r.channel, abs(r.contribution / c.contribution - 1) < 1e-9 AS contributions, abs(r.contribution / v.response - 1) < 1e-9 AS curves,
       r.contribution_high - r.contribution_low < c.added AS narrower_than_added_bounds, v.spend = r.spend AS spend
FROM (SELECT m FROM models WHERE name = 'first') AS f, mmm_roas(m, '2024-01-01', '2024-06-30') AS r
JOIN LATERAL (SELECT component, sum(contribution) AS contribution, sum(high - low) AS added
              FROM mmm_contributions(m, '2024-01-01', '2024-06-30') GROUP BY component) AS c ON c.component = r.channel
JOIN LATERAL (SELECT * FROM mmm_response_curves(m, 3, '2024-01-01', '2024-06-30')) AS v ON v.channel = r.channel AND v.multiplier = 1;
SELECT channel, multiplier, round(spend::numeric) AS spend, extrapolated, low <= response AND response <= high AS inside
FROM models, mmm_response_curves(m, points => 5) WHERE name = 'first';
-- The slope of the curve is its slope
SELECT channel, abs((lead(response) OVER w - lag(response) OVER w) / (lead(spend) OVER w - lag(spend) OVER w) / marginal_roas - 1) < 1e-4 AS slope
FROM (SELECT m FROM models WHERE name = 'first') AS f, mmm_response_curves(m, points => 401) WINDOW w AS (PARTITION BY channel ORDER BY multiplier)
ORDER BY abs(multiplier - 1), channel LIMIT 2;
SELECT channel, roas = 2 * (SELECT roas FROM models, mmm_roas(m) AS o WHERE name = 'first' AND o.channel = r.channel) AS doubled
FROM datasets, mmm_roas(mmm_fit(d, method => 'ridge', fourier_terms => 1, kpi_value => 2)) AS r;

-- Truth, recovered: 400 and 200 times the saturated media
SELECT channel, abs(contribution / truth - 1) < 0.05 AS recovered
FROM models, mmm_roas(m) JOIN
     (SELECT 'tv' AS channel, sum(y) AS truth FROM (SELECT 400 * hill_saturation(adstock(tv, 0.5, 8, true) OVER (ORDER BY week), 80) AS y FROM sales) AS s
      UNION ALL SELECT 'search', sum(200 * hill_saturation(search, 30)) FROM sales) AS t USING (channel)
WHERE name = 'first';

-- Periods to predict: inside the dataset, after it, over its end; adstock carries over
CREATE TABLE future AS
SELECT mmm_dataset_agg(week, NULL, '{"tv": 0, "search": 0}', '{"price": 9}') AS d
FROM (SELECT (date '2023-01-02' + 7 * t) AS week FROM generate_series(120, 130) AS t) AS f;
SELECT count(*), min(period), max(period), count(*) FILTER (WHERE low < predicted AND predicted < high) AS inside
FROM (SELECT m FROM models WHERE name = 'first') AS f, future, mmm_predict(m, d);
SELECT count(*) AS rows, max(abs(a.predicted - b.predicted)) < 1e-9 AS same_however_asked
FROM (SELECT m FROM models WHERE name = 'first') AS f,
     (SELECT mmm_dataset_agg(week, CASE WHEN t < 120 THEN sales END, jsonb_build_object('tv', tv, 'search', search), jsonb_build_object('price', price)) AS whole
      FROM (SELECT week, t, sales, tv, search, price FROM sales UNION ALL
            SELECT date '2023-01-02' + 7 * t, t, NULL, 0, 0, 9 FROM generate_series(120, 130) AS t) AS u) AS w,
     LATERAL mmm_predict(m, whole) AS a JOIN LATERAL (SELECT p.* FROM future, mmm_predict(m, d) AS p) AS b USING (period);
SELECT period, contribution > 0 AS carried_over
FROM (SELECT mmm_fit(mmm_dataset_agg(week, CASE WHEN t < 120 THEN sales END, jsonb_build_object('tv', tv)), 'ridge', extra => '{"replicates": 0}') AS m
      FROM (SELECT week, t, sales, tv FROM sales UNION ALL
            SELECT date '2023-01-02' + 7 * t, t, NULL, 0 FROM generate_series(120, 130) AS t) AS u) AS f,
     mmm_contributions(m, '2025-04-21') WHERE component = 'tv' AND period IN ('2025-04-21', '2025-06-02', '2025-06-30');
-- Without replicates there are no intervals
SELECT channel, contribution > 0 AS positive, num_nonnulls(contribution_low, contribution_high, roas_low, roas_high, marginal_roas_low) AS intervals
FROM datasets, mmm_roas(mmm_fit(d, method => 'ridge', extra => '{"replicates": 0, "candidates": 200, "penalty": 0.001, "folds": 0}'));

-- The estimate lies in its interval: where replicates shrink what the penalty shrank before (from 0.9 on), and where a coefficient is 0, from
-- which they can only rise (within 0.1)
CREATE TABLE awkward AS
SELECT name, CASE name WHEN 'shrunk' THEN mmm_fit(d, 'ridge', adstock => 'none', saturation => 'linear', extra => '{"penalty": 0.1}')
                       ELSE mmm_fit(d, 'ridge', fourier_terms => 1) END AS m
FROM (SELECT name, mmm_dataset_agg(week, sales, jsonb_build_object('tv', tv, 'search', search, 'radio', 10 + (t * t * 13) % 47), jsonb_build_object('price', price)) AS d
      FROM sales, (VALUES ('shrunk'), ('at 0')) AS n (name) WHERE t < 60 GROUP BY name) AS s;
SELECT name, contribution > 0 AS positive, contribution_low = contribution AS at_low, contribution_high = contribution AS at_high FROM awkward, mmm_roas(m, level => 0.1) WHERE channel = 'radio' ORDER BY name;
WITH l (level) AS (VALUES (0.9), (0.1))
SELECT name, level, report, count(*) FILTER (WHERE low <= figure AND figure <= high) AS inside, count(*) AS figures
FROM (SELECT name, level, 'contributions' AS report, low, contribution AS figure, high FROM awkward, l, mmm_contributions(m, level => level)
      UNION ALL SELECT name, level, 'contribution', contribution_low, contribution, contribution_high FROM awkward, l, mmm_roas(m, level => level)
      UNION ALL SELECT name, level, 'roas', roas_low, roas, roas_high FROM awkward, l, mmm_roas(m, level => level, by => 'period') WHERE spend > 0
      UNION ALL SELECT name, level, 'marginal_roas', marginal_roas_low, marginal_roas, marginal_roas_high FROM awkward, l, mmm_roas(m, level => level)
      UNION ALL SELECT name, level, 'curves', low, response, high FROM awkward, l, mmm_response_curves(m, points => 5, level => level) WHERE multiplier > 0
      UNION ALL SELECT name, level, 'predictions', low, predicted, high FROM awkward, l, mmm_predict(m, (SELECT mmm_dataset_agg(week, NULL, jsonb_build_object(
        'tv', tv, 'search', search, 'radio', 10), '{"price": 9}') FROM sales WHERE t BETWEEN 60 AND 69), level => level)
      UNION ALL SELECT name, 0.9, 'parameters', low, mean, high FROM awkward, mmm_parameters(m)) AS f
GROUP BY name, level, report ORDER BY name, level DESC, report;
-- ... and all of them tell one story
SELECT r.channel, abs(r.contribution_high / v.high - 1) < 1e-9 AS curves, abs(r.roas_high * r.spend / r.contribution_high - 1) < 1e-9 AS roas,
       abs(r.marginal_roas_high / r.roas_high - 1) < 1e-9 AS marginal, abs(p.high * x.total / r.contribution_high - 1) < 1e-9 AS parameters
FROM awkward, mmm_roas(m) AS r
JOIN LATERAL (SELECT * FROM mmm_response_curves(m)) AS v ON v.channel = r.channel AND v.multiplier = 1
JOIN LATERAL (SELECT * FROM mmm_parameters(m)) AS p ON p.component = r.channel
JOIN (SELECT 'tv' AS channel, sum(tv) / max(tv) AS total FROM sales WHERE t < 60
      UNION ALL SELECT 'search', sum(search) / max(search) FROM sales WHERE t < 60) AS x ON x.channel = r.channel
WHERE name = 'shrunk';

-- Holdout is scored; interactions, knots, other kinds and orders work
SELECT metric, ok FROM datasets, mmm_diagnostics(mmm_fit(d, method => 'ridge', holdout_periods => 10, extra => '{"replicates": 0}')) WHERE metric LIKE 'holdout%';
SELECT DISTINCT component FROM datasets, mmm_contributions(mmm_fit(d, method => 'ridge', interactions => '{search*tv}', trend => 'knots',
  adstock => 'weibull_cdf', saturation => 'logistic', adstock_first => false, extra => '{"replicates": 0, "candidates": 100, "folds": 0}')) ORDER BY 1;
SELECT adstock, saturation, (SELECT value > 0.97 FROM mmm_diagnostics(mmm_fit(d, method => 'ridge', adstock => adstock, saturation => saturation, max_lag => 6,
         free_slope => true, extra => '{"replicates": 0, "candidates": 200, "folds": 0}')) WHERE metric = 'r2') AS fits
FROM datasets, (VALUES ('none', 'linear'), ('geometric', 'root'), ('delayed', 'tanh'), ('binomial', 'michaelis_menten'), ('weibull_pdf', 'log1p'),
                       ('geometric', 'inverse_scaled_logistic'), ('geometric', 'hill_sigmoid')) AS k (adstock, saturation);
SELECT round(value::numeric, 3) AS r2 FROM datasets, mmm_diagnostics(mmm_fit(d, method => 'ridge', max_lag => NULL, extra => '{"replicates": 0, "folds": 0}')) WHERE metric = 'r2';

-- Yearly rows show no season
SELECT m::text::json #>> '{arguments,season_length}' AS season_length, m::text::mmm_model::text = m::text AS round_trip,
       (SELECT sum(abs(contribution)) FROM mmm_contributions(m) WHERE component = 'seasonality') AS seasonality
FROM (SELECT mmm_fit(mmm_dataset_agg((date '2000-01-01' + t * interval '1 year')::date, sales, jsonb_build_object('tv', tv)), 'ridge', fourier_terms => 2,
                     extra => '{"replicates": 0, "candidates": 50, "folds": 0}') AS m
      FROM (SELECT t, sales, tv FROM sales WHERE t < 20) AS s) AS f;

-- As curves for the optimizer: at constant spend they are the model's own response
SELECT c.channel, saturation, half_saturation IS NULL AS no_half, abs(saturated * coefficient / per_period - 1) < 1e-9 AS agrees, round(current_spend) AS current_spend
FROM (SELECT mmm_fit(mmm_dataset_agg(week, sales, jsonb_build_object('tv', tv, 'search', search)), 'ridge', extra => '{"replicates": 0, "candidates": 200, "folds": 0}') AS m
      FROM sales) AS f, unnest(steady_state_curves(m)) AS c,
     LATERAL (SELECT hill_saturation(10, half_saturation, slope) AS saturated) AS s,
     LATERAL (SELECT a.predicted - b.predicted AS per_period
              FROM mmm_predict(m, (SELECT mmm_dataset_agg(date '2025-04-21' + 7 * t, NULL, jsonb_build_object('tv', CASE c.channel WHEN 'tv' THEN 10 ELSE 0 END, 'search', CASE c.channel WHEN 'search' THEN 10 ELSE 0 END))
                                   FROM generate_series(0, 30) AS t)) AS a
              JOIN mmm_predict(m, (SELECT mmm_dataset_agg(date '2025-04-21' + 7 * t, NULL, '{"tv": 0, "search": 0}') FROM generate_series(0, 30) AS t)) AS b USING (period)
              WHERE period = date '2025-04-21' + 7 * 30) AS p;
SELECT c.saturation, round(c.slope) AS slope, c.half_saturation IS NULL AS no_half, c.min_spend, c.max_spend FROM datasets,
  unnest(steady_state_curves(mmm_fit(d, 'ridge', saturation => 'linear', extra => '{"replicates": 0, "candidates": 50, "folds": 0}'))) AS c;
SELECT steady_state_curves(mmm_fit(d, 'ridge', saturation => 'hill_sigmoid', extra => '{"replicates": 0, "candidates": 50, "folds": 0}')) FROM datasets;
SELECT steady_state_curves(NULL) IS NULL AS null_model;

-- Geos: contributions of the parts add up to the whole
CREATE TABLE geo_models AS
SELECT mmm_fit(mmm_dataset_agg(geo, week, sales * size, jsonb_build_object('tv', tv * size, 'search', search * size), jsonb_build_object('price', price), size),
               method => 'ridge', fourier_terms => 1) AS m
FROM sales, (VALUES ('north', 1.0), ('south', 3.0)) AS g (geo, size);
SELECT count(*), count(DISTINCT geo) AS geos FROM geo_models, mmm_contributions(m);
SELECT t.channel, abs(sum(g.contribution) / t.contribution - 1) < 1e-9 AS adds_up, abs(sum(g.spend) / t.spend - 1) < 1e-9 AS spend, t.geo IS NULL AS total_has_no_geo
FROM geo_models, mmm_roas(m) AS t JOIN LATERAL mmm_roas(m, by => 'geo') AS g USING (channel) GROUP BY t.channel, t.contribution, t.spend, t.geo
ORDER BY t.channel;
SELECT m::text::mmm_model::text = m::text AS round_trip FROM geo_models;
SELECT geo, count(*) FROM geo_models, mmm_predict(m, mmm_dataset('{"version": 1, "rows": [{"geo": "south", "period": "2025-04-21", "media": {"tv": 1, "search": 2}, "controls": {"price": 9}}]}')) GROUP BY geo;

-- Coefficients by geo: a pooled model's JSON with each geo's own, those of the south doubled; the layout is common, sd, then [geo][channel]
CREATE TABLE by_geo AS
SELECT factor, jsonb_set(jsonb_set(j, '{arguments,geo_coefficients}', 'true'), '{parameters}', (j -> 'parameters') || '[0.25, 0.5]' ||
       jsonb_build_array(j #> '{parameters,4}', j #> '{parameters,5}', (j #>> '{parameters,4}')::numeric * factor, (j #>> '{parameters,5}')::numeric * factor))::text::mmm_model AS m
FROM (SELECT jsonb_set(m::text::jsonb, '{draws}', '[]') AS j FROM geo_models) AS s, (VALUES (1), (2)) AS f (factor);
SELECT m::text::mmm_model::text = m::text AS round_trip FROM by_geo;
SELECT r.geo, r.channel, round((r.contribution / p.contribution)::numeric, 9) AS times, round((r.marginal_roas / p.marginal_roas)::numeric, 9) AS marginal,
       abs(r.contribution / c.contribution - 1) < 1e-12 AS as_contributed
FROM by_geo AS b, geo_models AS g, mmm_roas(b.m, by => 'geo') AS r, mmm_roas(g.m, by => 'geo') AS p,
     (SELECT geo, component, sum(contribution) AS contribution FROM by_geo, mmm_contributions(m) WHERE factor = 2 GROUP BY geo, component) AS c
WHERE b.factor = 2 AND r.geo = p.geo AND r.channel = p.channel AND c.geo = r.geo AND c.component = r.channel ORDER BY r.geo, r.channel;
SELECT channel, abs(sum(r.contribution) / t.contribution - 1) < 1e-12 AS adds_up, abs(max(c.response) / t.contribution - 1) < 1e-12 AS as_the_curve
FROM by_geo AS b, mmm_roas(m) AS t JOIN LATERAL mmm_roas(m, by => 'geo') AS r USING (channel)
JOIN LATERAL (SELECT channel, response FROM mmm_response_curves(m, points => 3) WHERE multiplier = 1) AS c USING (channel) WHERE factor = 2
GROUP BY channel, t.contribution ORDER BY channel;
SELECT s.channel, round((s.coefficient / p.coefficient)::numeric, 9) AS times
FROM by_geo AS b, geo_models AS g, unnest(steady_state_curves(b.m)) AS s JOIN LATERAL unnest(steady_state_curves(g.m)) AS p USING (channel) WHERE factor = 2;
SELECT abs(sum(x.predicted) / sum(y.predicted) - 1) < 1e-12 AS equal_ones_are_the_pooled_model
FROM by_geo AS b, geo_models AS g, mmm_predict(b.m, (SELECT mmm_dataset(m::text::jsonb -> 'dataset' #>> '{}') FROM geo_models)) AS x
JOIN LATERAL mmm_predict(g.m, (SELECT mmm_dataset(m::text::jsonb -> 'dataset' #>> '{}') FROM geo_models)) AS y USING (geo, period) WHERE factor = 1;
SELECT component, parameter, round((mean / min(mean) FILTER (WHERE parameter = 'coefficient') OVER (PARTITION BY component))::numeric, 3) AS times
FROM by_geo, mmm_parameters(m) WHERE factor = 2 AND component IN ('tv', 'search') AND parameter ~ 'coefficient';
SELECT component, parameter, mean FROM by_geo, mmm_parameters(m) WHERE factor = 2 AND parameter = 'geo_sd';
SELECT regexp_replace(m::text, '0\.25, 0\.5', '0.25, -0.5')::mmm_model FROM by_geo WHERE factor = 2;
SELECT regexp_replace(m::text, '0\.25, 0\.5', '0.25')::mmm_model FROM by_geo WHERE factor = 2;
SELECT replace(m::text, '"geo_coefficients": false', '"geo_coefficients": true')::mmm_model FROM models WHERE name = 'first';
SELECT mmm_parameters(replace(m::text, '"geo_coefficients": false, ', '')::mmm_model) = mmm_parameters(m) AS pooled_unless_said FROM models WHERE name = 'first' LIMIT 1;

-- Candidates: a front
SELECT count(*) > 10 AS several, bool_and(nrmse > 0 AND rssd >= 0) AS sane, count(DISTINCT channel) AS channels,
       bool_and(abs(total - 1) < 1e-12) AS shares
FROM (SELECT *, sum(contribution_share) OVER (PARTITION BY candidate) AS total
      FROM datasets, mmm_candidates(d, method => 'ridge', fourier_terms => 1, extra => '{"candidates": 1000}')) AS c;

-- NULL gives NULL or no rows
SELECT mmm_fit(NULL, method => 'ridge') IS NULL AS null_dataset, (SELECT count(*) FROM mmm_roas(NULL)) AS roas, (SELECT count(*) FROM mmm_predict(NULL, NULL)) AS predict,
       (SELECT count(*) FROM mmm_candidates(NULL)) AS candidates, (SELECT count(*) FROM mmm_diagnostics(NULL)) AS diagnostics,
       (SELECT count(*) FROM mmm_parameters(NULL)) AS parameters, (SELECT count(*) FROM mmm_contributions(NULL)) AS contributions,
       (SELECT count(*) FROM mmm_response_curves(NULL)) AS curves;

-- Refused
SELECT mmm_fit(d, method => 'magic') FROM datasets;
SELECT mmm_fit(d, method => NULL) FROM datasets;
SELECT mmm_fit(d, 'ridge', adstock => 'geo') FROM datasets;
SELECT mmm_fit(d, 'ridge', saturation => 'flat') FROM datasets;
SELECT mmm_fit(d, 'ridge', trend => 'up') FROM datasets;
SELECT mmm_fit(d, 'ridge', max_lag => -1) FROM datasets;
SELECT mmm_fit(d, 'ridge', adstock => 'delayed', max_lag => NULL) FROM datasets;
SELECT mmm_fit(d, 'ridge', fourier_terms => 51) FROM datasets;
SELECT mmm_fit(d, 'ridge', season_length => 0) FROM datasets;
SELECT mmm_fit(d, 'ridge', season_length => 1e-300) FROM datasets;
SELECT mmm_fit(d, 'ridge', season_length => 'NaN') FROM datasets;
SELECT mmm_fit(d, 'ridge', season_length => 1e300) FROM datasets;
SELECT mmm_fit(d, 'ridge', interactions => '{tv}') FROM datasets;
SELECT mmm_fit(d, 'ridge', interactions => '{tv*radio}') FROM datasets;
SELECT mmm_fit(d, 'ridge', interactions => '{tv*tv}') FROM datasets;
SELECT mmm_fit(d, 'ridge', interactions => '{tv*search,search*tv}') FROM datasets;
SELECT mmm_fit(d, 'ridge', priors => '{"radio": {}}') FROM datasets;
SELECT mmm_fit(d, 'ridge', priors => '{"tv": {"speed": {}}}') FROM datasets;
SELECT mmm_fit(d, 'ridge', priors => '{"tv": {"decay": {"dist": "beta", "alpha": 1}}}') FROM datasets;
SELECT mmm_fit(d, 'ridge', priors => '{"tv": {"coefficient": {"dist": "uniform", "lower": 1}}}') FROM datasets;
SELECT mmm_fit(d, 'ridge', priors => '{"tv": {"decay": {"dist": "uniform", "lower": 0.5, "upper": 0.4}}}') FROM datasets;
SELECT mmm_fit(d, 'ridge', priors => '{"tv": {"decay": {"dist": "uniform", "lower": 1}}}') FROM datasets;
SELECT mmm_fit(d, 'ridge', priors => '{"tv": {"half_saturation": {"dist": "uniform", "upper": 0}}}') FROM datasets;
SELECT mmm_fit(d, 'ridge', lift_tests => '[{"channel": "tv"}]') FROM datasets;
SELECT mmm_fit(d, 'ridge', holdout_periods => 115) FROM datasets;
SELECT mmm_fit(d, 'ridge', holdout_periods => 121) FROM datasets;
SELECT mmm_fit(d, 'ridge', kpi_value => 0) FROM datasets;
SELECT mmm_fit(d, 'ridge', extra => '{"speed": 1}') FROM datasets;
SELECT mmm_fit(d, 'ridge', extra => '{"penalty": -1}') FROM datasets;
SELECT mmm_fit(mmm_dataset_agg(week, 7, '{"tv": 1}'), 'ridge') FROM sales;
SELECT mmm_fit(mmm_dataset_agg(week, sales, '{"tv": 1}'), 'ridge') FROM sales WHERE t < 7;
SELECT mmm_fit(d, 'ridge') FROM future;
SELECT * FROM models, mmm_roas(m, by => 'month') WHERE name = 'first';
SELECT * FROM models, mmm_roas(m, '2030-01-01') WHERE name = 'first';
SELECT * FROM models, mmm_roas(m, level => 1) WHERE name = 'first';
SELECT * FROM models, mmm_response_curves(m, points => 2) WHERE name = 'first';
SELECT * FROM models, mmm_predict(m, (SELECT mmm_dataset_agg('2025-04-21'::date, NULL, '{"tv": 1}'))) WHERE name = 'first';
SELECT * FROM models, mmm_predict(m, (SELECT mmm_dataset_agg('2025-04-21'::date, NULL, '{"tv": 1, "search": 1}'))) WHERE name = 'first';
SELECT * FROM models, mmm_predict(m, (SELECT mmm_dataset_agg('2025-06-30'::date, NULL, '{"tv": 1, "search": 1}', '{"price": 9}'))) WHERE name = 'first';
SELECT * FROM models, mmm_predict(m, (SELECT mmm_dataset_agg('2025-04-22'::date, NULL, '{"tv": 1, "search": 1}', '{"price": 9}'))) WHERE name = 'first';
SELECT * FROM models, mmm_predict(m, (SELECT mmm_dataset_agg('x', '2025-04-21'::date, NULL, '{"tv": 1, "search": 1}', '{"price": 9}'))) WHERE name = 'first';
SELECT '{}'::mmm_model;
SELECT replace(m::text, '"version": 1, "method"', '"version": 2, "method"')::mmm_model FROM models WHERE name = 'first';
SELECT regexp_replace(m::text, '"parameters": \[[^,]*,', '"parameters": [')::mmm_model FROM models WHERE name = 'first';
SELECT regexp_replace(m::text, '"parameters": \[[^,]*,', '"parameters": [2,')::mmm_model FROM models WHERE name = 'first';
SELECT regexp_replace(m::text, '"season_length": [^,]*', '"season_length": 1.9')::mmm_model FROM models WHERE name = 'first';
SELECT regexp_replace(m::text, '"season_length": [^,]*', '"season_length": 1e-300')::mmm_model FROM models WHERE name = 'first';
SELECT regexp_replace(m::text, '"season_length": [^,]*', '"season_length": -52')::mmm_model FROM models WHERE name = 'first';

-- Hard but answered: a channel without spend, one that never varied, twins, more columns than rows, negative media effects
SELECT channel, contribution, roas, marginal_roas, cost_per_kpi FROM mmm_roas((SELECT mmm_fit(mmm_dataset_agg(week, sales, '{"radio": 0}'), 'ridge') FROM sales));
SELECT metric, value, ok FROM mmm_diagnostics((SELECT mmm_fit(mmm_dataset_agg(week, sales, jsonb_build_object('tv', tv, 'rent', 50)), 'ridge') FROM sales))
WHERE component = 'rent' AND metric = 'exposure_variation';
SELECT metric, component, value, ok, advice FROM mmm_diagnostics((SELECT mmm_fit(mmm_dataset_agg(week, sales, jsonb_build_object('a', tv, 'b', tv)), 'ridge',
  adstock => 'none', saturation => 'linear') FROM sales)) WHERE metric IN ('vif', 'condition_number');
SELECT bool_and(contribution <> 'NaN') AS numbers FROM mmm_contributions((SELECT mmm_fit(mmm_dataset_agg(week, sales,
  (SELECT jsonb_object_agg('channel ' || c, (t * c * 7919) % 101) FROM generate_series(1, 30) AS c)), 'ridge') FROM sales WHERE t < 20));
SELECT channel, contribution >= 0 AS not_negative FROM mmm_roas((SELECT mmm_fit(mmm_dataset_agg(week, 1000 - sales, jsonb_build_object('tv', tv)), 'ridge') FROM sales));
SELECT round((1e12 * value)::numeric / 1e12, 3) AS r2_of_huge FROM mmm_diagnostics((SELECT mmm_fit(mmm_dataset_agg(week, 1e9 * sales, jsonb_build_object('tv', 1e11 * tv)), 'ridge') FROM sales)) WHERE metric = 'r2';

-- A long run can be cancelled
SET statement_timeout = '200ms';
SELECT mmm_fit(d, 'ridge', extra => '{"candidates": 10000000}') FROM datasets;
RESET statement_timeout;
DROP EXTENSION attrib CASCADE;
