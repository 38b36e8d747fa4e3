-- Input functions that are asked for soft errors (pg_input_is_valid() from PostgreSQL 16 on, COPY ... (ON_ERROR ignore)
-- from 17 on) refuse what a cast refuses, in the same words, and raise nothing but limits of size.
SET client_min_messages = error; -- a handful of draws says so in WARNINGs
SET search_path = attrib, public;
BEGIN;
SELECT * FROM no_plan();
SELECT current_setting('server_version_num')::int >= 160000 AS has_soft_errors,
	   current_setting('server_version_num')::int >= 170000 AS has_on_error \gset
\if :has_soft_errors

-- ----------------------------------------------------------------------------------------------------
-- A valid text of each type, and more that are wrong by construction
-- ----------------------------------------------------------------------------------------------------
CREATE TABLE sample (type text, label text, text text);
INSERT INTO sample VALUES
('journey_summary', 'paths', (SELECT journey_summary_agg(path, converted, value)::text
  FROM (VALUES ('{tv,search}'::text[], true, 12.5), ('{tv}', false, NULL), ('{}', true, 3), ('{search,tv,tv}', true, 0.1)) AS p (path, converted, value))),
('journey_summary', 'events', (SELECT journey_summary_agg(user_id, at, channel, converted, value,
	journey_options(channel_lookback => '{"ad 1": "1 day"}', transforms => '["unique", {"remove_if_not_all": ["direct"]}]', max_touches => 5))::text
  FROM (SELECT user_id, timestamptz '2025-01-01 00:00+00' + n * interval '5 hours' AS at, 'ad ' || n % 3 AS channel, n % 4 = 0 AS converted,
			   CASE WHEN n % 4 = 0 THEN n END AS value FROM generate_series(1, 8) AS n, generate_series(1, 2) AS user_id) AS e)),
('mmm_dataset', 'national', (SELECT mmm_dataset_agg(day, kpi, media, controls)::text
  FROM (SELECT date '2025-01-06' + 7 * n AS day, 10 + n AS kpi, jsonb_build_object('tv', n, 'search', jsonb_build_object('spend', n, 'exposure', 2 * n)) AS media,
			   jsonb_build_object('price', 1.5) AS controls FROM generate_series(1, 4) AS n) AS d)),
('mmm_dataset', 'geo', (SELECT mmm_dataset_agg(geo, day, kpi, media, NULL::jsonb, population)::text
  FROM (SELECT geo, date '2025-01-06' + 7 * n AS day, 10 + n AS kpi, jsonb_build_object('tv', n) AS media, 5.0::float8 AS population
		FROM generate_series(1, 4) AS n, unnest('{north,south}'::text[]) AS geo) AS d)),
('mmm_model', 'ridge', (SELECT mmm_fit(mmm_dataset_agg(day, kpi, media), method => 'ridge', adstock => 'geometric', fourier_terms => 0, trend => 'none', interactions => '{search*tv}',
									   extra => '{"candidates": 8, "replicates": 2}')::text
  FROM (SELECT date '2025-01-06' + 7 * n AS day, 100 + 7 * (n % 5) + 3 * (n % 3) AS kpi, jsonb_build_object('tv', n % 5, 'search', n % 3) AS media FROM generate_series(1, 24) AS n) AS d)),
('mmm_model', 'bayes', (SELECT mmm_fit(mmm_dataset_agg(day, kpi, media), method => 'bayes', fourier_terms => 0, trend => 'none', chains => 2, warmup => 50, draws => 2,
									   extra => '{"workers": 0}')::text
  FROM (SELECT date '2025-01-06' + 7 * n AS day, 100 + 7 * (n % 5) AS kpi, jsonb_build_object('tv', n % 5) AS media FROM generate_series(1, 24) AS n) AS d));

CREATE TABLE wrong (type text, text text);
INSERT INTO wrong
SELECT type, text
FROM unnest('{journey_summary,mmm_dataset,mmm_model}'::text[]) AS type,
	 unnest(ARRAY['', 'x', '[', '[]', '{}', '7', 'null', '"a"', '{"version": 1', '{"version": 1} 2', '{"version": 2}', '{"version": 1e400}', '{"version": "1"}',
				  '{"version": 1, "colour": 3}', '{"version": 1, "\u0000": 3}', '{"version": 1, "\ud800": 3}', '{"version": 1, "a": [[[[[[[[[[1]]]]]]]]]]}']) AS text;
INSERT INTO wrong
SELECT 'journey_summary', '{"version": 1, ' || rest
FROM unnest(ARRAY['"channels": ["a", "a"]}', '"channels": ["(null)"]}', '"channels": [null]}', '"paths": [{"path": [0], "lost": 1}]}', '"paths": [{"path": [-1]}]}',
				  '"options": {"half_life": "1 month"}}', '"options": {"half_life": "soon"}}', '"options": {"half_life": 7}}', '"options": {"lookback": "-1 day"}}',
				  '"options": {"max_touches": 0}}', '"options": {"reuse_touches": 1}}', '"options": {"channel_lookback": []}}', '"options": {"channel_lookback": {"a": "1 year"}}}',
				  '"options": {"transforms": {}}}', '"options": {"transforms": ["last"]}}', '"options": {"transforms": [7]}}', '"options": {"transforms": [{"unique": []}]}}',
				  '"options": {"transforms": [{"remove_if_not_all": [1]}]}}', '"options": {"transforms": [{"remove_if_not_all": [], "unique": []}]}}',
				  '"options": {"colour": 1}}', '"options": {"transforms": ["\u0000"]}}', '"touches_seen": 1, "anonymous_touches": 2}', '"touches_seen": -1}',
				  '"channels": ["a"], "paths": [{"path": [0], "conversions": 2, "value": 10, "squares": 1}]}',
				  '"channels": ["a"], "paths": [{"path": [0], "conversions": 2, "decay": [[1, 0]]}]}', '"channels": ["a"], "paths": [{"conversions": 1, "decay": [[1, 0], [1, 0]]}]}',
				  '"channels": ["a"], "paths": [{"path": [0], "decay": [[1, 0, 3]]}]}', '"channels": ["a"], "paths": [{"path": [0], "value": 5}], "options": {}}']) AS rest;
INSERT INTO wrong
SELECT 'mmm_dataset', '{"version": 1, "rows": ' || rest || '}'
FROM unnest(ARRAY['7', '[]', '[7]', '[{}]', '[{"period": "2025-01-01"}]', '[{"period": "today", "media": {}}]', '[{"period": 5, "media": {}}]', '[{"period": "soon", "media": {}}]',
				  '[{"period": "2025-01-01", "media": []}]', '[{"period": "2025-01-01", "media": {}}]', '[{"period": "2025-01-01", "media": {"tv": -1}}]',
				  '[{"period": "2025-01-01", "media": {"tv": {}}}]', '[{"period": "2025-01-01", "media": {"tv": {"spend": 1, "cost": 2}}}]', '[{"period": "2025-01-01", "media": {"trend": 1}}]',
				  '[{"period": "2025-01-01", "media": {"tv": 1}, "controls": {"tv": 1}}]', '[{"period": "2025-01-01", "media": {"tv": 1}, "geo": "a", "population": 0}]',
				  '[{"period": "2025-01-01", "media": {"tv": 1}, "geo": "a"}, {"period": "2025-01-02", "media": {"tv": 1}}]',
				  '[{"period": "2025-01-01", "media": {"tv": 1}}, {"period": "2025-01-01", "media": {"tv": 1}}]',
				  '[{"period": "2025-01-01", "media": {"tv": 1}}, {"period": "2025-01-02", "media": {"search": 1}}]',
				  '[{"period": "2025-01-01", "media": {"tv": 1}}, {"period": "2025-01-02", "media": {"tv": 1}}, {"period": "2025-01-05", "media": {"tv": 1}}]',
				  '[{"period": "2025-01-01", "geo": "a", "media": {"tv": 1}}, {"period": "2025-01-02", "geo": "b", "media": {"tv": 1}}]',
				  '[{"period": "2025-01-01", "geo": "a", "population": 1, "media": {"tv": 1}}, {"period": "2025-01-02", "geo": "a", "population": 2, "media": {"tv": 1}}]',
				  '[{"period": "2025-01-01", "kpi": 1, "media": {"tv": 1}}]', '[{"period": "2025-01-01", "kpi": 1e16, "media": {"tv": 1}}]']) AS rest;

-- Every value of a valid text replaced, one at a time, and every member left out: what a document can get wrong.
CREATE FUNCTION mutations(document jsonb) RETURNS SETOF text LANGUAGE sql AS $$
WITH RECURSIVE place (path, value) AS (
	SELECT '{}'::text[], document
	UNION ALL
	SELECT path || key, child
	FROM place, LATERAL (
		SELECT key, value FROM jsonb_each(CASE jsonb_typeof(place.value) WHEN 'object' THEN place.value ELSE '{}' END)
		UNION ALL
		SELECT (n - 1)::text, value
		FROM jsonb_array_elements(CASE jsonb_typeof(place.value) WHEN 'array' THEN place.value ELSE '[]' END) WITH ORDINALITY AS e (value, n)
		WHERE n <= 2) AS children (key, child)
)
SELECT jsonb_set(document, path, other)::text FROM place, jsonb_array_elements('[null, true, -1, 0.5, 1e30, "", "x", [], [[]], {}, {"a": 1}]') AS other WHERE path <> '{}'
UNION ALL
SELECT (document #- path)::text FROM place WHERE path <> '{}'
$$;
INSERT INTO wrong SELECT type, mutated FROM sample, mutations(text::jsonb) AS mutated;

-- Text cut off, and text with a character missing or replaced
INSERT INTO wrong
SELECT type, left(text, n - 1) || insert || substr(text, n + 1)
FROM sample, generate_series(1, least(length(text), 700), 3) AS n, unnest('{"",9,"\"",[,"}"}'::text[]) AS insert;
INSERT INTO wrong SELECT type, left(text, n) FROM sample, generate_series(1, least(length(text), 700), 11) AS n;

-- ----------------------------------------------------------------------------------------------------
-- The cast and the soft way must say the same
-- ----------------------------------------------------------------------------------------------------
CREATE FUNCTION said_by_cast(type text, text text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	detail text;
	hint text;
BEGIN
	EXECUTE format('SELECT %L::%s', text, type);
	RETURN 'valid';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' -- ', SQLSTATE, message, NULLIF(detail, ''), NULLIF(hint, ''));
END
$$;
CREATE FUNCTION said_softly(type text, text text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text;
	valid bool;
BEGIN
	EXECUTE 'SELECT concat_ws('' -- '', sql_error_code, message, NULLIF(detail, ''''), NULLIF(hint, '''')), pg_input_is_valid($1, $2) FROM pg_input_error_info($1, $2)'
		INTO said, valid USING text, type;
	RETURN CASE WHEN valid <> (said = '') THEN 'valid or not?' WHEN valid THEN 'valid' ELSE said END;
EXCEPTION WHEN OTHERS THEN
	RETURN concat_ws(' -- ', 'raised', SQLSTATE, SQLERRM);
END
$$;
CREATE TABLE verdict AS SELECT type, text, said_by_cast(type, text) AS cast, said_softly(type, text) AS soft FROM wrong;

SELECT ok(said_softly(type, text) = 'valid', label || ': a valid ' || type || ' is valid') FROM sample;
SELECT is_empty($$SELECT type, "cast", soft, left(text, 500) FROM verdict WHERE "cast" <> soft AND soft NOT LIKE 'raised%' ORDER BY length(text) LIMIT 5$$, 'the cast and the soft way say the same');
SELECT is_empty($$SELECT type, soft, left(text, 500) FROM verdict WHERE soft LIKE 'raised%' ORDER BY length(text) LIMIT 5$$, 'and the soft way raises nothing');
SELECT ok(count(DISTINCT "cast") > 30, type || ': the texts are wrong in many ways') FROM verdict WHERE "cast" <> 'valid' GROUP BY type ORDER BY type;

-- Sums beyond what a summary can hold come up while it is put together, and are raised.
SELECT throws_ok($$SELECT pg_input_is_valid('{"version": 1, "paths": [{"path": [], "lost": 9223372036854775807}, {"path": [], "lost": 1}]}', 'journey_summary')$$,
				 '22003', NULL, 'too many journeys');

-- Composites hand the request on to their fields.
SELECT ok(NOT pg_input_is_valid('(2025-01-01,shop,"{}")', 'journey_part'), 'a wrong summary inside a composite');
\if :has_on_error
CREATE TABLE kept (n int, summary journey_summary, dataset mmm_dataset, model mmm_model);
COPY kept FROM PROGRAM $$
echo '1|{"version": 1, "channels": ["a"], "paths": [{"path": [0], "lost": 1}]}|-|-'
echo '2|{"version": 1, "channels": ["a"], "paths": [{"path": [1], "lost": 1}]}|-|-'
echo '3|-|{"version": 1, "rows": [{"period": "2025-01-01", "media": {"tv": 1}}]}|-'
echo '4|-|{"version": 1, "rows": [{"period": "2025-01-01", "media": {"tv": -1}}]}|-'
echo '5|-|-|{"version": 1}'
echo '6|{"version": 1, "options": {"half_life": "1 month"}}|-|-'
echo '7|{"version": 1}|-|-'
$$ (DELIMITER '|', NULL '-', ON_ERROR ignore);
SELECT is(array_agg(n ORDER BY n), '{1,3,7}', 'COPY keeps the valid rows and goes on behind the others') FROM kept;
\else
SELECT skip('COPY has no ON_ERROR before PostgreSQL 17', 1);
\endif

\else
SELECT skip('there are no soft errors before PostgreSQL 16', 1);
\endif
SELECT * FROM finish();
ROLLBACK;
