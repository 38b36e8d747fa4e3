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

/* 2^26 coalitions take 1 GB, 16 bytes each. */
#define SHAPLEY_MAX_EXACT 26

/* A cap that leaves no doubt whether a call ever ends; errors shrink with the root of the samples anyway. */
#define SHAPLEY_MAX_SAMPLES 100000000

/*
 * Only the pooled rate needs these: the other two games have a closed form over the observed sets, exact at
 * any number of channels.
 */
typedef struct ShapleyOptions
{
	ShapleyGame game;
	int max_exact;	 /* enumerate all coalitions up to this many channels, 0 .. SHAPLEY_MAX_EXACT */
	int64_t samples; /* permutations beyond that, in antithetic pairs; an odd number is rounded up */
	uint64_t seed;
} ShapleyOptions;

typedef struct ShapleyResult
{
	double *phi;		/* per channel */
	double *std_error;	/* per channel; NULL unless sampled with two pairs or more */
	bool sampled;		/* phi is an estimate */
	double grand;		/* v(all channels) */
	CreditTable credit; /* a rate game's is phi scaled to all conversions and value; 0 where grand is 0 */
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

/* Equal credit to each distinct channel of a path, split over its occurrences; see touch_weights_linear(). */
extern void touch_weights_shapley(double *weight, const uint32_t *touches, size_t n, uint32_t nchannels,
								  const CoreEnv *env);

#endif
