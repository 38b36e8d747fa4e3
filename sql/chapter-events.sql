-- =====================================================================================================
-- From raw events to a summary
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
	SFUNC = events_trans, STYPE = internal, SSPACE = 65536, FINALFUNC = events_final,
	COMBINEFUNC = events_combine, SERIALFUNC = events_serialize, DESERIALFUNC = events_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_summary_agg(bigint, timestamptz, text, boolean, float8) IS
	'journey_summary of raw events, users by bigint: sorts them by user and time itself, so it wants no GROUP BY and no ORDER BY';

CREATE FUNCTION events_trans(internal, user_id bigint, at timestamptz, channel text, converted boolean, value float8, options journey_options) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_events_trans_int8' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION events_trans(internal, bigint, timestamptz, text, boolean, float8, journey_options) IS 'transition: one raw event';
CREATE AGGREGATE journey_summary_agg(user_id bigint, at timestamptz, channel text, converted boolean, value float8, options journey_options) (
	SFUNC = events_trans, STYPE = internal, SSPACE = 65536, FINALFUNC = events_final,
	COMBINEFUNC = events_combine, SERIALFUNC = events_serialize, DESERIALFUNC = events_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_summary_agg(bigint, timestamptz, text, boolean, float8, journey_options) IS
	'journey_summary of raw events, users by bigint: sorts them by user and time itself, so it wants no GROUP BY and no ORDER BY';

CREATE FUNCTION events_trans(internal, user_id uuid, at timestamptz, channel text, converted boolean, value float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_events_trans_uuid' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION events_trans(internal, uuid, timestamptz, text, boolean, float8) IS 'transition: one raw event';
CREATE AGGREGATE journey_summary_agg(user_id uuid, at timestamptz, channel text, converted boolean, value float8) (
	SFUNC = events_trans, STYPE = internal, SSPACE = 65536, FINALFUNC = events_final,
	COMBINEFUNC = events_combine, SERIALFUNC = events_serialize, DESERIALFUNC = events_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_summary_agg(uuid, timestamptz, text, boolean, float8) IS
	'journey_summary of raw events, users by uuid: sorts them by user and time itself, so it wants no GROUP BY and no ORDER BY';

CREATE FUNCTION events_trans(internal, user_id uuid, at timestamptz, channel text, converted boolean, value float8, options journey_options) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_events_trans_uuid' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION events_trans(internal, uuid, timestamptz, text, boolean, float8, journey_options) IS 'transition: one raw event';
CREATE AGGREGATE journey_summary_agg(user_id uuid, at timestamptz, channel text, converted boolean, value float8, options journey_options) (
	SFUNC = events_trans, STYPE = internal, SSPACE = 65536, FINALFUNC = events_final,
	COMBINEFUNC = events_combine, SERIALFUNC = events_serialize, DESERIALFUNC = events_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_summary_agg(uuid, timestamptz, text, boolean, float8, journey_options) IS
	'journey_summary of raw events, users by uuid: sorts them by user and time itself, so it wants no GROUP BY and no ORDER BY';

CREATE FUNCTION events_trans(internal, user_id text, at timestamptz, channel text, converted boolean, value float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_events_trans_text' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION events_trans(internal, text, timestamptz, text, boolean, float8) IS 'transition: one raw event';
CREATE AGGREGATE journey_summary_agg(user_id text, at timestamptz, channel text, converted boolean, value float8) (
	SFUNC = events_trans, STYPE = internal, SSPACE = 65536, FINALFUNC = events_final,
	COMBINEFUNC = events_combine, SERIALFUNC = events_serialize, DESERIALFUNC = events_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_summary_agg(text, timestamptz, text, boolean, float8) IS
	'journey_summary of raw events, users by text: sorts them by user and time itself, so it wants no GROUP BY and no ORDER BY';

CREATE FUNCTION events_trans(internal, user_id text, at timestamptz, channel text, converted boolean, value float8, options journey_options) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_events_trans_text' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION events_trans(internal, text, timestamptz, text, boolean, float8, journey_options) IS 'transition: one raw event';
CREATE AGGREGATE journey_summary_agg(user_id text, at timestamptz, channel text, converted boolean, value float8, options journey_options) (
	SFUNC = events_trans, STYPE = internal, SSPACE = 65536, FINALFUNC = events_final,
	COMBINEFUNC = events_combine, SERIALFUNC = events_serialize, DESERIALFUNC = events_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_summary_agg(text, timestamptz, text, boolean, float8, journey_options) IS
	'journey_summary of raw events, users by text: sorts them by user and time itself, so it wants no GROUP BY and no ORDER BY';

CREATE FUNCTION parts_trans(internal, user_id bigint, at timestamptz, channel text, converted boolean, value float8, segment text) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_parts_trans_int8' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION parts_trans(internal, bigint, timestamptz, text, boolean, float8, text) IS 'transition: one raw event with its segment';
CREATE AGGREGATE journey_parts_agg(user_id bigint, at timestamptz, channel text, converted boolean, value float8, segment text) (
	SFUNC = parts_trans, STYPE = internal, SSPACE = 65536, FINALFUNC = parts_final,
	COMBINEFUNC = events_combine, SERIALFUNC = events_serialize, DESERIALFUNC = events_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_parts_agg(bigint, timestamptz, text, boolean, float8, text) IS
	'one summary per day and segment from a single scan of raw events, users by bigint; unnest() it into a table and rollup() any window';

CREATE FUNCTION parts_trans(internal, user_id bigint, at timestamptz, channel text, converted boolean, value float8, segment text, options journey_options) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_parts_trans_int8' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION parts_trans(internal, bigint, timestamptz, text, boolean, float8, text, journey_options) IS 'transition: one raw event with its segment';
CREATE AGGREGATE journey_parts_agg(user_id bigint, at timestamptz, channel text, converted boolean, value float8, segment text, options journey_options) (
	SFUNC = parts_trans, STYPE = internal, SSPACE = 65536, FINALFUNC = parts_final,
	COMBINEFUNC = events_combine, SERIALFUNC = events_serialize, DESERIALFUNC = events_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_parts_agg(bigint, timestamptz, text, boolean, float8, text, journey_options) IS
	'one summary per day and segment from a single scan of raw events, users by bigint; unnest() it into a table and rollup() any window';

CREATE FUNCTION parts_trans(internal, user_id uuid, at timestamptz, channel text, converted boolean, value float8, segment text) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_parts_trans_uuid' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION parts_trans(internal, uuid, timestamptz, text, boolean, float8, text) IS 'transition: one raw event with its segment';
CREATE AGGREGATE journey_parts_agg(user_id uuid, at timestamptz, channel text, converted boolean, value float8, segment text) (
	SFUNC = parts_trans, STYPE = internal, SSPACE = 65536, FINALFUNC = parts_final,
	COMBINEFUNC = events_combine, SERIALFUNC = events_serialize, DESERIALFUNC = events_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_parts_agg(uuid, timestamptz, text, boolean, float8, text) IS
	'one summary per day and segment from a single scan of raw events, users by uuid; unnest() it into a table and rollup() any window';

CREATE FUNCTION parts_trans(internal, user_id uuid, at timestamptz, channel text, converted boolean, value float8, segment text, options journey_options) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_parts_trans_uuid' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION parts_trans(internal, uuid, timestamptz, text, boolean, float8, text, journey_options) IS 'transition: one raw event with its segment';
CREATE AGGREGATE journey_parts_agg(user_id uuid, at timestamptz, channel text, converted boolean, value float8, segment text, options journey_options) (
	SFUNC = parts_trans, STYPE = internal, SSPACE = 65536, FINALFUNC = parts_final,
	COMBINEFUNC = events_combine, SERIALFUNC = events_serialize, DESERIALFUNC = events_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_parts_agg(uuid, timestamptz, text, boolean, float8, text, journey_options) IS
	'one summary per day and segment from a single scan of raw events, users by uuid; unnest() it into a table and rollup() any window';

CREATE FUNCTION parts_trans(internal, user_id text, at timestamptz, channel text, converted boolean, value float8, segment text) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_parts_trans_text' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION parts_trans(internal, text, timestamptz, text, boolean, float8, text) IS 'transition: one raw event with its segment';
CREATE AGGREGATE journey_parts_agg(user_id text, at timestamptz, channel text, converted boolean, value float8, segment text) (
	SFUNC = parts_trans, STYPE = internal, SSPACE = 65536, FINALFUNC = parts_final,
	COMBINEFUNC = events_combine, SERIALFUNC = events_serialize, DESERIALFUNC = events_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_parts_agg(text, timestamptz, text, boolean, float8, text) IS
	'one summary per day and segment from a single scan of raw events, users by text; unnest() it into a table and rollup() any window';

CREATE FUNCTION parts_trans(internal, user_id text, at timestamptz, channel text, converted boolean, value float8, segment text, options journey_options) RETURNS internal
	AS 'MODULE_PATHNAME', 'attrib_parts_trans_text' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION parts_trans(internal, text, timestamptz, text, boolean, float8, text, journey_options) IS 'transition: one raw event with its segment';
CREATE AGGREGATE journey_parts_agg(user_id text, at timestamptz, channel text, converted boolean, value float8, segment text, options journey_options) (
	SFUNC = parts_trans, STYPE = internal, SSPACE = 65536, FINALFUNC = parts_final,
	COMBINEFUNC = events_combine, SERIALFUNC = events_serialize, DESERIALFUNC = events_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_parts_agg(text, timestamptz, text, boolean, float8, text, journey_options) IS
	'one summary per day and segment from a single scan of raw events, users by text; unnest() it into a table and rollup() any window';

CREATE FUNCTION journey_summary_row_trans(journey_summary, journey journey_row) RETURNS journey_summary
	AS 'MODULE_PATHNAME', 'attrib_journey_row_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey_summary_row_trans(journey_summary, journey_row) IS 'transition: one journey as journey_agg makes them';
CREATE AGGREGATE journey_summary_agg(journey journey_row) (
	SFUNC = journey_summary_row_trans, STYPE = journey_summary, SSPACE = 16384,
	COMBINEFUNC = journey_summary_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_summary_agg(journey_row) IS 'journey_summary of journeys already cut and transformed, as journey_agg returns them; options are recorded, not applied';

CREATE FUNCTION journey_summary_row_trans(journey_summary, journey journey_row, options journey_options) RETURNS journey_summary
	AS 'MODULE_PATHNAME', 'attrib_journey_row_trans' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION journey_summary_row_trans(journey_summary, journey_row, journey_options) IS 'transition: one journey as journey_agg makes them';
CREATE AGGREGATE journey_summary_agg(journey journey_row, options journey_options) (
	SFUNC = journey_summary_row_trans, STYPE = journey_summary, SSPACE = 16384,
	COMBINEFUNC = journey_summary_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE journey_summary_agg(journey_row, journey_options) IS 'journey_summary of journeys already cut and transformed, as journey_agg returns them; options are recorded, not applied';
