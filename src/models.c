#include "models.h"

#include <string.h>

#include "core/markov.h"
#include "core/rules.h"
#include "summary.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(attrib_attribution_models);

#define MODEL_NAMES                                                                                          \
	"first_touch, last_touch, linear, position_based, position_decay, time_decay, shapley and markov"

static const struct
{
	const char *name;
	const char *options; /* names of its arguments, for hints */
} model_facts[ATTRIBUTION_MODELS] = {
	[MODEL_FIRST_TOUCH] = {"first_touch", "\"ignore\""},
	[MODEL_LAST_TOUCH] = {"last_touch", "\"ignore\""},
	[MODEL_LINEAR] = {"linear", ""},
	[MODEL_POSITION_BASED] = {"position_based", "\"first\" and \"last\""},
	[MODEL_POSITION_DECAY] = {"position_decay", "\"ratio\""},
	[MODEL_TIME_DECAY] = {"time_decay", ""},
	[MODEL_SHAPLEY] = {"shapley", "\"game\", \"scale\", \"max_exact\", \"samples\" and \"seed\""},
	[MODEL_MARKOV] = {"markov", "\"markov_order\" and \"collapse_repeats\""},
};

const char *
attribution_model_name(AttributionModel model)
{
	return model_facts[model].name;
}

const char *
model_option_names(AttributionModel model)
{
	return model_facts[model].options;
}

static bool
find_model(const char *name, AttributionModel *model)
{
	for (int i = 0; i < ATTRIBUTION_MODELS; i++)
	{
		if (strcmp(name, model_facts[i].name) == 0)
		{
			*model = (AttributionModel) i;
			return true;
		}
	}
	return false;
}

AttributionModel
attribution_model_by_name(const char *name)
{
	AttributionModel model = MODEL_LINEAR;

	if (!find_model(name, &model))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("unrecognized attribution model \"%s\"", name),
						errhint("Models are " MODEL_NAMES ".")));
	return model;
}

void
position_based_check(double first, double last)
{
	if (!(first >= 0 && last >= 0 && first + last <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("first and last must be at least 0 and sum to at most 1, not %g and %g", first, last),
				 errhint("They are the shares of the first and the last touch; the touches between them "
						 "share the rest.")));
}

void
position_decay_check(double ratio)
{
	if (!(ratio > 0 && ratio <= 1))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("ratio must be greater than 0 and at most 1, not %g", ratio),
						errhint("Each touch weighs ratio times the one after it.")));
}

ShapleyGame
shapley_game_by_name(const char *name)
{
	if (strcmp(name, "conversions") == 0)
		return SHAPLEY_CONVERSIONS;
	if (strcmp(name, "rate") == 0)
		return SHAPLEY_RATE;
	if (strcmp(name, "exact_rate") == 0)
		return SHAPLEY_EXACT_RATE;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unrecognized game \"%s\"", name),
					errhint("Games are conversions, rate and exact_rate.")));
	pg_unreachable();
}

void
shapley_unscalable(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("cannot scale Shapley values to conversions: the worth of all channels together is 0"),
			 errhint("Game 'rate' needs a matured conversion, game 'exact_rate' one of a journey that "
					 "visits every channel. Use the game 'conversions', or shapley_attr() with scale => "
					 "false.")));
}

void
time_decay_check(const SummaryView *view)
{
	if (!view->has_decay)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the journey_summary keeps no time decay"),
				 errhint("Build it from events or journey rows with a half_life in journey_options(); bare "
						 "paths have no clock. position_decay_attr() decays by position.")));
}

ModelOptions
model_options_default(void)
{
	return (ModelOptions){
		.first = 0.4,
		.last = 0.4,
		.ratio = 0.5,
		.scale = true,
		.shapley = {.game = SHAPLEY_CONVERSIONS, .max_exact = 20, .samples = 10000, .seed = 1},
		.markov_order = 1,
		.collapse_repeats = true,
	};
}

static bool
ignore_option_read(JsonbObjectIter *it, NameList *ignore)
{
	if (strcmp(it->key, "ignore") != 0)
		return false;
	ignore->names = jsonb_option_text_array(it, &ignore->count);
	return true;
}

static bool
shapley_option_read(JsonbObjectIter *it, ModelOptions *options)
{
	ShapleyOptions *shapley = &options->shapley;

	if (strcmp(it->key, "game") == 0)
		shapley->game = shapley_game_by_name(jsonb_option_text(it));
	else if (strcmp(it->key, "max_exact") == 0)
		shapley->max_exact = (int) jsonb_option_int64(it, 0, SHAPLEY_MAX_EXACT);
	else if (strcmp(it->key, "samples") == 0)
		shapley->samples = jsonb_option_int64(it, 1, SHAPLEY_MAX_SAMPLES);
	else if (strcmp(it->key, "seed") == 0)
		shapley->seed = (uint64) jsonb_option_int64(it, PG_INT64_MIN, PG_INT64_MAX);
	else if (strcmp(it->key, "scale") == 0)
		options->scale = jsonb_option_bool(it);
	else
		return false;
	return true;
}

bool
model_option_read(JsonbObjectIter *it, AttributionModel model, ModelOptions *options)
{
	switch (model)
	{
		case MODEL_FIRST_TOUCH:
			return ignore_option_read(it, &options->first_ignore);
		case MODEL_LAST_TOUCH:
			return ignore_option_read(it, &options->last_ignore);
		case MODEL_POSITION_BASED:
			if (strcmp(it->key, "first") == 0)
				options->first = jsonb_option_float8(it, 0, 1);
			else if (strcmp(it->key, "last") == 0)
				options->last = jsonb_option_float8(it, 0, 1);
			else
				return false;
			return true;
		case MODEL_POSITION_DECAY:
			if (strcmp(it->key, "ratio") != 0)
				return false;
			options->ratio = jsonb_option_float8(it, 0, 1);
			return true;
		case MODEL_SHAPLEY:
			return shapley_option_read(it, options);
		case MODEL_MARKOV:
			if (strcmp(it->key, "markov_order") == 0)
				options->markov_order = (int) jsonb_option_int64(it, 1, PG_INT32_MAX);
			else if (strcmp(it->key, "collapse_repeats") == 0)
				options->collapse_repeats = jsonb_option_bool(it);
			else
				return false;
			return true;
		case MODEL_LINEAR:
		case MODEL_TIME_DECAY:
			break;
	}
	return false;
}

bool
model_options_read_model(JsonbObjectIter *models, ModelOptions *options)
{
	JsonbObjectIter arguments;
	AttributionModel model = MODEL_LINEAR;

	if (!find_model(models->key, &model))
		return false;
	jsonb_object_begin_value(&arguments, &models->value, psprintf("options of %s", models->key));
	while (jsonb_object_next(&arguments))
	{
		if (!model_option_read(&arguments, model, options))
			jsonb_option_unknown(&arguments, model_option_names(model));
	}
	return true;
}

ModelOptions
model_options_read(Jsonb *jsonb)
{
	ModelOptions options = model_options_default();
	JsonbObjectIter models;

	jsonb_object_begin(&models, jsonb, "options");
	while (jsonb_object_next(&models))
	{
		if (!model_options_read_model(&models, &options))
			jsonb_option_unknown(&models, MODEL_NAMES);
	}
	model_options_check(&options);
	return options;
}

void
model_options_check(const ModelOptions *options)
{
	position_based_check(options->first, options->last);
	position_decay_check(options->ratio);
	if (!options->scale && options->shapley.game != SHAPLEY_CONVERSIONS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options of shapley: \"scale\" must not be false here"),
				 errhint("Models side by side all hand out conversions; shapley_attr() returns unscaled "
						 "values.")));
}

bool *
ignored_channels(const SummaryView *view, NameList ignore)
{
	bool *ignored;

	if (ignore.count == 0)
		return NULL;
	ignored = CORE_ALLOC_ZERO(attrib_env(), bool, view->nchannels);
	for (int i = 0; i < ignore.count; i++)
	{
		uint32 low = 0;
		uint32 high = view->nchannels;

		while (low < high)
		{
			uint32 middle = low + (high - low) / 2;
			int order = strcmp(ignore.names[i], view->channels[middle]);

			if (order == 0)
				ignored[middle] = true;
			if (order <= 0)
				high = middle;
			else
				low = middle + 1;
		}
	}
	return ignored;
}

static bool
shapley_credits(const SummaryView *view, const ShapleyOptions *options, CreditTable *out)
{
	ShapleyResult result;

	attrib_check_status(shapley_values(view, options, attrib_env(), &result), "Shapley value");
	if (options->game != SHAPLEY_CONVERSIONS && result.grand == 0)
		return false;
	*out = result.credit;
	return true;
}

bool
model_credits(const SummaryView *view, AttributionModel model, const ModelOptions *options, CreditTable *out)
{
	const CoreEnv *env = attrib_env();
	MarkovResult markov;

	switch (model)
	{
		case MODEL_FIRST_TOUCH:
			rule_first_touch(view, ignored_channels(view, options->first_ignore), env, out);
			break;
		case MODEL_LAST_TOUCH:
			rule_last_touch(view, ignored_channels(view, options->last_ignore), env, out);
			break;
		case MODEL_LINEAR:
			rule_linear(view, env, out);
			break;
		case MODEL_POSITION_BASED:
			rule_position_based(view, options->first, options->last, env, out);
			break;
		case MODEL_POSITION_DECAY:
			rule_position_decay(view, options->ratio, env, out);
			break;
		case MODEL_TIME_DECAY:
			time_decay_check(view);
			rule_time_decay(view, env, out);
			break;
		case MODEL_SHAPLEY:
			return shapley_credits(view, &options->shapley, out);
		case MODEL_MARKOV:
			attrib_check_status(
				markov_removal(view, options->markov_order, options->collapse_repeats, env, &markov),
				"Markov removal effect");
			*out = markov.credit;
			break;
	}
	return true;
}

/* Rows of attribution_models(). */
typedef struct ModelRows
{
	RowSink sink;
	const SummaryView *view;
	Datum model; /* its name, as text */
} ModelRows;

static void
put_model_row(void *arg, int64 channel, const char *name, Credit credit)
{
	ModelRows *rows = arg;
	double total = fixed_to_double(rows->view->value);
	double share = 0;
	Datum values[6];
	bool nulls[6] = {false};

	(void) channel;
	values[0] = rows->model;
	values[1] = CStringGetTextDatum(name);
	values[2] = Float8GetDatum(credit.conversions);
	values[3] = Float8GetDatum(credit.value);
	nulls[4] = !credit_share(rows->view, credit.conversions, &share);
	values[4] = Float8GetDatum(share);
	nulls[5] = total == 0;
	values[5] = Float8GetDatum(total == 0 ? 0 : credit.value / total);
	row_sink_put(&rows->sink, values, nulls);
	pfree(DatumGetPointer(values[1]));
}

int
chosen_models(FunctionCallInfo fcinfo, int argno, AttributionModel *chosen)
{
	bool seen[ATTRIBUTION_MODELS] = {false};
	int count = 0;
	NameList names;

	if (PG_ARGISNULL(argno))
	{
		for (int i = 0; i < ATTRIBUTION_MODELS; i++)
			chosen[count++] = (AttributionModel) i;
		return count;
	}
	if (array_contains_nulls(PG_GETARG_ARRAYTYPE_P(argno)))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("models must not contain NULL"),
						errhint("Models are " MODEL_NAMES ".")));
	names = argument_names(fcinfo, argno, "models");
	for (int i = 0; i < names.count; i++)
	{
		AttributionModel model = attribution_model_by_name(names.names[i]);

		if (seen[model])
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("models names \"%s\" twice", names.names[i]),
							errhint("Models are " MODEL_NAMES ".")));
		seen[model] = true;
		chosen[count++] = model;
	}
	return count;
}

Datum
attrib_attribution_models(PG_FUNCTION_ARGS)
{
	ModelRows rows = {.sink = row_sink_begin(fcinfo)};
	AttributionModel chosen[ATTRIBUTION_MODELS];
	ModelOptions options;
	int count;

	options = PG_ARGISNULL(2) ? model_options_default() : model_options_read(PG_GETARG_JSONB_P(2));
	count = chosen_models(fcinfo, 1, chosen);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	rows.view = summary_view_arg(fcinfo, 0);
	for (int i = 0; i < count; i++)
	{
		CreditTable table = credit_table_alloc(rows.view);

		if (PG_ARGISNULL(1) && chosen[i] == MODEL_TIME_DECAY && !rows.view->has_decay)
			continue; /* all models means all that the summary can answer */
		if (!model_credits(rows.view, chosen[i], &options, &table))
			shapley_unscalable();
		rows.model = CStringGetTextDatum(attribution_model_name(chosen[i]));
		credit_rows(rows.view, &table, put_model_row, &rows);
	}
	return (Datum) 0;
}
