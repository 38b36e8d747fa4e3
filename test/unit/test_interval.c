#include "core/interval.h"

#include <string.h>

#include "unit.h"

#define NREPLICATES 101

/* An arithmetic progression modulo a prime, bent: skewed, without ties, the same everywhere. */
static void
some_replicates(double *replicates)
{
	for (int i = 0; i < NREPLICATES; i++)
		replicates[i] = pow((i * 37) % 101, 1.3) / 10 + 2;
	sort_doubles(replicates, NREPLICATES, unit_env());
}

/*
 * Expected values from SciPy 1.17.1: numpy.quantile for the percentile interval, and for BCa
 * scipy.stats._resampling._bca_interval with these replicates as the bootstrap distribution of the mean of
 * 1 2 2 3 5 8 13 21 34 55, whose jackknife acceleration it gives as 0.07322093310270437.
 */
static void
test_intervals(void)
{
	double replicates[NREPLICATES];
	ConfidenceInterval interval;

	some_replicates(replicates);
	interval = interval_percentile(replicates, NREPLICATES, 0.95);
	is_close(interval.low, 2.3316728168818783, 1e-13, "percentile interval, 95%, low");
	is_close(interval.high, 40.521946837913106, 1e-13, "percentile interval, 95%, high");
	interval = interval_percentile(replicates, NREPLICATES, 0.8);
	is_close(interval.low, 3.9952623149688793, 1e-13, "percentile interval, 80%, low");
	is_close(interval.high, 36.7148475400414, 1e-13, "percentile interval, 80%, high");
	interval = interval_bca(replicates, NREPLICATES, 14.4, 0.07322093310270437, 0.95);
	is_close(interval.low, 2.19553971202542, 1e-10, "BCa interval, 95%, low");
	is_close(interval.high, 39.67136675348252, 1e-10, "BCa interval, 95%, high");
	interval = interval_bca(replicates, NREPLICATES, 14.4, 0.07322093310270437, 0.8);
	is_close(interval.low, 2.9013971887955363, 1e-10, "BCa interval, 80%, low");
	is_close(interval.high, 32.454907662599, 1e-10, "BCa interval, 80%, high");
	interval = interval_bca(replicates, NREPLICATES, 1, 0.1, 0.95);
	is_close(interval.high, 40.521946837913106, 1e-13, "BCa where no replicate is below the estimate");
	interval = interval_bca(replicates, NREPLICATES, 14.4, 5, 0.95);
	is_close(interval.high, 40.521946837913106, 1e-13, "BCa past its pole");
	is_close(sorted_quantile(replicates, 1, 0.3), replicates[0], 0, "quantile of a single value");
}

/* 1 - 2 norm.sf(sqrt(n / (n - 1)) t.ppf((1 + level) / 2, n - 1)) with scipy.stats of SciPy 1.17.1 */
static void
test_expanded_level(void)
{
	double replicates[NREPLICATES];
	ConfidenceInterval interval;

	is_close(interval_expanded_level(5, 0.95), 0.998091798896235, 1e-12, "expanded level, 5 terms");
	is_close(interval_expanded_level(12, 0.95), 0.978486770166895, 1e-12, "expanded level, 12 terms");
	is_close(interval_expanded_level(70, 0.8), 0.8075222704194387, 1e-12, "expanded level, 70 terms, 80%");
	is_close(interval_expanded_level(7.5, 0.95), 0.9901246609405446, 1e-12, "expanded level, 7.5 terms");
	is_close(interval_expanded_level(1e18, 0.95), 0.95, 1e-9, "expanded level, many terms");
	is_close(interval_expanded_level(-1, 0.95), interval_expanded_level(2, 0.95), 0,
			 "fewer than two terms are two");
	some_replicates(replicates);
	interval = interval_bca(replicates, NREPLICATES, 14.4, 0.07, interval_expanded_level(1, 0.999));
	ok(interval.low == replicates[0] && interval.high == replicates[NREPLICATES - 1],
	   "a level that rounds to 1 takes all replicates");
}

static void
test_p_values(void)
{
	double replicates[] = {-2, -1, 0, 0, 1, 2, 3, 4, 5, 6};
	double positive[] = {1, 2, 3};
	double p[] = {0.04, 0.01, NAN, 0.03, 0.02, 0.5};
	double adjusted[6];

	/* below: 2 + 2/2, above: 6 + 2/2 */
	is_close(bootstrap_p_value(replicates, 10), 2 * 4.0 / 11, 1e-15, "p-value with ties at 0");
	is_close(bootstrap_p_value(positive, 3), 2 * 1.0 / 4, 1e-15, "p-value is never 0");
	adjust_holm(p, 6, adjusted, unit_env());
	/* statsmodels.stats.multitest.multipletests(p, method='holm'), statsmodels 0.15.0, of the known five */
	is_close(adjusted[1], 0.05, 1e-15, "Holm, smallest");
	is_close(adjusted[4], 0.08, 1e-15, "Holm, second");
	is_close(adjusted[3], 0.09, 1e-15, "Holm, third");
	is_close(adjusted[0], 0.09, 1e-15, "Holm never falls");
	is_close(adjusted[5], 0.5, 1e-15, "Holm, largest");
	ok(isnan(adjusted[2]), "a missing p-value stays missing");
}

/* scipy.stats.spearmanr, SciPy 1.17.1 */
static void
test_agreement(void)
{
	double a[] = {.4, .3, .1, .1, .05, .05};
	double b[] = {.2, .3, .25, .1, .1, .05};
	double same[] = {1, 1, 1, 1, 1, 1};

	is_close(rank_correlation(a, b, 6, unit_env()), 0.7164977208318386, 1e-14, "rank correlation with ties");
	is_close(rank_correlation(a, a, 6, unit_env()), 1, 0, "rank correlation with itself");
	ok(isnan(rank_correlation(a, same, 6, unit_env())), "rank correlation with a constant");
	ok(isnan(rank_correlation(a, b, 1, unit_env())), "rank correlation of one");
	is_close(total_variation(a, b, 6), 0.2, 1e-14, "total variation");
}

static void
test_sort(void)
{
	double values[1000];
	bool sorted = true;

	for (int i = 0; i < 1000; i++)
		values[i] = (i * 7919) % 1000 - 500;
	sort_doubles(values, 1000, unit_env());
	for (int i = 0; i < 1000; i++)
		sorted &= values[i] == i - 500;
	ok(sorted, "sorting");
	sort_doubles(values, 0, unit_env());
	ok(true, "sorting nothing");
}

int
main(void)
{
	test_intervals();
	test_expanded_level();
	test_p_values();
	test_agreement();
	test_sort();
	return done();
}
