/*
 * The bootstrap of Markov removal effects. States and edges are those of the whole summary; a replicate only
 * counts them anew and drops what it did not visit, so that it is a chain like any other.
 */
#include <string.h>

#include "bootstrap_paths.h"
#include "markov.h"
#include "progress.h"

typedef struct ChainEngine
{
	const CoreEnv *env;
	MarkovChain chain;	/* of all journeys */
	size_t *step_first; /* by counted path of the chain: where its edges begin in step; one more at the end */
	uint32_t *step;
	SummaryView totals; /* of a replicate: no paths but the empty one */
	SummaryPath empty;
	MarkovChain drawn; /* a replicate's, in arrays as large as the whole's */
	fixed128 *count;   /* by edge of the whole */
	int64_t *start;	   /* by state of the whole, as are the next three */
	int64_t *converted;
	int64_t *lost;
	fixed128 *earned;
	uint32_t *renamed; /* by state of the whole: in the replicate, UINT32_MAX if not visited */
} ChainEngine;

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

static void
list_steps(ChainEngine *engine, bool collapse_repeats)
{
	const MarkovChain *chain = &engine->chain;
	const MarkovStates *states = &chain->states;
	Progress progress = {engine->env, 0};
	size_t nsteps = 0;

	engine->step_first = CORE_ALLOC(engine->env, size_t, states->npaths + 1);
	engine->step = CORE_ALLOC(engine->env, uint32_t, states->window_first[states->npaths]);
	for (size_t p = 0; p < states->npaths; p++)
	{
		const uint32_t *window = states->window + states->window_first[p];
		size_t count = markov_window_count(states, &states->view->paths[states->path[p]]);

		engine->step_first[p] = nsteps;
		for (size_t i = 1; i < count; i++)
		{
			if (!collapse_repeats || window[i] != window[i - 1])
				engine->step[nsteps++] = find_edge(chain, window[i - 1], window[i]);
		}
		progress_made(&progress, 8 + 16 * count);
	}
	engine->step_first[states->npaths] = nsteps;
}

static void
count_steps(ChainEngine *engine, const PathCells *cells)
{
	const MarkovStates *states = &engine->chain.states;
	uint32_t n = states->nstates;
	Progress progress = {engine->env, 0};

	memset(engine->count, 0, engine->chain.edge_first[n] * sizeof(fixed128));
	memset(engine->start, 0, n * sizeof(int64_t));
	memset(engine->converted, 0, n * sizeof(int64_t));
	memset(engine->lost, 0, n * sizeof(int64_t));
	memset(engine->earned, 0, n * sizeof(fixed128));
	engine->drawn.journeys = engine->drawn.conversions = 0;
	engine->drawn.value = 0;
	for (size_t p = 0; p < states->npaths; p++)
	{
		const PathDraw *draw = &cells->draw[states->path[p]];
		int64_t weight = draw->matured + draw->lost;
		const uint32_t *window = states->window + states->window_first[p];
		uint32_t last;
		fixed128 value;

		progress_made(&progress, 2);
		if (weight == 0)
			continue;
		last = window[markov_window_count(states, &states->view->paths[states->path[p]]) - 1];
		value = fixed_from_sum(draw->matured_value);
		for (size_t i = engine->step_first[p]; i < engine->step_first[p + 1]; i++)
			engine->count[engine->step[i]] += weight;
		engine->start[window[0]] += weight;
		engine->converted[last] += draw->matured;
		engine->lost[last] += draw->lost;
		engine->earned[last] += value;
		engine->drawn.journeys += weight;
		engine->drawn.conversions += draw->matured;
		engine->drawn.value += value;
		progress_made(&progress, 8 + (engine->step_first[p + 1] - engine->step_first[p]));
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
		engine->renamed[s] = engine->start[s] > 0 ? 0 : UINT32_MAX;
	for (size_t e = 0; e < whole->edge_first[n]; e++)
	{
		if (engine->count[e] > 0)
			engine->renamed[whole->edge_to[e]] = 0;
	}
	for (uint32_t s = 0; s < n; s++)
	{
		if (engine->renamed[s] == UINT32_MAX)
			continue;
		drawn->states.gram[visited] = whole->states.gram[s];
		drawn->states.length[visited] = whole->states.length[s];
		drawn->start[visited] = engine->start[s];
		drawn->converted[visited] = engine->converted[s];
		drawn->lost[visited] = engine->lost[s];
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
			if (engine->count[e] == 0)
				continue;
			drawn->edge_to[nedges] = engine->renamed[whole->edge_to[e]];
			drawn->edge_count[nedges++] = engine->count[e];
		}
	}
	drawn->edge_first[state] = nedges;
}

/* Conversions of all paths, and of the empty one: what credit is divided. */
static void
sum_totals(ChainEngine *engine, const PathCells *cells)
{
	const SummaryView *view = cells->view;
	SummaryView *totals = &engine->totals;

	totals->conversions = 0;
	totals->value = 0;
	totals->npaths = 0;
	for (size_t i = 0; i < view->npaths; i++)
	{
		const PathDraw *draw = &cells->draw[i];
		fixed128 value = fixed_from_sum(draw->matured_value) + fixed_from_sum(draw->immature_value);

		totals->conversions += draw->matured + draw->immature;
		totals->value += value;
		if (view->paths[i].ntouches == 0)
		{
			engine->empty.conversions = draw->matured + draw->immature;
			engine->empty.value = value;
			totals->npaths = 1;
		}
	}
}

static CoreStatus
chain_credits(void *arg, const PathCells *cells, Credit *credit)
{
	ChainEngine *engine = arg;
	MarkovResult markov;
	CoreStatus status;

	count_steps(engine, cells);
	rename_states(engine);
	rename_edges(engine);
	sum_totals(engine, cells);
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

	engine->count = CORE_ALLOC(env, fixed128, nedges);
	engine->start = CORE_ALLOC(env, int64_t, n);
	engine->converted = CORE_ALLOC(env, int64_t, n);
	engine->lost = CORE_ALLOC(env, int64_t, n);
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

	core_free(env, engine->count);
	core_free(env, engine->start);
	core_free(env, engine->converted);
	core_free(env, engine->lost);
	core_free(env, engine->earned);
	core_free(env, engine->renamed);
	core_free(env, engine->step_first);
	core_free(env, engine->step);
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

	if (options->markov_order < 1)
		return CORE_BAD_INPUT;
	status = markov_chain_build(view, (uint32_t) options->markov_order, options->collapse_repeats, env,
								&engine.chain);
	if (status != CORE_OK)
		return status;
	list_steps(&engine, options->collapse_repeats);
	alloc_replicate(&engine);
	engine.totals = (SummaryView){.nchannels = view->nchannels, .paths = &engine.empty};
	path_cells_init(&cells, view, env);
	status = path_cells_bootstrap(&cells, options, chain_credits, &engine, result);
	path_cells_free(&cells);
	free_engine(&engine);
	return status;
}
