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
	key_index_init(&chain->grams, env);
}

void
path_chain_free(PathChain *chain)
{
	key_index_free(&chain->grams);
	core_free(chain->env, chain->gram);
}

/* ---------------------------------------------------------------- counting */

/* `prefix` and `suffix` are numbers + 1, 0 for the empty gram; so is the result. */
static uint32_t
put_gram(PathChain *chain, uint32_t prefix, uint32_t symbol, uint32_t suffix, uint32_t length)
{
	uint32_t known = chain->grams.count;
	uint32_t number = key_index_put(&chain->grams, (uint64_t) prefix << 32 | symbol);

	if (number == chain->ngrams)
	{
		size_t larger = 2 * chain->ngrams + 256;
		PathGram *copy = CORE_ALLOC(chain->env, PathGram, larger);

		if (chain->gram)
			memcpy(copy, chain->gram, chain->ngrams * sizeof(PathGram));
		core_free(chain->env, chain->gram);
		chain->gram = copy;
		chain->ngrams = larger;
	}
	if (number == known)
	{
		chain->gram[number] = (PathGram){.suffix = suffix, .next = chain->first[length]};
		chain->first[length] = number + 1;
	}
	return number + 1;
}

static void
count_add(PathGram *gram, const SummaryPath *path)
{
	gram->lost += path->lost;
	gram->converted += path->matured_conversions;
}

/* Place 0 is the start, then come the touches and the end. */
static uint32_t
symbol_at(const PathChain *chain, const uint32_t *touches, uint32_t ntouches, uint32_t place)
{
	if (place == 0)
		return chain->nchannels + 1;
	return place <= ntouches ? touches[place - 1] : chain->nchannels;
}

/* Grams that end at a place are at most this long. */
static uint32_t
longest_gram(const PathChain *chain, uint32_t place)
{
	return place < chain->order ? place + 1 : chain->order + 1;
}

static void
learn_path(PathChain *chain, const SummaryPath *path, Progress *progress)
{
	uint32_t ids[2][PATH_CHAIN_MAX_ORDER + 2] = {{0}}; /* by place, odd and even, and by length */

	for (uint32_t place = 0; place <= path->ntouches + 1; place++)
	{
		uint32_t *id = ids[place % 2];
		const uint32_t *before = ids[(place + 1) % 2];
		uint32_t symbol = symbol_at(chain, path->touches, path->ntouches, place);

		for (uint32_t length = 1; length <= longest_gram(chain, place); length++)
		{
			id[length] = put_gram(chain, before[length - 1], symbol, id[length - 1], length);
			count_add(&chain->gram[id[length] - 1], path);
		}
		if (place > 0)
			count_add(&chain->empty, path);
		progress_made(progress, 32 * (size_t) (chain->order + 1));
	}
	count_add(&chain->journeys, path);
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
		/* numbers of grams stay below what KeyIndex can give */
		if (chain->grams.count > UINT32_MAX - 2 - (chain->order + 1) * ((uint64_t) path->ntouches + 2))
			return CORE_TOO_LARGE;
		learn_path(chain, path, &progress);
	}
	return CORE_OK;
}

/* ---------------------------------------------------------------- fitting */

/* A prior of more journeys than this is the last word. */
#define MAX_WEIGHT 1e9

static double
raw_odds(const PathGram *gram)
{
	return log((double) gram->converted + 0.5) - log((double) gram->lost + 0.5);
}

static double
odds_of(const PathChain *chain, uint32_t id)
{
	return id == 0 ? chain->empty.odds : chain->gram[id - 1].odds;
}

static uint32_t
prefix_of(const PathChain *chain, uint32_t id)
{
	return (uint32_t) (chain->grams.key[id - 1] >> 32);
}

static double
chance_of(double odds)
{
	return 1 / (1 + exp(-fmax(-30, fmin(30, odds))));
}

/* What a gram's parts say of it; a gram of one symbol has the empty one before and behind. */
static double
prior_odds(const PathChain *chain, uint32_t id)
{
	uint32_t prefix = prefix_of(chain, id);
	uint32_t suffix = chain->gram[id - 1].suffix;

	if (prefix == 0)
		return chain->empty.odds;
	return odds_of(chain, prefix) + odds_of(chain, suffix) - odds_of(chain, prefix_of(chain, suffix));
}

/*
 * The weight of the prior of grams of one length, whose odds are left as their prior's. If the chance of a gram
 * with mean q varies as Beta(w q, w (1 - q)), then c of n have the variance n q (1 - q) (1 + (n - 1) / (w + 1)).
 */
static double
prior_weight(PathChain *chain, uint32_t length, Progress *progress)
{
	double beyond = 0;
	double room = 0;

	for (uint32_t id = chain->first[length]; id != 0; id = chain->gram[id - 1].next)
	{
		PathGram *gram = &chain->gram[id - 1];
		double n = (double) gram->lost + (double) gram->converted;
		double noise;
		double error;
		double q;

		gram->odds = prior_odds(chain, id);
		q = chance_of(gram->odds);
		noise = q * (1 - q);
		error = (double) gram->converted - n * q;
		beyond += error * error / noise - n;
		room += n * (n - 1);
		progress_made(progress, 8);
	}
	return beyond > room / MAX_WEIGHT ? fmax(1, room / beyond - 1) : MAX_WEIGHT;
}

void
path_chain_fit(PathChain *chain)
{
	Progress progress = {chain->env, 0};
	uint32_t start = key_index_find(&chain->grams, chain->nchannels + 1);
	double weight = 1;

	chain->empty.odds = raw_odds(&chain->empty);
	chain->journeys.odds = raw_odds(&chain->journeys);
	for (uint32_t length = 1; length <= chain->order + 1; length++)
	{
		weight = fmax(weight, prior_weight(chain, length, &progress));
		for (uint32_t id = chain->first[length]; id != 0; id = chain->gram[id - 1].next)
		{
			PathGram *gram = &chain->gram[id - 1];
			double q = chance_of(gram->odds);

			if (id - 1 == start)
				gram->odds = chain->journeys.odds; /* the overall rate: nothing to be shrunk to */
			else
				gram->odds =
					log((double) gram->converted + weight * q) - log((double) gram->lost + weight * (1 - q));
			progress_made(&progress, 8);
		}
	}
}

/* ---------------------------------------------------------------- predicting */

/*
 * R of the grams of all lengths that end at a place, from those that ended one place before; id is NOWHERE from
 * the length on that was never seen.
 */
static void
grams_at(const PathChain *chain, uint32_t symbol, uint32_t longest, const double *odds_before,
		 const uint32_t *id_before, double *odds, uint32_t *id)
{
	odds[0] = chain->empty.odds;
	id[0] = 0;
	for (uint32_t length = 1; length <= longest; length++)
	{
		uint32_t number = NOWHERE;

		if (id_before[length - 1] != NOWHERE)
			number = key_index_find(&chain->grams, (uint64_t) id_before[length - 1] << 32 | symbol);
		if (number == NOWHERE)
		{
			id[length] = NOWHERE;
			odds[length] =
				length == 1 ? odds[0] : odds_before[length - 1] + odds[length - 1] - odds_before[length - 2];
		}
		else
		{
			id[length] = number + 1;
			odds[length] = chain->gram[number].odds;
		}
	}
}

void
path_chain_probabilities(const PathChain *chain, const uint32_t *touches, uint32_t ntouches, double *chance)
{
	double odds[2][PATH_CHAIN_MAX_ORDER + 2] = {{0}};
	uint32_t id[2][PATH_CHAIN_MAX_ORDER + 2] = {{0}};
	double sum[PATH_CHAIN_MAX_ORDER];
	Progress progress = {chain->env, 0};

	for (uint32_t k = 0; k < chain->order; k++)
		sum[k] = chain->journeys.odds;
	grams_at(chain, symbol_at(chain, touches, ntouches, 0), 1, odds[1], id[1], odds[0], id[0]);
	for (uint32_t place = 1; ntouches > 0 && place <= ntouches + 1; place++)
	{
		const double *before = odds[(place + 1) % 2];
		double *now = odds[place % 2];

		grams_at(chain, symbol_at(chain, touches, ntouches, place), longest_gram(chain, place), before,
				 id[(place + 1) % 2], now, id[place % 2]);
		for (uint32_t k = 1; k <= chain->order; k++)
		{
			uint32_t context = k < place ? k : place;

			sum[k - 1] += now[context + 1] - before[context];
		}
		progress_made(&progress, 32 * (size_t) chain->order);
	}
	for (uint32_t k = 0; k < chain->order; k++)
		chance[k] = 1 / (1 + exp(-sum[k]));
}

double
path_chain_probability(const PathChain *chain, const uint32_t *touches, uint32_t ntouches)
{
	double chance[PATH_CHAIN_MAX_ORDER];

	path_chain_probabilities(chain, touches, ntouches, chance);
	return chance[chain->order - 1];
}
