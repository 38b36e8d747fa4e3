/*
 * Any order: for each channel, the flow of the walks that have not met it yet. What is lost without it is
 *
 *     sum of start_i h_i over states that hold c further back  +  sum of inflow_i h_i over those that end in c,
 *
 * h being the chance to convert from there, or the expected value, and inflow that of walks without c,
 * starts included.
 */
#include "markov_solve.h"

#include "markov_region.h"

typedef struct Solver
{
	Region region;
	double *conversion; /* by state: chance to convert, and expected value */
	double *earning;
	Lanes *chance;
} Solver;

/* Component by component; those of a single state need no iteration, as no state leads to itself. */
static CoreStatus
solve_system(const ChanceSystem *system, uint32_t nstates, const uint32_t *state, const FlowGraph *graph,
			 Lanes *chance, Progress *progress)
{
	uint32_t k = 0;

	while (k < nstates)
	{
		uint32_t c = graph->component[state ? state[k] : k];
		uint32_t size = graph->component_first[c + 1] - graph->component_first[c];

		if (size == 1)
		{
			chance_of_state(system, k, chance, chance[k].pair);
			progress_made(progress, 16 + 4 * (system->first[k + 1] - system->first[k]));
		}
		else
		{
			CoreStatus status = chance_solve(system, k, k + size, chance, progress);

			if (status != CORE_OK)
				return status;
		}
		k += size;
	}
	return CORE_OK;
}

/*
 * What a visit to each state is worth: the chance to convert, or the expected value, from what walks bring
 * that end there. All lanes do the same here.
 */
static CoreStatus
solve_worth(Solver *solver, const double *brings, double *worth)
{
	const MarkovGraph *graph = solver->region.graph;
	const FlowGraph *backward = &graph->backward;
	const CoreEnv *env = graph->env;
	uint32_t n = graph->nstates;
	double *known = CORE_ALLOC(env, double, n);
	double *all = CORE_ALLOC(env, double, n);
	double *total = CORE_ALLOC(env, double, n);
	double *leave = CORE_ALLOC(env, double, n);
	uint8_t *stopped = CORE_ALLOC_ZERO(env, uint8_t, n);
	ChanceSystem system = {.first = backward->first,
						   .from = backward->from,
						   .count = backward->count,
						   .known = known,
						   .all = all,
						   .total = total,
						   .leave = leave,
						   .stopped = stopped,
						   .guess = 0};
	CoreStatus status;

	for (uint32_t i = 0; i < n; i++)
	{
		known[n - 1 - i] = brings[i];
		all[n - 1 - i] = graph->ended[i];
		leave[n - 1 - i] = graph->start[i];
		for (size_t e = graph->forward.first[i]; e < graph->forward.inner[i]; e++)
			leave[n - 1 - i] += graph->forward.count[e];
	}
	for (uint32_t i = 0; i < n; i++)
	{
		total[i] = chance_total(&system, i);
		progress_made(&solver->region.progress, 4 + backward->first[i + 1] - backward->first[i]);
	}
	status = solve_system(&system, n, NULL, backward, solver->chance, &solver->region.progress);
	for (uint32_t i = 0; status == CORE_OK && i < n; i++)
		worth[i] = solver->chance[n - 1 - i].lane[0];
	core_free(env, known);
	core_free(env, all);
	core_free(env, total);
	core_free(env, leave);
	core_free(env, stopped);
	return status;
}

static void
sum_losses(Solver *solver, const uint32_t *channel, int nchannels, MarkovLoss *loss)
{
	Region *region = &solver->region;

	for (int l = 0; l < nchannels; l++)
	{
		uint32_t c = channel[l];
		double conversions = 0;
		double value = 0;

		for (size_t k = region->starts_first[c]; k < region->starts_first[c + 1]; k++)
		{
			uint32_t i = region->starts[k].state;

			conversions += region->graph->start[i] * solver->conversion[i];
			value += region->graph->start[i] * solver->earning[i];
		}
		for (size_t k = region->ends_first[c]; k < region->ends_first[c + 1]; k++)
		{
			uint32_t i = region->ends[k];
			uint32_t number = region->number[i];
			double first_visits;
			Lanes inflow;

			chance_inflow(&region->system, number, solver->chance, inflow.pair);
			first_visits = inflow.lane[l];
			conversions += first_visits * solver->conversion[i];
			value += first_visits * solver->earning[i];
			progress_made(&region->progress, 16 + 4 * (region->first[number + 1] - region->first[number]));
		}
		loss->conversions[c] = conversions;
		loss->value[c] = value;
	}
}

/* Channels in the order of their first states, so that a block's channels share much of their region. */
static uint32_t *
order_channels(const Solver *solver, uint32_t nchannels)
{
	const Region *region = &solver->region;
	uint32_t n = region->graph->nstates;
	uint32_t *channel_at = CORE_ALLOC_ZERO(region->env, uint32_t, n);
	uint32_t *order = CORE_ALLOC(region->env, uint32_t, nchannels);
	uint32_t count = 0;

	for (uint32_t c = 0; c < nchannels; c++)
	{
		/* no state ends in a channel that occurs only inside starts: its place is of no importance */
		if (region->ends_first[c] < region->ends_first[c + 1])
			channel_at[region->ends[region->ends_first[c]]] = c + 1;
		else
			order[count++] = c;
	}
	for (uint32_t i = 0; i < n; i++)
	{
		if (channel_at[i] > 0)
			order[count++] = channel_at[i] - 1;
	}
	core_free(region->env, channel_at);
	return order;
}

static CoreStatus
solve_channels(Solver *solver, uint32_t nchannels, MarkovLoss *loss)
{
	Region *region = &solver->region;
	uint32_t *order = order_channels(solver, nchannels);
	CoreStatus status = CORE_OK;

	for (uint32_t c = 0; c < nchannels && status == CORE_OK; c += LANES)
	{
		int count = nchannels - c < LANES ? (int) (nchannels - c) : LANES;

		region_open(region, order + c, count);
		status = solve_system(&region->system, region->nstates, region->state, &region->graph->forward,
							  solver->chance, &region->progress);
		if (status == CORE_OK)
			sum_losses(solver, order + c, count, loss);
		region_close(region);
	}
	core_free(region->env, order);
	return status;
}

CoreStatus
markov_solve_sparse(const MarkovChain *chain, const MarkovGraph *graph, MarkovLoss *loss)
{
	const CoreEnv *env = graph->env;
	Solver solver;
	CoreStatus status;

	region_init(&solver.region, chain, graph);
	solver.conversion = CORE_ALLOC(env, double, graph->nstates);
	solver.earning = CORE_ALLOC_ZERO(env, double, graph->nstates);
	solver.chance = CORE_ALLOC(env, Lanes, graph->nstates);
	status = solve_worth(&solver, graph->converted, solver.conversion);
	if (status == CORE_OK && chain->value > 0)
		status = solve_worth(&solver, graph->earned, solver.earning);
	if (status == CORE_OK)
		status = solve_channels(&solver, chain->states.view->nchannels, loss);
	region_free(&solver.region);
	core_free(env, solver.conversion);
	core_free(env, solver.earning);
	core_free(env, solver.chance);
	return status;
}
