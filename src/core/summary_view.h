/*
 * A journey summary as the models read it: plain arrays in canonical order.
 *
 * Channels are numbered in the byte order of their names, paths are sorted by length-independent
 * lexicographic order of those numbers (a path before its extensions; the empty path, if any, is first), no
 * path occurs twice, every channel occurs in at least one path, and no path has all counts zero. So a
 * model that walks the arrays from front to back gives the same digits however the summary was built.
 */
#ifndef ATTRIB_SUMMARY_VIEW_H
#define ATTRIB_SUMMARY_VIEW_H

#include "fixed.h"

/* One distinct path and all that happened on it. */
typedef struct SummaryPath
{
	fixed128 value;			/* of all its conversions */
	fixed128 matured_value; /* of those that are matured */
	FixedSquare squares;	/* sum of squared values of all its conversions */
	int64_t conversions;
	int64_t lost; /* ended in silence; lost journeys are always matured */
	int64_t open; /* may still convert: counted nowhere but in journeys() and summary_stats() */
	int64_t matured_conversions;
	const uint32_t *touches; /* channel numbers, in order; channels may repeat */
	uint32_t ntouches;		 /* 0: the empty path, whose conversions no channel earns */
	uint32_t ndecay;		 /* entries of decay: 0, or the number of distinct channels */
	const struct DecayCredit *decay;
} SummaryPath;

/* A path on which nothing happened. Field by field: compilers clear a struct of this size by a slow instruction. */
static inline void
summary_path_begin(SummaryPath *path, const uint32_t *touches, uint32_t ntouches)
{
	path->value = 0;
	path->matured_value = 0;
	path->squares.word[0] = path->squares.word[1] = path->squares.word[2] = 0;
	path->conversions = 0;
	path->lost = 0;
	path->open = 0;
	path->matured_conversions = 0;
	path->touches = touches;
	path->ntouches = ntouches;
	path->ndecay = 0;
	path->decay = NULL;
}

/*
 * Clock-decayed credit of one channel on one path, summed over the path's conversions.
 * Paths of a single distinct channel store none: that channel has all of it.
 */
typedef struct DecayCredit
{
	fixed128 conversions; /* in units of 2^-60 */
	fixed128 value;		  /* in units of 2^-64 */
	uint32_t channel;
} DecayCredit;

#define DECAY_FRACTION_BITS 60

typedef struct SummaryView
{
	uint32_t nchannels;
	const char *const *channels; /* names, NUL-terminated, sorted by bytes */
	size_t npaths;
	const SummaryPath *paths;
	size_t ntouches;	   /* sum of all paths' lengths */
	uint32_t longest_path; /* touches in the longest path */
	bool has_decay;		   /* built with a half_life: time decay can be answered */
	int64_t conversions;   /* totals over all paths, the empty one included */
	int64_t lost;
	int64_t open;
	int64_t matured_conversions;
	fixed128 value;
	fixed128 matured_value;
} SummaryView;

/*
 * What a summary remembers besides its paths: the options that shaped its journeys, because rollup may only
 * add like to like, and the counters of raw touches.
 */
typedef struct SummaryMeta
{
	bool has_options; /* false: built from bare or counted paths, and all below but the counters is unset */
	bool has_lookback;
	bool has_max_touches;
	bool has_half_life;
	bool reuse_touches;
	uint32_t max_touches;
	int64_t lookback;			  /* microseconds */
	int64_t half_life;			  /* microseconds */
	const char *channel_lookback; /* canonical JSON, "{}" for none */
	const char *transforms;		  /* canonical JSON, "[]" for none */
	int64_t touches_seen;		  /* touch events read, those without a user included */
	int64_t anonymous_touches;	  /* touch events without a user, which no journey has */
} SummaryMeta;

/* What a channel earns under a model. */
typedef struct Credit
{
	double conversions;
	double value;
} Credit;

/*
 * A model's answer: one credit a channel, in channel order, and what stays with no channel (conversions of
 * empty paths, or all of them where a chain has nothing to learn from). Caller-allocated `channel`.
 */
typedef struct CreditTable
{
	Credit *channel; /* nchannels of them */
	Credit unattributed;
} CreditTable;

#endif
