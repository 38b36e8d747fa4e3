-- ---------------------------------------------------------------------------------------------------
-- Attribution models: questions to a journey_summary that divide its conversions among channels
-- ---------------------------------------------------------------------------------------------------

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
	SFUNC = journey_summary_path_trans, STYPE = journey_summary, SSPACE = 16384,
	FINALFUNC = shapley_final, COMBINEFUNC = journey_summary_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE shapley_attr(text[], boolean, float8) IS
	'Shapley value of each channel, game conversions, straight from path rows';

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
