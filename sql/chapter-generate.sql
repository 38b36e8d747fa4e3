-- Event logs with a known truth ------------------------------------------------------------------------

CREATE FUNCTION generate_events(users bigint, seed bigint DEFAULT 1, options jsonb DEFAULT '{}',
	OUT user_id bigint, OUT at timestamptz, OUT channel text, OUT converted boolean, OUT value float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'attrib_generate_events'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000000 ROWS 1000000;

COMMENT ON FUNCTION generate_events(bigint, bigint, jsonb) IS
'a realistic log of touches and conversions in random order, drawn from a known response function; options: regime (realistic, equal, free_riding, synergy, order, decay), channels, days, baseline; one seed gives one log, and user n is the same however many users are asked for';

CREATE FUNCTION generate_events_truth(options jsonb DEFAULT '{}', OUT channel text, OUT causal_share float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'attrib_generate_events_truth'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100000 ROWS 12;

COMMENT ON FUNCTION generate_events_truth(jsonb) IS
'the causal share of every channel in what generate_events draws with these options: the expected Shapley value of the generator''s response function above its baseline, computed by quadrature, not from a sample';

CREATE FUNCTION generate_events_probability(users bigint, seed bigint DEFAULT 1, options jsonb DEFAULT '{}',
	OUT user_id bigint, OUT probability float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'attrib_generate_events_probability'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000000 ROWS 1000000;

COMMENT ON FUNCTION generate_events_probability(bigint, bigint, jsonb) IS
'each user''s chance to convert at least once, given exactly the touches that generate_events draws for him with the same arguments: the best prediction there can be';
