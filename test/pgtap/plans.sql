-- One answer whatever the plan: serial, parallel, partitionwise, hashed, sorted, spilled, in windows and over grouping
-- sets. Answers are compared as text, which tells any two summaries apart.
SET client_min_messages = warning;
SET search_path = attrib, public;
SET timezone = 'UTC';
BEGIN;
SELECT * FROM no_plan();

-- ----------------------------------------------------------------------------------------------------
-- Data: paths, events, and the same partitioned
-- ----------------------------------------------------------------------------------------------------
CREATE TABLE path_row (id int, path text[], converted boolean, value float8);
INSERT INTO path_row
SELECT n, ARRAY(SELECT 'channel ' || (hashint8(n * 31 + k) & 15) FROM generate_series(1, n % 6) AS k), n % 3 = 0, CASE WHEN n % 3 = 0 THEN n / 7.0 END
FROM generate_series(1, 20000::bigint) AS n;

CREATE TABLE event_row (user_id bigint, at timestamptz, channel text, converted boolean, value float8);
INSERT INTO event_row SELECT * FROM generate_events(6000, 7);
UPDATE event_row SET user_id = NULL WHERE user_id % 50 = 0;

CREATE TABLE summary_row AS
SELECT id % 97 AS id, journey_summary_agg(path, converted, value) AS summary FROM path_row GROUP BY 1;
INSERT INTO summary_row VALUES (97, NULL);

CREATE TABLE journey_of (user_id bigint, journey journey_row);
INSERT INTO journey_of
SELECT user_id, unnest(journey_agg(at, channel, converted, value, NULL)) FROM event_row GROUP BY user_id;

CREATE TABLE path_row_parted (LIKE path_row) PARTITION BY HASH (id);
CREATE TABLE event_row_parted (LIKE event_row) PARTITION BY RANGE (at);
CREATE TABLE summary_row_parted (LIKE summary_row) PARTITION BY HASH (id);
CREATE TABLE journey_of_parted (LIKE journey_of) PARTITION BY HASH (user_id);
DO $$
BEGIN
	FOR i IN 0..2 LOOP
		EXECUTE format('CREATE TABLE path_row_%s PARTITION OF path_row_parted FOR VALUES WITH (MODULUS 3, REMAINDER %s)', i, i);
		EXECUTE format('CREATE TABLE summary_row_%s PARTITION OF summary_row_parted FOR VALUES WITH (MODULUS 3, REMAINDER %s)', i, i);
		EXECUTE format('CREATE TABLE journey_of_%s PARTITION OF journey_of_parted FOR VALUES WITH (MODULUS 3, REMAINDER %s)', i, i);
		EXECUTE format('CREATE TABLE event_row_%s PARTITION OF event_row_parted FOR VALUES FROM (%L) TO (%L)', i,
					   (ARRAY['-infinity', '2025-02-01', '2025-03-01'])[i + 1], (ARRAY['2025-02-01', '2025-03-01', 'infinity'])[i + 1]);
	END LOOP;
END $$;
INSERT INTO path_row_parted SELECT * FROM path_row;
INSERT INTO event_row_parted SELECT * FROM event_row;
INSERT INTO summary_row_parted SELECT * FROM summary_row;
INSERT INTO journey_of_parted SELECT * FROM journey_of;
ANALYZE path_row, event_row, summary_row, journey_of, path_row_parted, event_row_parted, summary_row_parted, journey_of_parted;

-- ----------------------------------------------------------------------------------------------------
-- Asking
-- ----------------------------------------------------------------------------------------------------
CREATE FUNCTION answer(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	EXECUTE query INTO result;
	RETURN result;
END $$;

CREATE FUNCTION plan_of(query text, options text DEFAULT 'COSTS off') RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; result text := '';
BEGIN
	FOR line IN EXECUTE format('EXPLAIN (%s) %s', options, query) LOOP
		result := result || line || E'\n';
	END LOOP;
	RETURN result;
END $$;

-- Settings by name, until the end of the transaction.
CREATE FUNCTION plan_with(VARIADIC settings text[]) RETURNS void LANGUAGE sql AS $$
	SELECT set_config(split_part(s, '=', 1), split_part(s, '=', 2), true) FROM unnest(settings) AS s
$$;
-- From 16 on, a sort for an aggregate's ORDER BY may serve the grouping below it: the plans here are to be ours alone.
SELECT set_config(name, 'off', true) FROM pg_settings WHERE name = 'enable_presorted_aggregate';
CREATE FUNCTION plan_serial() RETURNS void LANGUAGE sql AS $$
	SELECT plan_with('max_parallel_workers_per_gather=0', 'enable_partitionwise_aggregate=off', 'parallel_leader_participation=on',
					 'parallel_setup_cost=1000', 'parallel_tuple_cost=0.1', 'min_parallel_table_scan_size=8MB', 'work_mem=64MB',
					 'enable_hashagg=on', 'enable_sort=on')
$$;
CREATE FUNCTION plan_parallel() RETURNS void LANGUAGE sql AS $$
	SELECT plan_with('max_parallel_workers_per_gather=2', 'parallel_setup_cost=0', 'parallel_tuple_cost=0', 'min_parallel_table_scan_size=0')
$$;

CREATE TABLE aggregation (name text, query text);
INSERT INTO aggregation VALUES
	('path, converted', 'SELECT journey_summary_agg(path, converted) FROM path_row'),
	('path, converted, value', 'SELECT journey_summary_agg(path, converted, value) FROM path_row'),
	('counted paths', 'SELECT journey_summary_agg(path, id % 5 + 1, id % 3, value) FROM path_row'),
	('events of bigint users', 'SELECT journey_summary_agg(user_id, at, channel, converted, value) FROM event_row'),
	('events with options', $$SELECT journey_summary_agg(user_id, at, channel, converted, value, journey_options('9 days', 3, false, '2025-03-20',
		'2025-01-20', '2025-03-10', '2 days', '{"email": "1 day"}', '["exposure", "frequency"]')) FROM event_row$$),
	('events of uuid users', 'SELECT journey_summary_agg(md5(user_id::text)::uuid, at, channel, converted, value) FROM event_row'),
	('events of text users', $$SELECT journey_summary_agg('user ' || user_id, at, channel, converted, value, journey_options(half_life => NULL)) FROM event_row$$),
	('parts', 'SELECT journey_parts_agg(user_id, at, channel, converted, value, left(channel, 1)) FROM event_row'),
	('parts with options', $$SELECT journey_parts_agg('user ' || user_id, at, channel, converted, value, left(channel, 1),
		journey_options('9 days', counted_from => '2025-01-20', counted_until => '2025-03-10', time_zone => 'Europe/Berlin')) FROM event_row$$),
	('journey rows', 'SELECT journey_summary_agg(journey) FROM journey_of'),
	('journey rows with options', $$SELECT journey_summary_agg(journey, journey_options(observed_until => '2025-03-01')) FROM journey_of$$),
	('journeys of one group', 'SELECT journey_agg(at, channel, converted, value, user_id::text) FROM event_row WHERE user_id < 500'),
	('rollup', 'SELECT rollup(summary) FROM summary_row'),
	('shapley_attr', 'SELECT shapley_attr(path, converted, value) FROM path_row'),
	('markov_removal_effect', 'SELECT markov_removal_effect(path, converted, value) FROM path_row'),
	-- workers without a row, or none with one
	('a single row', 'SELECT journey_summary_agg(path, converted, value) FROM path_row WHERE id = 12345'),
	('a single event', 'SELECT journey_summary_agg(user_id, at, channel, converted, value) FILTER (WHERE user_id = 1) FROM event_row'),
	('paths, all filtered out', 'SELECT journey_summary_agg(path, converted) FILTER (WHERE id < 0) FROM path_row'),
	('events, all filtered out', 'SELECT journey_summary_agg(user_id, at, channel, converted, value) FILTER (WHERE user_id < 0) FROM event_row'),
	('parts, all filtered out', 'SELECT journey_parts_agg(user_id, at, channel, converted, value, NULL) FILTER (WHERE user_id < 0) FROM event_row'),
	('shapley_attr, all filtered out', 'SELECT shapley_attr(path, converted, value) FILTER (WHERE id < 0) FROM path_row'),
	('NULL paths', 'SELECT journey_summary_agg(NULL::text[], NULL::boolean, NULL) FROM path_row'),
	('NULL summaries', 'SELECT rollup(NULL::journey_summary) FROM summary_row'),
	('NULL journey rows', 'SELECT journey_summary_agg(NULL::journey_row) FROM journey_of'),
	('rows that are no events', 'SELECT journey_summary_agg(user_id, at, NULL, false, NULL) FROM event_row');

SELECT plan_serial();
CREATE TABLE expected AS SELECT name, query, answer(query) AS answer FROM aggregation;
SELECT is((SELECT count(*)::int FROM expected WHERE answer IS NULL), 5, 'there are answers, but where there is nothing');

-- ----------------------------------------------------------------------------------------------------
-- Parallel, with and without the leader; partition by partition
-- ----------------------------------------------------------------------------------------------------
SELECT plan_parallel();
SELECT matches(plan_of(query), '(?s)Finalize Aggregate.*Gather.*Partial Aggregate.*Parallel Seq Scan', name || ': has a parallel plan')
FROM expected WHERE query !~ 'WHERE id ='; -- one row is not worth two steps
SELECT is(answer(query), answer, name || ': parallel') FROM expected;
SELECT plan_with('parallel_leader_participation=off');
SELECT matches(plan_of('SELECT journey_summary_agg(user_id, at, channel, converted, value) FROM event_row', 'ANALYZE, COSTS off, TIMING off'), 'Workers Launched: [12]', 'workers work');
SELECT is(answer(query), answer, name || ': parallel, workers only') FROM expected;
SELECT plan_with('work_mem=64kB');
SELECT is(answer(query), answer, name || ': parallel, workers only, little memory') FROM expected;

SELECT plan_serial();
SELECT plan_with('enable_partitionwise_aggregate=on');
CREATE TABLE parted AS
SELECT name, answer, regexp_replace(query, ' FROM (\w+)', ' FROM \1_parted') AS query FROM expected;
SELECT matches(plan_of(query), '(?s)Finalize Aggregate.*Append.*Partial Aggregate.*Partial Aggregate', name || ': has a partitionwise plan')
FROM parted WHERE query !~ 'WHERE id ='; -- prunes
SELECT is(answer(query), answer, name || ': partitionwise') FROM parted;
SELECT plan_parallel();
SELECT is(answer(query), answer, name || ': partitionwise and parallel') FROM parted;

-- ----------------------------------------------------------------------------------------------------
-- Groups: hashed, sorted, spilled; in parallel
-- ----------------------------------------------------------------------------------------------------
SELECT plan_serial();
CREATE TABLE grouping AS
SELECT name, format('SELECT md5(string_agg(g || coalesce(s::text, ''-''), '','' ORDER BY g)) FROM (SELECT %s AS g, %s AS s FROM %s GROUP BY 1 OFFSET 0) AS x',
					key, aggregate, source) AS query, key, aggregate, source
FROM (VALUES
	('paths', 'id % 1500', 'journey_summary_agg(path, converted, value)', 'path_row'),
	('events', 'coalesce(user_id, 0)', $$journey_summary_agg(user_id, at, channel, converted, value)$$, 'event_row'),
	('events with options', 'user_id % 2000', $$journey_summary_agg(user_id, at, channel, converted, value, journey_options(lookback => '5 days'))$$, 'event_row'),
	('parts', 'user_id % 2000', $$journey_parts_agg(user_id, at, channel, converted, value, NULL)$$, 'event_row'),
	('journeys', 'user_id', $$journey_agg(at, channel, converted, value, NULL)$$, 'event_row'),
	('rollup', 'id % 40', 'rollup(summary)', 'summary_row'),
	('shapley_attr', 'id % 1500', 'shapley_attr(path, converted, value)', 'path_row')
) AS x (name, key, aggregate, source);
CREATE TABLE grouped AS SELECT name, query, answer(query) AS answer FROM grouping;
SELECT plan_with('enable_sort=off');
SELECT is(answer(query), answer, name || ' by group: hashed') FROM grouped;
SELECT matches(plan_of(query), 'HashAggregate', name || ' by group: hashed') FROM grouped;
SELECT plan_with('enable_hashagg=off', 'enable_sort=on');
SELECT matches(plan_of(query), 'GroupAggregate', name || ' by group: sorted') FROM grouped;
SELECT is(answer(query), answer, name || ' by group: sorted') FROM grouped;
SELECT plan_with('enable_hashagg=on', 'enable_sort=off', 'work_mem=64kB');
SELECT matches(plan_of(query, 'ANALYZE, COSTS off, TIMING off'), 'Batches: [0-9]+  Memory Usage: [0-9]+kB  Disk Usage', name || ' by group: the hash table spills')
FROM grouped WHERE name <> 'rollup';
SELECT is(answer(query), answer, name || ' by group: spilled') FROM grouped;
SELECT plan_parallel();
SELECT is(answer(query), answer, name || ' by group: spilled and parallel') FROM grouped;

SELECT plan_serial();
-- over rows y (a, b): in one go by grouping sets, and one set after the other
CREATE FUNCTION sets_of(aggregate text, source text, sets text) RETURNS text LANGUAGE sql AS $$
	SELECT answer(format('WITH y AS (SELECT *, %s %% 5 AS a, %1$s %% 3 AS b FROM %s) SELECT md5(string_agg(x::text, '','' ORDER BY x::text)) FROM (%s) AS x',
						 CASE source WHEN 'event_row' THEN 'user_id' ELSE 'id' END, source,
						 CASE WHEN sets <> '' THEN format('SELECT a, b, %s::text AS s FROM y GROUP BY %s', aggregate, sets)
							  ELSE (SELECT string_agg(format('SELECT %s, %s, %s::text AS s FROM y GROUP BY %s', a, b, aggregate, groups), ' UNION ALL ')
									FROM (VALUES ('a', 'b', 'a, b'), ('a', 'NULL', 'a'), ('NULL', 'b', 'b'), ('NULL', 'NULL', '()')) AS g (a, b, groups)) END))
$$;
CREATE TABLE sets AS SELECT name, aggregate, source, sets_of(aggregate, source, '') AS answer FROM grouping WHERE name IN ('paths', 'events', 'parts', 'rollup', 'shapley_attr');
SELECT is(sets_of(aggregate, source, 'CUBE (a, b)'), answer, name || ': grouping sets, mixed') FROM sets;
SELECT plan_with('enable_hashagg=off');
SELECT is(sets_of(aggregate, source, 'CUBE (a, b)'), answer, name || ': grouping sets, sorted') FROM sets;
SELECT plan_with('enable_hashagg=on', 'enable_sort=off', 'work_mem=64kB');
SELECT is(sets_of(aggregate, source, 'GROUPING SETS ((a, b), (a), (b), ())'), answer, name || ': grouping sets, little memory') FROM sets;

-- ----------------------------------------------------------------------------------------------------
-- Windows: the state goes on after each answer
-- ----------------------------------------------------------------------------------------------------
SELECT plan_serial();
SELECT is_empty($$SELECT id FROM (SELECT id, journey_summary_agg(path, converted, value) OVER (ORDER BY id) AS running FROM path_row WHERE id <= 60) AS w
				  WHERE running <> (SELECT journey_summary_agg(path, converted, value) FROM path_row AS p WHERE p.id <= w.id)$$, 'paths: running summaries');
SELECT is_empty($$SELECT id FROM (SELECT id, journey_summary_agg(path, converted, value) OVER (ORDER BY id ROWS 3 PRECEDING) AS moving FROM path_row WHERE id <= 60) AS w
				  WHERE moving <> (SELECT journey_summary_agg(path, converted, value) FROM path_row AS p WHERE p.id BETWEEN w.id - 3 AND w.id)$$, 'paths: a moving frame');
SELECT is_empty($$SELECT id FROM (SELECT id, rollup(summary) OVER (ORDER BY id) AS running FROM summary_row) AS w
				  WHERE running <> (SELECT rollup(summary) FROM summary_row AS p WHERE p.id <= w.id)$$, 'rollup: running summaries');
SELECT is_empty($$SELECT at FROM (SELECT at, journey_summary_agg(user_id, at, channel, converted, value) OVER (ORDER BY at) AS running FROM event_row WHERE user_id < 8) AS w
				  WHERE running <> (SELECT journey_summary_agg(user_id, at, channel, converted, value) FROM event_row AS p WHERE p.at <= w.at AND p.user_id < 8)$$, 'events: running summaries');
SELECT plan_with('work_mem=64kB');
SELECT is((SELECT min(s) FROM (SELECT journey_summary_agg(user_id, at, channel, converted, value) OVER ()::text AS s FROM event_row LIMIT 3) AS w),
		  (SELECT answer FROM expected WHERE name = 'events of bigint users'), 'events: a window larger than work_mem');
SELECT is((SELECT md5(string_agg(s, ',' ORDER BY g)) FROM (SELECT DISTINCT coalesce(user_id, 0) AS g, coalesce(user_id, 0) || (journey_summary_agg(user_id, at, channel, converted, value)
			OVER (PARTITION BY coalesce(user_id, 0)))::text AS s FROM event_row) AS w),
		  (SELECT answer FROM grouped WHERE name = 'events'), 'events: a window for each user');

-- ----------------------------------------------------------------------------------------------------
-- Raw events spill, and leave nothing behind
-- ----------------------------------------------------------------------------------------------------
SELECT plan_serial();
SELECT plan_with('work_mem=64kB');
SELECT matches(plan_of(query, 'ANALYZE, BUFFERS, COSTS off, TIMING off'), 'temp read=[1-9][0-9]* written=[1-9]', name || ': spills at work_mem = 64kB')
FROM expected WHERE name ~ '^(events of|parts$)';
SELECT is(answer(query), answer, name || ': little memory') FROM expected;
SELECT plan_with('work_mem=64MB');
SELECT doesnt_match(plan_of(query, 'ANALYZE, BUFFERS, COSTS off, TIMING off'), 'temp .*written', name || ': does not spill at work_mem = 64MB')
FROM expected WHERE name ~ '^(events of|parts$)';
SELECT plan_with('work_mem=64kB');
-- again and again in one node, which is rescanned
SELECT is((SELECT count(DISTINCT s)::int FROM generate_series(1, 3) AS n,
		   LATERAL (SELECT journey_summary_agg(user_id, at, channel, converted, value + 0 * n) AS s FROM event_row) AS x), 1, 'a spilled node is rescanned');
SELECT lives_ok('SELECT journey_summary_agg(user_id, at, channel, converted, value) FROM event_row GROUP BY user_id % 3 LIMIT 1', 'a spilled node is left early');
SELECT throws_ok($$SELECT journey_summary_agg(user_id, at, channel, converted, CASE WHEN n = 25000 THEN -1 ELSE value END)
				   FROM (SELECT *, row_number() OVER () AS n FROM event_row) AS x$$, '22023', NULL, 'a spilled node fails');
SELECT is((SELECT count(*)::int FROM pg_ls_tmpdir()), 0, 'no temporary file stays');

-- ----------------------------------------------------------------------------------------------------
-- Summaries as keys
-- ----------------------------------------------------------------------------------------------------
SELECT plan_serial();
CREATE TABLE keyed AS SELECT id, CASE WHEN id % 3 > 0 THEN summary END AS summary FROM summary_row UNION ALL SELECT id + 100, summary FROM summary_row;
CREATE TABLE key_query AS SELECT name, query, answer(query) AS answer FROM (VALUES
	('DISTINCT', 'SELECT count(*) FROM (SELECT DISTINCT summary FROM keyed) AS x'),
	('GROUP BY', 'SELECT string_agg(ids, '';'' ORDER BY ids) FROM (SELECT string_agg(id::text, '','' ORDER BY id) AS ids FROM keyed GROUP BY summary) AS x'),
	('join', 'SELECT count(*) FROM keyed AS a JOIN keyed AS b USING (summary)'),
	('INTERSECT', 'SELECT count(*) FROM (SELECT summary FROM keyed WHERE id < 100 INTERSECT SELECT summary FROM keyed WHERE id >= 100) AS x')
) AS x (name, query);
SELECT is((SELECT answer FROM key_query WHERE name = 'DISTINCT'), '98', 'DISTINCT summaries');
SELECT plan_with('enable_hashagg=off', 'enable_hashjoin=off');
SELECT is(answer(query), answer, name || ' of summaries: sorted') FROM key_query;
SELECT plan_with('enable_hashagg=on', 'enable_hashjoin=on', 'enable_sort=off', 'enable_mergejoin=off', 'work_mem=64kB');
SELECT is(answer(query), answer, name || ' of summaries: hashed') FROM key_query;

-- ----------------------------------------------------------------------------------------------------
-- A spilled aggregate that fails inside a subtransaction
-- ----------------------------------------------------------------------------------------------------
CREATE TABLE failing_row AS
SELECT i::bigint % 20000 AS user_id, timestamptz '2025-01-01' + i * interval '1 min' AS at FROM generate_series(1, 80000) AS i;
INSERT INTO failing_row VALUES (1, 'infinity'); -- read last, long after the first spill
SET work_mem = '64kB';
SET max_parallel_workers_per_gather = 0;
CREATE FUNCTION pg_temp.caught() RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	times int := 0;
BEGIN
	FOR i IN 1..5 LOOP
		BEGIN
			PERFORM journey_summary_agg(user_id, at, 'c', false, 0) FROM failing_row;
		EXCEPTION WHEN invalid_parameter_value THEN
			times := times + 1;
		END;
	END LOOP;
	RETURN times;
END $$;
SELECT is(pg_temp.caught(), 5, 'a spilled aggregate fails inside a subtransaction, again and again');
SELECT is((SELECT count(*) FROM pg_ls_tmpdir()), 0::bigint, 'and leaves no temporary file');
SELECT is((SELECT journeys FROM summary_stats((SELECT journey_summary_agg(user_id, at, 'c', false, 0) FROM failing_row WHERE isfinite(at)))),
          20000::bigint, 'the same backend answers after it');

SELECT * FROM finish();
ROLLBACK;
