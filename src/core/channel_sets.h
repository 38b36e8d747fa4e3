/*
 * The sets of channels that journeys visited, without order or repeats.
 */
#ifndef ATTRIB_CHANNEL_SETS_H
#define ATTRIB_CHANNEL_SETS_H

#include "progress.h"
#include "summary_view.h"

/*
 * Finds the distinct channels of one path after another: seen[channel] holds the number of the last path
 * that visited the channel, so nothing needs clearing between paths.
 */
typedef struct DistinctScan
{
	size_t *seen;
	size_t stamp;
	uint32_t *channels; /* of the current path, in the order of their first touches */
	uint32_t *repeats;	/* per channel: its touches on the current path */
	uint32_t nchannels;
} DistinctScan;

extern DistinctScan distinct_scan_alloc(uint32_t nchannels, size_t longest, const CoreEnv *env);
extern void distinct_scan_path(DistinctScan *scan, const uint32_t *touches, size_t ntouches);

/* Puts the current path's channels in ascending order. */
extern void distinct_scan_sort(DistinctScan *scan);
extern void distinct_scan_free(DistinctScan *scan, const CoreEnv *env);

/* The matured journeys that visited exactly these channels. */
typedef struct ChannelSet
{
	const uint32_t *channels; /* in no particular, but always the same, order */
	uint32_t nchannels;
	int64_t conversions;
	int64_t journeys; /* conversions + lost */
} ChannelSet;

typedef struct ChannelSets
{
	ChannelSet *sets; /* none twice, none empty */
	size_t nsets;
	uint32_t *members; /* where the sets' channels are stored */
} ChannelSets;

extern CoreStatus channel_sets_collect(const SummaryView *view, const CoreEnv *env, ChannelSets *result);
extern void channel_sets_free(ChannelSets *sets, const CoreEnv *env);

#endif
