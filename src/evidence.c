/*
 * attribution_intervals() and model_agreement(): how far the numbers can be trusted.
 */
#include "evidence.h"

#include <math.h>

#include "summary.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(attrib_attribution_intervals);
PG_FUNCTION_INFO_V1(attrib_model_agreement);

#define MIN_REPLICATES 10

/* ---------------------------------------------------------------- arguments */

static IntervalMethod
method_option(JsonbObjectIter *it)
{
	char *name = jsonb_option_text(it);

	if (strcmp(name, "percentile") == 0)
		return INTERVAL_PERCENTILE;
	if (strcmp(name, "bca") == 0)
		return INTERVAL_BCA;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unrecognized method \"%s\"", name),
					errhint("Methods are percentile and bca.")));
	pg_unreachable();
}

/* The model's own arguments may stand by themselves or, as attribution_models() takes them, under its name. */
static void
read_options(Jsonb *object, EvidenceRequest *request)
{
	JsonbObjectIter it;

	jsonb_object_begin(&it, object, "options");
	while (jsonb_object_next(&it))
	{
		if (strcmp(it.key, "method") == 0)
			request->method = method_option(&it);
		else if (!model_option_read(&it, request->model, &request->options) &&
				 !model_options_read_model(&it, &request->options))
			jsonb_option_unknown(&it, "method, the arguments of the model, and the names of models");
	}
	model_options_check(&request->options);
}

EvidenceRequest
evidence_request(FunctionCallInfo fcinfo, int argno, IntervalMethod method)
{
	EvidenceRequest request = {.options = model_options_default(), .method = method};

	request.model = attribution_model_by_name(argument_text(fcinfo, argno, "model"));
	request.replicates =
		argument_int32(fcinfo, argno + 1, "replicates", MIN_REPLICATES, BOOTSTRAP_MAX_REPLICATES);
	request.level = argument_float8(fcinfo, argno + 2, "level");
	if (!(request.level > 0 && request.level < 1))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("level must be between 0 and 1, not %g", request.level),
						errhint("0.95 asks for intervals that hold the true value 95 times in 100.")));
	argument_not_null(fcinfo, argno + 3, "seed");
	request.seed = (uint64) PG_GETARG_INT64(argno + 3);
	if (!PG_ARGISNULL(argno + 4))
		read_options(PG_GETARG_JSONB_P(argno + 4), &request);
	return request;
}

/* ---------------------------------------------------------------- the bootstrap */

/* What core gets as its model: each call's scratch memory goes as soon as its credits are copied. */
typedef struct ScratchModel
{
	const EvidenceRequest *request;
	MemoryContext scratch;
} ScratchModel;

static bool
scratch_credits(void *arg, const SummaryView *view, CreditTable *out)
{
	ScratchModel *model = arg;
	MemoryContext caller = MemoryContextSwitchTo(model->scratch);
	CreditTable table = credit_table_alloc(view);
	bool known = model_credits(view, model->request->model, &model->request->options, &table);

	if (known)
	{
		memcpy(out->channel, table.channel, view->nchannels * sizeof(Credit));
		out->unattributed = table.unattributed;
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(model->scratch);
	return known;
}

static BootstrapKind
bootstrap_kind(const EvidenceRequest *request)
{
	if (request->model == MODEL_MARKOV)
		return BOOTSTRAP_BY_CHAIN;
	if (request->model == MODEL_SHAPLEY && request->options.shapley.game != SHAPLEY_CONVERSIONS)
		return BOOTSTRAP_BY_SET;
	return BOOTSTRAP_LINEAR;
}

BootstrapResult
evidence_bootstrap(const SummaryView *view, const EvidenceRequest *request, uint64 seed)
{
	ScratchModel model = {
		request, AllocSetContextCreate(CurrentMemoryContext, "attrib replicate", ALLOCSET_DEFAULT_SIZES)};
	BootstrapOptions options = {
		.kind = bootstrap_kind(request),
		.model = scratch_credits,
		.arg = &model,
		.markov_order = request->options.markov_order,
		.collapse_repeats = request->options.collapse_repeats,
		.replicates = request->replicates,
		.seed = seed,
		.accelerate = request->method == INTERVAL_BCA,
	};
	BootstrapResult result;

	attrib_check_status(bootstrap_run(view, &options, attrib_env(), &result), "bootstrap");
	MemoryContextDelete(model.scratch);
	return result;
}

CreditTable
evidence_estimate(const SummaryView *view, const EvidenceRequest *request)
{
	CreditTable table = credit_table_alloc(view);

	if (!model_credits(view, request->model, &request->options, &table))
		shapley_unscalable();
	return table;
}

size_t
evidence_sort_replicates(double *values, size_t n)
{
	size_t known = 0;

	for (size_t i = 0; i < n; i++)
	{
		if (!isnan(values[i]))
			values[known++] = values[i];
	}
	sort_doubles(values, known, attrib_env());
	return known;
}

/* ---------------------------------------------------------------- attribution_intervals */

typedef struct IntervalRows
{
	RowSink sink;
	const SummaryView *view;
	const EvidenceRequest *request;
	BootstrapResult bootstrap;
	double evenness;
} IntervalRows;

/* How many conversions of equal value would vary as much as one of the summary's: 1 / (1 + cv^2). */
static double
value_evenness(const SummaryView *view)
{
	double value = fixed_to_double(view->value);
	double squares = 0;

	for (size_t i = 0; i < view->npaths; i++)
		squares += fixed_square_to_double(view->paths[i].squares);
	return squares > 0 ? value / squares * (value / (double) view->conversions) : 1;
}

static void
put_interval(const IntervalRows *rows, BootstrapQuantity quantity, uint32 column, double estimate,
			 double level, Datum *values, bool *nulls)
{
	double *replicates = bootstrap_column(&rows->bootstrap, quantity, column);
	size_t n = evidence_sort_replicates(replicates, (size_t) rows->bootstrap.replicates);
	ConfidenceInterval interval = {0, 0};

	nulls[0] = nulls[1] = n == 0;
	if (n > 0 && rows->request->method == INTERVAL_BCA)
		interval =
			interval_bca(replicates, n, estimate, rows->bootstrap.acceleration[quantity][column], level);
	else if (n > 0)
		interval = interval_percentile(replicates, n, level);
	values[0] = Float8GetDatum(interval.low);
	values[1] = Float8GetDatum(interval.high);
}

static void
put_intervals_row(void *arg, int64 channel, const char *name, Credit credit)
{
	IntervalRows *rows = arg;
	uint32 column = channel < 0 ? rows->view->nchannels : (uint32) channel;
	double level = rows->request->level;
	double share = 0;
	Datum values[9];
	bool nulls[9] = {false};

	values[0] = CStringGetTextDatum(name);
	values[1] = Float8GetDatum(credit.conversions);
	put_interval(rows, BOOTSTRAP_CONVERSIONS, column, credit.conversions,
				 interval_expanded_level(credit.conversions, level), values + 2, nulls + 2);
	values[4] = Float8GetDatum(credit.value);
	put_interval(rows, BOOTSTRAP_VALUE, column, credit.value,
				 interval_expanded_level(credit.conversions * rows->evenness, level), values + 5, nulls + 5);
	if (credit_share(rows->view, credit.conversions, &share))
		put_interval(rows, BOOTSTRAP_SHARE, column, share, level, values + 7, nulls + 7);
	else
		nulls[7] = nulls[8] = true;
	row_sink_put(&rows->sink, values, nulls);
	pfree(DatumGetPointer(values[0]));
}

/* (s, model, replicates, level, seed, options) */
Datum
attrib_attribution_intervals(PG_FUNCTION_ARGS)
{
	IntervalRows rows = {.sink = row_sink_begin(fcinfo)};
	EvidenceRequest request = evidence_request(fcinfo, 1, INTERVAL_BCA);
	CreditTable estimate;

	if (PG_ARGISNULL(0))
		return (Datum) 0;
	rows.view = summary_view_arg(fcinfo, 0);
	rows.request = &request;
	rows.evenness = value_evenness(rows.view);
	estimate = evidence_estimate(rows.view, &request);
	rows.bootstrap = evidence_bootstrap(rows.view, &request, request.seed);
	credit_rows(rows.view, &estimate, put_intervals_row, &rows);
	return (Datum) 0;
}

/* ---------------------------------------------------------------- model_agreement */

static void
put_agreement_row(RowSink *sink, const SummaryView *view, AttributionModel a, AttributionModel b,
				  const double *shares_a, const double *shares_b)
{
	double correlation = rank_correlation(shares_a, shares_b, view->nchannels, attrib_env());
	Datum values[4];
	bool nulls[4] = {false};

	values[0] = CStringGetTextDatum(attribution_model_name(a));
	values[1] = CStringGetTextDatum(attribution_model_name(b));
	nulls[2] = view->conversions == 0 || isnan(correlation);
	values[2] = Float8GetDatum(nulls[2] ? 0 : correlation);
	nulls[3] = view->conversions == 0;
	values[3] = Float8GetDatum(total_variation(shares_a, shares_b, (size_t) view->nchannels + 1));
	row_sink_put(sink, values, nulls);
}

/* (s, models, options): one row a pair, in the models' order */
Datum
attrib_model_agreement(PG_FUNCTION_ARGS)
{
	RowSink sink = row_sink_begin(fcinfo);
	ModelOptions options =
		PG_ARGISNULL(2) ? model_options_default() : model_options_read(PG_GETARG_JSONB_P(2));
	AttributionModel chosen[ATTRIBUTION_MODELS];
	double *shares[ATTRIBUTION_MODELS];
	int count = chosen_models(fcinfo, 1, chosen);
	int known = 0;
	const SummaryView *view;

	if (PG_ARGISNULL(0))
		return (Datum) 0;
	view = summary_view_arg(fcinfo, 0);
	for (int i = 0; i < count; i++)
	{
		CreditTable table = credit_table_alloc(view);

		if (PG_ARGISNULL(1) && chosen[i] == MODEL_TIME_DECAY && !view->has_decay)
			continue; /* all models means all that the summary can answer */
		if (!model_credits(view, chosen[i], &options, &table))
			shapley_unscalable();
		chosen[known] = chosen[i];
		shares[known] = CORE_ALLOC_ZERO(attrib_env(), double, (size_t) view->nchannels + 1);
		for (uint32 c = 0; c < view->nchannels; c++)
			(void) credit_share(view, table.channel[c].conversions, &shares[known][c]);
		(void) credit_share(view, table.unattributed.conversions, &shares[known][view->nchannels]);
		known++;
	}
	for (int a = 0; a < known; a++)
	{
		for (int b = a + 1; b < known; b++)
			put_agreement_row(&sink, view, chosen[a], chosen[b], shares[a], shares[b]);
	}
	return (Datum) 0;
}
