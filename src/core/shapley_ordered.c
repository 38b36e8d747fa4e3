#include "shapley.h"

#include <string.h>

#include "channel_sets.h"
#include "credit.h"
#include "rules.h"

/* What a channel earns at one position. */
typedef struct PlaceCredit
{
	ExactCredit earned;
	uint32_t channel;
	uint32_t position;
} PlaceCredit;

/* Open addressing over (channel, position); slots hold place number + 1. */
typedef struct PlaceTable
{
	PlaceCredit *places;
	size_t nplaces;
	size_t capacity;
	uint32_t *slots;
	size_t mask;
	Progress progress;
} PlaceTable;

static size_t
hash_place(const PlaceTable *table, uint32_t channel, uint32_t position)
{
	uint64_t key = ((uint64_t) channel << 32 | position) * UINT64_C(0x9e3779b97f4a7c15);

	return (size_t) (key ^ (key >> 32)) & table->mask;
}

static uint32_t *
find_place(PlaceTable *table, uint32_t channel, uint32_t position)
{
	size_t slot = hash_place(table, channel, position);

	while (table->slots[slot] != 0)
	{
		const PlaceCredit *place = &table->places[table->slots[slot] - 1];

		if (place->channel == channel && place->position == position)
			break;
		slot = (slot + 1) & table->mask;
		progress_made(&table->progress, 1);
	}
	return &table->slots[slot];
}

/* Twice the room, at load 1/2 at most. */
static CoreStatus
grow_places(PlaceTable *table)
{
	const CoreEnv *env = table->progress.env;
	PlaceCredit *places;

	if (table->capacity >= UINT32_MAX / 4)
		return CORE_TOO_LARGE;
	places = CORE_ALLOC(env, PlaceCredit, 2 * table->capacity);
	memcpy(places, table->places, table->nplaces * sizeof(PlaceCredit));
	core_free(env, table->places);
	table->places = places;
	table->capacity *= 2;

	core_free(env, table->slots);
	table->slots = CORE_ALLOC_ZERO(env, uint32_t, 2 * table->capacity);
	table->mask = 2 * table->capacity - 1;
	for (size_t i = 0; i < table->nplaces; i++)
	{
		*find_place(table, places[i].channel, places[i].position) = (uint32_t) (i + 1);
		progress_made(&table->progress, 8);
	}
	return CORE_OK;
}

static CoreStatus
credit_place(PlaceTable *table, uint32_t channel, uint32_t position, ExactCredit credit)
{
	uint32_t *slot = find_place(table, channel, position);

	if (*slot == 0)
	{
		if (table->nplaces == table->capacity)
		{
			CoreStatus status = grow_places(table);

			if (status != CORE_OK)
				return status;
			slot = find_place(table, channel, position);
		}
		table->places[table->nplaces++] = (PlaceCredit){{0, 0}, channel, position};
		*slot = (uint32_t) table->nplaces;
	}
	exact_add(&table->places[*slot - 1].earned, credit);
	return CORE_OK;
}

/*
 * r / |T| to each distinct channel, in the very parts conversions_game() gives them, then in equal parts to
 * the channel's touches: so the positions of a channel add up to its Shapley value, unit for unit.
 */
static CoreStatus
credit_path_places(PlaceTable *table, const SummaryPath *path, DistinctScan *scan, ExactSplit *channel_split,
				   uint32_t *touched)
{
	ExactSplit split;

	distinct_scan_path(scan, path->touches, path->ntouches);
	split = exact_split(exact_path_credit(path), scan->nchannels);
	for (uint32_t j = 0; j < scan->nchannels; j++)
	{
		uint32_t channel = scan->channels[j];

		channel_split[channel] = exact_split(exact_part(&split, j), scan->repeats[channel]);
		touched[channel] = 0;
	}
	for (uint32_t j = 0; j < path->ntouches; j++)
	{
		uint32_t channel = path->touches[j];
		CoreStatus status =
			credit_place(table, channel, j + 1, exact_part(&channel_split[channel], touched[channel]++));

		if (status != CORE_OK)
			return status;
	}
	progress_made(&table->progress, 16 * (size_t) path->ntouches);
	return CORE_OK;
}

/*
 * A stable counting sort of `from` into `to` by channel or by position: linear, and a loop that can be
 * interrupted, which the library's sort is not.
 */
static void
sort_places(const PlaceCredit *from, PlaceCredit *to, size_t n, bool by_channel, uint32_t nkeys,
			Progress *progress)
{
	size_t *start = CORE_ALLOC_ZERO(progress->env, size_t, (size_t) nkeys + 1);

	for (size_t i = 0; i < n; i++)
	{
		start[(by_channel ? from[i].channel : from[i].position) + 1]++;
		progress_made(progress, 2);
	}
	for (uint32_t k = 0; k < nkeys; k++)
		start[k + 1] += start[k];
	for (size_t i = 0; i < n; i++)
	{
		to[start[by_channel ? from[i].channel : from[i].position]++] = from[i];
		progress_made(progress, 8);
	}
	core_free(progress->env, start);
}

CoreStatus
shapley_ordered(const SummaryView *view, const CoreEnv *env, OrderedCredit **credits, size_t *ncredits)
{
	PlaceTable table = {.capacity = 64, .mask = 127, .progress = {env, 0}};
	DistinctScan scan = distinct_scan_alloc(view->nchannels, view->longest_path, env);
	ExactSplit *channel_split = CORE_ALLOC(env, ExactSplit, view->nchannels);
	uint32_t *touched = CORE_ALLOC(env, uint32_t, view->nchannels);
	CoreStatus status = CORE_OK;
	PlaceCredit *sorted;

	table.places = CORE_ALLOC(env, PlaceCredit, table.capacity);
	table.slots = CORE_ALLOC_ZERO(env, uint32_t, table.mask + 1);
	for (size_t i = 0; i < view->npaths && status == CORE_OK; i++)
	{
		const SummaryPath *path = &view->paths[i];

		if (path->ntouches > 0 && path_earns(path))
			status = credit_path_places(&table, path, &scan, channel_split, touched);
	}
	distinct_scan_free(&scan, env);
	core_free(env, channel_split);
	core_free(env, touched);
	core_free(env, table.slots);
	if (status != CORE_OK)
		return status;

	sorted = CORE_ALLOC(env, PlaceCredit, table.nplaces);
	sort_places(table.places, sorted, table.nplaces, false, view->longest_path + 1, &table.progress);
	sort_places(sorted, table.places, table.nplaces, true, view->nchannels, &table.progress);
	core_free(env, sorted);

	*credits = CORE_ALLOC(env, OrderedCredit, table.nplaces);
	*ncredits = table.nplaces;
	for (size_t i = 0; i < table.nplaces; i++)
	{
		Credit credit = exact_to_credit(table.places[i].earned);

		(*credits)[i] = (OrderedCredit){table.places[i].channel, table.places[i].position, credit.conversions,
										credit.value};
		progress_made(&table.progress, 8);
	}
	core_free(env, table.places);
	return CORE_OK;
}

void
touch_weights_shapley(double *weight, const uint32_t *touches, size_t n, uint32_t nchannels,
					  const CoreEnv *env)
{
	DistinctScan scan = distinct_scan_alloc(nchannels, n, env);

	distinct_scan_path(&scan, touches, n);
	for (size_t j = 0; j < n; j++)
		weight[j] = 1.0 / ((double) scan.nchannels * scan.repeats[touches[j]]);
	touch_weights_normalize(weight, n);
	distinct_scan_free(&scan, env);
}
