#include "decay.h"

#include "summary_view.h"

#include <math.h>

/*
 * The C library's exp2 differs between machines in the last digit, and summaries of several nodes must have the
 * same bytes as one node's. So: x = whole + j / 32 + r, a table for 2^(-j/32) and eight Taylor terms for 2^-r,
 * whose error stays below 2e-18. Only IEEE operations, and no contraction to fused ones (see the Makefile).
 */
static const double table[32] = {
	0x1.0000000000000p+0, 0x1.f50765b6e4540p-1, 0x1.ea4afa2a490dap-1, 0x1.dfc97337b9b5fp-1,
	0x1.d5818dcfba487p-1, 0x1.cb720dcef9069p-1, 0x1.c199bdd85529cp-1, 0x1.b7f76f2fb5e47p-1,
	0x1.ae89f995ad3adp-1, 0x1.a5503b23e255dp-1, 0x1.9c49182a3f090p-1, 0x1.93737b0cdc5e5p-1,
	0x1.8ace5422aa0dbp-1, 0x1.82589994cce13p-1, 0x1.7a11473eb0187p-1, 0x1.71f75e8ec5f74p-1,
	0x1.6a09e667f3bcdp-1, 0x1.6247eb03a5585p-1, 0x1.5ab07dd485429p-1, 0x1.5342b569d4f82p-1,
	0x1.4bfdad5362a27p-1, 0x1.44e086061892dp-1, 0x1.3dea64c123422p-1, 0x1.371a7373aa9cbp-1,
	0x1.306fe0a31b715p-1, 0x1.29e9df51fdee1p-1, 0x1.2387a6e756238p-1, 0x1.1d4873168b9aap-1,
	0x1.172b83c7d517bp-1, 0x1.11301d0125b51p-1, 0x1.0b5586cf9890fp-1, 0x1.059b0d3158574p-1,
};

static const double taylor[8] = {
	0x1.0000000000000p+0, -0x1.62e42fefa39efp-1,  0x1.ebfbdff82c58fp-3,	 -0x1.c6b08d704a0c0p-5,
	0x1.3b2ab6fba4e77p-7, -0x1.5d87fe78a6731p-10, 0x1.430912f86c787p-13, -0x1.ffcbfc588b0c7p-17,
};

double
decay_factor(double x)
{
	double whole;
	double rest;
	double power;
	int j;

	if (x >= 1100)
		return 0; /* below the smallest double */
	whole = floor(x);
	rest = (x - whole) * 32;
	j = (int) rest;
	rest = (rest - j) / 32;
	power = taylor[7];
	for (int i = 7; i-- > 0;)
		power = power * rest + taylor[i];
	return ldexp(table[j] * power, -(int) whole);
}

void
decay_weights(const int64_t *at, size_t n, int64_t half_life, uint64_t *weight)
{
	const double unit = (double) (UINT64_C(1) << DECAY_FRACTION_BITS);
	uint64_t left = UINT64_C(1) << DECAY_FRACTION_BITS;
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += decay_factor((double) ((uint64_t) at[n - 1] - (uint64_t) at[i]) / (double) half_life);
	for (size_t i = 0; i + 1 < n; i++)
	{
		double age = (double) ((uint64_t) at[n - 1] - (uint64_t) at[i]);

		weight[i] = (uint64_t) (decay_factor(age / (double) half_life) / sum * unit);
		if (weight[i] > left)
			weight[i] = left; /* a rounding too many; cannot happen below 2^50 touches */
		left -= weight[i];
	}
	weight[n - 1] = left;
}
