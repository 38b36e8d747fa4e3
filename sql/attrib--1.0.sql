/* attrib: marketing measurement inside PostgreSQL. One chapter a noun, in reading order. */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION attrib" to load this file. \quit

-- =====================================================================================================
-- 1. journey_summary: every distinct path of a set of journeys, and what happened on it
-- =====================================================================================================

CREATE TYPE journey_summary;

CREATE FUNCTION journey_summary_in(cstring) RETURNS journey_summary
	AS 'MODULE_PATHNAME', 'attrib_summary_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION journey_summary_in(cstring) IS 'reads a journey_summary from JSON';

CREATE FUNCTION journey_summary_out(journey_summary) RETURNS cstring
	AS 'MODULE_PATHNAME', 'attrib_summary_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION journey_summary_out(journey_summary) IS 'prints a journey_summary as JSON, exactly';

CREATE FUNCTION journey_summary_recv(internal) RETURNS journey_summary
	AS 'MODULE_PATHNAME', 'attrib_summary_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION journey_summary_recv(internal) IS 'reads a journey_summary from its flat bytes, validating all of them';

CREATE FUNCTION journey_summary_send(journey_summary) RETURNS bytea
	AS 'MODULE_PATHNAME', 'attrib_summary_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION journey_summary_send(journey_summary) IS 'the flat bytes of a journey_summary, the same on every machine';

CREATE TYPE journey_summary (
	INPUT = journey_summary_in,
	OUTPUT = journey_summary_out,
	RECEIVE = journey_summary_recv,
	SEND = journey_summary_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = extended
);
COMMENT ON TYPE journey_summary IS
	'distinct marketing paths with their conversions, lost and open journeys and value; mergeable, and all that every attribution model needs';

-- Equal content is equal bytes, so comparison is of bytes: for DISTINCT, GROUP BY and checks, with no meaning of more or less.
CREATE FUNCTION journey_summary_eq(journey_summary, journey_summary) RETURNS boolean
	AS 'MODULE_PATHNAME', 'attrib_summary_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION journey_summary_ne(journey_summary, journey_summary) RETURNS boolean
	AS 'MODULE_PATHNAME', 'attrib_summary_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION journey_summary_lt(journey_summary, journey_summary) RETURNS boolean
	AS 'MODULE_PATHNAME', 'attrib_summary_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION journey_summary_le(journey_summary, journey_summary) RETURNS boolean
	AS 'MODULE_PATHNAME', 'attrib_summary_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION journey_summary_gt(journey_summary, journey_summary) RETURNS boolean
	AS 'MODULE_PATHNAME', 'attrib_summary_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION journey_summary_ge(journey_summary, journey_summary) RETURNS boolean
	AS 'MODULE_PATHNAME', 'attrib_summary_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION journey_summary_cmp(journey_summary, journey_summary) RETURNS integer
	AS 'MODULE_PATHNAME', 'attrib_summary_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION journey_summary_hash(journey_summary) RETURNS integer
	AS 'MODULE_PATHNAME', 'attrib_summary_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION journey_summary_hash_extended(journey_summary, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'attrib_summary_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION journey_summary_eq(journey_summary, journey_summary) IS 'implementation of = operator: the same bytes, hence the same content';
COMMENT ON FUNCTION journey_summary_ne(journey_summary, journey_summary) IS 'implementation of <> operator';
COMMENT ON FUNCTION journey_summary_lt(journey_summary, journey_summary) IS 'implementation of < operator, by bytes';
COMMENT ON FUNCTION journey_summary_le(journey_summary, journey_summary) IS 'implementation of <= operator, by bytes';
COMMENT ON FUNCTION journey_summary_gt(journey_summary, journey_summary) IS 'implementation of > operator, by bytes';
COMMENT ON FUNCTION journey_summary_ge(journey_summary, journey_summary) IS 'implementation of >= operator, by bytes';
COMMENT ON FUNCTION journey_summary_cmp(journey_summary, journey_summary) IS 'less-equal-greater, by bytes';
COMMENT ON FUNCTION journey_summary_hash(journey_summary) IS 'hash of the bytes';
COMMENT ON FUNCTION journey_summary_hash_extended(journey_summary, bigint) IS 'seeded hash of the bytes';

CREATE OPERATOR = (LEFTARG = journey_summary, RIGHTARG = journey_summary, FUNCTION = journey_summary_eq,
	COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES);
CREATE OPERATOR <> (LEFTARG = journey_summary, RIGHTARG = journey_summary, FUNCTION = journey_summary_ne,
	COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel);
CREATE OPERATOR < (LEFTARG = journey_summary, RIGHTARG = journey_summary, FUNCTION = journey_summary_lt,
	COMMUTATOR = >, NEGATOR = >=, RESTRICT = scalarltsel, JOIN = scalarltjoinsel);
CREATE OPERATOR <= (LEFTARG = journey_summary, RIGHTARG = journey_summary, FUNCTION = journey_summary_le,
	COMMUTATOR = >=, NEGATOR = >, RESTRICT = scalarlesel, JOIN = scalarlejoinsel);
CREATE OPERATOR > (LEFTARG = journey_summary, RIGHTARG = journey_summary, FUNCTION = journey_summary_gt,
	COMMUTATOR = <, NEGATOR = <=, RESTRICT = scalargtsel, JOIN = scalargtjoinsel);
CREATE OPERATOR >= (LEFTARG = journey_summary, RIGHTARG = journey_summary, FUNCTION = journey_summary_ge,
	COMMUTATOR = <=, NEGATOR = <, RESTRICT = scalargesel, JOIN = scalargejoinsel);
COMMENT ON OPERATOR = (journey_summary, journey_summary) IS 'same content';
COMMENT ON OPERATOR <> (journey_summary, journey_summary) IS 'different content';
COMMENT ON OPERATOR < (journey_summary, journey_summary) IS 'before in the order of bytes';
COMMENT ON OPERATOR <= (journey_summary, journey_summary) IS 'before in the order of bytes, or the same';
COMMENT ON OPERATOR > (journey_summary, journey_summary) IS 'after in the order of bytes';
COMMENT ON OPERATOR >= (journey_summary, journey_summary) IS 'after in the order of bytes, or the same';

CREATE OPERATOR CLASS journey_summary_ops DEFAULT FOR TYPE journey_summary USING btree AS
	OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
	FUNCTION 1 journey_summary_cmp(journey_summary, journey_summary);
CREATE OPERATOR CLASS journey_summary_ops DEFAULT FOR TYPE journey_summary USING hash AS
	OPERATOR 1 =,
	FUNCTION 1 journey_summary_hash(journey_summary),
	FUNCTION 2 journey_summary_hash_extended(journey_summary, bigint);
COMMENT ON OPERATOR CLASS journey_summary_ops USING btree IS 'order of bytes';
COMMENT ON OPERATOR CLASS journey_summary_ops USING hash IS 'hash of bytes';
COMMENT ON OPERATOR FAMILY journey_summary_ops USING btree IS 'order of bytes';
COMMENT ON OPERATOR FAMILY journey_summary_ops USING hash IS 'hash of bytes';

CREATE TYPE channel_credit AS (channel text, conversions float8, value float8, share float8);
COMMENT ON TYPE channel_credit IS 'what a channel earns under a model; share is of all conversions';

CREATE TYPE shapley_credit AS (channel text, phi float8, conversions float8, value float8, share float8, std_error float8);
COMMENT ON TYPE shapley_credit IS 'the Shapley value of a channel and what it earns by it; std_error where it was sampled';

CREATE TYPE markov_credit AS (channel text, removal_effect float8, removal_effect_value float8, conversions float8, value float8, share float8);
COMMENT ON TYPE markov_credit IS 'the removal effects of a channel on conversions and on value, and what it earns by them';

-- =====================================================================================================
-- 2. From paths to a summary
-- =====================================================================================================

CREATE FUNCTION journey_summary_combine(journey_summary, journey_summary) RETURNS journey_summary
	AS 'MODULE_PATHNAME', 'attrib_summary_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey_summary_combine(journey_summary, journey_summary) IS 'combine function of the aggregates over paths and transition of rollup';

CREATE FUNCTION journey_summary_path_trans(journey_summary, path text[], converted boolean) RETURNS journey_summary
	AS 'MODULE_PATHNAME', 'attrib_path_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey_summary_path_trans(journey_summary, text[], boolean) IS 'transition: one journey a row';

CREATE FUNCTION journey_summary_path_trans(journey_summary, path text[], converted boolean, value float8) RETURNS journey_summary
	AS 'MODULE_PATHNAME', 'attrib_path_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey_summary_path_trans(journey_summary, text[], boolean, float8) IS 'transition: one journey a row, with its value';

CREATE FUNCTION journey_summary_counted_trans(journey_summary, path text[], conversions numeric, lost numeric, value float8) RETURNS journey_summary
	AS 'MODULE_PATHNAME', 'attrib_counted_path_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey_summary_counted_trans(journey_summary, text[], numeric, numeric, float8) IS 'transition: one distinct path a row, with its counts';

-- SSPACE: a summary worth grouping for takes this much, and a hash aggregate then holds thousands of groups at a time
-- rather than hundreds of thousands, whose memory contexts it would count again for each new group.
CREATE AGGREGATE journey_summary_agg(path text[], converted boolean) (
	SFUNC = journey_summary_path_trans, STYPE = journey_summary, SSPACE = 131072,
	COMBINEFUNC = journey_summary_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_summary_agg(text[], boolean) IS 'journey_summary of journeys given as paths, one a row; not converted = lost';

CREATE AGGREGATE journey_summary_agg(path text[], converted boolean, value float8) (
	SFUNC = journey_summary_path_trans, STYPE = journey_summary, SSPACE = 131072,
	COMBINEFUNC = journey_summary_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_summary_agg(text[], boolean, float8) IS 'journey_summary of journeys given as paths, one a row, with the value of conversions';

CREATE AGGREGATE journey_summary_agg(path text[], conversions numeric, lost numeric, value float8) (
	SFUNC = journey_summary_counted_trans, STYPE = journey_summary, SSPACE = 131072,
	COMBINEFUNC = journey_summary_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_summary_agg(text[], numeric, numeric, float8) IS 'journey_summary of already counted paths: conversions, lost journeys and total value of each';

CREATE AGGREGATE rollup(journey_summary) (
	SFUNC = journey_summary_combine, STYPE = journey_summary, SSPACE = 131072,
	COMBINEFUNC = journey_summary_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE rollup(journey_summary) IS 'merges summaries of days, segments or nodes into the summary of all their journeys';

-- =====================================================================================================
-- 3. Journeys: from events to what converted, what was lost and what may still convert
-- =====================================================================================================

CREATE TYPE journey_options AS (
	lookback interval,
	max_touches int,
	reuse_touches boolean,
	observed_until timestamptz,
	counted_from timestamptz,
	counted_until timestamptz,
	half_life interval,
	channel_lookback jsonb,
	transforms jsonb,
	time_zone text,
	extra jsonb
);
COMMENT ON TYPE journey_options IS 'how journeys are cut from events; build one with the function journey_options()';

CREATE TYPE journey_row AS (
	path text[],
	touched_at timestamptz[],
	touch_ids text[],
	converted_at timestamptz,
	conversion_id text,
	ended_at timestamptz,
	value float8,
	is_open boolean
);
COMMENT ON TYPE journey_row IS 'one journey: its touches as parallel arrays, and how it ended';

-- Intervals inside channel_lookback are read as interval_in reads them: only a text of mixed signs could
-- depend on IntervalStyle, and such a lookback makes no sense. So the function is immutable and constant
-- options fold.
CREATE FUNCTION journey_options(
	lookback interval DEFAULT '30 days',
	max_touches int DEFAULT NULL,
	reuse_touches boolean DEFAULT true,
	observed_until timestamptz DEFAULT NULL,
	counted_from timestamptz DEFAULT NULL,
	counted_until timestamptz DEFAULT NULL,
	half_life interval DEFAULT '7 days',
	channel_lookback jsonb DEFAULT '{}',
	transforms jsonb DEFAULT '[]',
	time_zone text DEFAULT 'UTC',
	extra jsonb DEFAULT '{}'
) RETURNS journey_options
	AS 'MODULE_PATHNAME', 'journey_options'
	LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION journey_options(interval, int, boolean, timestamptz, timestamptz, timestamptz, interval, jsonb, jsonb, text, jsonb) IS
	'options of the aggregates that cut journeys: windows, caps, transforms; checked here';

CREATE FUNCTION transform_path(path text[], transforms jsonb) RETURNS text[]
	AS 'MODULE_PATHNAME', 'transform_path'
	LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION transform_path(text[], jsonb) IS
	'a path after a chain of transforms: exposure, first, unique, frequency, remove_if_not_all, remove_if_last_and_not_all';

CREATE FUNCTION journey_agg_transfn(internal, at timestamptz, channel text, converted boolean, value float8, event_id text)
	RETURNS internal
	AS 'MODULE_PATHNAME', 'journey_agg_transfn'
	LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION journey_agg_transfn(internal, timestamptz, text, boolean, float8, text) IS 'journey_agg: takes an event';

CREATE FUNCTION journey_agg_transfn(internal, at timestamptz, channel text, converted boolean, value float8, event_id text, options journey_options)
	RETURNS internal
	AS 'MODULE_PATHNAME', 'journey_agg_transfn'
	LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION journey_agg_transfn(internal, timestamptz, text, boolean, float8, text, journey_options) IS 'journey_agg: takes an event';

CREATE FUNCTION journey_agg_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'journey_agg_combine'
	LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION journey_agg_combine(internal, internal) IS 'journey_agg: adds the events of another state';

CREATE FUNCTION journey_agg_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'journey_agg_serialize'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION journey_agg_serialize(internal) IS 'journey_agg: packs a state for another process';

CREATE FUNCTION journey_agg_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'journey_agg_deserialize'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION journey_agg_deserialize(bytea, internal) IS 'journey_agg: unpacks a state from another process';

CREATE FUNCTION journey_agg_final(internal) RETURNS journey_row[]
	AS 'MODULE_PATHNAME', 'journey_agg_final'
	LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION journey_agg_final(internal) IS 'journey_agg: cuts the events into journeys';

CREATE AGGREGATE journey_agg(at timestamptz, channel text, converted boolean, value float8, event_id text) (
	SFUNC = journey_agg_transfn,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = journey_agg_final,
	COMBINEFUNC = journey_agg_combine,
	SERIALFUNC = journey_agg_serialize,
	DESERIALFUNC = journey_agg_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_agg(timestamptz, text, boolean, float8, text) IS
	'the journeys of one user (GROUP BY user), in the order of their dates, with default options';

CREATE AGGREGATE journey_agg(at timestamptz, channel text, converted boolean, value float8, event_id text, options journey_options) (
	SFUNC = journey_agg_transfn,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = journey_agg_final,
	COMBINEFUNC = journey_agg_combine,
	SERIALFUNC = journey_agg_serialize,
	DESERIALFUNC = journey_agg_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_agg(timestamptz, text, boolean, float8, text, journey_options) IS
	'the journeys of one user (GROUP BY user), in the order of their dates';

CREATE FUNCTION stitch_identity(anonymous_id text, user_id text, max_users integer DEFAULT NULL) RETURNS text
	AS 'MODULE_PATHNAME', 'attrib_stitch_identity' LANGUAGE C IMMUTABLE WINDOW CALLED ON NULL INPUT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION stitch_identity(text, text, integer) IS
	'window function: the person behind each row, the connected component of the ids seen together; devices with more than max_users users join nobody';

-- =====================================================================================================
-- 4. From events to a summary
-- =====================================================================================================

CREATE TYPE journey_part AS (day date, segment text, summary journey_summary);
COMMENT ON TYPE journey_part IS 'the summary of the journeys of one day and segment';

CREATE FUNCTION events_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_events_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION events_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'attrib_events_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION events_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_events_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION events_final(internal) RETURNS journey_summary
	AS 'MODULE_PATHNAME', 'attrib_events_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION parts_final(internal) RETURNS journey_part[]
	AS 'MODULE_PATHNAME', 'attrib_parts_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION events_combine(internal, internal) IS 'combine function of the aggregates over raw events';
COMMENT ON FUNCTION events_serialize(internal) IS 'the state of raw events as one sorted, packed run';
COMMENT ON FUNCTION events_deserialize(bytea, internal) IS 'reverse of events_serialize';
COMMENT ON FUNCTION events_final(internal) IS 'cuts raw events into journeys and summarizes them';
COMMENT ON FUNCTION parts_final(internal) IS 'cuts raw events into journeys and summarizes them by day and segment';

CREATE FUNCTION events_trans(internal, user_id bigint, at timestamptz, channel text, converted boolean, value float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_events_trans_int8' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION events_trans(internal, bigint, timestamptz, text, boolean, float8) IS 'transition: one raw event';
CREATE AGGREGATE journey_summary_agg(user_id bigint, at timestamptz, channel text, converted boolean, value float8) (
	SFUNC = events_trans, STYPE = internal, SSPACE = 131072, FINALFUNC = events_final,
	COMBINEFUNC = events_combine, SERIALFUNC = events_serialize, DESERIALFUNC = events_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_summary_agg(bigint, timestamptz, text, boolean, float8) IS
	'journey_summary of raw events, users by bigint: sorts them by user and time itself, so it wants no GROUP BY and no ORDER BY';

CREATE FUNCTION events_trans(internal, user_id bigint, at timestamptz, channel text, converted boolean, value float8, options journey_options) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_events_trans_int8' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION events_trans(internal, bigint, timestamptz, text, boolean, float8, journey_options) IS 'transition: one raw event';
CREATE AGGREGATE journey_summary_agg(user_id bigint, at timestamptz, channel text, converted boolean, value float8, options journey_options) (
	SFUNC = events_trans, STYPE = internal, SSPACE = 131072, FINALFUNC = events_final,
	COMBINEFUNC = events_combine, SERIALFUNC = events_serialize, DESERIALFUNC = events_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_summary_agg(bigint, timestamptz, text, boolean, float8, journey_options) IS
	'journey_summary of raw events, users by bigint: sorts them by user and time itself, so it wants no GROUP BY and no ORDER BY';

CREATE FUNCTION events_trans(internal, user_id uuid, at timestamptz, channel text, converted boolean, value float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_events_trans_uuid' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION events_trans(internal, uuid, timestamptz, text, boolean, float8) IS 'transition: one raw event';
CREATE AGGREGATE journey_summary_agg(user_id uuid, at timestamptz, channel text, converted boolean, value float8) (
	SFUNC = events_trans, STYPE = internal, SSPACE = 131072, FINALFUNC = events_final,
	COMBINEFUNC = events_combine, SERIALFUNC = events_serialize, DESERIALFUNC = events_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_summary_agg(uuid, timestamptz, text, boolean, float8) IS
	'journey_summary of raw events, users by uuid: sorts them by user and time itself, so it wants no GROUP BY and no ORDER BY';

CREATE FUNCTION events_trans(internal, user_id uuid, at timestamptz, channel text, converted boolean, value float8, options journey_options) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_events_trans_uuid' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION events_trans(internal, uuid, timestamptz, text, boolean, float8, journey_options) IS 'transition: one raw event';
CREATE AGGREGATE journey_summary_agg(user_id uuid, at timestamptz, channel text, converted boolean, value float8, options journey_options) (
	SFUNC = events_trans, STYPE = internal, SSPACE = 131072, FINALFUNC = events_final,
	COMBINEFUNC = events_combine, SERIALFUNC = events_serialize, DESERIALFUNC = events_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_summary_agg(uuid, timestamptz, text, boolean, float8, journey_options) IS
	'journey_summary of raw events, users by uuid: sorts them by user and time itself, so it wants no GROUP BY and no ORDER BY';

CREATE FUNCTION events_trans(internal, user_id text, at timestamptz, channel text, converted boolean, value float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_events_trans_text' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION events_trans(internal, text, timestamptz, text, boolean, float8) IS 'transition: one raw event';
CREATE AGGREGATE journey_summary_agg(user_id text, at timestamptz, channel text, converted boolean, value float8) (
	SFUNC = events_trans, STYPE = internal, SSPACE = 131072, FINALFUNC = events_final,
	COMBINEFUNC = events_combine, SERIALFUNC = events_serialize, DESERIALFUNC = events_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_summary_agg(text, timestamptz, text, boolean, float8) IS
	'journey_summary of raw events, users by text: sorts them by user and time itself, so it wants no GROUP BY and no ORDER BY';

CREATE FUNCTION events_trans(internal, user_id text, at timestamptz, channel text, converted boolean, value float8, options journey_options) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_events_trans_text' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION events_trans(internal, text, timestamptz, text, boolean, float8, journey_options) IS 'transition: one raw event';
CREATE AGGREGATE journey_summary_agg(user_id text, at timestamptz, channel text, converted boolean, value float8, options journey_options) (
	SFUNC = events_trans, STYPE = internal, SSPACE = 131072, FINALFUNC = events_final,
	COMBINEFUNC = events_combine, SERIALFUNC = events_serialize, DESERIALFUNC = events_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_summary_agg(text, timestamptz, text, boolean, float8, journey_options) IS
	'journey_summary of raw events, users by text: sorts them by user and time itself, so it wants no GROUP BY and no ORDER BY';

CREATE FUNCTION parts_trans(internal, user_id bigint, at timestamptz, channel text, converted boolean, value float8, segment text) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_parts_trans_int8' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION parts_trans(internal, bigint, timestamptz, text, boolean, float8, text) IS 'transition: one raw event with its segment';
CREATE AGGREGATE journey_parts_agg(user_id bigint, at timestamptz, channel text, converted boolean, value float8, segment text) (
	SFUNC = parts_trans, STYPE = internal, SSPACE = 131072, FINALFUNC = parts_final,
	COMBINEFUNC = events_combine, SERIALFUNC = events_serialize, DESERIALFUNC = events_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_parts_agg(bigint, timestamptz, text, boolean, float8, text) IS
	'one summary per day and segment from a single scan of raw events, users by bigint; unnest() it into a table and rollup() any window';

CREATE FUNCTION parts_trans(internal, user_id bigint, at timestamptz, channel text, converted boolean, value float8, segment text, options journey_options) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_parts_trans_int8' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION parts_trans(internal, bigint, timestamptz, text, boolean, float8, text, journey_options) IS 'transition: one raw event with its segment';
CREATE AGGREGATE journey_parts_agg(user_id bigint, at timestamptz, channel text, converted boolean, value float8, segment text, options journey_options) (
	SFUNC = parts_trans, STYPE = internal, SSPACE = 131072, FINALFUNC = parts_final,
	COMBINEFUNC = events_combine, SERIALFUNC = events_serialize, DESERIALFUNC = events_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_parts_agg(bigint, timestamptz, text, boolean, float8, text, journey_options) IS
	'one summary per day and segment from a single scan of raw events, users by bigint; unnest() it into a table and rollup() any window';

CREATE FUNCTION parts_trans(internal, user_id uuid, at timestamptz, channel text, converted boolean, value float8, segment text) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_parts_trans_uuid' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION parts_trans(internal, uuid, timestamptz, text, boolean, float8, text) IS 'transition: one raw event with its segment';
CREATE AGGREGATE journey_parts_agg(user_id uuid, at timestamptz, channel text, converted boolean, value float8, segment text) (
	SFUNC = parts_trans, STYPE = internal, SSPACE = 131072, FINALFUNC = parts_final,
	COMBINEFUNC = events_combine, SERIALFUNC = events_serialize, DESERIALFUNC = events_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_parts_agg(uuid, timestamptz, text, boolean, float8, text) IS
	'one summary per day and segment from a single scan of raw events, users by uuid; unnest() it into a table and rollup() any window';

CREATE FUNCTION parts_trans(internal, user_id uuid, at timestamptz, channel text, converted boolean, value float8, segment text, options journey_options) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_parts_trans_uuid' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION parts_trans(internal, uuid, timestamptz, text, boolean, float8, text, journey_options) IS 'transition: one raw event with its segment';
CREATE AGGREGATE journey_parts_agg(user_id uuid, at timestamptz, channel text, converted boolean, value float8, segment text, options journey_options) (
	SFUNC = parts_trans, STYPE = internal, SSPACE = 131072, FINALFUNC = parts_final,
	COMBINEFUNC = events_combine, SERIALFUNC = events_serialize, DESERIALFUNC = events_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_parts_agg(uuid, timestamptz, text, boolean, float8, text, journey_options) IS
	'one summary per day and segment from a single scan of raw events, users by uuid; unnest() it into a table and rollup() any window';

CREATE FUNCTION parts_trans(internal, user_id text, at timestamptz, channel text, converted boolean, value float8, segment text) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_parts_trans_text' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION parts_trans(internal, text, timestamptz, text, boolean, float8, text) IS 'transition: one raw event with its segment';
CREATE AGGREGATE journey_parts_agg(user_id text, at timestamptz, channel text, converted boolean, value float8, segment text) (
	SFUNC = parts_trans, STYPE = internal, SSPACE = 131072, FINALFUNC = parts_final,
	COMBINEFUNC = events_combine, SERIALFUNC = events_serialize, DESERIALFUNC = events_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_parts_agg(text, timestamptz, text, boolean, float8, text) IS
	'one summary per day and segment from a single scan of raw events, users by text; unnest() it into a table and rollup() any window';

CREATE FUNCTION parts_trans(internal, user_id text, at timestamptz, channel text, converted boolean, value float8, segment text, options journey_options) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_parts_trans_text' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION parts_trans(internal, text, timestamptz, text, boolean, float8, text, journey_options) IS 'transition: one raw event with its segment';
CREATE AGGREGATE journey_parts_agg(user_id text, at timestamptz, channel text, converted boolean, value float8, segment text, options journey_options) (
	SFUNC = parts_trans, STYPE = internal, SSPACE = 131072, FINALFUNC = parts_final,
	COMBINEFUNC = events_combine, SERIALFUNC = events_serialize, DESERIALFUNC = events_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_parts_agg(text, timestamptz, text, boolean, float8, text, journey_options) IS
	'one summary per day and segment from a single scan of raw events, users by text; unnest() it into a table and rollup() any window';

CREATE FUNCTION journey_summary_row_trans(journey_summary, journey journey_row) RETURNS journey_summary
	AS 'MODULE_PATHNAME', 'attrib_journey_row_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey_summary_row_trans(journey_summary, journey_row) IS 'transition: one journey as journey_agg makes them';
CREATE AGGREGATE journey_summary_agg(journey journey_row) (
	SFUNC = journey_summary_row_trans, STYPE = journey_summary, SSPACE = 131072,
	COMBINEFUNC = journey_summary_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_summary_agg(journey_row) IS 'journey_summary of journeys already cut and transformed, as journey_agg returns them; options are recorded, not applied';

CREATE FUNCTION journey_summary_row_trans(journey_summary, journey journey_row, options journey_options) RETURNS journey_summary
	AS 'MODULE_PATHNAME', 'attrib_journey_row_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey_summary_row_trans(journey_summary, journey_row, journey_options) IS 'transition: one journey as journey_agg makes them';
CREATE AGGREGATE journey_summary_agg(journey journey_row, options journey_options) (
	SFUNC = journey_summary_row_trans, STYPE = journey_summary, SSPACE = 131072,
	COMBINEFUNC = journey_summary_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_summary_agg(journey_row, journey_options) IS 'journey_summary of journeys already cut and transformed, as journey_agg returns them; options are recorded, not applied';

-- =====================================================================================================
-- 5. Questions to a summary that need no model
-- =====================================================================================================

CREATE FUNCTION journeys(s journey_summary)
	RETURNS TABLE (path text[], conversions bigint, lost bigint, open bigint, value float8)
	AS 'MODULE_PATHNAME', 'attrib_journeys' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 ROWS 10000;
COMMENT ON FUNCTION journeys(journey_summary) IS 'the distinct paths of a summary and their counts, as journey_summary_agg(path, conversions, lost, value) takes them back';

CREATE FUNCTION channels(s journey_summary)
	RETURNS TABLE (channel text, journeys bigint, touches bigint, conversions bigint, first_touches bigint, last_touches bigint)
	AS 'MODULE_PATHNAME', 'attrib_channels' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 ROWS 20;
COMMENT ON FUNCTION channels(journey_summary) IS 'for each channel: converted and lost journeys it is part of, its touches in them, their conversions, and how many it starts and ends';

CREATE FUNCTION summary_stats(s journey_summary)
	RETURNS TABLE (journeys bigint, conversions bigint, lost bigint, open bigint, matured bigint, value float8, channels bigint,
		distinct_paths bigint, longest_path bigint, unattributed bigint, touches_seen bigint, anonymous_touches bigint, bytes bigint, options jsonb)
	AS 'MODULE_PATHNAME', 'attrib_summary_stats' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 ROWS 1;
COMMENT ON FUNCTION summary_stats(journey_summary) IS 'the totals of a summary, its size, and the options its journeys were cut with';

CREATE FUNCTION map_channels(s journey_summary, mapping jsonb) RETURNS journey_summary
	AS 'MODULE_PATHNAME', 'attrib_map_channels' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION map_channels(journey_summary, jsonb) IS 'the same journeys under other channel names, {"fb_prospecting": "facebook"}; several may become one';

-- =====================================================================================================
-- 6. Attribution models: how a summary's conversions are divided among channels
-- =====================================================================================================

CREATE FUNCTION first_touch_attr(s journey_summary, ignore text[] DEFAULT '{}')
	RETURNS SETOF channel_credit
	AS 'MODULE_PATHNAME', 'attrib_first_touch_attr'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 ROWS 20;

COMMENT ON FUNCTION first_touch_attr(journey_summary, text[]) IS
	'all credit of a journey to its first touch, passing over ignored channels where there is another';

CREATE FUNCTION last_touch_attr(s journey_summary, ignore text[] DEFAULT '{}')
	RETURNS SETOF channel_credit
	AS 'MODULE_PATHNAME', 'attrib_last_touch_attr'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 ROWS 20;

COMMENT ON FUNCTION last_touch_attr(journey_summary, text[]) IS
	'all credit of a journey to its last touch, passing over ignored channels where there is another';

CREATE FUNCTION linear_attr(s journey_summary)
	RETURNS SETOF channel_credit
	AS 'MODULE_PATHNAME', 'attrib_linear_attr'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 ROWS 20;

COMMENT ON FUNCTION linear_attr(journey_summary) IS
	'equal credit to every touch of a journey';

CREATE FUNCTION position_based_attr(s journey_summary, first float8 DEFAULT 0.4, last float8 DEFAULT 0.4)
	RETURNS SETOF channel_credit
	AS 'MODULE_PATHNAME', 'attrib_position_based_attr'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 ROWS 20;

COMMENT ON FUNCTION position_based_attr(journey_summary, float8, float8) IS
	'fixed shares to the first and the last touch of a journey, the rest equally to those between';

CREATE FUNCTION position_decay_attr(s journey_summary, ratio float8 DEFAULT 0.5)
	RETURNS SETOF channel_credit
	AS 'MODULE_PATHNAME', 'attrib_position_decay_attr'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 ROWS 20;

COMMENT ON FUNCTION position_decay_attr(journey_summary, float8) IS
	'credit that falls by a ratio with each touch back from the last';

CREATE FUNCTION time_decay_attr(s journey_summary)
	RETURNS SETOF channel_credit
	AS 'MODULE_PATHNAME', 'attrib_time_decay_attr'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 ROWS 20;

COMMENT ON FUNCTION time_decay_attr(journey_summary) IS
	'credit that halves with every half_life before the last touch, as the summary was built';

CREATE FUNCTION shapley_attr(s journey_summary, game text DEFAULT 'conversions', scale boolean DEFAULT false,
                             max_exact int DEFAULT 20, samples int DEFAULT 10000, seed bigint DEFAULT 1)
	RETURNS SETOF shapley_credit
	AS 'MODULE_PATHNAME', 'attrib_shapley_attr'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 ROWS 20;

COMMENT ON FUNCTION shapley_attr(journey_summary, text, boolean, int, int, bigint) IS
	'Shapley value of each channel in the game conversions, rate or exact_rate';

CREATE FUNCTION shapley_attr_ordered(s journey_summary, OUT channel text, OUT touch_position int,
                                     OUT conversions float8, OUT value float8)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'attrib_shapley_attr_ordered'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 ROWS 100;

COMMENT ON FUNCTION shapley_attr_ordered(journey_summary) IS
	'Shapley credit of each channel by its position in the journey';

-- The one-line form: the path aggregate's transition with another end.

CREATE FUNCTION shapley_final(journey_summary)
	RETURNS shapley_credit[]
	AS 'MODULE_PATHNAME', 'attrib_shapley_final'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION shapley_final(journey_summary) IS
	'final function of the aggregate shapley_attr';

CREATE AGGREGATE shapley_attr(path text[], converted boolean, value float8) (
	SFUNC = journey_summary_path_trans, STYPE = journey_summary, SSPACE = 131072,
	FINALFUNC = shapley_final, COMBINEFUNC = journey_summary_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE shapley_attr(text[], boolean, float8) IS
	'Shapley value of each channel, game conversions, straight from path rows';

CREATE FUNCTION markov_removal_effect(s journey_summary, markov_order int DEFAULT 1,
                                      collapse_repeats boolean DEFAULT true)
	RETURNS SETOF markov_credit
	AS 'MODULE_PATHNAME', 'attrib_markov_removal_effect'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000 ROWS 20;

COMMENT ON FUNCTION markov_removal_effect(journey_summary, int, boolean) IS
	'share of conversions, and of value, that a Markov chain of the paths loses without each channel, and credit in that proportion';

CREATE FUNCTION markov_transitions(s journey_summary, markov_order int DEFAULT 1,
                                   collapse_repeats boolean DEFAULT true, OUT from_state text[],
                                   OUT to_state text[], OUT transitions bigint, OUT probability float8)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'attrib_markov_transitions'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 ROWS 2000;

COMMENT ON FUNCTION markov_transitions(journey_summary, int, boolean) IS
	'steps of the Markov chain of the paths: how often each was taken, and how likely it is';

CREATE FUNCTION markov_choose_order(s journey_summary, max_order int DEFAULT 10, OUT markov_order int,
                                    OUT states bigint, OUT nodes bigint, OUT auc float8,
                                    OUT penalized_auc float8)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'attrib_markov_choose_order'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000 ROWS 10;

COMMENT ON FUNCTION markov_choose_order(journey_summary, int) IS
	'how well Markov chains of each order tell conversions apart: the order of the largest penalized_auc is the one to use';

-- The one-line form: the path aggregate's transition with another end.

CREATE FUNCTION markov_final(journey_summary)
	RETURNS markov_credit[]
	AS 'MODULE_PATHNAME', 'attrib_markov_final'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000;

COMMENT ON FUNCTION markov_final(journey_summary) IS
	'final function of the aggregate markov_removal_effect';

CREATE AGGREGATE markov_removal_effect(path text[], converted boolean, value float8) (
	SFUNC = journey_summary_path_trans, STYPE = journey_summary, SSPACE = 131072,
	FINALFUNC = markov_final, COMBINEFUNC = journey_summary_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE markov_removal_effect(text[], boolean, float8) IS
	'Markov removal effects of order 1 straight from path rows';

CREATE FUNCTION attribution_models(s journey_summary, models text[] DEFAULT NULL, options jsonb DEFAULT '{}',
                                   OUT model text, OUT channel text, OUT conversions float8, OUT value float8,
                                   OUT share float8, OUT value_share float8)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'attrib_attribution_models'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000 ROWS 100;

COMMENT ON FUNCTION attribution_models(journey_summary, text[], jsonb) IS
	'attribution models side by side; NULL models are all that the summary can answer';

-- STABLE: times are read in the session's time zone unless they name their own.
CREATE FUNCTION touch_credit(path text[], model text DEFAULT 'linear', options jsonb DEFAULT '{}')
	RETURNS float8[]
	AS 'MODULE_PATHNAME', 'attrib_touch_credit'
	LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;

COMMENT ON FUNCTION touch_credit(text[], text, jsonb) IS
	'share of each touch of one path under a rule; the shares sum to exactly 1';

CREATE FUNCTION touch_credit_by_effect(path text[], effects jsonb)
	RETURNS float8[]
	AS 'MODULE_PATHNAME', 'attrib_touch_credit_by_effect'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;

COMMENT ON FUNCTION touch_credit_by_effect(text[], jsonb) IS
	'share of each touch of one path in proportion to its channel''s effect; the shares sum to exactly 1';

-- =====================================================================================================
-- 7. Evidence: how far the models' numbers can be trusted
-- =====================================================================================================

CREATE FUNCTION attribution_intervals(s journey_summary, model text, replicates int DEFAULT 1000,
                                      level float8 DEFAULT 0.95, seed bigint DEFAULT 1, options jsonb DEFAULT '{}',
                                      OUT channel text, OUT conversions float8, OUT conversions_low float8,
                                      OUT conversions_high float8, OUT value float8, OUT value_low float8,
                                      OUT value_high float8, OUT share_low float8, OUT share_high float8)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'attrib_attribution_intervals'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000000 ROWS 20;

COMMENT ON FUNCTION attribution_intervals(journey_summary, text, int, float8, bigint, jsonb) IS
	'bootstrap intervals of what each channel earns under a model; journeys are resampled, and taken as independent';

CREATE FUNCTION attribution_difference(a journey_summary, b journey_summary, model text, replicates int DEFAULT 1000,
                                       level float8 DEFAULT 0.95, seed bigint DEFAULT 1, options jsonb DEFAULT '{}',
                                       OUT channel text, OUT share_a float8, OUT share_b float8,
                                       OUT difference float8, OUT low float8, OUT high float8, OUT p_value float8,
                                       OUT p_adjusted float8, OUT conversions_a float8, OUT conversions_b float8)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'attrib_attribution_difference'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000000 ROWS 20;

COMMENT ON FUNCTION attribution_difference(journey_summary, journey_summary, text, int, float8, bigint, jsonb) IS
	'share in a less share in b of each channel, with bootstrap interval and p-value, and the p-value adjusted for many channels by Holm';

CREATE FUNCTION model_agreement(s journey_summary, models text[] DEFAULT NULL, options jsonb DEFAULT '{}',
                                OUT model_a text, OUT model_b text, OUT rank_correlation float8,
                                OUT total_variation float8)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'attrib_model_agreement'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000 ROWS 28;

COMMENT ON FUNCTION model_agreement(journey_summary, text[], jsonb) IS
	'for each pair of models: Spearman''s rank correlation of the channels'' shares, and the share of conversions credited differently';

-- Refits only when the summary or the order changes from one call to the next.
CREATE FUNCTION conversion_probability(s journey_summary, path text[], markov_order int DEFAULT 1)
	RETURNS float8
	AS 'MODULE_PATHNAME', 'attrib_conversion_probability'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION conversion_probability(journey_summary, text[], int) IS
	'chance that a journey of this path converts, from Markov chains fitted to the converted and to the lost journeys of a summary';

CREATE TYPE model_accuracy AS (model text, markov_order int, best boolean, journeys bigint, conversions bigint, auc float8, accuracy float8,
	majority_rate float8, log_loss float8, brier float8, calibration jsonb);
COMMENT ON TYPE model_accuracy IS 'how well a model predicts conversions of users it has not seen';

CREATE FUNCTION conversion_accuracy_trans(internal, user_key text, path text[], converted boolean) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_accuracy_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION conversion_accuracy_trans(internal, text, text[], boolean) IS 'transition: one journey a row';

CREATE FUNCTION conversion_accuracy_trans(internal, user_key text, path text[], converted boolean, options jsonb) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_accuracy_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION conversion_accuracy_trans(internal, text, text[], boolean, jsonb) IS 'transition: one journey a row, options the same in all';

CREATE FUNCTION conversion_accuracy_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_accuracy_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION conversion_accuracy_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'attrib_accuracy_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION conversion_accuracy_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_accuracy_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION conversion_accuracy_combine(internal, internal) IS 'adds the folds of another process';
COMMENT ON FUNCTION conversion_accuracy_serialize(internal) IS 'the folds as flat summaries';
COMMENT ON FUNCTION conversion_accuracy_deserialize(bytea, internal) IS 'reverse of conversion_accuracy_serialize';

CREATE FUNCTION conversion_accuracy_final(internal) RETURNS model_accuracy[]
	AS 'MODULE_PATHNAME', 'attrib_accuracy_final' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000000;
COMMENT ON FUNCTION conversion_accuracy_final(internal) IS 'final function of conversion_accuracy: cross-validates';

CREATE AGGREGATE conversion_accuracy(user_key text, path text[], converted boolean) (
	SFUNC = conversion_accuracy_trans, STYPE = internal, SSPACE = 65536,
	FINALFUNC = conversion_accuracy_final, COMBINEFUNC = conversion_accuracy_combine,
	SERIALFUNC = conversion_accuracy_serialize, DESERIALFUNC = conversion_accuracy_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE conversion_accuracy(text, text[], boolean) IS
	'cross-validated accuracy, folds by user, of Markov chains of several orders and of a logistic regression on channels; unnest() it';

CREATE AGGREGATE conversion_accuracy(user_key text, path text[], converted boolean, options jsonb) (
	SFUNC = conversion_accuracy_trans, STYPE = internal, SSPACE = 65536,
	FINALFUNC = conversion_accuracy_final, COMBINEFUNC = conversion_accuracy_combine,
	SERIALFUNC = conversion_accuracy_serialize, DESERIALFUNC = conversion_accuracy_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE conversion_accuracy(text, text[], boolean, jsonb) IS
	'cross-validated accuracy, folds by user; options: folds, max_order, ridge, seed';

CREATE FUNCTION lift_test(treated float8[], control float8[], pre_periods int, INOUT channel text DEFAULT NULL,
                          INOUT x float8 DEFAULT NULL, INOUT delta_x float8 DEFAULT NULL, level float8 DEFAULT 0.95,
                          OUT delta_y float8, OUT sigma float8,
                          OUT low float8, OUT high float8, OUT degrees_of_freedom float8, OUT p_value float8,
                          OUT relative_lift float8, OUT periods int, OUT total float8, OUT total_low float8,
                          OUT total_high float8)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'attrib_lift_test'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10 ROWS 1;

COMMENT ON FUNCTION lift_test(float8[], float8[], int, text, float8, float8, float8) IS
	'difference in differences of a geo or holdout experiment, with interval; its row is a lift test of the media mix model';

-- =====================================================================================================
-- 8. Event logs with a known truth
-- =====================================================================================================

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

-- =====================================================================================================
-- 9. Budgets: the best spend per channel, with a proof
-- =====================================================================================================

CREATE TYPE response_curve AS (
	channel text,
	saturation text,
	coefficient float8,
	half_saturation float8,
	slope float8,
	current_spend float8,
	min_spend float8,
	max_spend float8
);
COMMENT ON TYPE response_curve IS 'the response of one channel to its spend, today''s spend and the limits of it';

CREATE FUNCTION response_curve(channel text, coefficient float8, half_saturation float8, slope float8 DEFAULT 1,
                               saturation text DEFAULT 'hill', current_spend float8 DEFAULT NULL,
                               min_spend float8 DEFAULT 0, max_spend float8 DEFAULT NULL)
	RETURNS response_curve
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN ROW(channel, saturation, coefficient, half_saturation, slope, current_spend, min_spend,
	           max_spend)::response_curve;

COMMENT ON FUNCTION response_curve(text, float8, float8, float8, text, float8, float8, float8) IS
	'builds a response_curve; saturation: hill, logistic, tanh, michaelis_menten, root, linear, log1p';

CREATE FUNCTION optimize_budget(curves response_curve[], total_budget float8 DEFAULT NULL, spend text DEFAULT 'at_most',
                                target_roas float8 DEFAULT NULL, target_marginal_roas float8 DEFAULT NULL,
                                target_response float8 DEFAULT NULL, objective text DEFAULT 'revenue',
                                margin float8 DEFAULT 1, constraints jsonb DEFAULT '[]',
                                tolerance float8 DEFAULT 1e-6, node_limit int DEFAULT 100000,
                                extra jsonb DEFAULT '{}',
                                OUT channel text, OUT current_spend float8, OUT optimal_spend float8,
                                OUT current_response float8, OUT optimal_response float8, OUT lift float8,
                                OUT roas float8, OUT marginal_roas float8, OUT shadow_price float8,
                                OUT binding_constraint text, OUT extrapolated boolean, OUT objective_value float8,
                                OUT upper_bound float8, OUT gap float8)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'attrib_optimize_budget'
	LANGUAGE C VOLATILE PARALLEL SAFE COST 100000 ROWS 20;

COMMENT ON FUNCTION optimize_budget(response_curve[], float8, text, float8, float8, float8, text, float8, jsonb, float8, int, jsonb) IS
	'the globally best spend per channel under bounds, group constraints and targets, with a proven upper bound';

CREATE FUNCTION budget_frontier(curves response_curve[], low float8, high float8, steps int DEFAULT 20,
                                constraints jsonb DEFAULT '[]',
                                OUT total_budget float8, OUT response float8, OUT marginal_roas float8,
                                OUT shadow_price float8, OUT allocation jsonb)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'attrib_budget_frontier'
	LANGUAGE C VOLATILE PARALLEL SAFE COST 1000000 ROWS 20;

COMMENT ON FUNCTION budget_frontier(response_curve[], float8, float8, int, jsonb) IS
	'the best response for every total between two, and how it is spent';

-- =====================================================================================================
-- 10. Media transforms: adstock (carry-over) and saturation (diminishing returns)
-- =====================================================================================================

CREATE FUNCTION adstock_carry(carried float8, x float8, decay float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'attrib_adstock_carry' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION adstock_carry(float8, float8, float8) IS 'transition: x and what is left of the row before';

CREATE FUNCTION adstock_trans(internal, x float8, decay float8, max_lag integer, normalized boolean) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_adstock_trans' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION adstock_trans(internal, float8, float8, integer, boolean) IS 'transition of adstock';

CREATE FUNCTION adstock_delayed_trans(internal, x float8, decay float8, peak float8, max_lag integer, normalized boolean) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_adstock_delayed_trans' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION adstock_delayed_trans(internal, float8, float8, float8, integer, boolean) IS 'transition of adstock_delayed';

CREATE FUNCTION adstock_binomial_trans(internal, x float8, decay float8, max_lag integer, normalized boolean) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_adstock_binomial_trans' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION adstock_binomial_trans(internal, float8, float8, integer, boolean) IS 'transition of adstock_binomial';

CREATE FUNCTION adstock_weibull_trans(internal, x float8, shape float8, scale float8, max_lag integer, kind text, normalized boolean) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_adstock_weibull_trans' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION adstock_weibull_trans(internal, float8, float8, float8, integer, text, boolean) IS 'transition of adstock_weibull';

CREATE FUNCTION adstock_final(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'attrib_adstock_final' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION adstock_final(internal) IS 'final function of the adstock aggregates over a window of lags';

CREATE AGGREGATE adstock(x float8, decay float8) (
	SFUNC = adstock_carry, STYPE = float8, PARALLEL = SAFE
);
COMMENT ON AGGREGATE adstock(float8, float8) IS 'geometric adstock over all history, for OVER (ORDER BY period): x + decay * (the row before)';

CREATE AGGREGATE adstock(x float8, decay float8, max_lag integer, normalized boolean) (
	SFUNC = adstock_trans, STYPE = internal, SSPACE = 256,
	FINALFUNC = adstock_final, FINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE
);
COMMENT ON AGGREGATE adstock(float8, float8, integer, boolean) IS 'geometric adstock over a window of max_lag + 1 rows, for OVER (ORDER BY period)';

CREATE AGGREGATE adstock_delayed(x float8, decay float8, peak float8, max_lag integer, normalized boolean) (
	SFUNC = adstock_delayed_trans, STYPE = internal, SSPACE = 256,
	FINALFUNC = adstock_final, FINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE
);
COMMENT ON AGGREGATE adstock_delayed(float8, float8, float8, integer, boolean) IS 'delayed adstock: the effect is greatest at lag peak, for OVER (ORDER BY period)';

CREATE AGGREGATE adstock_binomial(x float8, decay float8, max_lag integer, normalized boolean) (
	SFUNC = adstock_binomial_trans, STYPE = internal, SSPACE = 256,
	FINALFUNC = adstock_final, FINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE
);
COMMENT ON AGGREGATE adstock_binomial(float8, float8, integer, boolean) IS 'binomial adstock, which reaches 0 at the window''s end, for OVER (ORDER BY period)';

CREATE AGGREGATE adstock_weibull(x float8, shape float8, scale float8, max_lag integer, kind text, normalized boolean) (
	SFUNC = adstock_weibull_trans, STYPE = internal, SSPACE = 256,
	FINALFUNC = adstock_final, FINALFUNC_MODIFY = READ_ONLY, PARALLEL = SAFE
);
COMMENT ON AGGREGATE adstock_weibull(float8, float8, float8, integer, text, boolean) IS 'Weibull adstock; kind pdf: density scaled to 0..1, cdf: product of survivals, for OVER (ORDER BY period)';

CREATE FUNCTION adstock_series(series float8[], decay float8, max_lag integer DEFAULT NULL, normalized boolean DEFAULT false)
	RETURNS float8[]
	AS 'MODULE_PATHNAME', 'attrib_adstock_series' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION adstock_series(float8[], float8, integer, boolean) IS 'geometric adstock of a series; max_lag NULL: all history';

CREATE FUNCTION adstock_delayed_series(series float8[], decay float8, peak float8, max_lag integer DEFAULT 8, normalized boolean DEFAULT false)
	RETURNS float8[]
	AS 'MODULE_PATHNAME', 'attrib_adstock_delayed_series' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION adstock_delayed_series(float8[], float8, float8, integer, boolean) IS 'delayed adstock of a series';

CREATE FUNCTION adstock_binomial_series(series float8[], decay float8, max_lag integer DEFAULT 8, normalized boolean DEFAULT true)
	RETURNS float8[]
	AS 'MODULE_PATHNAME', 'attrib_adstock_binomial_series' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION adstock_binomial_series(float8[], float8, integer, boolean) IS 'binomial adstock of a series';

CREATE FUNCTION adstock_weibull_series(series float8[], shape float8, scale float8, max_lag integer DEFAULT 8, kind text DEFAULT 'pdf',
	normalized boolean DEFAULT false)
	RETURNS float8[]
	AS 'MODULE_PATHNAME', 'attrib_adstock_weibull_series' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION adstock_weibull_series(float8[], float8, float8, integer, text, boolean) IS 'Weibull adstock of a series; kind pdf or cdf';

CREATE FUNCTION hill_saturation(x float8, half_saturation float8, slope float8 DEFAULT 1) RETURNS float8
	AS 'MODULE_PATHNAME', 'attrib_hill_saturation' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hill_saturation(float8, float8, float8) IS 'Hill curve: x^s / (x^s + k^s)';

CREATE FUNCTION hill_saturation_derivative(x float8, half_saturation float8, slope float8 DEFAULT 1) RETURNS float8
	AS 'MODULE_PATHNAME', 'attrib_hill_saturation_derivative' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hill_saturation_derivative(float8, float8, float8) IS 'slope along x of hill_saturation';

CREATE FUNCTION logistic_saturation(x float8, lam float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'attrib_logistic_saturation' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION logistic_saturation(float8, float8) IS 'logistic saturation: (1 - e^(-lam x)) / (1 + e^(-lam x))';

CREATE FUNCTION logistic_saturation_derivative(x float8, lam float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'attrib_logistic_saturation_derivative' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION logistic_saturation_derivative(float8, float8) IS 'slope along x of logistic_saturation';

CREATE FUNCTION tanh_saturation(x float8, b float8, c float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'attrib_tanh_saturation' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tanh_saturation(float8, float8, float8) IS 'hyperbolic tangent: b tanh(x / (b c))';

CREATE FUNCTION tanh_saturation_derivative(x float8, b float8, c float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'attrib_tanh_saturation_derivative' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tanh_saturation_derivative(float8, float8, float8) IS 'slope along x of tanh_saturation';

CREATE FUNCTION michaelis_menten_saturation(x float8, alpha float8, lam float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'attrib_michaelis_menten_saturation' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION michaelis_menten_saturation(float8, float8, float8) IS 'Michaelis-Menten: alpha x / (lam + x)';

CREATE FUNCTION michaelis_menten_saturation_derivative(x float8, alpha float8, lam float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'attrib_michaelis_menten_saturation_derivative' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION michaelis_menten_saturation_derivative(float8, float8, float8) IS 'slope along x of michaelis_menten_saturation';

CREATE FUNCTION root_saturation(x float8, alpha float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'attrib_root_saturation' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION root_saturation(float8, float8) IS 'power: x^alpha';

CREATE FUNCTION root_saturation_derivative(x float8, alpha float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'attrib_root_saturation_derivative' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION root_saturation_derivative(float8, float8) IS 'slope along x of root_saturation';

CREATE FUNCTION inverse_scaled_logistic_saturation(x float8, lam float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'attrib_inverse_scaled_logistic_saturation' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION inverse_scaled_logistic_saturation(float8, float8) IS 'logistic saturation that reaches one half at x = lam';

CREATE FUNCTION inverse_scaled_logistic_saturation_derivative(x float8, lam float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'attrib_inverse_scaled_logistic_saturation_derivative' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION inverse_scaled_logistic_saturation_derivative(float8, float8) IS 'slope along x of inverse_scaled_logistic_saturation';

CREATE FUNCTION hill_sigmoid_saturation(x float8, sigma float8, b float8, l float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'attrib_hill_sigmoid_saturation' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hill_sigmoid_saturation(float8, float8, float8, float8) IS 'sigmoid from 0: sigma / (1 + e^(-b (x - l))) - sigma / (1 + e^(b l))';

CREATE FUNCTION hill_sigmoid_saturation_derivative(x float8, sigma float8, b float8, l float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'attrib_hill_sigmoid_saturation_derivative' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hill_sigmoid_saturation_derivative(float8, float8, float8, float8) IS 'slope along x of hill_sigmoid_saturation';

CREATE FUNCTION log1p_saturation(x float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'attrib_log1p_saturation' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION log1p_saturation(float8) IS 'ln(1 + x)';

CREATE FUNCTION log1p_saturation_derivative(x float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'attrib_log1p_saturation_derivative' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION log1p_saturation_derivative(float8) IS 'slope along x of log1p_saturation';

-- =====================================================================================================
-- 11. mmm_dataset: the rows a media mix model is fitted to
-- =====================================================================================================

CREATE TYPE mmm_dataset;

CREATE FUNCTION mmm_dataset_in(cstring) RETURNS mmm_dataset
	AS 'MODULE_PATHNAME', 'attrib_dataset_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mmm_dataset_in(cstring) IS 'reads a mmm_dataset from JSON';

CREATE FUNCTION mmm_dataset_out(mmm_dataset) RETURNS cstring
	AS 'MODULE_PATHNAME', 'attrib_dataset_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mmm_dataset_out(mmm_dataset) IS 'prints a mmm_dataset as JSON, exactly';

CREATE FUNCTION mmm_dataset_recv(internal) RETURNS mmm_dataset
	AS 'MODULE_PATHNAME', 'attrib_dataset_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mmm_dataset_recv(internal) IS 'reads a mmm_dataset from bytes, validating all of them';

CREATE FUNCTION mmm_dataset_send(mmm_dataset) RETURNS bytea
	AS 'MODULE_PATHNAME', 'attrib_dataset_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mmm_dataset_send(mmm_dataset) IS 'the bytes of a mmm_dataset, the same on every machine';

CREATE TYPE mmm_dataset (
	INPUT = mmm_dataset_in,
	OUTPUT = mmm_dataset_out,
	RECEIVE = mmm_dataset_recv,
	SEND = mmm_dataset_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = extended
);
COMMENT ON TYPE mmm_dataset IS
	'a KPI, media spend and exposure and controls by period (and geo), complete and validated: what mmm_fit takes';

CREATE FUNCTION mmm_dataset_trans(internal, period date, kpi float8, media jsonb) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_dataset_trans' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION mmm_dataset_trans(internal, date, float8, jsonb) IS 'transition: keeps a row';

CREATE FUNCTION mmm_dataset_trans(internal, period date, kpi float8, media jsonb, controls jsonb) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_dataset_trans' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION mmm_dataset_trans(internal, date, float8, jsonb, jsonb) IS 'transition: keeps a row';

CREATE FUNCTION mmm_dataset_trans(internal, geo text, period date, kpi float8, media jsonb) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_dataset_geo_trans' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION mmm_dataset_trans(internal, text, date, float8, jsonb) IS 'transition: keeps a row';

CREATE FUNCTION mmm_dataset_trans(internal, geo text, period date, kpi float8, media jsonb, controls jsonb) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_dataset_geo_trans' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION mmm_dataset_trans(internal, text, date, float8, jsonb, jsonb) IS 'transition: keeps a row';

CREATE FUNCTION mmm_dataset_trans(internal, geo text, period date, kpi float8, media jsonb, controls jsonb, population float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_dataset_geo_trans' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION mmm_dataset_trans(internal, text, date, float8, jsonb, jsonb, float8) IS 'transition: keeps a row';

CREATE FUNCTION mmm_dataset_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_dataset_combine' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION mmm_dataset_combine(internal, internal) IS 'the rows of both';

CREATE FUNCTION mmm_dataset_serial(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'attrib_dataset_serial' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mmm_dataset_serial(internal) IS 'the rows as bytes, for the leader';

CREATE FUNCTION mmm_dataset_deserial(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_dataset_deserial' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mmm_dataset_deserial(bytea, internal) IS 'the rows from bytes';

CREATE FUNCTION mmm_dataset_final(internal) RETURNS mmm_dataset
	AS 'MODULE_PATHNAME', 'attrib_dataset_final' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION mmm_dataset_final(internal) IS 'sorts and validates the rows and makes a dataset of them';

CREATE AGGREGATE mmm_dataset_agg(period date, kpi float8, media jsonb) (
	SFUNC = mmm_dataset_trans, STYPE = internal, SSPACE = 65536,
	FINALFUNC = mmm_dataset_final, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = mmm_dataset_combine, SERIALFUNC = mmm_dataset_serial, DESERIALFUNC = mmm_dataset_deserial,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mmm_dataset_agg(date, float8, jsonb) IS
	'mmm_dataset of rows in any order: one row a period; media {"tv": 1200} or {"tv": {"spend": .., "exposure": ..}}; kpi NULL is a period to predict';

CREATE AGGREGATE mmm_dataset_agg(period date, kpi float8, media jsonb, controls jsonb) (
	SFUNC = mmm_dataset_trans, STYPE = internal, SSPACE = 65536,
	FINALFUNC = mmm_dataset_final, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = mmm_dataset_combine, SERIALFUNC = mmm_dataset_serial, DESERIALFUNC = mmm_dataset_deserial,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mmm_dataset_agg(date, float8, jsonb, jsonb) IS
	'mmm_dataset of rows in any order: one row a period, with controls; media {"tv": 1200} or {"tv": {"spend": .., "exposure": ..}}; kpi NULL is a period to predict';

CREATE AGGREGATE mmm_dataset_agg(geo text, period date, kpi float8, media jsonb) (
	SFUNC = mmm_dataset_trans, STYPE = internal, SSPACE = 65536,
	FINALFUNC = mmm_dataset_final, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = mmm_dataset_combine, SERIALFUNC = mmm_dataset_serial, DESERIALFUNC = mmm_dataset_deserial,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mmm_dataset_agg(text, date, float8, jsonb) IS
	'mmm_dataset of rows in any order: one row a geo and period; media {"tv": 1200} or {"tv": {"spend": .., "exposure": ..}}; kpi NULL is a period to predict';

CREATE AGGREGATE mmm_dataset_agg(geo text, period date, kpi float8, media jsonb, controls jsonb) (
	SFUNC = mmm_dataset_trans, STYPE = internal, SSPACE = 65536,
	FINALFUNC = mmm_dataset_final, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = mmm_dataset_combine, SERIALFUNC = mmm_dataset_serial, DESERIALFUNC = mmm_dataset_deserial,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mmm_dataset_agg(text, date, float8, jsonb, jsonb) IS
	'mmm_dataset of rows in any order: one row a geo and period, with controls; media {"tv": 1200} or {"tv": {"spend": .., "exposure": ..}}; kpi NULL is a period to predict';

CREATE AGGREGATE mmm_dataset_agg(geo text, period date, kpi float8, media jsonb, controls jsonb, population float8) (
	SFUNC = mmm_dataset_trans, STYPE = internal, SSPACE = 65536,
	FINALFUNC = mmm_dataset_final, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = mmm_dataset_combine, SERIALFUNC = mmm_dataset_serial, DESERIALFUNC = mmm_dataset_deserial,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mmm_dataset_agg(text, date, float8, jsonb, jsonb, float8) IS
	'mmm_dataset of rows in any order: one row a geo and period, with controls, scaled by population; media {"tv": 1200} or {"tv": {"spend": .., "exposure": ..}}; kpi NULL is a period to predict';

CREATE FUNCTION mmm_split_national(dataset mmm_dataset, channels text[]) RETURNS mmm_dataset
	AS 'MODULE_PATHNAME', 'attrib_mmm_split_national' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION mmm_split_national(mmm_dataset, text[]) IS
	'splits media whose national figures every geo states among the geos, by population';

-- =====================================================================================================
-- 12. mmm_model: a fitted media mix model, and what it says
-- =====================================================================================================

CREATE TYPE mmm_model;

CREATE FUNCTION mmm_model_in(cstring) RETURNS mmm_model
	AS 'MODULE_PATHNAME', 'attrib_model_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mmm_model_in(cstring) IS 'reads a mmm_model from JSON';

CREATE FUNCTION mmm_model_out(mmm_model) RETURNS cstring
	AS 'MODULE_PATHNAME', 'attrib_model_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mmm_model_out(mmm_model) IS 'prints a mmm_model as JSON, exactly';

CREATE FUNCTION mmm_model_recv(internal) RETURNS mmm_model
	AS 'MODULE_PATHNAME', 'attrib_model_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mmm_model_recv(internal) IS 'reads a mmm_model from bytes, validating all of them';

CREATE FUNCTION mmm_model_send(mmm_model) RETURNS bytea
	AS 'MODULE_PATHNAME', 'attrib_model_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION mmm_model_send(mmm_model) IS 'the bytes of a mmm_model, the same on every machine';

CREATE TYPE mmm_model (
	INPUT = mmm_model_in,
	OUTPUT = mmm_model_out,
	RECEIVE = mmm_model_recv,
	SEND = mmm_model_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = extended
);
COMMENT ON TYPE mmm_model IS
	'a fitted media mix model: its arguments, parameters, draws and dataset, all that its accessors need';

CREATE FUNCTION mmm_fit(dataset mmm_dataset, method text DEFAULT 'bayes', adstock text DEFAULT 'geometric', saturation text DEFAULT 'hill',
	adstock_first boolean DEFAULT true, max_lag integer DEFAULT 8, normalized boolean DEFAULT true,
	free_slope boolean DEFAULT false, trend text DEFAULT 'linear', fourier_terms integer DEFAULT 2,
	season_length float8 DEFAULT NULL, interactions text[] DEFAULT '{}', priors jsonb DEFAULT '{}',
	lift_tests jsonb DEFAULT '[]', holdout_periods integer DEFAULT 0, kpi_value float8 DEFAULT 1,
	chains integer DEFAULT 4, warmup integer DEFAULT 1000, draws integer DEFAULT 1000, seed bigint DEFAULT 1,
	extra jsonb DEFAULT '{}')
	RETURNS mmm_model
	AS 'MODULE_PATHNAME', 'attrib_mmm_fit' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL SAFE COST 1000000;
COMMENT ON FUNCTION mmm_fit(mmm_dataset, text, text, text, boolean, integer, boolean, boolean, text, integer, float8, text[], jsonb, jsonb, integer, float8, integer, integer, integer, bigint, jsonb) IS
	'fits a media mix model, by default Bayesian: adstock, saturation, trend, seasonality, controls, interactions, priors and lift tests; the same seed gives the same digits';

CREATE FUNCTION mmm_candidates(dataset mmm_dataset, method text DEFAULT 'bayes', adstock text DEFAULT 'geometric', saturation text DEFAULT 'hill',
	adstock_first boolean DEFAULT true, max_lag integer DEFAULT 8, normalized boolean DEFAULT true,
	free_slope boolean DEFAULT false, trend text DEFAULT 'linear', fourier_terms integer DEFAULT 2,
	season_length float8 DEFAULT NULL, interactions text[] DEFAULT '{}', priors jsonb DEFAULT '{}',
	lift_tests jsonb DEFAULT '[]', holdout_periods integer DEFAULT 0, kpi_value float8 DEFAULT 1,
	chains integer DEFAULT 4, warmup integer DEFAULT 1000, draws integer DEFAULT 1000, seed bigint DEFAULT 1,
	extra jsonb DEFAULT '{}',
	OUT candidate integer, OUT nrmse float8, OUT rssd float8, OUT r2 float8, OUT penalty float8, OUT channel text,
	OUT decay float8, OUT half_saturation float8, OUT slope float8, OUT contribution float8, OUT contribution_share float8)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'attrib_mmm_candidates' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL SAFE COST 1000000 ROWS 500;
COMMENT ON FUNCTION mmm_candidates(mmm_dataset, text, text, text, boolean, integer, boolean, boolean, text, integer, float8, text[], jsonb, jsonb, integer, float8, integer, integer, integer, bigint, jsonb) IS
	'the Pareto front of fit (nrmse) against likeness of effect to spend (rssd), a row a candidate and channel';

CREATE FUNCTION mmm_parameters(model mmm_model,
	OUT component text, OUT parameter text, OUT mean float8, OUT sd float8, OUT low float8, OUT median float8, OUT high float8, OUT prior_mean float8, OUT prior_sd float8, OUT contraction float8, OUT rhat float8, OUT ess_bulk float8, OUT ess_tail float8)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'attrib_mmm_parameters' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 10000 ROWS 30;
COMMENT ON FUNCTION mmm_parameters(mmm_model) IS 'parameters in the user''s units; low and high bound 90%; of a Bayesian fit with prior, R-hat and effective sample sizes';

CREATE FUNCTION mmm_draws(model mmm_model,
	OUT chain integer, OUT draw integer, OUT component text, OUT parameter text, OUT value float8)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'attrib_mmm_draws' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 100000 ROWS 60000;
COMMENT ON FUNCTION mmm_draws(mmm_model) IS 'the draws from the posterior that a model keeps, in the user''s units; a ridge fit''s bootstrap replicates';

CREATE FUNCTION mmm_diagnostics(model mmm_model,
	OUT metric text, OUT component text, OUT value float8, OUT threshold float8, OUT ok boolean, OUT advice text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'attrib_mmm_diagnostics' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 10000 ROWS 40;
COMMENT ON FUNCTION mmm_diagnostics(mmm_model) IS 'errors and health of a model, each figure with its threshold and advice';

CREATE FUNCTION mmm_contributions(model mmm_model, period_from date DEFAULT NULL, period_to date DEFAULT NULL, level float8 DEFAULT 0.9,
	OUT geo text, OUT period date, OUT component text, OUT contribution float8, OUT low float8, OUT high float8)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'attrib_mmm_contributions' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 10000 ROWS 2000;
COMMENT ON FUNCTION mmm_contributions(mmm_model, date, date, float8) IS 'what each component adds to each period; the sum is the prediction';

CREATE FUNCTION mmm_roas(model mmm_model, period_from date DEFAULT NULL, period_to date DEFAULT NULL, by text DEFAULT 'total',
	level float8 DEFAULT 0.9,
	OUT geo text, OUT period date, OUT channel text, OUT spend float8, OUT contribution float8, OUT contribution_low float8, OUT contribution_high float8, OUT spend_share float8, OUT contribution_share float8, OUT roas float8, OUT roas_low float8, OUT roas_high float8, OUT marginal_roas float8, OUT marginal_roas_low float8, OUT marginal_roas_high float8, OUT cost_per_kpi float8)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'attrib_mmm_roas' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 10000 ROWS 20;
COMMENT ON FUNCTION mmm_roas(mmm_model, date, date, text, float8) IS 'contribution and return on spend of each channel, in total, by geo or by period';

CREATE FUNCTION mmm_predict(model mmm_model, dataset mmm_dataset, level float8 DEFAULT 0.9,
	OUT geo text, OUT period date, OUT predicted float8, OUT low float8, OUT high float8)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'attrib_mmm_predict' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 10000 ROWS 200;
COMMENT ON FUNCTION mmm_predict(mmm_model, mmm_dataset, float8) IS 'the KPI of a dataset''s periods; those after the training carry its adstock over';

CREATE FUNCTION mmm_response_curves(model mmm_model, points integer DEFAULT 50, period_from date DEFAULT NULL, period_to date DEFAULT NULL,
	level float8 DEFAULT 0.9,
	OUT channel text, OUT multiplier float8, OUT spend float8, OUT response float8, OUT low float8, OUT high float8, OUT marginal_roas float8, OUT extrapolated boolean)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'attrib_mmm_response_curves' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 10000 ROWS 500;
COMMENT ON FUNCTION mmm_response_curves(mmm_model, integer, date, date, float8) IS 'response of each channel to multiples of what was spent, from 0 to 2 times';

CREATE FUNCTION steady_state_curves(model mmm_model) RETURNS response_curve[]
	AS 'MODULE_PATHNAME', 'attrib_steady_state_curves' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION steady_state_curves(mmm_model) IS
	'response_curves of the spend per period, for optimize_budget: an approximation that supposes the same spend in every period';

CREATE FUNCTION optimize_budget(model mmm_model, total_budget float8 DEFAULT NULL, spend text DEFAULT 'at_most',
                                target_roas float8 DEFAULT NULL, target_marginal_roas float8 DEFAULT NULL,
                                target_response float8 DEFAULT NULL, objective text DEFAULT 'revenue',
                                margin float8 DEFAULT 1, constraints jsonb DEFAULT '[]',
                                tolerance float8 DEFAULT 1e-6, node_limit int DEFAULT 100000,
                                periods int DEFAULT NULL, risk text DEFAULT 'mean', risk_level float8 DEFAULT 0.1,
                                extra jsonb DEFAULT '{}',
                                OUT channel text, OUT current_spend float8, OUT optimal_spend float8,
                                OUT current_response float8, OUT optimal_response float8, OUT lift float8,
                                OUT roas float8, OUT marginal_roas float8, OUT shadow_price float8,
                                OUT binding_constraint text, OUT extrapolated boolean, OUT objective_value float8,
                                OUT upper_bound float8, OUT gap float8, OUT lift_low float8, OUT lift_high float8)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'attrib_optimize_budget_mmm'
	LANGUAGE C VOLATILE PARALLEL SAFE COST 1000000 ROWS 20;

COMMENT ON FUNCTION optimize_budget(mmm_model, float8, text, float8, float8, float8, text, float8, jsonb, float8, int, int, text, float8, jsonb) IS
	'the globally best multiple of each channel''s spend by a media mix model, with a proven upper bound and the lift''s interval';

CREATE FUNCTION optimize_flighting(model mmm_model, total_budget float8, periods int, constraints jsonb DEFAULT '[]',
                                   OUT period date, OUT channel text, OUT spend float8, OUT response float8,
                                   OUT upper_bound float8)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'attrib_optimize_flighting'
	LANGUAGE C VOLATILE PARALLEL SAFE COST 1000000 ROWS 200;

COMMENT ON FUNCTION optimize_flighting(mmm_model, float8, int, jsonb) IS
	'spend per channel and period after the training that responds best by a media mix model, with an upper bound';
