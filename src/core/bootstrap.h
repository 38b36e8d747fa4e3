/*
 * Bootstrap of attribution models on a summary.
 *
 * The unit is the journey: each replicate draws as many journeys as there were, with replacement. A summary
 * holds them as counts by path and outcome (a matured conversion, one that is not, lost), and drawing with
 * replacement is a multinomial draw of those counts, so no journey is ever looked at again. Open journeys
 * count nowhere. Whole paths are not the unit: their number is what chance makes of the journeys, and
 * drawing them would multiply the error by the size of the paths.
 *
 * A cell's conversions have known mean and variance of value (from the stored sum of squares), no more; the
 * value of k of them is drawn from the gamma distribution with k times both. What a cell keeps no account
 * of does not vary: how clock-decayed credit differs between journeys of one path.
 */
#ifndef ATTRIB_BOOTSTRAP_H
#define ATTRIB_BOOTSTRAP_H

#include "interval.h"
#include "summary_view.h"

/*
 * A model. False: it has no answer for this view (a replicate without an answer leaves all conversions
 * unattributed). `out` has room for the view's channels. BOOTSTRAP_LINEAR shows it one path at a time, with the
 * channels of that path alone.
 */
typedef bool (*BootstrapModelFn)(void *arg, const SummaryView *view, CreditTable *out);

/* How a model may be recomputed for another draw of the same journeys. */
typedef enum BootstrapKind
{
	BOOTSTRAP_LINEAR,	/* each path's credit is its own: computed once, then only added up */
	BOOTSTRAP_BY_SET,	/* depends on paths by their sets of channels alone */
	BOOTSTRAP_BY_CHAIN, /* depends on paths by the steps of a Markov chain alone; needs no function */
} BootstrapKind;

typedef struct BootstrapOptions
{
	BootstrapKind kind;
	BootstrapModelFn model;
	void *arg;
	int markov_order; /* BOOTSTRAP_BY_CHAIN */
	bool collapse_repeats;
	int replicates;
	uint64_t seed;
	bool accelerate; /* BCa wants it */
} BootstrapOptions;

/* What is followed through the replicates, of every channel. */
typedef enum BootstrapQuantity
{
	BOOTSTRAP_CONVERSIONS,
	BOOTSTRAP_VALUE,
	BOOTSTRAP_SHARE,
} BootstrapQuantity;

#define BOOTSTRAP_QUANTITIES 3

/* Columns are the channels, then what stays unattributed. */
typedef struct BootstrapResult
{
	uint32_t ncolumns;
	int replicates;
	/* by quantity: replicates of a column in a row, column after column; a share without conversions is NaN */
	double *replicate[BOOTSTRAP_QUANTITIES];
	double *acceleration[BOOTSTRAP_QUANTITIES]; /* by column; NULL unless asked for */
} BootstrapResult;

/* Replicates need 24 bytes each for every column. */
#define BOOTSTRAP_MAX_REPLICATES 1000000

extern CoreStatus bootstrap_run(const SummaryView *view, const BootstrapOptions *options, const CoreEnv *env,
								BootstrapResult *result);

static inline double *
bootstrap_column(const BootstrapResult *result, BootstrapQuantity quantity, uint32_t column)
{
	return result->replicate[quantity] + (size_t) column * (size_t) result->replicates;
}

/* For the engines: stores replicate r's credits, column by column. */
extern void bootstrap_store(BootstrapResult *result, int r, const Credit *credit, double conversions);

/* The engines. */
extern void bootstrap_linear(const SummaryView *view, const BootstrapOptions *options, const CoreEnv *env,
							 BootstrapResult *result);
extern CoreStatus bootstrap_by_set(const SummaryView *view, const BootstrapOptions *options,
								   const CoreEnv *env, BootstrapResult *result);
extern CoreStatus bootstrap_by_chain(const SummaryView *view, const BootstrapOptions *options,
									 const CoreEnv *env, BootstrapResult *result);

#endif
