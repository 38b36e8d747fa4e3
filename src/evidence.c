/*
 * attribution_intervals(), attribution_difference() and model_agreement(): how far the numbers can be trusted.
 */
#include "evidence.h"

#include <math.h>

#include "summary.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(attrib_attribution_intervals);
PG_FUNCTION_INFO_V1(attrib_attribution_difference);
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
evidence_request(FunctionCallInfo fcinfo, int argno)
{
	EvidenceRequest request = {.options = model_options_default(), .method = INTERVAL_PERCENTILE};

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

/* Sorted, without the replicates that drew no conversion to have a share of; returns how many are left. */
static size_t
sort_replicates(double *values, size_t n)
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
} IntervalRows;

static void
put_interval(const IntervalRows *rows, BootstrapQuantity quantity, uint32 column, double estimate,
			 Datum *values, bool *nulls)
{
	double *replicates = bootstrap_column(&rows->bootstrap, quantity, column);
	size_t n = sort_replicates(replicates, (size_t) rows->bootstrap.replicates);
	ConfidenceInterval interval = {0, 0};

	nulls[0] = nulls[1] = n == 0;
	if (n > 0 && rows->request->method == INTERVAL_BCA)
		interval = interval_bca(replicates, n, estimate, rows->bootstrap.acceleration[quantity][column],
								rows->request->level);
	else if (n > 0)
		interval = interval_percentile(replicates, n, rows->request->level);
	values[0] = Float8GetDatum(interval.low);
	values[1] = Float8GetDatum(interval.high);
}

static void
put_intervals_row(void *arg, int64 channel, const char *name, Credit credit)
{
	IntervalRows *rows = arg;
	uint32 column = channel < 0 ? rows->view->nchannels : (uint32) channel;
	double share = 0;
	Datum values[9];
	bool nulls[9] = {false};

	values[0] = CStringGetTextDatum(name);
	values[1] = Float8GetDatum(credit.conversions);
	put_interval(rows, BOOTSTRAP_CONVERSIONS, column, credit.conversions, values + 2, nulls + 2);
	values[4] = Float8GetDatum(credit.value);
	put_interval(rows, BOOTSTRAP_VALUE, column, credit.value, values + 5, nulls + 5);
	if (credit_share(rows->view, credit.conversions, &share))
		put_interval(rows, BOOTSTRAP_SHARE, column, share, values + 7, nulls + 7);
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
	EvidenceRequest request = evidence_request(fcinfo, 1);
	CreditTable estimate;

	if (PG_ARGISNULL(0))
		return (Datum) 0;
	rows.view = summary_view_arg(fcinfo, 0);
	rows.request = &request;
	estimate = evidence_estimate(rows.view, &request);
	rows.bootstrap = evidence_bootstrap(rows.view, &request, request.seed);
	credit_rows(rows.view, &estimate, put_intervals_row, &rows);
	return (Datum) 0;
}

/* ---------------------------------------------------------------- attribution_difference */

/* One of the two summaries. */
typedef struct Side
{
	const SummaryView *view;
	SummaryMeta meta;
	CreditTable estimate;
	BootstrapResult bootstrap;
} Side;

/* A channel of either; place -1 where a summary does not have it. */
typedef struct SharedChannel
{
	const char *name;
	int64 place[2];
} SharedChannel;

/* Summaries whose journeys had unequally long to convert differ for that reason alone. */
#define MATURITY_TOLERANCE 0.01

/* The part of all journeys, open ones included, whose outcome was final when they were counted. */
static double
maturity(const SummaryView *view)
{
	double matured = (double) view->matured_conversions + (double) view->lost;
	double all = (double) view->conversions + (double) view->lost + (double) view->open;

	return all > 0 ? matured / all : 1;
}

static void
warn_if_incomparable(const Side *sides)
{
	double a = maturity(sides[0].view);
	double b = maturity(sides[1].view);
	StringInfoData options[2];

	if (fabs(a - b) > MATURITY_TOLERANCE)
		ereport(WARNING,
				(errmsg("the summaries differ in maturity: %.1f%% and %.1f%% of their journeys are matured",
						100 * a, 100 * b),
				 errhint("Compare periods that ended at least a lookback before observed_until.")));
	if (!sides[0].meta.has_options || !sides[1].meta.has_options)
		return;
	for (int i = 0; i < 2; i++)
	{
		initStringInfo(&options[i]);
		summary_options_json(&options[i], &sides[i].meta);
	}
	if (strcmp(options[0].data, options[1].data) != 0)
		ereport(WARNING, (errmsg("the journeys of the summaries were cut with different options"),
						  errdetail("%s and %s", options[0].data, options[1].data),
						  errhint("Build both with the same journey_options().")));
}

/* The share of a side's channel, and through *replicates its replicates (NULL where it has none). */
static double
side_share(const Side *side, int64 place, const double **replicates, double *conversions)
{
	double share = 0;
	uint32 column;

	*replicates = NULL;
	*conversions = 0;
	if (place >= 0)
	{
		column = (uint32) place;
		*replicates = bootstrap_column(&side->bootstrap, BOOTSTRAP_SHARE, column);
		*conversions = column == side->view->nchannels ? side->estimate.unattributed.conversions
													   : side->estimate.channel[column].conversions;
	}
	return credit_share(side->view, *conversions, &share) ? share : NAN;
}

/* The place of a name among a side's columns, the unattributed one included; moves *next past it. */
static const char *
next_name(const Side *side, uint32 *next, bool *unattributed, int64 *place)
{
	const char *name = *next < side->view->nchannels ? side->view->channels[*next] : NULL;

	if (*unattributed && (name == NULL || strcmp(UNATTRIBUTED_NAME, name) < 0))
	{
		*place = side->view->nchannels;
		return UNATTRIBUTED_NAME;
	}
	*place = *next;
	return name;
}

static int
merge_channels(const Side *sides, SharedChannel *shared)
{
	uint32 next[2] = {0, 0};
	bool unattributed[2];
	int count = 0;

	for (int i = 0; i < 2; i++)
		unattributed[i] = sides[i].estimate.unattributed.conversions != 0;
	for (;;)
	{
		int64 place[2];
		const char *name[2];
		int order;

		for (int i = 0; i < 2; i++)
			name[i] = next_name(&sides[i], &next[i], &unattributed[i], &place[i]);
		if (name[0] == NULL && name[1] == NULL)
			return count;
		order = name[0] == NULL ? 1 : name[1] == NULL ? -1 : strcmp(name[0], name[1]);
		shared[count] = (SharedChannel){order <= 0 ? name[0] : name[1], {-1, -1}};
		for (int i = 0; i < 2; i++)
		{
			if (i == 0 ? order > 0 : order < 0)
				continue;
			shared[count].place[i] = place[i];
			if (place[i] == sides[i].view->nchannels)
				unattributed[i] = false;
			else
				next[i]++;
		}
		count++;
	}
}

/* What a row says beyond names. */
typedef struct Difference
{
	double share[2];
	double conversions[2];
	ConfidenceInterval interval;
	bool known; /* both sides have conversions, and so have enough replicates */
} Difference;

static Difference
compare_channel(const Side *sides, const SharedChannel *channel, const EvidenceRequest *request,
				double *scratch, double *p_value)
{
	Difference row = {.known = false};
	const double *replicates[2];
	size_t n;

	for (int i = 0; i < 2; i++)
		row.share[i] = side_share(&sides[i], channel->place[i], &replicates[i], &row.conversions[i]);
	*p_value = NAN;
	if (isnan(row.share[0]) || isnan(row.share[1]))
		return row;
	for (int r = 0; r < request->replicates; r++)
		scratch[r] = (replicates[0] ? replicates[0][r] : 0) - (replicates[1] ? replicates[1][r] : 0);
	n = sort_replicates(scratch, (size_t) request->replicates);
	row.known = n > 0;
	if (row.known)
	{
		row.interval = interval_percentile(scratch, n, request->level);
		*p_value = bootstrap_p_value(scratch, n);
	}
	return row;
}

static void
put_difference_row(RowSink *sink, const SharedChannel *channel, const Difference *row, double p_value,
				   double p_adjusted)
{
	Datum values[10];
	bool nulls[10] = {false};

	values[0] = CStringGetTextDatum(channel->name);
	nulls[1] = isnan(row->share[0]);
	values[1] = Float8GetDatum(row->share[0]);
	nulls[2] = isnan(row->share[1]);
	values[2] = Float8GetDatum(row->share[1]);
	nulls[3] = nulls[1] || nulls[2];
	values[3] = Float8GetDatum(row->share[0] - row->share[1]);
	nulls[4] = nulls[5] = nulls[6] = nulls[7] = !row->known;
	values[4] = Float8GetDatum(row->interval.low);
	values[5] = Float8GetDatum(row->interval.high);
	values[6] = Float8GetDatum(p_value);
	values[7] = Float8GetDatum(p_adjusted);
	values[8] = Float8GetDatum(row->conversions[0]);
	values[9] = Float8GetDatum(row->conversions[1]);
	row_sink_put(sink, values, nulls);
	pfree(DatumGetPointer(values[0]));
}

/* Two samples that are independent need streams that are. */
#define SECOND_SEED UINT64CONST(0x9e3779b97f4a7c15)

/* (a, b, model, replicates, level, seed, options) */
Datum
attrib_attribution_difference(PG_FUNCTION_ARGS)
{
	RowSink sink = row_sink_begin(fcinfo);
	EvidenceRequest request = evidence_request(fcinfo, 2);
	Side sides[2];
	SharedChannel *shared;
	Difference *rows;
	double *p_value;
	double *p_adjusted;
	double *scratch;
	int count;

	if (request.method != INTERVAL_PERCENTILE)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("attribution_difference has percentile intervals only"),
						errhint("They agree with its p-values; attribution_intervals() takes \"bca\".")));
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;
	for (int i = 0; i < 2; i++)
		sides[i].view = summary_view_datum(PG_GETARG_DATUM(i), &sides[i].meta);
	warn_if_incomparable(sides);
	for (int i = 0; i < 2; i++)
	{
		sides[i].estimate = evidence_estimate(sides[i].view, &request);
		sides[i].bootstrap =
			evidence_bootstrap(sides[i].view, &request, i == 0 ? request.seed : request.seed ^ SECOND_SEED);
	}
	count = (int) (sides[0].view->nchannels + sides[1].view->nchannels + 1);
	shared = CORE_ALLOC(attrib_env(), SharedChannel, count);
	rows = CORE_ALLOC(attrib_env(), Difference, count);
	p_value = CORE_ALLOC(attrib_env(), double, count);
	p_adjusted = CORE_ALLOC(attrib_env(), double, count);
	scratch = CORE_ALLOC(attrib_env(), double, request.replicates);
	count = merge_channels(sides, shared);
	for (int i = 0; i < count; i++)
		rows[i] = compare_channel(sides, &shared[i], &request, scratch, &p_value[i]);
	adjust_holm(p_value, (size_t) count, p_adjusted, attrib_env());
	for (int i = 0; i < count; i++)
		put_difference_row(&sink, &shared[i], &rows[i], p_value[i], p_adjusted[i]);
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
