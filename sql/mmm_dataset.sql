-- mmm_dataset: rows in any order become one validated value.
CREATE EXTENSION attrib;
SET search_path = attrib, public;

CREATE TABLE weeks (geo text, week date, sales float8, tv float8, search float8, price float8);
INSERT INTO weeks
SELECT geo, date '2025-01-06' + 7 * w, 100 + 10 * w + length(geo), 5 * w, 3, 2.5 - w / 10.0
FROM generate_series(0, 4) AS w, unnest(ARRAY['south', 'north']) AS geo;

-- All forms
SELECT mmm_dataset_agg(week, sales, jsonb_build_object('tv', tv, 'search', search)) FROM weeks WHERE geo = 'north';
SELECT mmm_dataset_agg(week, sales, jsonb_build_object('tv', jsonb_build_object('spend', tv, 'exposure', 1000 * tv), 'search', search),
                       jsonb_build_object('price', price)) FROM weeks WHERE geo = 'north';
SELECT mmm_dataset_agg(geo, week, sales, jsonb_build_object('tv', tv)) FROM weeks;
SELECT mmm_dataset_agg(geo, week, sales, jsonb_build_object('tv', tv), jsonb_build_object('price', price)) FROM weeks;
SELECT mmm_dataset_agg(geo, week, sales, jsonb_build_object('tv', tv), jsonb_build_object('price', price), length(geo) * 1000)
FROM weeks;
-- No rows, periods to predict, an exposure without cost
SELECT mmm_dataset_agg(week, sales, '{"tv": 1}') FROM weeks WHERE false;
SELECT mmm_dataset_agg(week, NULL, '{"tv": 1, "pr": {"spend": 0, "exposure": 4}}') FROM weeks WHERE week < '2025-01-20' AND geo = 'north';

-- Any order, any plan: the same bytes
CREATE TABLE big AS
SELECT 'geo ' || g AS geo, date '2020-01-01' + w AS day, w * g AS kpi, jsonb_build_object('tv', w % 7, 'ooh', g) AS media
FROM generate_series(1, 20) AS g, generate_series(1, 300) AS w;
ALTER TABLE big SET (parallel_workers = 2);
ANALYZE big;
CREATE TABLE made (how text, dataset mmm_dataset);
INSERT INTO made SELECT 'ascending', mmm_dataset_agg(geo, day, kpi, media ORDER BY geo, day) FROM big;
INSERT INTO made SELECT 'scattered', mmm_dataset_agg(geo, day, kpi, media ORDER BY md5(geo || day)) FROM big;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT mmm_dataset_agg(geo, day, kpi, media) FROM big;
INSERT INTO made SELECT 'parallel', mmm_dataset_agg(geo, day, kpi, media) FROM big;
SET parallel_leader_participation = off;
INSERT INTO made SELECT 'leader off', mmm_dataset_agg(geo, day, kpi, media) FROM big;
INSERT INTO made SELECT 'filtered', mmm_dataset_agg(geo, day, kpi, media) FILTER (WHERE geo > '') FROM big;
SELECT mmm_dataset_agg(geo, day, kpi, media) FILTER (WHERE false) FROM big;
-- Text, binary and stored forms
INSERT INTO made SELECT 'text', (SELECT dataset::text::mmm_dataset FROM made WHERE how = 'ascending');
SELECT count(*), count(DISTINCT mmm_dataset_send(dataset)) AS different, count(DISTINCT dataset::text) AS texts FROM made;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET parallel_leader_participation;
SET DateStyle = 'German';
SELECT count(*) AS same FROM made WHERE dataset::text = dataset::text::mmm_dataset::text AND dataset::text LIKE '%"2020-01-02"%';
RESET DateStyle;
-- Every digit comes back
SELECT d::text::mmm_dataset::text = d::text AS same_text, d::text
FROM (SELECT mmm_dataset_agg((date '2025-01-31' + interval '1 month' * m)::date, 1.0 / 3 + m, jsonb_build_object('tv', 1e-300 * m, 'radio', 0.1 + 0.2),
                             jsonb_build_object('a "quoted" name', -1e15 / 3))
      FROM generate_series(0, 3) AS m) AS made (d);
SELECT (SELECT mmm_dataset_agg((date '2024-01-31' + interval '1 month' * m)::date, m, '{"tv": 1}') FROM generate_series(0, 11) AS m) IS NOT NULL AS ends_of_months,
       (SELECT mmm_dataset_agg((date '2024-01-01' + interval '3 month' * m)::date, m, '{"tv": 1}') FROM generate_series(0, 11) AS m) IS NOT NULL AS quarters,
       (SELECT mmm_dataset_agg((date '2024-01-01' + interval '1 year' * m)::date, m, '{"tv": 1}') FROM generate_series(0, 11) AS m) IS NOT NULL AS years,
       (SELECT mmm_dataset_agg(date '2024-01-01' + m, m, '{"tv": 1}') FROM generate_series(0, 11) AS m) IS NOT NULL AS days;

-- Refused by name
SELECT mmm_dataset_agg(week, sales, '{"tv": 1}') FROM weeks;
SELECT mmm_dataset_agg(week, sales, '{"tv": 1}') FROM weeks WHERE geo = 'north' AND week <> '2025-01-20';
SELECT mmm_dataset_agg((date '2024-01-01' + interval '1 month' * m)::date, m, '{"tv": 1}') FROM generate_series(0, 11) AS m WHERE m <> 5;
SELECT mmm_dataset_agg(week, sales, '{"tv": 1}') FROM weeks WHERE geo = 'north' AND week < '2025-01-27';
SELECT mmm_dataset_agg(geo, week, sales, '{"tv": 1}') FROM weeks WHERE geo = 'north' OR week <> '2025-01-20';
SELECT mmm_dataset_agg(geo, week, sales, '{"tv": 1}') FROM weeks WHERE geo = 'south' OR week <> '2025-02-03';
SELECT mmm_dataset_agg(geo, week, sales, '{"tv": 1}') FROM weeks WHERE geo = 'north' OR week <> '2025-02-03';
SELECT mmm_dataset_agg(geo, week, sales, CASE WHEN tv = 10 THEN '{"tv": 1}' ELSE '{"tv": 1, "search": 2}' END::jsonb) FROM weeks;
SELECT mmm_dataset_agg(geo, week, sales, CASE WHEN tv = 10 THEN '{"search": 1}' ELSE '{"tv": 1}' END::jsonb) FROM weeks;
SELECT mmm_dataset_agg(geo, week, sales, '{"tv": 1}', CASE WHEN tv < 10 THEN '{"price": 1}' END::jsonb) FROM weeks;
SELECT mmm_dataset_agg(geo, week, sales, '{"tv": 1}', '{}', tv + 1) FROM weeks;
SELECT mmm_dataset_agg(geo, week, sales, '{"tv": 1}', '{}', 0) FROM weeks;
SELECT mmm_dataset_agg(geo, week, sales, '{"tv": 1}', '{}', NULL) FROM weeks;
SELECT mmm_dataset_agg(week, sales, '{"tv": -5}') FROM weeks WHERE geo = 'north';
SELECT mmm_dataset_agg(week, sales, '{"tv": 1e300}') FROM weeks WHERE geo = 'north';
SELECT mmm_dataset_agg(week, sales, jsonb_build_object('tv', 'NaN'::float8)) FROM weeks WHERE geo = 'north';
SELECT mmm_dataset_agg(week, sales, '{"tv": null}') FROM weeks WHERE geo = 'north';
SELECT mmm_dataset_agg(week, sales, '{"tv": {"exposure": 3}}') FROM weeks WHERE geo = 'north';
SELECT mmm_dataset_agg(week, sales, '{"tv": {"spend": 3, "clicks": 4}}') FROM weeks WHERE geo = 'north';
SELECT mmm_dataset_agg(week, sales, '{}') FROM weeks WHERE geo = 'north';
SELECT mmm_dataset_agg(week, sales, '[1]') FROM weeks WHERE geo = 'north';
SELECT mmm_dataset_agg(week, sales, NULL) FROM weeks WHERE geo = 'north';
SELECT mmm_dataset_agg(week, sales, '{"trend": 1}') FROM weeks WHERE geo = 'north';
SELECT mmm_dataset_agg(week, sales, '{"tv*search": 1}') FROM weeks WHERE geo = 'north';
SELECT mmm_dataset_agg(week, sales, '{"tv": 1}', '{"tv": 2}') FROM weeks WHERE geo = 'north';
SELECT mmm_dataset_agg(week, 'NaN', '{"tv": 1}') FROM weeks WHERE geo = 'north';
SELECT mmm_dataset_agg(week, '-inf', '{"tv": 1}') FROM weeks WHERE geo = 'north';
SELECT mmm_dataset_agg('infinity', sales, '{"tv": 1}') FROM weeks WHERE geo = 'north';
SELECT mmm_dataset_agg(NULL::date, sales, '{"tv": 1}') FROM weeks WHERE geo = 'north';
SELECT mmm_dataset_agg(NULL, week, sales, '{"tv": 1}') FROM weeks WHERE geo = 'north';

-- Text that is none
SELECT ''::mmm_dataset;
SELECT '{}'::mmm_dataset;
SELECT '{"version": 2, "rows": []}'::mmm_dataset;
SELECT '{"version": 1, "rows": []}'::mmm_dataset;
SELECT '{"version": 1, "rows": 7}'::mmm_dataset;
SELECT '{"version": 1, "rows": [7]}'::mmm_dataset;
SELECT '{"version": 1, "rows": [{"period": "2025-01-01"}]}'::mmm_dataset;
SELECT '{"version": 1, "rows": [{"period": "today", "media": {}}]}'::mmm_dataset;
SELECT '{"version": 1, "rows": [{"period": "2025-1-1", "media": {}}]}'::mmm_dataset;
SELECT '{"version": 1, "rows": [{"period": "soon", "media": {}}]}'::mmm_dataset;
SELECT '{"version": 1, "rows": [{"period": "2025-01-01", "media": {"tv": 1}, "geo": "a"}, {"period": "2025-01-02", "media": {"tv": 1}}]}'::mmm_dataset;
SELECT '{"version": 1, "rows": [{"period": "2025-01-01", "media": {"tv": 1}, "spent": 4}]}'::mmm_dataset;
SELECT '{"version": 1, "rows": [{"period": "2025-01-01", "media": {"tv": 1}}]}'::mmm_dataset;
DROP EXTENSION attrib CASCADE;
