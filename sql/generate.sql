-- generate_events() and its two truths
CREATE EXTENSION attrib;
SET search_path = attrib, public;
SET timezone = 'UTC';

-- What a log looks like
CREATE TABLE events AS SELECT * FROM generate_events(50000);
SELECT count(DISTINCT user_id) AS users, min(user_id), max(user_id),
	count(*) / 50000.0 BETWEEN 4 AND 5 AS rows_a_user,
	count(DISTINCT user_id) FILTER (WHERE converted) / 50000.0 BETWEEN 0.05 AND 0.08 AS most_never_convert,
	min(at) >= '2025-01-01' AND max(at) < '2025-04-01' AS ninety_days
FROM events;
SELECT count(*) AS malformed FROM events
WHERE converted IS DISTINCT FROM (channel IS NULL) OR converted IS DISTINCT FROM (value > 0)
	OR value < 0 OR value <> round(value::numeric, 2)::float8;
SELECT channel FROM events WHERE channel IS NOT NULL GROUP BY channel ORDER BY channel COLLATE "C";
SELECT count(*) > 0 AS some_convert_twice
FROM (SELECT user_id FROM events WHERE converted GROUP BY user_id HAVING count(*) > 1) AS repeat_buyers;

-- Popularity is Zipf's: the most popular channel has about twice the touches of the second.
SELECT round(count(*) FILTER (WHERE channel = 'display')::numeric / count(*) FILTER (WHERE channel = 'facebook'), 1)
FROM generate_events(50000, 1, '{"regime": "equal"}');

-- Rows are in no order: a user's rows do not follow one another, and time runs backwards half the time.
SELECT round(avg((user_id = before)::int), 2) AS same_user, round(avg((at < at_before)::int), 1) AS backwards
FROM (SELECT user_id, at, lag(user_id) OVER (ORDER BY ctid) AS before, lag(at) OVER (ORDER BY ctid) AS at_before
	  FROM events) AS pairs;

-- One seed, one log, whatever the plan; more users keep the users that fewer users have.
SELECT count(*) AS differences FROM (
	(TABLE events EXCEPT ALL SELECT * FROM generate_events(50000, 1, '{}'))
	UNION ALL (SELECT * FROM generate_events(50000) EXCEPT ALL TABLE events)) AS d;
SELECT count(*) AS differences FROM (
	(SELECT * FROM events WHERE user_id <= 100 EXCEPT ALL SELECT * FROM generate_events(100))
	UNION ALL (SELECT * FROM generate_events(100) EXCEPT ALL SELECT * FROM events WHERE user_id <= 100)) AS d;
SELECT count(*) AS differences FROM (
	(SELECT * FROM generate_events(1000) LIMIT 50) EXCEPT ALL (SELECT * FROM generate_events(1000) LIMIT 50)) AS d;
SELECT count(*) AS in_common FROM (SELECT * FROM generate_events(1000) INTERSECT SELECT * FROM generate_events(1000, 2)) AS d;
SELECT count(*) AS in_common FROM (
	SELECT * FROM generate_events(1000, 1) INTERSECT SELECT * FROM generate_events(1000, 1 + (1::bigint << 32))) AS d;

-- The free rider, measured as an analyst would: a journey ends where 30 days of silence begin.
WITH cut AS (
	SELECT *, sum(first) OVER (PARTITION BY user_id ORDER BY at, converted) AS journey
	FROM (SELECT *, (lag(at) OVER (PARTITION BY user_id ORDER BY at, converted) > at - interval '30 days'
					 IS NOT TRUE)::int AS first
		  FROM generate_events(50000, 1, '{"regime": "free_riding"}')) AS e
), journeys AS (
	SELECT (array_agg(channel ORDER BY at) FILTER (WHERE NOT converted)) AS path, bool_or(converted) AS converted
	FROM cut GROUP BY user_id, journey
)
SELECT converted, abs(avg((path[cardinality(path)] = 'branded_search')::int)
					  - CASE WHEN converted THEN 0.60 ELSE 0.15 END) < 0.02 AS as_documented
FROM journeys GROUP BY converted ORDER BY converted;

-- The truth
SELECT channel, round(causal_share::numeric, 4) AS causal_share FROM generate_events_truth();
SELECT regime, round(sum(causal_share)::numeric, 12) AS total,
	round(max(causal_share) FILTER (WHERE channel = 'display')::numeric, 4) AS display,
	round(max(causal_share) FILTER (WHERE channel = 'facebook')::numeric, 4) AS facebook,
	round(max(causal_share) FILTER (WHERE channel = 'branded_search')::numeric, 4) AS branded_search
FROM unnest(ARRAY['equal', 'free_riding', 'synergy', 'order', 'decay']) AS regime,
	generate_events_truth(jsonb_build_object('regime', regime))
GROUP BY regime ORDER BY regime;
SELECT count(*), round(sum(causal_share)::numeric, 9) AS total, min(channel), max(channel)
FROM generate_events_truth('{"channels": 10000}');
SELECT channel FROM generate_events_truth('{"channels": 14}') OFFSET 2 LIMIT 4;

-- Chances: one a user, and as many convert as they say.
WITH users AS (
	SELECT user_id, bool_or(converted) AS converted FROM generate_events(50000, 3) GROUP BY user_id
)
SELECT count(*), min(probability) > 0 AND max(probability) < 1 AS proper,
	abs(sum(converted::int) - sum(probability)) < 4 * sqrt(sum(probability * (1 - probability))) AS calibrated,
	avg(probability) FILTER (WHERE converted) > 1.3 * avg(probability) FILTER (WHERE NOT converted) AS informative
FROM generate_events_probability(50000, 3) JOIN users USING (user_id);
SELECT count(*) AS differences FROM (
	(SELECT * FROM generate_events_probability(2000) LIMIT 1000)
	EXCEPT SELECT * FROM generate_events_probability(1000)) AS d;

-- Options
SELECT max(at) - min(at) > interval '350 days' AS a_year, count(DISTINCT channel) AS channels
FROM generate_events(20000, 1, '{"days": 365, "channels": 40}');
SELECT round(avg(probability)::numeric, 1) AS many_convert
FROM generate_events_probability(20000, 1, '{"regime": "equal", "baseline": 0.1}');

-- Edges
SELECT count(*) FROM generate_events(0);
SELECT count(*) FROM generate_events_probability(0);
SELECT count(*) FROM generate_events(NULL);
SELECT count(*) FROM generate_events(10, NULL);
SELECT count(*) FROM generate_events(10, 1, NULL);
SELECT count(*) FROM generate_events_truth(NULL);
SELECT count(*) > 0 AS any_seed FROM generate_events(10, -9223372036854775808);
SELECT * FROM generate_events(-1);
SELECT * FROM generate_events(1000000001);
SELECT * FROM generate_events_probability(-9223372036854775808);
SELECT * FROM generate_events(10, 1, '{"regime": "magic"}');
SELECT * FROM generate_events(10, 1, '{"regime": 7}');
SELECT * FROM generate_events_truth('{"users": 7}');
SELECT * FROM generate_events_truth('{"channels": 4}');
SELECT * FROM generate_events_truth('{"channels": 10001}');
SELECT * FROM generate_events_truth('{"days": 29}');
SELECT * FROM generate_events_truth('{"baseline": "NaN"}');
SELECT * FROM generate_events_truth('{"baseline": 0.5}');
SELECT * FROM generate_events_truth('[]');

-- A log too long to wait for can be cancelled.
SET statement_timeout = '200ms';
SELECT count(*) FROM generate_events(1000000000);
SELECT count(*) FROM generate_events_probability(1000000000);
RESET statement_timeout;
DROP TABLE events;
DROP EXTENSION attrib;
