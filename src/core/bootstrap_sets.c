/*
 * The bootstrap of models that see no more of a path than its set of channels, the Shapley rate games: paths
 * of one set become one before anything is drawn.
 */
#include <string.h>

#include "bootstrap_paths.h"
#include "channel_sets.h"

typedef struct SetEngine
{
	const BootstrapOptions *options;
	SummaryView sets;	/* one path a set */
	SummaryView view;	/* the same with the drawn counts */
	SummaryPath *drawn; /* its paths */
	CreditTable table;
} SetEngine;

static void
draw_paths(SetEngine *engine, const PathCells *cells, RandomStream *stream)
{
	Progress progress = {cells->env, 0};

	for (size_t i = 0; i < engine->view.npaths; i++)
	{
		SummaryPath *path = &engine->drawn[i];

		path->conversions = path->matured_conversions = path->lost = 0;
		path->value = path->matured_value = 0;
	}
	for (size_t i = 0; i < cells->ncells; i++)
	{
		SummaryPath *path = &engine->drawn[cells->path[i]];
		int64_t count = cells->drawn[i];

		if (i >= cells->first_lost)
			path->lost = count;
		else
		{
			fixed128 value = fixed_from_sum(path_cell_value(cells, i, stream));

			path->conversions += count;
			path->value += value;
			if (i < cells->first_immature)
			{
				path->matured_conversions = count;
				path->matured_value = value;
			}
		}
		progress_made(&progress, 8);
	}
}

static CoreStatus
set_credits(void *arg, const PathCells *cells, RandomStream *stream, Credit *credit)
{
	SetEngine *engine = arg;
	SummaryView *view = &engine->view;
	uint32_t unattributed = engine->sets.nchannels;

	*view = engine->sets;
	view->paths = engine->drawn;
	view->conversions = view->matured_conversions = view->lost = 0;
	view->value = view->matured_value = 0;
	draw_paths(engine, cells, stream);
	for (size_t i = 0; i < view->npaths; i++)
	{
		const SummaryPath *path = &view->paths[i];

		view->conversions += path->conversions;
		view->matured_conversions += path->matured_conversions;
		view->lost += path->lost;
		view->value += path->value;
		view->matured_value += path->matured_value;
	}
	if (engine->options->model(engine->options->arg, view, &engine->table))
	{
		memcpy(credit, engine->table.channel, view->nchannels * sizeof(Credit));
		credit[unattributed] = engine->table.unattributed;
	}
	else
		credit[unattributed] = (Credit){(double) view->conversions, fixed_to_double(view->value)};
	return CORE_OK;
}

static bool
same_set(const SummaryPath *path, const uint32_t *channels, uint32_t n)
{
	return path->ntouches == n && memcmp(path->touches, channels, n * sizeof(uint32_t)) == 0;
}

static void
add_counts(SummaryPath *to, const SummaryPath *from)
{
	to->value += from->value;
	to->matured_value += from->matured_value;
	(void) fixed_square_add(&to->squares, from->squares); /* no larger than the sum over all paths */
	to->conversions += from->conversions;
	to->matured_conversions += from->matured_conversions;
	to->lost += from->lost;
}

static uint64_t
hash_set(const uint32_t *channels, uint32_t n)
{
	uint64_t hash = n;

	for (uint32_t j = 0; j < n; j++)
	{
		hash = (hash ^ channels[j]) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	return hash;
}

/* The empty path, if any, stays first and alone, as models expect. */
static void
collapse_paths(const SummaryView *view, const CoreEnv *env, SetEngine *engine)
{
	DistinctScan scan = distinct_scan_alloc(view->nchannels, view->longest_path, env);
	SummaryPath *paths = CORE_ALLOC(env, SummaryPath, view->npaths);
	uint32_t *members = CORE_ALLOC(env, uint32_t, view->ntouches);
	Progress progress = {env, 0};
	size_t mask = 64;
	size_t nmembers = 0;
	uint32_t *slots;

	engine->sets = *view;
	engine->sets.npaths = engine->sets.ntouches = engine->sets.longest_path = 0;
	while (mask < 2 * view->npaths)
		mask *= 2;
	slots = CORE_ALLOC_ZERO(env, uint32_t, mask--);
	for (size_t i = 0; i < view->npaths; i++)
	{
		const SummaryPath *path = &view->paths[i];
		size_t slot;
		uint32_t set;

		distinct_scan_path(&scan, path->touches, path->ntouches);
		distinct_scan_sort(&scan);
		slot = hash_set(scan.channels, scan.nchannels) & mask;
		while (slots[slot] != 0 && !same_set(&paths[slots[slot] - 1], scan.channels, scan.nchannels))
			slot = (slot + 1) & mask;
		if (slots[slot] == 0)
		{
			memcpy(members + nmembers, scan.channels, scan.nchannels * sizeof(uint32_t));
			paths[engine->sets.npaths++] =
				(SummaryPath){.touches = members + nmembers, .ntouches = scan.nchannels};
			slots[slot] = (uint32_t) engine->sets.npaths;
			nmembers += scan.nchannels;
			engine->sets.ntouches += scan.nchannels;
			if (scan.nchannels > engine->sets.longest_path)
				engine->sets.longest_path = scan.nchannels;
		}
		set = slots[slot] - 1;
		add_counts(&paths[set], path);
		progress_made(&progress, 32 + 8 * (size_t) path->ntouches);
	}
	engine->sets.paths = paths;
	core_free(env, slots);
	distinct_scan_free(&scan, env);
}

CoreStatus
bootstrap_by_set(const SummaryView *view, const BootstrapOptions *options, const CoreEnv *env,
				 BootstrapResult *result)
{
	SetEngine engine = {.options = options};
	PathCells cells;
	CoreStatus status;

	collapse_paths(view, env, &engine);
	engine.drawn = CORE_ALLOC(env, SummaryPath, engine.sets.npaths);
	memcpy(engine.drawn, engine.sets.paths, engine.sets.npaths * sizeof(SummaryPath));
	engine.table.channel = CORE_ALLOC_ZERO(env, Credit, view->nchannels);
	path_cells_init(&cells, &engine.sets, env);
	status = path_cells_bootstrap(&cells, options, set_credits, &engine, result);
	path_cells_free(&cells);
	core_free(env, engine.table.channel);
	core_free(env, engine.drawn);
	core_free(env, (void *) engine.sets.paths);
	return status;
}
