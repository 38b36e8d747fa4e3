-- Media mix models by geo: pooling, national media, and what is refused
CREATE EXTENSION attrib;
SET search_path = attrib, public;
SET client_min_messages = error; -- short chains
CREATE TABLE weeks AS
SELECT geo, people, date '2024-01-01' + 7 * t AS week, people * (10 + level + effect * (s.tv + 0.4 * lag(s.tv, 1, 0.0) OVER w) + sin(t * t + level)) AS sales,
       jsonb_build_object('tv', s.tv * people, 'web', s.web * people) AS media
FROM (VALUES ('north', 2.0, 0.5, 3), ('south', 5.0, -0.5, 2), ('west', 1.0, 0.0, 4)) AS g (geo, people, level, effect), generate_series(0, 51) AS t,
     LATERAL (SELECT CASE WHEN (t + level) % 5 < 2 THEN (t * 7 % 11) / 5.0 ELSE 0 END AS tv, (t * 13 % 17) / 8.0 AS web) AS s
WINDOW w AS (PARTITION BY geo ORDER BY t);
CREATE TABLE d AS SELECT mmm_dataset_agg(geo, week, sales, media, '{}', people) AS d FROM weeks;

-- Pooling: partial unless told otherwise
CREATE TABLE models AS
SELECT pooling, mmm_fit(d, saturation => 'linear', fourier_terms => 0, chains => 2, warmup => 200, draws => 200,
                        extra => CASE WHEN pooling = 'default' THEN '{}' ELSE jsonb_build_object('pooling', pooling) END) AS m
FROM d, unnest('{default,partial,none,complete}'::text[]) AS pooling;
SELECT pooling, count(*) FILTER (WHERE parameter ~ '^coefficient\[') AS by_geo, count(*) FILTER (WHERE parameter = 'geo_sd') AS sds,
       count(prior_mean) FILTER (WHERE parameter ~ '^coefficient\[') AS priors_by_geo, count(prior_mean) FILTER (WHERE parameter IN ('coefficient', 'geo_sd') AND component IN ('tv', 'web')) AS priors,
       bool_and(rhat < 1.1) AS mixed
FROM models, mmm_parameters(m) GROUP BY pooling ORDER BY pooling;
SELECT a.m::text = b.m::text AS partial_is_the_default, c.m::text <> b.m::text AS none_is_not FROM models AS a, models AS b, models AS c
WHERE a.pooling = 'default' AND b.pooling = 'partial' AND c.pooling = 'none';
SELECT pooling, bool_and(mmm_model_send(m::text::mmm_model) = mmm_model_send(m)) AS round_trip FROM models GROUP BY pooling ORDER BY pooling;
SELECT pooling, t.channel, abs(sum(g.contribution) / t.contribution - 1) < 1e-9 AS adds_up,
       t.contribution_low * (1 + 1e-9) >= sum(g.contribution_low) AND t.contribution_high <= sum(g.contribution_high) * (1 + 1e-9) AS no_wider
FROM models, mmm_roas(m) AS t JOIN LATERAL mmm_roas(m, by => 'geo') AS g USING (channel) GROUP BY pooling, t.channel, t.contribution, t.contribution_low, t.contribution_high
ORDER BY 1, 2;
SELECT string_agg(geo, ' < ' ORDER BY roas) AS tv_works_best_in FROM models, mmm_roas(m, by => 'geo') WHERE pooling = 'partial' AND channel = 'tv';
SELECT count(DISTINCT (component, parameter)) AS parameters, count(*) AS draws FROM models, mmm_draws(m) WHERE pooling = 'partial' AND component = 'tv';
SELECT mmm_fit(d, 'bayes', chains => 1, warmup => 20, draws => 20, priors => '{"tv": {"geo_sd": {"dist": "exponential", "lam": 5}, "roi": {"dist": "lognormal", "mu": 0, "sigma": 1}}}') IS NOT NULL AS takes_priors FROM d;
SELECT pooling IS NULL AS one_geo_has_nothing_to_pool FROM (SELECT max(parameter) FILTER (WHERE parameter = 'geo_sd') AS pooling FROM mmm_parameters((SELECT mmm_fit(mmm_dataset_agg(geo, week, sales, media), chains => 1, warmup => 20, draws => 20) FROM weeks WHERE geo = 'west'))) AS p;

-- National media, split by population
CREATE TABLE national AS SELECT mmm_dataset_agg(geo, week, sales, media || '{"radio": {"spend": 800, "exposure": 4000}}', '{}', people) AS d FROM weeks;
SELECT spend, exposure FROM (SELECT r ->> 'geo' AS geo, (r #>> '{media,radio,spend}')::float8 AS spend, (r #>> '{media,radio,exposure}')::float8 AS exposure
  FROM national, jsonb_array_elements(mmm_split_national(d, '{radio}')::text::jsonb -> 'rows') AS r) AS s WHERE geo = 'south' GROUP BY 1, 2;
SELECT mmm_split_national(d, '{}')::text = d::text AS nothing_to_split, mmm_split_national(NULL, '{radio}') IS NULL AS null_dataset FROM national;
SELECT mmm_split_national(d, '{tv}') FROM national;
SELECT mmm_split_national(d, '{radios}') FROM national;
SELECT mmm_split_national(d, '{radio,radio}') FROM national;
SELECT mmm_split_national(d, '{NULL}') FROM national;
SELECT mmm_split_national(mmm_split_national(d, '{radio}'), '{radio}') FROM national;
SELECT mmm_split_national(mmm_dataset_agg(geo, week, sales, media), '{tv}') FROM weeks;
SELECT mmm_split_national(mmm_dataset_agg(week, sales, media), '{tv}') FROM weeks WHERE geo = 'west';

-- Refused
SELECT mmm_fit(d, extra => '{"pooling": "some"}') FROM d;
SELECT mmm_fit(d, extra => '{"pooling": 1}') FROM d;
SELECT mmm_fit(d, 'ridge', extra => '{"pooling": "partial"}') FROM d;
SELECT mmm_fit(mmm_dataset_agg(week, sales, media), extra => '{"pooling": "partial"}') FROM weeks WHERE geo = 'west';
SELECT mmm_fit(d, priors => '{"tv": {"geo_sd": {"dist": "normal", "mu": 0, "sigma": 1}}}') FROM d;
SELECT mmm_fit(d, priors => '{"tv": {"geo_sd": {"dist": "halfnormal", "sigma": 1}}}', extra => '{"pooling": "complete"}') FROM d;
SELECT mmm_fit(d, priors => '{"tv": {"roi": {"dist": "lognormal", "mu": 0, "sigma": 1}}}', extra => '{"pooling": "none"}') FROM d;
SELECT mmm_fit(d, priors => '{"tv": {"roi": {"dist": "uniform", "lower": 0, "upper": 5}}}') FROM d;
SELECT regexp_replace(m::text, '"geo_coefficients": true', '"geo_coefficients": false')::mmm_model IS NULL FROM models WHERE pooling = 'partial';
DROP EXTENSION attrib CASCADE;
