/*
 * The bootstrap of Markov removal effects. States and edges are those of the whole summary; a replicate only
 * counts them anew and drops what it did not visit, so that it is a chain like any other.
 */
#include <string.h>

#include "bootstrap_paths.h"
#include "markov.h"
#include "progress.h"

/*
 * All that a chain counts is a sum over journeys, kept in one array: edges, then for each state the journeys
 * that begin there, convert there and are lost there. A cell's journeys each add one at its places; for
 * counting, the places are turned round into the cells that each counter sums, which needs no branches.
 */
typedef struct ChainEngine
{
	const CoreEnv *env;
	MarkovChain chain;	 /* of all journeys */
	size_t *place_first; /* by cell, and one more: where its places begin in place */
	uint32_t *place;
	size_t *cell_first; /* by counter, and one more: where its cells begin in cell */
	uint32_t *cell;
	int64_t *counter;
	size_t ncounters;
	fixed128 *earned;	/* by state of the whole */
	SummaryView totals; /* of a replicate: no paths but the empty one */
	SummaryPath empty;
	MarkovChain drawn; /* a replicate's, in arrays as large as the whole's */
	uint32_t *renamed; /* by state of the whole: in the replicate, UINT32_MAX if not visited */
} ChainEngine;

/* Where the counts of states begin. */
static size_t
start_counters(const ChainEngine *engine)
{
	return engine->chain.edge_first[engine->chain.states.nstates];
}

static size_t
converted_counters(const ChainEngine *engine)
{
	return start_counters(engine) + engine->chain.states.nstates;
}

static size_t
lost_counters(const ChainEngine *engine)
{
	return converted_counters(engine) + engine->chain.states.nstates;
}

static uint32_t
find_edge(const MarkovChain *chain, uint32_t from, uint32_t to)
{
	size_t low = chain->edge_first[from];
	size_t high = chain->edge_first[from + 1] - 1;

	while (low < high)
	{
		size_t middle = low + (high - low) / 2;

		if (chain->edge_to[middle] < to)
			low = middle + 1;
		else
			high = middle;
	}
	return (uint32_t) low;
}

/* A journey's places: every step, the first state and how the last one was left. */
static size_t
list_path(const ChainEngine *engine, size_t p, bool collapse_repeats, bool lost, uint32_t *place)
{
	const MarkovStates *states = &engine->chain.states;
	const uint32_t *window = states->window + states->window_first[p];
	size_t count = markov_window_count(states, &states->view->paths[states->path[p]]);
	size_t n = 0;

	for (size_t i = 1; i < count; i++)
	{
		if (!collapse_repeats || window[i] != window[i - 1])
			place[n++] = find_edge(&engine->chain, window[i - 1], window[i]);
	}
	place[n++] = (uint32_t) start_counters(engine) + window[0];
	place[n++] = (uint32_t) (lost ? lost_counters(engine) : converted_counters(engine)) + window[count - 1];
	return n;
}

/*
 * The places of cells first .. end - 1, which share an outcome. Such cells and the chain's counted paths are
 * both in the order of paths; the empty path is in no chain.
 */
static size_t
list_cells(ChainEngine *engine, const PathCells *cells, size_t first, size_t end, size_t nplaces, bool lost,
		   bool collapse_repeats)
{
	const MarkovStates *states = &engine->chain.states;
	Progress progress = {engine->env, 0};
	size_t p = 0;

	for (size_t i = first; i < end; i++)
	{
		engine->place_first[i] = nplaces;
		while (p < states->npaths && states->path[p] < cells->path[i])
			p++;
		if (p == states->npaths || states->path[p] != cells->path[i])
			continue;
		nplaces += list_path(engine, p, collapse_repeats, lost, engine->place + nplaces);
		progress_made(&progress, 32 + 16 * (nplaces - engine->place_first[i]));
	}
	return nplaces;
}

/* Immature conversions take no part. */
static void
list_places(ChainEngine *engine, const PathCells *cells, bool collapse_repeats)
{
	const MarkovStates *states = &engine->chain.states;
	size_t most = 2 * (states->window_first[states->npaths] + 2 * states->npaths);
	size_t nplaces;

	engine->place_first = CORE_ALLOC(engine->env, size_t, cells->ncells + 1);
	engine->place = CORE_ALLOC(engine->env, uint32_t, most);
	nplaces = list_cells(engine, cells, 0, cells->first_immature, 0, false, collapse_repeats);
	for (size_t i = cells->first_immature; i < cells->first_lost; i++)
		engine->place_first[i] = nplaces;
	nplaces = list_cells(engine, cells, cells->first_lost, cells->ncells, nplaces, true, collapse_repeats);
	engine->place_first[cells->ncells] = nplaces;
}

static void
turn_round(ChainEngine *engine, size_t ncells)
{
	size_t nplaces = engine->place_first[ncells];
	size_t *next = CORE_ALLOC_ZERO(engine->env, size_t, engine->ncounters + 1);
	Progress progress = {engine->env, 0};

	engine->cell_first = CORE_ALLOC(engine->env, size_t, engine->ncounters + 1);
	engine->cell = CORE_ALLOC(engine->env, uint32_t, nplaces);
	for (size_t j = 0; j < nplaces; j++)
		next[engine->place[j] + 1]++;
	for (size_t k = 0; k < engine->ncounters; k++)
		next[k + 1] += next[k];
	memcpy(engine->cell_first, next, (engine->ncounters + 1) * sizeof(size_t));
	for (size_t i = 0; i < ncells; i++)
	{
		for (size_t j = engine->place_first[i]; j < engine->place_first[i + 1]; j++)
			engine->cell[next[engine->place[j]]++] = (uint32_t) i;
		progress_made(&progress, 4 + 4 * (engine->place_first[i + 1] - engine->place_first[i]));
	}
	core_free(engine->env, next);
}

/* Adds up what the drawn journeys do. */
static void
count_journeys(ChainEngine *engine, const PathCells *cells)
{
	Progress progress = {engine->env, 0};

	for (size_t k = 0; k < engine->ncounters; k++)
	{
		size_t end = engine->cell_first[k + 1];
		int64_t sum = 0;

		for (size_t j = engine->cell_first[k]; j < end; j++)
			sum += cells->drawn[engine->cell[j]];
		engine->counter[k] = sum;
		progress_made(&progress, 2 + (end - engine->cell_first[k]));
	}
}

static void
value_journeys(ChainEngine *engine, const PathCells *cells, RandomStream *stream)
{
	SummaryView *totals = &engine->totals;
	MarkovChain *drawn = &engine->drawn;

	memset(engine->earned, 0, engine->chain.states.nstates * sizeof(fixed128));
	totals->conversions = 0;
	totals->value = 0;
	engine->empty.conversions = 0;
	engine->empty.value = 0;
	drawn->conversions = 0;
	drawn->value = 0;
	for (size_t i = 0; i < cells->first_lost; i++)
	{
		fixed128 value = fixed_from_sum(path_cell_value(cells, i, stream));
		bool empty = cells->view->paths[cells->path[i]].ntouches == 0;

		totals->conversions += cells->drawn[i];
		totals->value += value;
		if (empty)
		{
			engine->empty.conversions += cells->drawn[i];
			engine->empty.value += value;
		}
		else if (i < cells->first_immature)
		{
			drawn->conversions += cells->drawn[i];
			drawn->value += value;
			engine->earned[engine->place[engine->place_first[i + 1] - 1] - converted_counters(engine)] +=
				value;
		}
	}
}

/* A state is visited if a journey begins there or comes there. */
static void
rename_states(ChainEngine *engine)
{
	const MarkovChain *whole = &engine->chain;
	MarkovChain *drawn = &engine->drawn;
	uint32_t n = whole->states.nstates;
	uint32_t visited = 0;

	for (uint32_t s = 0; s < n; s++)
		engine->renamed[s] = engine->counter[start_counters(engine) + s] > 0 ? 0 : UINT32_MAX;
	for (size_t e = 0; e < whole->edge_first[n]; e++)
	{
		if (engine->counter[e] > 0)
			engine->renamed[whole->edge_to[e]] = 0;
	}
	for (uint32_t s = 0; s < n; s++)
	{
		if (engine->renamed[s] == UINT32_MAX)
			continue;
		drawn->states.gram[visited] = whole->states.gram[s];
		drawn->states.length[visited] = whole->states.length[s];
		drawn->start[visited] = engine->counter[start_counters(engine) + s];
		drawn->converted[visited] = engine->counter[converted_counters(engine) + s];
		drawn->lost[visited] = engine->counter[lost_counters(engine) + s];
		drawn->earned[visited] = engine->earned[s];
		engine->renamed[s] = visited++;
	}
	drawn->states.nstates = visited;
}

static void
rename_edges(ChainEngine *engine)
{
	const MarkovChain *whole = &engine->chain;
	MarkovChain *drawn = &engine->drawn;
	size_t nedges = 0;
	uint32_t state = 0;

	for (uint32_t s = 0; s < whole->states.nstates; s++)
	{
		if (engine->renamed[s] == UINT32_MAX)
			continue;
		drawn->edge_first[state++] = nedges;
		for (size_t e = whole->edge_first[s]; e < whole->edge_first[s + 1]; e++)
		{
			if (engine->counter[e] == 0)
				continue;
			drawn->edge_to[nedges] = engine->renamed[whole->edge_to[e]];
			drawn->edge_count[nedges++] = engine->counter[e];
		}
	}
	drawn->edge_first[state] = nedges;
}

static CoreStatus
chain_credits(void *arg, const PathCells *cells, RandomStream *stream, Credit *credit)
{
	ChainEngine *engine = arg;
	MarkovResult markov;
	CoreStatus status;

	count_journeys(engine, cells);
	value_journeys(engine, cells, stream);
	rename_states(engine);
	rename_edges(engine);
	status = markov_chain_removal(&engine->totals, &engine->drawn, engine->env, &markov);
	if (status == CORE_OK)
	{
		memcpy(credit, markov.credit.channel, engine->totals.nchannels * sizeof(Credit));
		credit[engine->totals.nchannels] = markov.credit.unattributed;
	}
	core_free(engine->env, markov.removal_effect);
	core_free(engine->env, markov.removal_effect_value);
	core_free(engine->env, markov.credit.channel);
	return status;
}

static void
alloc_replicate(ChainEngine *engine)
{
	const CoreEnv *env = engine->env;
	uint32_t n = engine->chain.states.nstates;
	size_t nedges = engine->chain.edge_first[n];
	MarkovChain *drawn = &engine->drawn;

	engine->ncounters = lost_counters(engine) + n;
	engine->counter = CORE_ALLOC(env, int64_t, engine->ncounters);
	engine->earned = CORE_ALLOC(env, fixed128, n);
	engine->renamed = CORE_ALLOC(env, uint32_t, n);
	*drawn = engine->chain;
	drawn->states.gram = CORE_ALLOC(env, const uint32_t *, n);
	drawn->states.length = CORE_ALLOC(env, uint32_t, n);
	drawn->start = CORE_ALLOC(env, int64_t, n);
	drawn->converted = CORE_ALLOC(env, int64_t, n);
	drawn->lost = CORE_ALLOC(env, int64_t, n);
	drawn->earned = CORE_ALLOC(env, fixed128, n);
	drawn->edge_first = CORE_ALLOC(env, size_t, (size_t) n + 1);
	drawn->edge_to = CORE_ALLOC(env, uint32_t, nedges);
	drawn->edge_count = CORE_ALLOC(env, fixed128, nedges);
}

static void
free_engine(ChainEngine *engine)
{
	const CoreEnv *env = engine->env;
	MarkovChain *drawn = &engine->drawn;

	core_free(env, engine->counter);
	core_free(env, engine->earned);
	core_free(env, engine->renamed);
	core_free(env, engine->place_first);
	core_free(env, engine->place);
	core_free(env, engine->cell_first);
	core_free(env, engine->cell);
	core_free(env, drawn->states.gram);
	core_free(env, drawn->states.length);
	core_free(env, drawn->start);
	core_free(env, drawn->converted);
	core_free(env, drawn->lost);
	core_free(env, drawn->earned);
	core_free(env, drawn->edge_first);
	core_free(env, drawn->edge_to);
	core_free(env, drawn->edge_count);
	markov_chain_free(&engine->chain);
}

CoreStatus
bootstrap_by_chain(const SummaryView *view, const BootstrapOptions *options, const CoreEnv *env,
				   BootstrapResult *result)
{
	ChainEngine engine = {.env = env};
	PathCells cells;
	CoreStatus status;
	int64_t most;

	if (options->markov_order < 1)
		return CORE_BAD_INPUT;
	/* every counter fits an int64, and every place 32 bits */
	if (__builtin_mul_overflow(view->conversions + view->lost, (int64_t) view->longest_path + 1, &most) ||
		view->ntouches >= UINT32_MAX / 8)
		return CORE_TOO_LARGE;
	status = markov_chain_build(view, (uint32_t) options->markov_order, options->collapse_repeats, env,
								&engine.chain);
	if (status != CORE_OK)
		return status;
	path_cells_init(&cells, view, env);
	list_places(&engine, &cells, options->collapse_repeats);
	alloc_replicate(&engine);
	turn_round(&engine, cells.ncells);
	engine.totals = (SummaryView){.nchannels = view->nchannels, .npaths = 1, .paths = &engine.empty};
	status = path_cells_bootstrap(&cells, options, chain_credits, &engine, result);
	path_cells_free(&cells);
	free_engine(&engine);
	return status;
}
