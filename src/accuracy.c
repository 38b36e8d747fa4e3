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
#include "libpq/pqformat.h"
#include "summary_state.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(attrib_accuracy_trans);
PG_FUNCTION_INFO_V1(attrib_accuracy_combine);
PG_FUNCTION_INFO_V1(attrib_accuracy_serialize);
PG_FUNCTION_INFO_V1(attrib_accuracy_deserialize);
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

/* ---------------------------------------------------------------- across processes */

/* Copies all of the second state, which lives for this call alone. */
Datum
attrib_accuracy_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	AccuracyState *state = PG_ARGISNULL(0) ? NULL : (AccuracyState *) PG_GETARG_POINTER(0);
	AccuracyState *other;

	if (PG_ARGISNULL(1))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	other = (AccuracyState *) PG_GETARG_POINTER(1);
	if (state == NULL)
		state = new_state(context, other->source);
	else
		require_same_options(state, other->source);
	for (int i = 0; i < state->options.folds; i++)
		summary_state_add_flat(state->fold[i], summary_state_flat(other->fold[i]));
	PG_RETURN_POINTER(state);
}

/* The options (their size first, 0 for none), then the folds as flat summaries. */
Datum
attrib_accuracy_serialize(PG_FUNCTION_ARGS)
{
	AccuracyState *state;
	StringInfoData message;
	uint64 size = 0;

	(void) aggregate_context(fcinfo);
	state = (AccuracyState *) PG_GETARG_POINTER(0);
	for (int i = 0; i < state->options.folds; i++)
		size += VARSIZE(summary_state_flat(state->fold[i]));
	if (size > MaxAllocSize / 2)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("the journeys of one group take " UINT64_FORMAT
							   " bytes, more than the %zu that parallel workers can ship",
							   size, MaxAllocSize / 2),
						errhint("Set max_parallel_workers_per_gather = 0, or shorten the paths.")));
	pq_begintypsend(&message);
	pq_sendint32(&message, state->source ? VARSIZE(state->source) : 0);
	if (state->source)
		pq_sendbytes(&message, (char *) state->source, (int) VARSIZE(state->source));
	for (int i = 0; i < state->options.folds; i++)
	{
		struct varlena *flat = summary_state_flat(state->fold[i]);

		pq_sendint32(&message, VARSIZE(flat));
		pq_sendbytes(&message, (char *) flat, (int) VARSIZE(flat));
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/* The next value of the message, aligned; NULL for one of no size. */
static void *
receive_varlena(StringInfo message)
{
	int size = (int) pq_getmsgint(message, 4);
	void *value = NULL;

	if (size > 0)
	{
		value = palloc(size);
		memcpy(value, pq_getmsgbytes(message, size), size);
	}
	return value;
}

Datum
attrib_accuracy_deserialize(PG_FUNCTION_ARGS)
{
	bytea *bytes;
	StringInfoData message;
	AccuracyState *state;

	(void) aggregate_context(fcinfo);
	bytes = PG_GETARG_BYTEA_PP(0);
	message = (StringInfoData){.data = VARDATA_ANY(bytes), .len = (int) VARSIZE_ANY_EXHDR(bytes)};
	state = new_state(CurrentMemoryContext, receive_varlena(&message));
	for (int i = 0; i < state->options.folds; i++)
		summary_state_add_flat(state->fold[i], receive_varlena(&message));
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

/* Gives the fold's channels the numbers of all folds' channels, ranked by name. */
static void
renumber(SummaryView *view, ChannelDict *channels, const uint32 *rank)
{
	SummaryPath *paths = CORE_ALLOC(attrib_env(), SummaryPath, view->npaths);
	uint32 *touches = CORE_ALLOC(attrib_env(), uint32, view->ntouches);
	uint32 *number = CORE_ALLOC(attrib_env(), uint32, view->nchannels);

	for (uint32 c = 0; c < view->nchannels; c++)
		number[c] =
			rank[channel_dict_intern(channels, view->channels[c], (uint32) strlen(view->channels[c]))];
	for (size_t i = 0; i < view->npaths; i++)
	{
		paths[i] = view->paths[i];
		paths[i].touches = touches;
		for (uint32 j = 0; j < paths[i].ntouches; j++)
			*touches++ = number[view->paths[i].touches[j]];
	}
	view->paths = paths;
	view->nchannels = channels->size;
}

static Folds
collect_folds(AccuracyState *state)
{
	Folds folds = {.count = state->options.folds};
	SummaryView *views[MAX_FOLDS];
	SummaryMeta meta;
	uint32 *rank;

	for (int i = 0; i < folds.count; i++)
	{
		Datum flat = PointerGetDatum(summary_state_flat(state->fold[i]));

		views[i] = (SummaryView *) summary_view_datum(flat, &meta);
		for (uint32 c = 0; c < views[i]->nchannels; c++) /* other processes' channels may be new */
			(void) channel_dict_intern(&state->channels, views[i]->channels[c],
									   (uint32) strlen(views[i]->channels[c]));
	}
	rank = channel_dict_ranks(&state->channels);
	folds.nchannels = state->channels.size;
	for (int i = 0; i < folds.count; i++)
	{
		renumber(views[i], &state->channels, rank);
		folds.view[i] = views[i];
		folds.npaths += views[i]->npaths;
	}
	return folds;
}

/* chance[model] is what a model says of each path of each fold; 0 is the logistic regression, then come orders. */
typedef double *Chances[PATH_CHAIN_MAX_ORDER + 1];

static void
predict_by_chains(const Folds *folds, const SummaryView **training, const SummaryView *test, int max_order,
				  double *const *chance, size_t first)
{
	double by_order[PATH_CHAIN_MAX_ORDER];
	PathChain chain;

	path_chain_init(&chain, max_order, folds->nchannels, attrib_env());
	for (int i = 0; i < folds->count - 1; i++)
		attrib_check_status(path_chain_learn(&chain, training[i]), "conversion accuracy");
	path_chain_fit(&chain);
	for (size_t i = 0; i < test->npaths; i++)
	{
		path_chain_probabilities(&chain, test->paths[i].touches, test->paths[i].ntouches, by_order);
		for (int order = 1; order <= max_order; order++)
			chance[order][first + i] = by_order[order - 1];
		if (i % 64 == 0)
			CHECK_FOR_INTERRUPTS();
	}
}

static void
predict_by_regression(const Folds *folds, const SummaryView **training, const SummaryView *test, double ridge,
					  double *chance)
{
	Logistic logistic;

	attrib_check_status(
		logistic_fit(&logistic, training, folds->count - 1, folds->nchannels, ridge, attrib_env()),
		"logistic regression");
	for (size_t i = 0; i < test->npaths; i++)
	{
		chance[i] = logistic_probability(&logistic, test->paths[i].touches, test->paths[i].ntouches);
		if (i % 64 == 0)
			CHECK_FOR_INTERRUPTS();
	}
}

/* Each fold by models that have not seen it. */
static void
cross_validate(const Folds *folds, const AccuracyOptions *options, double *const *chance)
{
	MemoryContext scratch =
		AllocSetContextCreate(CurrentMemoryContext, "attrib fold", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	size_t first = 0;

	for (int test = 0; test < folds->count; test++)
	{
		const SummaryView *training[MAX_FOLDS];
		int ntraining = 0;

		for (int i = 0; i < folds->count; i++)
		{
			if (i != test)
				training[ntraining++] = folds->view[i];
		}
		predict_by_chains(folds, training, folds->view[test], options->max_order, chance, first);
		MemoryContextReset(scratch);
		predict_by_regression(folds, training, folds->view[test], options->ridge, chance[0] + first);
		MemoryContextReset(scratch);
		first += folds->view[test]->npaths;
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
}

static void
judge(const Folds *folds, const double *chance, Prediction *predictions, Accuracy *accuracy)
{
	size_t n = 0;

	for (int f = 0; f < folds->count; f++)
	{
		for (size_t i = 0; i < folds->view[f]->npaths; i++, n++)
			predictions[n] =
				(Prediction){chance[n], folds->view[f]->paths[i].conversions, folds->view[f]->paths[i].lost};
	}
	accuracy_of(predictions, n, attrib_env(), accuracy);
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
						 bin->journeys, exact_float8(bin->low), exact_float8(bin->high));
		appendStringInfo(&out, "\"predicted\":%s,\"observed\":%s}", exact_float8(bin->predicted),
						 exact_float8(bin->observed));
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
	Chances chance;
	RowSink sink;
	Folds folds;
	int best;

	(void) aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (AccuracyState *) PG_GETARG_POINTER(0);
	folds = collect_folds(state);
	for (int model = 0; model <= state->options.max_order; model++)
		chance[model] = CORE_ALLOC(attrib_env(), double, folds.npaths);
	cross_validate(&folds, &state->options, chance);
	predictions = CORE_ALLOC(attrib_env(), Prediction, folds.npaths);
	for (int model = 0; model <= state->options.max_order; model++)
		judge(&folds, chance[model], predictions, &accuracy[model]);
	best = best_order(accuracy, state->options.max_order);
	sink = row_sink_begin_array(fcinfo);
	for (int order = 1; order <= state->options.max_order; order++)
		put_accuracy_row(&sink, &accuracy[order], order, order == best);
	put_accuracy_row(&sink, &accuracy[0], 0, true);
	return row_sink_array(&sink);
}
