#include "channel_sets.h"

#include <string.h>

DistinctScan
distinct_scan_alloc(uint32_t nchannels, size_t longest, const CoreEnv *env)
{
	DistinctScan scan = {
		.seen = CORE_ALLOC_ZERO(env, size_t, nchannels),
		.channels = CORE_ALLOC(env, uint32_t, longest < nchannels ? longest : nchannels),
		.repeats = CORE_ALLOC(env, uint32_t, nchannels),
	};

	return scan;
}

void
distinct_scan_path(DistinctScan *scan, const uint32_t *touches, size_t ntouches)
{
	scan->stamp++;
	scan->nchannels = 0;
	for (size_t j = 0; j < ntouches; j++)
	{
		uint32_t channel = touches[j];

		if (scan->seen[channel] == scan->stamp)
			scan->repeats[channel]++;
		else
		{
			scan->seen[channel] = scan->stamp;
			scan->repeats[channel] = 1;
			scan->channels[scan->nchannels++] = channel;
		}
	}
}

/* Heap sort, as sets may be large and nothing here may recurse or allocate. */
void
distinct_scan_sort(DistinctScan *scan)
{
	uint32_t *channels = scan->channels;
	uint32_t n = scan->nchannels;

	for (uint32_t heap = n, next = n / 2; heap > 1;)
	{
		uint32_t parent;
		uint32_t moved;

		if (next > 0)
			parent = --next;
		else
		{
			uint32_t last = channels[--heap];

			channels[heap] = channels[0];
			channels[0] = last;
			parent = 0;
		}
		moved = channels[parent];
		for (uint32_t child; (child = 2 * parent + 1) < heap; parent = child)
		{
			if (child + 1 < heap && channels[child] < channels[child + 1])
				child++;
			if (moved >= channels[child])
				break;
			channels[parent] = channels[child];
		}
		channels[parent] = moved;
	}
}

void
distinct_scan_free(DistinctScan *scan, const CoreEnv *env)
{
	core_free(env, scan->seen);
	core_free(env, scan->channels);
	core_free(env, scan->repeats);
}

static uint64_t
mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* The same for any order of the channels. */
static uint64_t
hash_channels(const DistinctScan *scan)
{
	uint64_t hash = scan->nchannels;

	for (uint32_t j = 0; j < scan->nchannels; j++)
		hash += mix(scan->channels[j]);
	return mix(hash);
}

/* Equal sizes and every channel of the set just seen make the set the path's. */
static bool
is_scanned_set(const ChannelSet *set, const DistinctScan *scan)
{
	if (set->nchannels != scan->nchannels)
		return false;
	for (uint32_t j = 0; j < set->nchannels; j++)
	{
		if (scan->seen[set->channels[j]] != scan->stamp)
			return false;
	}
	return true;
}

static bool
is_matured(const SummaryPath *path)
{
	return path->ntouches > 0 && (path->matured_conversions > 0 || path->lost > 0);
}

/* Open addressing; slots hold set number + 1. */
typedef struct SetTable
{
	uint32_t *slots;
	size_t mask;
} SetTable;

static uint32_t *
find_slot(const SetTable *table, const ChannelSets *sets, const DistinctScan *scan, Progress *progress)
{
	size_t slot = hash_channels(scan) & table->mask;

	while (table->slots[slot] != 0 && !is_scanned_set(&sets->sets[table->slots[slot] - 1], scan))
	{
		slot = (slot + 1) & table->mask;
		progress_made(progress, 4 + scan->nchannels);
	}
	return &table->slots[slot];
}

CoreStatus
channel_sets_collect(const SummaryView *view, const CoreEnv *env, ChannelSets *result)
{
	size_t matured = 0;
	size_t touches = 0;
	size_t used = 0;
	SetTable table = {.mask = 15};
	Progress progress = {env, 0};
	DistinctScan scan;

	for (size_t i = 0; i < view->npaths; i++)
	{
		const SummaryPath *path = &view->paths[i];

		if (is_matured(path))
		{
			matured++;
			touches += path->ntouches < view->nchannels ? path->ntouches : view->nchannels;
		}
	}
	if (matured >= UINT32_MAX / 4)
		return CORE_TOO_LARGE;
	while (table.mask < 2 * matured)
		table.mask = 2 * table.mask + 1;

	scan = distinct_scan_alloc(view->nchannels, view->longest_path, env);
	table.slots = CORE_ALLOC_ZERO(env, uint32_t, table.mask + 1);
	result->sets = CORE_ALLOC(env, ChannelSet, matured);
	result->members = CORE_ALLOC(env, uint32_t, touches);
	result->nsets = 0;
	for (size_t i = 0; i < view->npaths; i++)
	{
		const SummaryPath *path = &view->paths[i];
		uint32_t *slot;
		ChannelSet *set;

		if (!is_matured(path))
			continue;
		distinct_scan_path(&scan, path->touches, path->ntouches);
		progress_made(&progress, 4 + path->ntouches);
		slot = find_slot(&table, result, &scan, &progress);
		if (*slot == 0)
		{
			set = &result->sets[result->nsets++];
			*set = (ChannelSet){.channels = result->members + used, .nchannels = scan.nchannels};
			memcpy(result->members + used, scan.channels, scan.nchannels * sizeof(uint32_t));
			used += scan.nchannels;
			*slot = (uint32_t) result->nsets;
		}
		set = &result->sets[*slot - 1];
		set->conversions += path->matured_conversions;
		set->journeys += path->matured_conversions + path->lost;
	}
	core_free(env, table.slots);
	distinct_scan_free(&scan, env);
	return CORE_OK;
}

void
channel_sets_free(ChannelSets *sets, const CoreEnv *env)
{
	core_free(env, sets->sets);
	core_free(env, sets->members);
}
