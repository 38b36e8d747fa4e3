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

CREATE AGGREGATE journey_summary_agg(path text[], converted boolean) (
	SFUNC = journey_summary_path_trans, STYPE = journey_summary, SSPACE = 16384,
	COMBINEFUNC = journey_summary_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_summary_agg(text[], boolean) IS 'journey_summary of journeys given as paths, one a row; not converted = lost';

CREATE AGGREGATE journey_summary_agg(path text[], converted boolean, value float8) (
	SFUNC = journey_summary_path_trans, STYPE = journey_summary, SSPACE = 16384,
	COMBINEFUNC = journey_summary_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_summary_agg(text[], boolean, float8) IS 'journey_summary of journeys given as paths, one a row, with the value of conversions';

CREATE AGGREGATE journey_summary_agg(path text[], conversions numeric, lost numeric, value float8) (
	SFUNC = journey_summary_counted_trans, STYPE = journey_summary, SSPACE = 16384,
	COMBINEFUNC = journey_summary_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_summary_agg(text[], numeric, numeric, float8) IS 'journey_summary of already counted paths: conversions, lost journeys and total value of each';

CREATE AGGREGATE rollup(journey_summary) (
	SFUNC = journey_summary_combine, STYPE = journey_summary, SSPACE = 65536,
	COMBINEFUNC = journey_summary_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE rollup(journey_summary) IS 'merges summaries of days, segments or nodes into the summary of all their journeys';

-- =====================================================================================================
-- 3. Questions to a summary that need no model
-- =====================================================================================================

CREATE FUNCTION journeys(summary journey_summary)
	RETURNS TABLE (path text[], conversions bigint, lost bigint, open bigint, value float8)
	AS 'MODULE_PATHNAME', 'attrib_journeys' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 ROWS 10000;
COMMENT ON FUNCTION journeys(journey_summary) IS 'the distinct paths of a summary and their counts, as journey_summary_agg(path, conversions, lost, value) takes them back';

CREATE FUNCTION channels(summary journey_summary)
	RETURNS TABLE (channel text, journeys bigint, touches bigint, conversions bigint, first_touches bigint, last_touches bigint)
	AS 'MODULE_PATHNAME', 'attrib_channels' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 ROWS 20;
COMMENT ON FUNCTION channels(journey_summary) IS 'for each channel: converted and lost journeys it is part of, its touches in them, their conversions, and how many it starts and ends';

CREATE FUNCTION summary_stats(summary journey_summary)
	RETURNS TABLE (journeys bigint, conversions bigint, lost bigint, open bigint, matured bigint, value float8, channels bigint,
		distinct_paths bigint, longest_path bigint, unattributed bigint, touches_seen bigint, anonymous_touches bigint, bytes bigint, options jsonb)
	AS 'MODULE_PATHNAME', 'attrib_summary_stats' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 ROWS 1;
COMMENT ON FUNCTION summary_stats(journey_summary) IS 'the totals of a summary, its size, and the options its journeys were cut with';

CREATE FUNCTION map_channels(summary journey_summary, mapping jsonb) RETURNS journey_summary
	AS 'MODULE_PATHNAME', 'attrib_map_channels' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION map_channels(journey_summary, jsonb) IS 'the same journeys under other channel names, {"fb_prospecting": "facebook"}; several may become one';
