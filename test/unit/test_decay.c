/*
 * Clock decay: a published example, exactness of the sum, and the library's exp2 as the reference.
 */
#include "core/decay.h"
#include "core/summary_view.h"
#include "unit.h"

#define DAY INT64_C(86400000000)

static uint64_t random_state = 7;

static uint64_t
random_word(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static double
share(uint64_t weight)
{
	return (double) weight / (double) (UINT64_C(1) << DECAY_FRACTION_BITS);
}

static void
test_published_example(void)
{
	/* $50, half-life 7 days: paid 9 days before the order, social 6, email and display on the day (Adobe) */
	const int64_t at[4] = {0, 3 * DAY, 9 * DAY, 9 * DAY};
	const double expected[4] = {6.92, 9.32, 16.88, 16.88};
	uint64_t weight[4];

	decay_weights(at, 4, 7 * DAY, weight);
	for (int i = 0; i < 4; i++)
		is_close(round(50 * share(weight[i]) * 100) / 100, expected[i], 1e-12, "Adobe's example");
}

static void
test_factor(void)
{
	double worst = 0;

	for (double x = 0; x < 1000; x += 0.00237)
	{
		double error = fabs(decay_factor(x) / exp2(-x) - 1);

		if (error > worst)
			worst = error;
	}
	ok(worst < 5e-16, "2^-x to %g", worst);
	ok(decay_factor(0) == 1 && decay_factor(1) == 0.5 && decay_factor(1e300) == 0 &&
		   decay_factor(INFINITY) == 0,
	   "the ends");
}

static void
test_sums(void)
{
	static int64_t at[5000];
	static uint64_t weight[5000];
	int wrong = 0;
	double worst = 0;

	for (int round = 0; round < 2000; round++)
	{
		size_t n = 1 + random_word() % (round % 50 == 0 ? 5000 : 20);
		int64_t half_life = 1 + (int64_t) (random_word() >> (random_word() % 50 + 1));
		uint64_t sum = 0;
		double total = 0;

		at[0] = (int64_t) (random_word() >> 2) - INT64_C(1) * ((int64_t) 1 << 61);
		for (size_t i = 1; i < n; i++)
			at[i] = at[i - 1] + (int64_t) (random_word() >> (30 + random_word() % 34));
		decay_weights(at, n, half_life, weight);
		for (size_t i = 0; i < n; i++)
		{
			sum += weight[i];
			total += exp2(-(double) (at[n - 1] - at[i]) / (double) half_life);
		}
		wrong += sum != UINT64_C(1) << DECAY_FRACTION_BITS;
		for (size_t i = 0; i < n; i++)
			worst = fmax(worst, fabs(share(weight[i]) -
									 exp2(-(double) (at[n - 1] - at[i]) / (double) half_life) / total));
	}
	ok(wrong == 0, "weights add up to exactly one (%d do not)", wrong);
	ok(worst < 1e-14, "and are what they should be to %g", worst);
}

int
main(void)
{
	test_published_example();
	test_factor();
	test_sums();
	return done();
}
