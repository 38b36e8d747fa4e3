/*
 * Markov removal effects the slow, obvious way: build the chain gram by gram, really lead the channel's
 * states to (null), and solve the dense equations with pivoting, in 113 bits of precision.
 */
#ifndef ATTRIB_TEST_MARKOV_REFERENCE_H
#define ATTRIB_TEST_MARKOV_REFERENCE_H

#include "paths.h"

__extension__ typedef __float128 quad;

#define REFERENCE_STATES 400

typedef struct Reference
{
	uint32_t nstates;
	const uint32_t *gram[REFERENCE_STATES];
	uint32_t length[REFERENCE_STATES];
	quad count[REFERENCE_STATES][REFERENCE_STATES]; /* edges */
	quad start[REFERENCE_STATES];
	quad converted[REFERENCE_STATES];
	quad lost[REFERENCE_STATES];
	quad earned[REFERENCE_STATES];
} Reference;

/* The state's number, or -1 if there is no room for another. */
static int
reference_state(Reference *chain, const uint32_t *gram, uint32_t length)
{
	for (uint32_t i = 0; i < chain->nstates; i++)
	{
		if (chain->length[i] == length && memcmp(chain->gram[i], gram, length * sizeof(uint32_t)) == 0)
			return (int) i;
	}
	if (chain->nstates == REFERENCE_STATES)
		return -1;
	chain->gram[chain->nstates] = gram;
	chain->length[chain->nstates] = length;
	return (int) chain->nstates++;
}

static quad
fixed_to_quad(fixed128 value)
{
	return (quad) value / 18446744073709551616.0Q;
}

static bool
reference_add(Reference *chain, const SummaryPath *path, uint32_t order, bool collapse_repeats)
{
	quad weight = (quad) path->matured_conversions + path->lost;
	uint32_t length = path->ntouches < order ? path->ntouches : order;
	int previous = -1;

	if (path->ntouches == 0 || weight == 0)
		return true;
	for (uint32_t i = 0; i + length <= path->ntouches; i++)
	{
		int state = reference_state(chain, path->touches + i, length);

		if (state < 0)
			return false;
		if (i == 0)
			chain->start[state] += weight;
		else if (state != previous || !collapse_repeats)
			chain->count[previous][state] += weight;
		previous = state;
	}
	chain->converted[previous] += path->matured_conversions;
	chain->lost[previous] += path->lost;
	chain->earned[previous] += fixed_to_quad(path->matured_value);
	return true;
}

/* False if the chain is too large for it. */
static bool
reference_build(Reference *chain, const SummaryView *view, uint32_t order, bool collapse_repeats)
{
	memset(chain, 0, sizeof(*chain));
	for (size_t i = 0; i < view->npaths; i++)
	{
		if (!reference_add(chain, &view->paths[i], order, collapse_repeats))
			return false;
	}
	return true;
}

static bool
reference_has(const Reference *chain, uint32_t state, uint32_t channel)
{
	for (uint32_t k = 0; k < chain->length[state]; k++)
	{
		if (chain->gram[state][k] == channel)
			return true;
	}
	return false;
}

/* x := A^-1 x for two right-hand sides. */
static void
reference_eliminate(quad (*a)[REFERENCE_STATES], quad (*x)[2], uint32_t n)
{
	for (uint32_t k = 0; k < n; k++)
	{
		uint32_t pivot = k;

		for (uint32_t i = k + 1; i < n; i++)
		{
			quad best = a[pivot][k] < 0 ? -a[pivot][k] : a[pivot][k];

			if (a[i][k] > best || -a[i][k] > best)
				pivot = i;
		}
		for (uint32_t j = 0; j < n + 2; j++)
		{
			quad *left = j < n ? &a[k][j] : &x[k][j - n];
			quad *right = j < n ? &a[pivot][j] : &x[pivot][j - n];
			quad swap = *left;

			*left = *right;
			*right = swap;
		}
		for (uint32_t i = 0; i < n; i++)
		{
			quad factor = a[i][k] / a[k][k];

			if (i == k || factor == 0)
				continue;
			for (uint32_t j = k; j < n; j++)
				a[i][j] -= factor * a[k][j];
			x[i][0] -= factor * x[k][0];
			x[i][1] -= factor * x[k][1];
		}
	}
	for (uint32_t k = 0; k < n; k++)
	{
		x[k][0] /= a[k][k];
		x[k][1] /= a[k][k];
	}
}

/*
 * Conversions and value per journey that starts, times the journeys, with all states of `channel` leading to
 * (null); UINT32_MAX for none.
 */
static void
reference_outcome(const Reference *chain, uint32_t channel, quad *conversions, quad *value)
{
	static quad a[REFERENCE_STATES][REFERENCE_STATES];
	static quad x[REFERENCE_STATES][2];

	for (uint32_t i = 0; i < chain->nstates; i++)
	{
		quad total = chain->converted[i] + chain->lost[i];
		bool removed = channel != UINT32_MAX && reference_has(chain, i, channel);

		for (uint32_t j = 0; j < chain->nstates; j++)
			total += chain->count[i][j];
		for (uint32_t j = 0; j < chain->nstates; j++)
			a[i][j] = (i == j) - (removed ? 0 : chain->count[i][j] / total);
		x[i][0] = removed ? 0 : chain->converted[i] / total;
		x[i][1] = removed ? 0 : chain->earned[i] / total;
	}
	reference_eliminate(a, x, chain->nstates);
	*conversions = *value = 0;
	for (uint32_t i = 0; i < chain->nstates; i++)
	{
		*conversions += chain->start[i] * x[i][0];
		*value += chain->start[i] * x[i][1];
	}
}

#endif
