#include "markov.h"

#include "credit.h"
#include "markov_solve.h"

/*
 * Whether state reduction is the way for a chain of order 1. In nanoseconds or so it takes 0.4 n^3 for a
 * component of n states; sweeps take 4 for each state and edge, 25 times for every eight of the states.
 * Reduction wins where most channels follow on most others, sweeps where they hardly do.
 */
static bool
is_dense(const MarkovGraph *graph)
{
	const FlowGraph *forward = &graph->forward;
	double reduction = 0;
	double sweeps = 0;

	for (uint32_t c = 0; c < forward->ncomponents; c++)
	{
		uint32_t first = forward->component_first[c];
		uint32_t end = forward->component_first[c + 1];
		double n = end - first;
		double edges = (double) (forward->first[end] - forward->first[first]);

		if (end - first > MARKOV_DENSE_MAX)
			return false;
		reduction += 0.4 * n * n * n;
		sweeps += n / 8 * 25 * 4 * (2 * n + edges);
	}
	return reduction <= sweeps;
}

CoreStatus
markov_solve(const MarkovChain *chain, MarkovLoss *loss)
{
	MarkovGraph graph;
	CoreStatus status = CORE_OK;

	markov_graph_build(chain, &graph);
	if (chain->states.order == 1 && is_dense(&graph))
		markov_solve_dense(chain, &graph, loss);
	else
		status = markov_solve_sparse(chain, &graph, loss);
	markov_graph_free(&graph);
	return status;
}

/* Effects, and their sum. An effect that rounding took past 1 is 1. */
static double
effects_of(const double *loss, double total, uint32_t nchannels, double *effect)
{
	CompensatedSum sum = {0, 0};

	for (uint32_t c = 0; c < nchannels; c++)
	{
		effect[c] = loss[c] < total ? loss[c] / total : 1;
		compensated_add(&sum, effect[c]);
	}
	return compensated_value(sum);
}

/* What journeys with a path brought, matured or not: the amounts that channels share. */
typedef struct Total
{
	int64_t conversions;
	fixed128 value;
} Total;

static Total
total_with_path(const SummaryView *view)
{
	Total total = {view->conversions, view->value};

	if (view->npaths > 0 && view->paths[0].ntouches == 0)
	{
		total.conversions -= view->paths[0].conversions;
		total.value -= view->paths[0].value;
	}
	return total;
}

/*
 * Credit in proportion to the effects. Their sum is at least 1, as every converting walk meets a channel.
 * Without value to learn from, value goes the way of the conversions; without conversions, nowhere.
 */
static void
share_credit(const SummaryView *view, MarkovResult *result, double effects, double value_effects)
{
	Total total = total_with_path(view);
	double conversions = (double) total.conversions;
	double value = fixed_to_double(total.value);

	if (!result->known)
		total = (Total){0, 0};
	result->credit.unattributed.conversions = (double) (view->conversions - total.conversions);
	result->credit.unattributed.value = fixed_to_double(view->value - total.value);
	for (uint32_t c = 0; c < view->nchannels; c++)
	{
		Credit *credit = &result->credit.channel[c];

		*credit = (Credit){0, 0};
		if (!result->known)
			continue;
		credit->conversions = result->removal_effect[c] / effects * conversions;
		if (result->value_known)
			credit->value = result->removal_effect_value[c] / value_effects * value;
		else
			credit->value = result->removal_effect[c] / effects * value;
	}
}

CoreStatus
markov_chain_removal(const SummaryView *view, const MarkovChain *chain, const CoreEnv *env,
					 MarkovResult *result)
{
	uint32_t n = view->nchannels;
	MarkovLoss loss;
	CoreStatus status = CORE_OK;
	double effects = 0;
	double value_effects = 0;

	result->removal_effect = CORE_ALLOC_ZERO(env, double, n);
	result->removal_effect_value = CORE_ALLOC_ZERO(env, double, n);
	result->credit.channel = CORE_ALLOC(env, Credit, n);
	result->known = chain->conversions > 0;
	result->value_known = chain->value > 0;
	if (result->known)
	{
		loss.conversions = CORE_ALLOC_ZERO(env, double, n);
		loss.value = CORE_ALLOC_ZERO(env, double, n);
		status = markov_solve(chain, &loss);
		if (status == CORE_OK)
			effects = effects_of(loss.conversions, (double) chain->conversions, n, result->removal_effect);
		if (status == CORE_OK && result->value_known)
			value_effects =
				effects_of(loss.value, fixed_to_double(chain->value), n, result->removal_effect_value);
		core_free(env, loss.conversions);
		core_free(env, loss.value);
	}
	share_credit(view, result, effects, value_effects);
	return status;
}

CoreStatus
markov_removal(const SummaryView *view, int order, bool collapse_repeats, const CoreEnv *env,
			   MarkovResult *result)
{
	MarkovChain chain;
	CoreStatus status;

	if (order < 1)
		return CORE_BAD_INPUT;
	status = markov_chain_build(view, (uint32_t) order, collapse_repeats, env, &chain);
	if (status != CORE_OK)
		return status;
	status = markov_chain_removal(view, &chain, env, result);
	markov_chain_free(&chain);
	return status;
}
