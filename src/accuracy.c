/*
 * conversion_accuracy(): how well conversions can be predicted from paths, by cross-validation over users.
 */
#include "aggregate.h"
#include "summary.h"

#include <math.h>

#include "arguments.h"
#include "common/hashfn.h"
#include "core/accuracy.h"
#include "core/logistic.h"
#include "core/path_chain.h"
#include "jsonb_options.h"
#include "summary_state.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(attrib_accuracy_trans);
PG_FUNCTION_INFO_V1(attrib_accuracy_final);

#define MAX_FOLDS 50
#define OPTION_KEYS "folds, max_order, ridge and seed"
#define ACCURACY_COLUMNS 11

typedef struct AccuracyOptions
{
	int folds;
	int max_order;
	double ridge;
	uint64 seed;
} AccuracyOptions;

/* Users fall into folds by a hash of their key; each fold's journeys are counted like any summary's. */
typedef struct AccuracyState
{
	AccuracyOptions options;
	Jsonb *source; /* the options as they came, NULL for none */
	ChannelDict channels;
	SummaryState *fold[MAX_FOLDS];
} AccuracyState;

/* ---------------------------------------------------------------- gathering */

static AccuracyOptions
read_options(Jsonb *source)
{
	AccuracyOptions options = {.folds = 5, .max_order = 4, .ridge = 1, .seed = 1};
	JsonbObjectIter it;

	if (source == NULL)
		return options;
	jsonb_object_begin(&it, source, "options");
	while (jsonb_object_next(&it))
	{
		if (strcmp(it.key, "folds") == 0)
			options.folds = (int) jsonb_option_int64(&it, 2, MAX_FOLDS);
		else if (strcmp(it.key, "max_order") == 0)
			options.max_order = (int) jsonb_option_int64(&it, 1, PATH_CHAIN_MAX_ORDER);
		else if (strcmp(it.key, "ridge") == 0)
			options.ridge = jsonb_option_float8(&it, 1e-6, 1e6);
		else if (strcmp(it.key, "seed") == 0)
			options.seed = (uint64) jsonb_option_int64(&it, PG_INT64_MIN, PG_INT64_MAX);
		else
			jsonb_option_unknown(&it, OPTION_KEYS);
	}
	return options;
}

static AccuracyState *
new_state(MemoryContext context, Jsonb *source)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	AccuracyState *state = palloc0(sizeof(AccuracyState));

	state->options = read_options(source);
	if (source)
	{
		state->source = palloc(VARSIZE(source));
		memcpy(state->source, source, VARSIZE(source));
	}
	channel_dict_init(&state->channels, context);
	for (int i = 0; i < state->options.folds; i++)
		state->fold[i] = summary_state_create(context, &state->channels);
	MemoryContextSwitchTo(caller);
	return state;
}

static void
require_same_options(const AccuracyState *state, Jsonb *source)
{
	bool same = (state->source == NULL) == (source == NULL);

	if (same && source)
		same =
			VARSIZE(source) == VARSIZE(state->source) && memcmp(source, state->source, VARSIZE(source)) == 0;
	if (!same)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("options must be the same in every row of a group"),
						errhint("Give them as a constant.")));
}

/* (state, user_key text, path text[], converted boolean [, options jsonb]) */
Datum
attrib_accuracy_trans(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	AccuracyState *state = PG_ARGISNULL(0) ? NULL : (AccuracyState *) PG_GETARG_POINTER(0);
	Jsonb *source = PG_NARGS() > 4 && !PG_ARGISNULL(4) ? PG_GETARG_JSONB_P(4) : NULL;
	SummaryState *fold;
	uint32 *touches = NULL;
	uint32 ntouches;
	uint64 hash;
	text *user;

	if (state == NULL)
		state = new_state(context, source);
	else
		require_same_options(state, source);
	if (PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("user_key must not be NULL"),
						errhint("Journeys of one user must be tested together; leave out those without.")));
	user = PG_GETARG_TEXT_PP(1);
	hash = DatumGetUInt64(hash_any_extended((unsigned char *) VARDATA_ANY(user),
											(int) VARSIZE_ANY_EXHDR(user), state->options.seed));
	fold = state->fold[hash % (uint64) state->options.folds];
	ntouches = summary_state_path(fold, PG_GETARG_DATUM(2), PG_ARGISNULL(2), &touches);
	if (ntouches == 0)
		PG_RETURN_POINTER(state); /* nothing to predict from */
	if (!PG_ARGISNULL(3) && PG_GETARG_BOOL(3))
	{
		PathCounts counts = {.conversions = 1, .matured_conversions = 1};

		summary_state_add(fold, touches, ntouches, &counts);
	}
	else
		summary_state_add_lost(fold, touches, ntouches);
	PG_RETURN_POINTER(state);
}

/* ---------------------------------------------------------------- predicting */

/* The folds as views whose channels all have the same numbers. */
typedef struct Folds
{
	int count;
	uint32 nchannels;
	const SummaryView *view[MAX_FOLDS];
	size_t npaths; /* over all of them */
} Folds;

static const SummaryView *
fold_view(AccuracyState *state, SummaryState *fold, const uint32 *rank)
{
	SummaryMeta meta;
	SummaryView *view = (SummaryView *) summary_view_datum(PointerGetDatum(summary_state_flat(fold)), &meta);
	SummaryPath *paths = CORE_ALLOC(attrib_env(), SummaryPath, view->npaths);
	uint32 *touches = CORE_ALLOC(attrib_env(), uint32, view->ntouches);
	uint32 *number = CORE_ALLOC(attrib_env(), uint32, view->nchannels);

	for (uint32 c = 0; c < view->nchannels; c++)
		number[c] = rank[channel_dict_intern(&state->channels, view->channels[c],
											 (uint32) strlen(view->channels[c]))];
	for (size_t i = 0; i < view->npaths; i++)
	{
		paths[i] = view->paths[i];
		paths[i].touches = touches;
		for (uint32 j = 0; j < paths[i].ntouches; j++)
			*touches++ = number[view->paths[i].touches[j]];
	}
	view->paths = paths;
	view->nchannels = state->channels.size;
	return view;
}

static Folds
collect_folds(AccuracyState *state)
{
	uint32 *rank = channel_dict_ranks(&state->channels);
	Folds folds = {.count = state->options.folds, .nchannels = state->channels.size};

	for (int i = 0; i < folds.count; i++)
	{
		folds.view[i] = fold_view(state, state->fold[i], rank);
		folds.npaths += folds.view[i]->npaths;
	}
	return folds;
}

/* order 0 is the logistic regression. Appends a prediction for each path of fold number `test`. */
static size_t
predict_fold(const Folds *folds, int test, int order, double ridge, Prediction *predictions)
{
	const SummaryView *training[MAX_FOLDS];
	const SummaryView *view = folds->view[test];
	int ntraining = 0;
	PathChain chain;
	Logistic logistic;

	for (int i = 0; i < folds->count; i++)
	{
		if (i != test)
			training[ntraining++] = folds->view[i];
	}
	if (order == 0)
		attrib_check_status(
			logistic_fit(&logistic, training, ntraining, folds->nchannels, ridge, attrib_env()),
			"logistic regression");
	else
	{
		path_chain_init(&chain, order, folds->nchannels, attrib_env());
		for (int i = 0; i < ntraining; i++)
			attrib_check_status(path_chain_learn(&chain, training[i]), "conversion accuracy");
	}
	for (size_t i = 0; i < view->npaths; i++)
	{
		const SummaryPath *path = &view->paths[i];

		predictions[i].chance = order == 0 ? logistic_probability(&logistic, path->touches, path->ntouches)
										   : path_chain_probability(&chain, path->touches, path->ntouches);
		predictions[i].converted = path->conversions;
		predictions[i].lost = path->lost;
		if (i % 64 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	return view->npaths;
}

static Accuracy
cross_validate(const Folds *folds, int order, double ridge, Prediction *predictions)
{
	MemoryContext scratch =
		AllocSetContextCreate(CurrentMemoryContext, "attrib fold", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	size_t n = 0;
	Accuracy accuracy;

	for (int test = 0; test < folds->count; test++)
	{
		n += predict_fold(folds, test, order, ridge, predictions + n);
		MemoryContextReset(scratch);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
	accuracy_of(predictions, n, attrib_env(), &accuracy);
	return accuracy;
}

/* ---------------------------------------------------------------- rows */

static Datum
calibration_json(const Accuracy *accuracy)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoChar(&out, '[');
	for (int i = 0; i < accuracy->nbins; i++)
	{
		const CalibrationBin *bin = &accuracy->bin[i];

		appendStringInfo(&out, "%s{\"journeys\":" INT64_FORMAT ",\"low\":%s,\"high\":%s,", i > 0 ? "," : "",
						 bin->journeys, float8out_internal(bin->low), float8out_internal(bin->high));
		appendStringInfo(&out, "\"predicted\":%s,\"observed\":%s}", float8out_internal(bin->predicted),
						 float8out_internal(bin->observed));
	}
	appendStringInfoChar(&out, ']');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(out.data));
}

static void
put_accuracy_row(RowSink *sink, const Accuracy *accuracy, int order, bool best)
{
	double numbers[] = {accuracy->auc, accuracy->accuracy, accuracy->majority, accuracy->log_loss,
						accuracy->brier};
	Datum values[ACCURACY_COLUMNS];
	bool nulls[ACCURACY_COLUMNS] = {false};

	values[0] = CStringGetTextDatum(order > 0 ? "markov" : "logistic");
	nulls[1] = order == 0;
	values[1] = Int32GetDatum(order);
	values[2] = BoolGetDatum(best);
	values[3] = Int64GetDatum(accuracy->journeys);
	values[4] = Int64GetDatum(accuracy->converted);
	for (int i = 0; i < 5; i++)
	{
		nulls[5 + i] = isnan(numbers[i]);
		values[5 + i] = Float8GetDatum(numbers[i]);
	}
	values[10] = calibration_json(accuracy);
	row_sink_put(sink, values, nulls);
}

/* Which Markov order predicts best; 1-based, so that order 0 stays the regression's. */
static int
best_order(const Accuracy *accuracy, int max_order)
{
	int best = 1;

	for (int order = 2; order <= max_order; order++)
	{
		if (accuracy[order].log_loss < accuracy[best].log_loss)
			best = order;
	}
	return best;
}

Datum
attrib_accuracy_final(PG_FUNCTION_ARGS)
{
	AccuracyState *state;
	Accuracy accuracy[PATH_CHAIN_MAX_ORDER + 1];
	Prediction *predictions;
	RowSink sink;
	Folds folds;
	int best;

	(void) aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (AccuracyState *) PG_GETARG_POINTER(0);
	folds = collect_folds(state);
	predictions = CORE_ALLOC(attrib_env(), Prediction, folds.npaths);
	for (int order = 0; order <= state->options.max_order; order++)
		accuracy[order] = cross_validate(&folds, order, state->options.ridge, predictions);
	best = best_order(accuracy, state->options.max_order);
	sink = row_sink_begin_array(fcinfo);
	for (int order = 1; order <= state->options.max_order; order++)
		put_accuracy_row(&sink, &accuracy[order], order, order == best);
	put_accuracy_row(&sink, &accuracy[0], 0, true);
	return row_sink_array(&sink);
}
