#include "path_chain.h"

#include <math.h>
#include <string.h>

#include "markov_chain.h"
#include "progress.h"

#define NOWHERE UINT32_MAX

void
path_chain_init(PathChain *chain, int order, uint32_t nchannels, const CoreEnv *env)
{
	*chain = (PathChain){.env = env, .order = (uint32_t) order, .nchannels = nchannels};
	key_index_init(&chain->contexts, env);
	key_index_init(&chain->steps, env);
}

void
path_chain_free(PathChain *chain)
{
	key_index_free(&chain->contexts);
	key_index_free(&chain->steps);
	core_free(chain->env, chain->context);
	core_free(chain->env, chain->step);
}

/* Room for one count more than the last number, zeroed. */
static void
reserve(const CoreEnv *env, StepCount **counts, size_t *capacity, size_t number)
{
	size_t larger = 2 * *capacity + 256;
	StepCount *copy;

	if (number < *capacity)
		return;
	copy = CORE_ALLOC_ZERO(env, StepCount, larger);
	if (*counts)
		memcpy(copy, *counts, *capacity * sizeof(StepCount));
	core_free(env, *counts);
	*counts = copy;
	*capacity = larger;
}

static void
count_add(StepCount *count, const SummaryPath *path)
{
	count->lost += path->lost;
	count->converted += path->matured_conversions;
}

/* The number before the first touch, as a context: the start. */
static uint32_t
context_symbol(const PathChain *chain, const uint32_t *touches, uint32_t place, uint32_t age)
{
	return age < place ? touches[place - 1 - age] : chain->nchannels;
}

/* How many touches of context a step may look back on, the start being one. */
static uint32_t
context_length(const PathChain *chain, uint32_t place)
{
	return place + 1 < chain->order ? place + 1 : chain->order;
}

static void
learn_step(PathChain *chain, const SummaryPath *path, uint32_t place)
{
	uint32_t symbol = place < path->ntouches ? path->touches[place] : chain->nchannels;
	uint32_t context = 0;

	for (uint32_t age = 0;; age++)
	{
		uint32_t step = key_index_put(&chain->steps, (uint64_t) context << 32 | symbol);

		reserve(chain->env, &chain->context, &chain->ncontexts, context);
		reserve(chain->env, &chain->step, &chain->nsteps, step);
		count_add(&chain->context[context], path);
		count_add(&chain->step[step], path);
		if (age == context_length(chain, place))
			return;
		context = 1 + key_index_put(&chain->contexts, (uint64_t) context << 32 |
														  context_symbol(chain, path->touches, place, age));
	}
}

CoreStatus
path_chain_learn(PathChain *chain, const SummaryView *view)
{
	Progress progress = {chain->env, 0};

	for (size_t i = 0; i < view->npaths; i++)
	{
		const SummaryPath *path = &view->paths[i];

		if (path->ntouches == 0 || markov_weight(path) == 0)
			continue;
		/* numbers of steps stay below what KeyIndex can give */
		if (chain->steps.count > UINT32_MAX - 2 - (chain->order + 1) * (uint64_t) (path->ntouches + 1))
			return CORE_TOO_LARGE;
		for (uint32_t place = 0; place <= path->ntouches; place++)
		{
			learn_step(chain, path, place);
			progress_made(&progress, 32 * (size_t) (chain->order + 1));
		}
		count_add(&chain->journeys, path);
	}
	return CORE_OK;
}

/* One level of smoothing: what is counted, and the prior's weight of what a shorter context says. */
static double
smooth(int64_t step, int64_t context, double prior, double weight)
{
	return ((double) step + weight * prior) / ((double) context + weight);
}

static StepCount
count_of(const StepCount *counts, uint32_t number)
{
	return number == NOWHERE ? (StepCount){0, 0} : counts[number];
}

/* log P(step | context, converts) - log P(step | context, is lost) */
static double
step_evidence(const PathChain *chain, const uint32_t *touches, uint32_t ntouches, uint32_t place)
{
	uint32_t symbol = place < ntouches ? touches[place] : chain->nchannels;
	double symbols = (double) chain->nchannels + 1;
	StepCount total = chain->context[0];
	StepCount anywhere = count_of(chain->step, key_index_find(&chain->steps, symbol));
	double prior =
		smooth(anywhere.lost + anywhere.converted, total.lost + total.converted, 1 / symbols, symbols);
	double converted = prior;
	double lost = prior;
	uint32_t context = 0;

	for (uint32_t age = 0;; age++)
	{
		StepCount step =
			count_of(chain->step, key_index_find(&chain->steps, (uint64_t) context << 32 | symbol));
		StepCount from = chain->context[context];
		uint32_t child;

		converted = smooth(step.converted, from.converted, converted, symbols);
		lost = smooth(step.lost, from.lost, lost, symbols);
		if (age == context_length(chain, place))
			break;
		child = key_index_find(&chain->contexts,
							   (uint64_t) context << 32 | context_symbol(chain, touches, place, age));
		if (child == NOWHERE)
			break;
		context = child + 1;
	}
	return log(converted) - log(lost);
}

double
path_chain_probability(const PathChain *chain, const uint32_t *touches, uint32_t ntouches)
{
	double odds = log((double) chain->journeys.converted + 0.5) - log((double) chain->journeys.lost + 0.5);

	if (ntouches > 0 && chain->context)
	{
		for (uint32_t place = 0; place <= ntouches; place++)
			odds += step_evidence(chain, touches, ntouches, place);
	}
	return 1 / (1 + exp(-odds));
}
