/*
 * The causal shares behind a generated log, without simulation.
 *
 * A journey defines a game among channels: v(S) = chance(only the touches of the channels in S) - baseline.
 * Let F(x) be the mean of v over journeys when each channel's touches are kept with probability x_c, channels
 * independent. F is linear in each x_c, so by Owen (1972, "Multilinear extensions of games") the mean Shapley
 * value is the integral along the diagonal
 *
 *	 phi_c = integral from 0 to 1 of dF/dx_c (t, ..., t) dt
 *
 * Given the journey's rate r (gamma distributed), the touches of the channels are independent Poisson processes
 * with means m_c = r * popularity_c, so that the probability that channel c leaves a user unmoved is
 * 1 - x_c d_c with d_c = 1 - exp(-m_c e_c), e_c the effect averaged over ages. With a pair (a, b)
 *
 *	 F(x) = 1 - baseline + boost x_a x_b P
 *			- (1 - baseline) O(x) [(1 - x_a d_a)(1 - x_b d_b) + boost x_a x_b K]
 *
 * where O is the product over the other channels, P the probability that the pair is there in its order, and
 * K the mean of (both left the user unmoved) * (the pair is there in its order). In K, the factors
 * 1 - effect(age) thin the two processes: K = exp(-m_a e_a - m_b e_b) P', P' being P at the thinned rates.
 *
 * What is left are integrals over r, t and the age of the pair's opening touch, by Gauss-Legendre. Leaving
 * out journeys without touches scales every phi_c alike; that drawn ones are cut at GENERATOR_MAX_TOUCHES,
 * which one in a million would exceed, is neglected.
 */
#include "generator.h"

#include <math.h>

#define RATE_NODES 64
#define DIAGONAL_NODES 16
#define AGE_NODES 48
#define MAX_NODES 64

typedef struct Rule
{
	double node[MAX_NODES];
	double weight[MAX_NODES];
} Rule;

/* Gauss-Legendre on (0, 1): the roots of P_n by Newton's method from Tricomi's approximation. */
static void
gauss_legendre(int n, Rule *rule)
{
	for (int i = 0; i < n; i++)
	{
		double x = cos(M_PI * (i + 0.75) / (n + 0.5));
		double slope = 1;

		for (int step = 0; step < 8; step++)
		{
			double p = 1;
			double before = 0;

			for (int k = 1; k <= n; k++)
			{
				double next = ((2 * k - 1) * x * p - (k - 1) * before) / k;

				before = p;
				p = next;
			}
			slope = n * (x * p - before) / (x * x - 1);
			x -= p / slope;
		}
		rule->node[i] = (1 + x) / 2;
		rule->weight[i] = 1 / ((1 - x * x) * slope * slope);
	}
}

/* The mean, over the touches of channel c, of 2^(-age / half_life) where from <= age <= to (days), else 0. */
static double
age_mass(const Generator *g, int c, double half_life, double from, double to)
{
	double rate = 1 / g->mean_age[c];
	double total = rate + (half_life > 0 ? M_LN2 / half_life : 0);

	return rate / total * (exp(-total * from) - exp(-total * to)) / -expm1(-rate * GENERATOR_SPAN_DAYS);
}

/* The part of channel c's touches with ages in [from, to] that stay after thinning (or all of them). */
static double
kept_mass(const Generator *g, int c, bool thinned, double from, double to)
{
	double kept = age_mass(g, c, 0, from, to);

	if (thinned)
		kept -= g->effect[c] * age_mass(g, c, g->regime.half_life, from, to);
	return kept;
}

static double
kept_density(const Generator *g, int c, bool thinned, double age)
{
	double rate = 1 / g->mean_age[c];
	double density = rate * exp(-rate * age) / -expm1(-rate * GENERATOR_SPAN_DAYS);

	if (!thinned)
		return density;
	return density * (1 - g->effect[c] * (g->regime.half_life > 0 ? exp2(-age / g->regime.half_life) : 1));
}

/* The probability that the pair is there, in its order: over the age of the first's earliest touch. */
static double
pair_probability(const Generator *g, double rate, bool thinned, const Rule *ages)
{
	const GeneratorRegime *regime = &g->regime;
	int a = regime->pair_first;
	int b = regime->pair_second;
	double mean_a = rate * g->popularity[a];
	double mean_b = rate * g->popularity[b];
	const double span = GENERATOR_SPAN_DAYS;
	double sum = 0;

	if (!regime->pair_ordered)
		return expm1(-mean_a * kept_mass(g, a, thinned, 0, span)) *
			   expm1(-mean_b * kept_mass(g, b, thinned, 0, span));
	for (int i = 0; i < AGE_NODES; i++)
	{
		double age = span * ages->node[i];
		double earliest =
			mean_a * kept_density(g, a, thinned, age) * exp(-mean_a * kept_mass(g, a, thinned, age, span));

		sum += ages->weight[i] * earliest * -expm1(-mean_b * kept_mass(g, b, thinned, 0, age));
	}
	return span * sum;
}

/* Adds weight * phi_c for journeys of one rate, given every channel's d_c. */
static void
add_diagonal(const Generator *g, const double *moved, double boost, double present, double present_unmoved,
			 double weight, const Rule *diagonal, double *phi)
{
	int a = g->regime.pair_first;
	int b = g->regime.pair_second;

	for (int i = 0; i < DIAGONAL_NODES; i++)
	{
		double t = diagonal->node[i];
		double w = weight * diagonal->weight[i];
		double others = 1 - g->regime.baseline;
		double pair = 1;

		for (int c = 0; c < g->channels; c++)
			if (c != a && c != b)
				others *= 1 - t * moved[c];
		if (a >= 0)
		{
			pair = (1 - t * moved[a]) * (1 - t * moved[b]) + boost * t * t * present_unmoved;
			phi[a] += w * (boost * t * present +
						   others * (moved[a] * (1 - t * moved[b]) - boost * t * present_unmoved));
			phi[b] += w * (boost * t * present +
						   others * (moved[b] * (1 - t * moved[a]) - boost * t * present_unmoved));
		}
		for (int c = 0; c < g->channels; c++)
			if (c != a && c != b)
				phi[c] += w * moved[c] * pair * others / (1 - t * moved[c]);
	}
}

void
generator_truth(const CoreEnv *env, const Generator *g, double *share)
{
	const GeneratorRegime *regime = &g->regime;
	double *mean_effect = CORE_ALLOC(env, double, g->channels);
	double *moved = CORE_ALLOC(env, double, g->channels);
	double total = 0;
	Rule rates;
	Rule diagonal;
	Rule ages;

	gauss_legendre(RATE_NODES, &rates);
	gauss_legendre(DIAGONAL_NODES, &diagonal);
	gauss_legendre(AGE_NODES, &ages);
	for (int c = 0; c < g->channels; c++)
	{
		mean_effect[c] = g->effect[c] * age_mass(g, c, regime->half_life, 0, GENERATOR_SPAN_DAYS);
		share[c] = 0;
	}
	for (int i = 0; i < RATE_NODES; i++)
	{
		/* r = mean * x, x = s / (1 - s) gamma distributed with mean 1; constant factors do not matter. */
		double s = rates.node[i];
		double x = s / (1 - s);
		double rate = GENERATOR_TOUCHES_MEAN * x;
		double density = pow(x, GENERATOR_TOUCHES_SHAPE - 1) * exp(-GENERATOR_TOUCHES_SHAPE * x);
		double weight = rates.weight[i] * density / ((1 - s) * (1 - s));
		double present = 0;
		double present_unmoved = 0;

		for (int c = 0; c < g->channels; c++)
			moved[c] = -expm1(-rate * g->popularity[c] * mean_effect[c]);
		if (regime->pair_first >= 0)
		{
			present = pair_probability(g, rate, false, &ages);
			present_unmoved = (1 - moved[regime->pair_first]) * (1 - moved[regime->pair_second]) *
							  pair_probability(g, rate, true, &ages);
		}
		add_diagonal(g, moved, regime->pair_boost, present, present_unmoved, weight, &diagonal, share);
		core_check(env);
	}
	for (int c = 0; c < g->channels; c++)
		total += share[c];
	for (int c = 0; c < g->channels; c++)
		share[c] /= total;
	core_free(env, moved);
	core_free(env, mean_effect);
}
