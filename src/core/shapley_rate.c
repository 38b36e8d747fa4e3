#include "shapley_rate.h"

#include <math.h>
#include <string.h>

#include <gsl/gsl_rng.h>

#include "credit.h"

static double
rate(int64_t conversions, int64_t journeys)
{
	return journeys > 0 ? (double) conversions / (double) journeys : 0;
}

/*
 * Enumeration. A coalition is a number whose bits are its players. First the journeys whose set is exactly
 * the coalition, then, by the zeta transform, those whose set lies within it, then its weighted rate.
 */
typedef union Coalition
{
	struct
	{
		int64_t conversions;
		int64_t journeys;
	} count;
	double weighted;
} Coalition;

/* Coalitions of this many players fit the first-level cache. */
#define CACHED_PLAYERS 10

/* Work on one stretch of coalitions between two checks for interrupts. */
#define STRETCH 4096

static Coalition *
count_exact_sets(const RateGame *game, Progress *progress)
{
	size_t ncoalitions = (size_t) 1 << game->nplayers;
	Coalition *table = CORE_ALLOC(progress->env, Coalition, ncoalitions);

	for (size_t start = 0; start < ncoalitions; start += STRETCH)
	{
		size_t length = ncoalitions - start < STRETCH ? ncoalitions - start : STRETCH;

		memset(table + start, 0, length * sizeof(Coalition));
		progress_made(progress, length);
	}
	for (size_t i = 0; i < game->sets->nsets; i++)
	{
		const ChannelSet *set = &game->sets->sets[i];
		size_t coalition = 0;

		for (uint32_t j = 0; j < set->nchannels; j++)
			coalition |= (size_t) 1 << set->channels[j];
		table[coalition].count.conversions += set->conversions;
		table[coalition].count.journeys += set->journeys;
		progress_made(progress, set->nchannels);
	}
	return table;
}

static void
add_counts(Coalition *to, const Coalition *from, size_t n)
{
	for (size_t k = 0; k < n; k++)
	{
		to[k].count.conversions += from[k].count.conversions;
		to[k].count.journeys += from[k].count.journeys;
	}
}

/* Turns counts of exact sets into counts of subsets; recursion keeps the low players' passes in cache. */
static void
sum_over_subsets(Coalition *table, uint32_t nplayers, Progress *progress)
{
	size_t half;

	if (nplayers <= CACHED_PLAYERS)
	{
		size_t ncoalitions = (size_t) 1 << nplayers;

		for (size_t bit = 1; bit < ncoalitions; bit <<= 1)
		{
			for (size_t block = 0; block < ncoalitions; block += 2 * bit)
				add_counts(table + block + bit, table + block, bit);
		}
		progress_made(progress, ncoalitions * nplayers / 2);
		return;
	}
	half = (size_t) 1 << (nplayers - 1);
	sum_over_subsets(table, nplayers - 1, progress);
	sum_over_subsets(table + half, nplayers - 1, progress);
	for (size_t start = 0; start < half; start += STRETCH)
	{
		size_t length = half - start < STRETCH ? half - start : STRETCH;

		add_counts(table + half + start, table + start, length);
		progress_made(progress, length);
	}
}

/*
 * With w(t) = (t-1)!(n-t)!/n! the value of player i is
 *
 *		sum over S with i of w(|S|) v(S)  -  sum over S without i of w(|S|+1) v(S)
 *	  = sum over S with i of (w(|S|) + w(|S|+1)) v(S)  -  sum over all S of w(|S|+1) v(S),  w(n+1) = 0.
 *
 * The weights: w(t) = 1/(n C(n-1,t-1)); w(t) + w(t+1) = 1/((n-1) C(n-2,t-1)) for t < n, and 1/n for t = n.
 * This leaves v(S) (w(|S|) + w(|S|+1)) in the table and returns the second sum.
 */
static double
weigh_rates(Coalition *table, uint32_t n, Progress *progress)
{
	double within[27] = {0};
	double without[27] = {0};
	CompensatedSum all = {0, 0};
	size_t ncoalitions = (size_t) 1 << n;
	double choose = 1; /* C(n-2, t-1) */

	for (uint32_t t = 1; t < n; t++)
	{
		within[t] = 1 / ((n - 1) * choose);
		without[t] = within[t] * t / n; /* C(n-1,t) = C(n-2,t-1) (n-1)/t */
		choose = choose * (n - 1 - t) / t;
	}
	within[n] = 1.0 / n;
	for (size_t s = 0; s < ncoalitions; s++)
	{
		int size = __builtin_popcountll(s);
		double v = rate(table[s].count.conversions, table[s].count.journeys);

		table[s].weighted = within[size] * v;
		compensated_add(&all, without[size] * v);
		progress_made(progress, 8);
	}
	return compensated_value(all);
}

/*
 * For each player from the highest bit down: the sum over the coalitions with it is the sum of the table's
 * upper half, which is then folded onto the lower. 2^(n+1) steps in all, and adding in pairs keeps the error
 * that of n additions.
 */
static void
sum_by_player(Coalition *table, uint32_t nplayers, double all, Progress *progress, double *phi)
{
	for (uint32_t player = nplayers; player-- > 0;)
	{
		size_t half = (size_t) 1 << player;
		CompensatedSum sum = {0, 0};

		for (size_t k = 0; k < half; k++)
		{
			compensated_add(&sum, table[half + k].weighted);
			table[k].weighted += table[half + k].weighted;
			progress_made(progress, 4);
		}
		compensated_add(&sum, -all);
		phi[player] = compensated_value(sum);
	}
}

void
rate_game_enumerate(const RateGame *game, const CoreEnv *env, double *phi)
{
	Progress progress = {env, 0};
	Coalition *table = count_exact_sets(game, &progress);
	double all;

	sum_over_subsets(table, game->nplayers, &progress);
	all = weigh_rates(table, game->nplayers, &progress);
	sum_by_player(table, game->nplayers, all, &progress, phi);
	core_free(env, table);
}

/*
 * Sampling. As players arrive in the order of a permutation, a journey joins the coalition with the last of
 * its channels; in the reversed permutation with the first. So one look at each set serves both.
 */
typedef struct Arrivals
{
	int64_t conversions;
	int64_t journeys;
} Arrivals;

typedef struct Sampler
{
	const RateGame *game;
	gsl_rng rng;
	uint32_t *order;   /* the permutation: order[place] is a player */
	uint32_t *place;   /* its inverse */
	Arrivals *forward; /* per place */
	Arrivals *reverse; /* per place */
	double *marginal;  /* per player: the pair's sum */
	Progress progress;
} Sampler;

/* GSL's seeds have 32 bits: all 64 of ours take part in them. */
static unsigned long
fold_seed(uint64_t seed)
{
	seed = (seed ^ (seed >> 33)) * UINT64_C(0xff51afd7ed558ccd);
	seed = (seed ^ (seed >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
	return (unsigned long) (seed >> 32);
}

static Sampler
sampler_alloc(const RateGame *game, uint64_t seed, const CoreEnv *env)
{
	uint32_t n = game->nplayers;
	Sampler sampler = {
		.game = game,
		.rng = {gsl_rng_taus2, core_alloc_zero(env, 1, gsl_rng_taus2->size)},
		.order = CORE_ALLOC(env, uint32_t, n),
		.place = CORE_ALLOC(env, uint32_t, n),
		.forward = CORE_ALLOC(env, Arrivals, n),
		.reverse = CORE_ALLOC(env, Arrivals, n),
		.marginal = CORE_ALLOC(env, double, n),
		.progress = {env, 0},
	};

	gsl_rng_set(&sampler.rng, fold_seed(seed));
	for (uint32_t i = 0; i < n; i++)
		sampler.order[i] = i;
	return sampler;
}

static void
sampler_free(Sampler *sampler, const CoreEnv *env)
{
	core_free(env, sampler->rng.state);
	core_free(env, sampler->order);
	core_free(env, sampler->place);
	core_free(env, sampler->forward);
	core_free(env, sampler->reverse);
	core_free(env, sampler->marginal);
}

static void
shuffle(Sampler *sampler)
{
	uint32_t *order = sampler->order;

	for (uint32_t i = sampler->game->nplayers; i > 1; i--)
	{
		uint32_t j = (uint32_t) gsl_rng_uniform_int(&sampler->rng, i);
		uint32_t player = order[i - 1];

		order[i - 1] = order[j];
		order[j] = player;
		progress_made(&sampler->progress, 8);
	}
	for (uint32_t i = 0; i < sampler->game->nplayers; i++)
		sampler->place[order[i]] = i;
}

static void
arrive(Sampler *sampler)
{
	const ChannelSets *sets = sampler->game->sets;

	memset(sampler->forward, 0, sampler->game->nplayers * sizeof(Arrivals));
	memset(sampler->reverse, 0, sampler->game->nplayers * sizeof(Arrivals));
	for (size_t i = 0; i < sets->nsets; i++)
	{
		const ChannelSet *set = &sets->sets[i];
		uint32_t first = UINT32_MAX;
		uint32_t last = 0;

		for (uint32_t j = 0; j < set->nchannels; j++)
		{
			uint32_t place = sampler->place[set->channels[j]];

			first = place < first ? place : first;
			last = place > last ? place : last;
		}
		sampler->forward[last].conversions += set->conversions;
		sampler->forward[last].journeys += set->journeys;
		sampler->reverse[first].conversions += set->conversions;
		sampler->reverse[first].journeys += set->journeys;
		progress_made(&sampler->progress, 8 + set->nchannels);
	}
}

/* Each player's two marginal contributions; along either walk they telescope to v(all). */
static void
walk_pair(Sampler *sampler)
{
	uint32_t n = sampler->game->nplayers;
	Arrivals within = {0, 0};
	double before = 0;

	for (uint32_t i = 0; i < n; i++)
	{
		double after;

		within.conversions += sampler->forward[i].conversions;
		within.journeys += sampler->forward[i].journeys;
		after = rate(within.conversions, within.journeys);
		sampler->marginal[sampler->order[i]] = after - before;
		before = after;
	}
	within = (Arrivals){0, 0};
	before = 0;
	for (uint32_t i = n; i-- > 0;)
	{
		double after;

		within.conversions += sampler->reverse[i].conversions;
		within.journeys += sampler->reverse[i].journeys;
		after = rate(within.conversions, within.journeys);
		sampler->marginal[sampler->order[i]] += after - before;
		before = after;
	}
	progress_made(&sampler->progress, 16 * (size_t) n);
}

CoreStatus
rate_game_sample(const RateGame *game, int64_t samples, uint64_t seed, const CoreEnv *env, double *phi,
				 double *std_error)
{
	int64_t npairs = samples / 2 + samples % 2;
	uint32_t n = game->nplayers;
	Sampler sampler;

	if (samples < 1)
		return CORE_BAD_INPUT;
	sampler = sampler_alloc(game, seed, env);
	for (uint32_t i = 0; i < n; i++)
		phi[i] = std_error[i] = 0;
	for (int64_t pair = 1; pair <= npairs; pair++)
	{
		shuffle(&sampler);
		arrive(&sampler);
		walk_pair(&sampler);
		for (uint32_t i = 0; i < n; i++) /* Welford: std_error gathers squared deviations */
		{
			double deviation = sampler.marginal[i] / 2 - phi[i];

			phi[i] += deviation / (double) pair;
			std_error[i] += deviation * (sampler.marginal[i] / 2 - phi[i]);
		}
		progress_made(&sampler.progress, 4 * (size_t) n);
	}
	for (uint32_t i = 0; i < n && npairs > 1; i++)
		std_error[i] = sqrt(std_error[i] / (double) (npairs - 1) / (double) npairs);
	sampler_free(&sampler, env);
	return CORE_OK;
}
