/*
 * attribution_difference(): whether two summaries differ by more than chance.
 */
#include "evidence.h"

#include <math.h>

#include "summary.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(attrib_attribution_difference);

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
	n = evidence_sort_replicates(scratch, (size_t) request->replicates);
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
	EvidenceRequest request = evidence_request(fcinfo, 2, INTERVAL_PERCENTILE);
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
