-- journey_options: what it accepts, what it refuses, and how it reaches the aggregates. transform_path too.
CREATE EXTENSION attrib;
SET search_path = attrib, public;
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
\set VERBOSITY default

SELECT journey_options();
SELECT journey_options('90 days', 20, false, '2024-01-31', '2024-01-01', '2024-02-01', NULL, '{"display": "1 day"}',
                       '["exposure", {"remove_if_not_all": ["direct"]}]', 'Europe/Berlin', '{}');
SELECT journey_options(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

-- Intervals have a fixed length.
SELECT journey_options(lookback => '1 month');
SELECT journey_options(lookback => '0');
SELECT journey_options(lookback => '-1 day');
SELECT journey_options(lookback => '1 year 2 days');
SELECT journey_options(lookback => '178000000 years');
SELECT journey_options(half_life => '0 days');
SELECT journey_options(half_life => '2 months');
SELECT journey_options(channel_lookback => '{"a": "1 month"}');
SELECT journey_options(channel_lookback => '{"a": 5}');
SELECT journey_options(channel_lookback => '{"a": "soon"}');
SELECT journey_options(channel_lookback => '["a"]');
-- The rest.
SELECT journey_options(max_touches => 0);
SELECT journey_options(max_touches => -5);
SELECT journey_options(observed_until => '-infinity');
SELECT journey_options(counted_from => '2024-02-01', counted_until => '2024-01-01');
SELECT journey_options(time_zone => 'Europe/Atlantis');
SELECT journey_options(time_zone => '');
SELECT journey_options(extra => '{"lookahead": 1}');
SELECT journey_options(extra => '[]');
SELECT journey_options(extra => 'null');
SELECT journey_options(transforms => '{}');
SELECT journey_options(transforms => '"first"');
SELECT journey_options(transforms => '["last"]');
SELECT journey_options(transforms => '["remove_if_not_all"]');
SELECT journey_options(transforms => '[{"first": []}]');
SELECT journey_options(transforms => '[{"remove_if_not_all": "direct"}]');
SELECT journey_options(transforms => '[{"remove_if_not_all": [1]}]');
SELECT journey_options(transforms => '[{"remove_if_not_all": ["a"], "remove_if_last_and_not_all": ["b"]}]');
SELECT journey_options(transforms => '[{}]');
SELECT journey_options(transforms => '[null]');
SELECT journey_options(transforms => '[["first"]]');
SELECT journey_options(transforms => (SELECT jsonb_agg('first'::text) FROM generate_series(1, 65)));

-- A composite built by hand is checked where it is used; a NULL field means its default or no limit.
SELECT cardinality(journey_agg(now(), 'a', true, 1, NULL, ROW(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::journey_options));
SELECT journey_agg(now(), 'a', true, 1, NULL, ROW('1 month', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::journey_options);
SELECT journey_agg(now(), 'a', true, 1, NULL, ROW('1 day', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::journey_options);
SELECT journey_agg(now(), 'a', true, 1, NULL, ROW('1 day', 1, NULL, NULL, NULL, NULL, NULL, '[]', NULL, NULL, NULL)::journey_options);
SELECT journey_agg(now(), 'a', true, 1, NULL, ROW('1 day', 1, NULL, NULL, NULL, NULL, NULL, NULL, '[1]', NULL, NULL)::journey_options);
SELECT journey_agg(now(), 'a', true, 1, NULL, ROW('1 day', 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'x', NULL)::journey_options);
SELECT journey_agg(now(), 'a', true, 1, NULL, ROW('1 day', 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{"x": 1}')::journey_options);
-- NULL options are the defaults: 30 days.
SELECT cardinality(journey_agg(t, 'a', false, 0, NULL, NULL)) AS within,
       cardinality(journey_agg(t + CASE WHEN d = 30 THEN interval '1 microsecond' ELSE '0' END, 'a', false, 0, NULL, NULL)) AS beyond
FROM (SELECT d, timestamptz '2024-01-01' + d * interval '1 day' AS t FROM unnest(ARRAY[0, 30]) AS d) AS x;

-- Options are one for all rows of a group, however spelt; between groups they may differ.
SELECT journey_agg(now(), 'a', true, 1, NULL, journey_options(lookback => n * interval '1 day')) FROM generate_series(1, 2) AS n;
SELECT journey_agg(now(), 'a', true, 1, NULL, CASE n WHEN 1 THEN journey_options(lookback => '1 day') END) FROM generate_series(1, 2) AS n;
SELECT cardinality(journey_agg(now(), 'a', true, 1, NULL, CASE n
    WHEN 1 THEN journey_options()
    WHEN 2 THEN journey_options(lookback => '720:00:00', channel_lookback => NULL, transforms => NULL)
    END)) FROM generate_series(1, 3) AS n;
SELECT n, cardinality(journey_agg(now(), 'a', true, 1, NULL, journey_options(lookback => n * interval '1 day')))
FROM generate_series(1, 2) AS n GROUP BY n ORDER BY n;
-- Groups in more options than an aggregate remembers, their rows in turn: each is matured by its own.
SELECT (summary_stats(s)).matured, count(*)
FROM (SELECT n % 40 AS g, journey_summary_agg(ROW('{a}', ARRAY[timestamptz '2025-01-01'], NULL, '2025-01-02', NULL, NULL, 1, false)::journey_row,
                                             journey_options(lookback => '10 days', observed_until => date '2025-01-01' + n % 40)) AS s
      FROM generate_series(0, 399) AS n GROUP BY n % 40) AS x GROUP BY 1 ORDER BY 1;

-- An interval that does not fit is told apart from one that is not positive.
SELECT journey_options(lookback => '106751991 days');
SELECT journey_options(lookback => '106751992 days');
SELECT journey_options(half_life => '-2147483648 days');
SELECT journey_options(channel_lookback => jsonb_build_object('a', jsonb_build_array(repeat('é', 100))));
SELECT cardinality(journey_agg(now(), 'a', true, 1, NULL, journey_options(observed_until => now()))) FROM generate_series(1, 1000) AS n;

-- Options survive a table.
CREATE TABLE setting (options journey_options);
INSERT INTO setting SELECT journey_options(channel_lookback => jsonb_object_agg('channel ' || n, '1 day')) FROM generate_series(1, 500) AS n;
SELECT cardinality(journey_agg(now() + n * interval '2 days', 'channel ' || n, n = 3, 0, NULL, options)) FROM setting, generate_series(1, 3) AS n;

-- What an event may not be.
SELECT journey_agg(NULL, 'a', true, 1, NULL);
SELECT journey_agg('infinity', 'a', true, 1, NULL);
SELECT journey_agg('-infinity', NULL, NULL, NULL, NULL);
SELECT journey_agg(now(), 'a', true, -1, NULL);
SELECT journey_agg(now(), 'a', false, -1, NULL);
SELECT journey_agg(now(), 'a', true, 'NaN', NULL);
SELECT journey_agg(now(), 'a', true, 'infinity', NULL);
SELECT journey_agg(now(), 'a', true, 1.1e15, NULL);
SELECT journey_agg(now(), 'a', false, 5, NULL);
SELECT journey_agg(now(), 'a', NULL, 5, NULL);
SELECT journey_agg(now(), '(null)', false, 0, NULL);
SELECT journey_agg(now(), '(unattributed)', false, 0, NULL);
SELECT journey_agg(now(), '(start)', true, 0, NULL);
SELECT journey_agg(now(), '(conversion)', true, 0, NULL);
SELECT cardinality(journey_agg(now(), c, true, 1e15, NULL)) FROM unnest(ARRAY['(null', '(Null)', '', '(', ' (null)']) AS c;

-- transform_path
SELECT t, transform_path('{D,A,B,B,C,D,C,C}', t)
FROM unnest(ARRAY['[]', '["unique"]', '["exposure"]', '["first"]', '["frequency"]', '[{"remove_if_not_all": ["C"]}]',
                  '[{"remove_if_last_and_not_all": ["C"]}]', '[{"remove_if_last_and_not_all": ["C", "D"]}]',
                  '[{"remove_if_not_all": ["A", "D", "A", "nowhere"]}]', '[{"remove_if_not_all": ["A", "B", "C", "D"]}]',
                  '[{"remove_if_not_all": []}]', '["exposure", "frequency"]',
                  '["frequency", {"remove_if_not_all": ["C(3)"]}]']::jsonb[]) AS t;
-- A list is one set; two steps see each other's result.
SELECT transform_path('{direct,email,direct}', '[{"remove_if_not_all": ["direct", "email"]}]') AS set,
       transform_path('{direct,email,direct}', '[{"remove_if_not_all": ["direct"]}, {"remove_if_not_all": ["email"]}]') AS steps;
SELECT transform_path(NULL, '["first"]') AS no_path, transform_path('{a,a}', NULL) AS no_transforms,
       transform_path('{}', '["frequency"]') AS empty, array_lower(transform_path('[5:6]={a,b}', '[]'), 1) AS lower;
SELECT transform_path(ARRAY['say "hi"', 'a,b', '{x}', 'NULL', 'ö', '', '', 'a\b'], '["frequency"]');
SELECT transform_path('{a,NULL}', '[]');
SELECT transform_path('{{a},{b}}', '[]');
SELECT transform_path('{a,(start)}', '[]');
SELECT transform_path('{a}', '["last"]');
SELECT transform_path(NULL, '["last"]');
-- Long paths and many channels.
SELECT cardinality(transform_path(p, '["exposure"]')) AS exposure, cardinality(transform_path(p, '["first"]')) AS first,
       (transform_path(p, '["frequency"]'))[70000] AS frequency
FROM (SELECT array_agg('channel ' || n % 70000) AS p FROM generate_series(1, 140000) AS n) AS x;
