/*
 * Shapley values of three attribution games.
 */
#ifndef ATTRIB_SHAPLEY_H
#define ATTRIB_SHAPLEY_H

#include "summary_view.h"

typedef enum ShapleyGame
{
	SHAPLEY_CONVERSIONS, /* v(S) = conversions of journeys whose channels lie within S */
	SHAPLEY_RATE,		 /* v(S) = pooled conversion rate of matured journeys within S */
	SHAPLEY_EXACT_RATE,	 /* v(S) = conversion rate of matured journeys whose channels are exactly S */
} ShapleyGame;

typedef struct ShapleyOptions
{
	ShapleyGame game;
	int max_exact;	 /* enumerate all coalitions up to this many channels (at most 26) */
	int64_t samples; /* permutations beyond that, in antithetic pairs */
	uint64_t seed;
} ShapleyOptions;

typedef struct ShapleyResult
{
	double *phi;	   /* per channel */
	double *std_error; /* per channel, meaningful if sampled */
	bool sampled;
	double grand;		/* v(all channels) */
	CreditTable credit; /* for SHAPLEY_CONVERSIONS only */
} ShapleyResult;

/* Allocates the result's arrays from env. */
extern CoreStatus shapley_values(const SummaryView *view, const ShapleyOptions *options, const CoreEnv *env,
								 ShapleyResult *result);

/* Zhao's ordered Shapley: credit of channel c at its 1-based position t in the journey. */
typedef struct OrderedCredit
{
	uint32_t channel;
	uint32_t position;
	double conversions;
	double value;
} OrderedCredit;

/* Sorted by channel, then position; rows exist where a converting journey has the channel there. */
extern CoreStatus shapley_ordered(const SummaryView *view, const CoreEnv *env, OrderedCredit **credits,
								  size_t *ncredits);

#endif
