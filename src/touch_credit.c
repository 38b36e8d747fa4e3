/*
 * touch_credit() and touch_credit_by_effect(): the credit of each touch of one path, for touch-level tables.
 */
#include "models.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "catalog/pg_type.h"
#include "channel_dict.h"
#include "core/rules.h"
#include "datatype/timestamp.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(attrib_touch_credit);
PG_FUNCTION_INFO_V1(attrib_touch_credit_by_effect);

/* Half-life where the options name none: the same as journey_options()'s. */
#define DEFAULT_HALF_LIFE (7 * USECS_PER_DAY)

/* The clock of a path, for time_decay. */
typedef struct TouchTimes
{
	char **touched_at; /* NULL: not given */
	int count;
	int64 half_life; /* microseconds */
} TouchTimes;

static double *
weights_alloc(NameList path)
{
	return CORE_ALLOC_ZERO(attrib_env(), double, path.count);
}

static Datum
weights_array(const double *weights, int count)
{
	Datum *elements = palloc(sizeof(Datum) * count);

	for (int i = 0; i < count; i++)
		elements[i] = Float8GetDatum(weights[i]);
	return PointerGetDatum(
		construct_array(elements, count, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* {"touched_at": [...], "half_life": "7 days"}, or ModelOptions of any other model. */
static bool
touch_option_read(JsonbObjectIter *it, AttributionModel model, ModelOptions *options, TouchTimes *times)
{
	if (model != MODEL_TIME_DECAY)
		return model != MODEL_SHAPLEY && model_option_read(it, model, options);
	if (strcmp(it->key, "touched_at") == 0)
		times->touched_at = jsonb_option_text_array(it, &times->count);
	else if (strcmp(it->key, "half_life") == 0)
		times->half_life = jsonb_option_interval(it);
	else
		return false;
	return true;
}

static const char *
touch_option_names(AttributionModel model)
{
	if (model == MODEL_TIME_DECAY)
		return "\"touched_at\" and \"half_life\"";
	return model == MODEL_SHAPLEY ? "" : model_option_names(model);
}

static void
touch_options_read(Jsonb *jsonb, AttributionModel model, ModelOptions *options, TouchTimes *times)
{
	JsonbObjectIter it;

	jsonb_object_begin(&it, jsonb, "options");
	while (jsonb_object_next(&it))
	{
		JsonbObjectIter arguments;

		/* by model, as attribution_models() takes them, or this model's alone */
		if (strcmp(it.key, attribution_model_name(model)) == 0)
		{
			jsonb_object_begin_value(&arguments, &it.value, psprintf("options of %s", it.key));
			while (jsonb_object_next(&arguments))
			{
				if (!touch_option_read(&arguments, model, options, times))
					jsonb_option_unknown(&arguments, touch_option_names(model));
			}
		}
		else if (!touch_option_read(&it, model, options, times))
			jsonb_option_unknown(&it, touch_option_names(model));
	}
	model_options_check(options);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/*
 * 1 to the first (or last) touch that is not ignored, or simply the first (last) if all are. Sorts `ignore`: path and
 * list may both be long.
 */
static void
weigh_one_touch(double *weights, NameList path, bool from_end, NameList ignore)
{
	int chosen = from_end ? path.count - 1 : 0;

	if (ignore.count > 1)
		qsort(ignore.names, ignore.count, sizeof(char *), compare_names);
	for (int i = 0; i < path.count; i++)
	{
		int touch = from_end ? path.count - 1 - i : i;

		CHECK_FOR_INTERRUPTS();
		if (ignore.count == 0 ||
			bsearch(&path.names[touch], ignore.names, ignore.count, sizeof(char *), compare_names) == NULL)
		{
			chosen = touch;
			break;
		}
	}
	weights[chosen] = 1;
}

static void
weigh_shapley(double *weights, NameList path)
{
	uint32 *touches = CORE_ALLOC(attrib_env(), uint32, path.count);
	ChannelDict dict;

	channel_dict_init(&dict, CurrentMemoryContext);
	for (int i = 0; i < path.count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		touches[i] = channel_dict_intern(&dict, path.names[i], (uint32) strlen(path.names[i]));
	}
	touch_weights_shapley(weights, touches, path.count, dict.size, attrib_env());
}

static TimestampTz
touch_time(const char *text)
{
	TimestampTz at = DatumGetTimestampTz(DirectFunctionCall3(
		timestamptz_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));

	if (TIMESTAMP_NOT_FINITE(at))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("options: \"touched_at\" must hold finite times, not %s", text),
						errhint("Give the time of each touch.")));
	return at;
}

/* 2^(-(t_last - at)/half_life); anchored at the latest touch, nothing overflows. */
static void
weigh_by_clock(double *weights, NameList path, const TouchTimes *times)
{
	TimestampTz *at = CORE_ALLOC(attrib_env(), TimestampTz, path.count);
	TimestampTz latest = PG_INT64_MIN;

	if (times->touched_at == NULL || times->count != path.count)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("model time_decay needs the time of each of %d touches, not %d times",
							   path.count, times->count),
						errhint("Pass them as jsonb_build_object('touched_at', touched_at), parallel to the "
								"path.")));
	for (int i = 0; i < path.count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		at[i] = touch_time(times->touched_at[i]);
		latest = Max(latest, at[i]);
	}
	for (int i = 0; i < path.count; i++)
		weights[i] = exp2(((double) at[i] - (double) latest) / (double) times->half_life);
	touch_weights_normalize(weights, path.count);
}

Datum
attrib_touch_credit(PG_FUNCTION_ARGS)
{
	NameList path = argument_names(fcinfo, 0, "path");
	AttributionModel model = attribution_model_by_name(argument_text(fcinfo, 1, "model"));
	ModelOptions options = model_options_default();
	TouchTimes times = {.half_life = DEFAULT_HALF_LIFE};
	double *weights = weights_alloc(path);

	if (model == MODEL_MARKOV)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("model markov has no credit for a single path"),
						errhint("Markov learns from all paths: pass the removal effects of "
								"markov_removal_effect() to touch_credit_by_effect().")));
	touch_options_read(PG_GETARG_JSONB_P(2), model, &options, &times);
	if (path.count == 0)
		return PointerGetDatum(construct_empty_array(FLOAT8OID));
	switch (model)
	{
		case MODEL_FIRST_TOUCH:
			weigh_one_touch(weights, path, false, options.first_ignore);
			break;
		case MODEL_LAST_TOUCH:
			weigh_one_touch(weights, path, true, options.last_ignore);
			break;
		case MODEL_LINEAR:
			touch_weights_linear(weights, path.count);
			break;
		case MODEL_POSITION_BASED:
			touch_weights_position_based(weights, path.count, options.first, options.last);
			break;
		case MODEL_POSITION_DECAY:
			touch_weights_position_decay(weights, path.count, options.ratio);
			break;
		case MODEL_TIME_DECAY:
			weigh_by_clock(weights, path, &times);
			break;
		case MODEL_SHAPLEY:
			weigh_shapley(weights, path);
			break;
		case MODEL_MARKOV:
			break;
	}
	return weights_array(weights, path.count);
}

/* Effects by channel, in jsonb's order of keys: shorter ones first, then by bytes. */
typedef struct Effect
{
	const char *channel;
	size_t length;
	double effect;
} Effect;

static int
compare_effects(const void *a, const void *b)
{
	const Effect *left = a;
	const Effect *right = b;

	if (left->length != right->length)
		return left->length < right->length ? -1 : 1;
	return memcmp(left->channel, right->channel, left->length);
}

static Effect *
effects_read(Jsonb *jsonb, int *count)
{
	JsonbObjectIter it;
	Effect *effects = palloc(sizeof(Effect) * Max(JB_ROOT_COUNT(jsonb), 1));

	*count = 0;
	jsonb_object_begin(&it, jsonb, "effects");
	while (jsonb_object_next(&it))
	{
		double effect = jsonb_option_float8(&it, -DBL_MAX, DBL_MAX);

		if (effect < 0)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("effects: \"%s\" must not be negative, but is %g", it.key, effect),
							errhint("Leave the channel out to give it no credit.")));
		effects[(*count)++] = (Effect){it.key, strlen(it.key), effect};
	}
	return effects;
}

/*
 * A channel the effects do not name has none. Where that leaves a path without any effect, its touches share
 * equally: credit must go somewhere.
 */
Datum
attrib_touch_credit_by_effect(PG_FUNCTION_ARGS)
{
	NameList path = argument_names(fcinfo, 0, "path");
	int count;
	Effect *effects = effects_read(PG_GETARG_JSONB_P(1), &count);
	double *weights = weights_alloc(path);

	if (path.count == 0)
		return PointerGetDatum(construct_empty_array(FLOAT8OID));
	for (int i = 0; i < path.count; i++)
	{
		Effect wanted = {path.names[i], strlen(path.names[i]), 0};
		Effect *found;

		CHECK_FOR_INTERRUPTS();
		found = bsearch(&wanted, effects, count, sizeof(Effect), compare_effects);

		weights[i] = found ? found->effect : 0;
	}
	touch_weights_normalize(weights, path.count);
	return weights_array(weights, path.count);
}
