-- Journeys: from events to what converted, what was lost and what may still convert.

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
