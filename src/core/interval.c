#include "interval.h"

#include <gsl/gsl_cdf.h>
#include <math.h>

#include "credit.h"
#include "progress.h"

double
sorted_quantile(const double *sorted, size_t n, double p)
{
	double place = (double) (n - 1) * p;
	size_t below = (size_t) place;
	double part = place - (double) below;

	if (below + 1 >= n)
		return sorted[n - 1];
	if (part == 0)
		return sorted[below]; /* an infinite neighbour must not make it NaN */
	return sorted[below] + part * (sorted[below + 1] - sorted[below]);
}

void
select_place(double *number, int n, int k)
{
	int low = 0;
	int high = n - 1;

	while (low < high)
	{
		double pivot = number[low + (high - low) / 2];
		int i = low;
		int j = high;

		while (i <= j)
		{
			while (number[i] < pivot)
				i++;
			while (number[j] > pivot)
				j--;
			if (i <= j)
			{
				double t = number[i];

				number[i++] = number[j];
				number[j--] = t;
			}
		}
		if (k <= j)
			high = j;
		else if (k >= i)
			low = i;
		else
			return;
	}
}

/* Merges two sorted runs of `order`, a permutation of the values' places. */
static void
merge_runs(const double *values, const uint32_t *from, size_t middle, size_t end, uint32_t *to)
{
	size_t left = 0;
	size_t right = middle;

	for (size_t i = 0; i < end; i++)
	{
		if (left < middle && (right >= end || values[from[left]] <= values[from[right]]))
			to[i] = from[left++];
		else
			to[i] = from[right++];
	}
}

uint32_t *
sorted_order(const double *values, size_t n, const CoreEnv *env)
{
	uint32_t *order = CORE_ALLOC(env, uint32_t, n);
	uint32_t *other = CORE_ALLOC(env, uint32_t, n);
	Progress progress = {env, 0};

	for (size_t i = 0; i < n; i++)
		order[i] = (uint32_t) i;
	for (size_t run = 1; run < n; run *= 2)
	{
		uint32_t *swap = order;

		for (size_t at = 0; at < n; at += 2 * run)
		{
			size_t left = n - at;
			size_t end = left < 2 * run ? left : 2 * run;

			merge_runs(values, order + at, run < end ? run : end, end, other + at);
			progress_made(&progress, 8 * end);
		}
		order = other;
		other = swap;
	}
	core_free(env, other);
	return order;
}

void
sort_doubles(double *values, size_t n, const CoreEnv *env)
{
	uint32_t *order = sorted_order(values, n, env);
	double *sorted = CORE_ALLOC(env, double, n);

	for (size_t i = 0; i < n; i++)
		sorted[i] = values[order[i]];
	for (size_t i = 0; i < n; i++)
		values[i] = sorted[i];
	core_free(env, sorted);
	core_free(env, order);
}

ConfidenceInterval
interval_percentile(const double *replicates, size_t n, double level)
{
	return (ConfidenceInterval){sorted_quantile(replicates, n, (1 - level) / 2),
								sorted_quantile(replicates, n, (1 + level) / 2)};
}

/* How many of the sorted replicates are below x; equal ones count half. */
static double
count_below(const double *replicates, size_t n, double x)
{
	size_t below = 0;
	size_t equal = 0;

	for (size_t i = 0; i < n && replicates[i] <= x; i++)
	{
		if (replicates[i] < x)
			below++;
		else
			equal++;
	}
	return (double) below + (double) equal / 2;
}

ConfidenceInterval
interval_bca(const double *replicates, size_t n, double estimate, double acceleration, double level)
{
	double share = count_below(replicates, n, estimate) / (double) n;
	double tail[2] = {(1 - level) / 2, (1 + level) / 2};
	double bias;

	if (share <= 0 || share >= 1 || !isfinite(acceleration))
		return interval_percentile(replicates, n, level);
	bias = gsl_cdf_ugaussian_Pinv(share);
	for (int i = 0; i < 2; i++)
	{
		double z = bias + gsl_cdf_ugaussian_Pinv(tail[i]);

		/* past this pole the transformation would turn back; a level that rounds to 1 has no ends */
		if (acceleration * z >= 1 || !isfinite(z))
			return interval_percentile(replicates, n, level);
		tail[i] = gsl_cdf_ugaussian_P(bias + z / (1 - acceleration * z));
	}
	return (ConfidenceInterval){sorted_quantile(replicates, n, tail[0]),
								sorted_quantile(replicates, n, tail[1])};
}

double
interval_expanded_level(double terms, double level)
{
	double n = fmax(2, terms);
	double quantile = sqrt(n / (n - 1)) * gsl_cdf_tdist_Pinv((1 + level) / 2, n - 1);
	double expanded = 1 - 2 * gsl_cdf_ugaussian_Q(quantile);

	return expanded > level ? expanded : level; /* not for rounding to make it narrower */
}

double
bootstrap_p_value(const double *replicates, size_t n)
{
	double below = 0;
	double above = 0;
	double p;

	for (size_t i = 0; i < n; i++)
	{
		below += replicates[i] < 0 ? 1 : replicates[i] == 0 ? 0.5 : 0;
		above += replicates[i] > 0 ? 1 : replicates[i] == 0 ? 0.5 : 0;
	}
	p = 2 * (fmin(below, above) + 1) / ((double) n + 1);
	return p < 1 ? p : 1;
}

void
adjust_holm(const double *p, size_t n, double *adjusted, const CoreEnv *env)
{
	double *known = CORE_ALLOC(env, double, n);
	size_t nknown = 0;
	uint32_t *order;
	double largest = 0;

	for (size_t i = 0; i < n; i++)
	{
		adjusted[i] = p[i];
		known[i] = isnan(p[i]) ? INFINITY : p[i];
		nknown += !isnan(p[i]);
	}
	order = sorted_order(known, n, env);
	for (size_t i = 0; i < nknown; i++)
	{
		double scaled = fmin(1, known[order[i]] * (double) (nknown - i));

		largest = fmax(largest, scaled);
		adjusted[order[i]] = largest;
	}
	core_free(env, order);
	core_free(env, known);
}

double *
mean_ranks(const double *values, size_t n, const CoreEnv *env)
{
	uint32_t *order = sorted_order(values, n, env);
	double *rank = CORE_ALLOC(env, double, n);

	for (size_t i = 0; i < n;)
	{
		size_t end = i + 1;

		while (end < n && values[order[end]] == values[order[i]])
			end++;
		for (size_t j = i; j < end; j++)
			rank[order[j]] = (double) (i + end + 1) / 2;
		i = end;
	}
	core_free(env, order);
	return rank;
}

double
rank_correlation(const double *a, const double *b, size_t n, const CoreEnv *env)
{
	double *rank_a = mean_ranks(a, n, env);
	double *rank_b = mean_ranks(b, n, env);
	double middle = ((double) n + 1) / 2;
	CompensatedSum aa = {0, 0};
	CompensatedSum bb = {0, 0};
	CompensatedSum ab = {0, 0};
	double scale;

	for (size_t i = 0; i < n; i++)
	{
		compensated_add(&aa, (rank_a[i] - middle) * (rank_a[i] - middle));
		compensated_add(&bb, (rank_b[i] - middle) * (rank_b[i] - middle));
		compensated_add(&ab, (rank_a[i] - middle) * (rank_b[i] - middle));
	}
	core_free(env, rank_a);
	core_free(env, rank_b);
	scale = sqrt(compensated_value(aa) * compensated_value(bb));
	return scale > 0 ? fmax(-1, fmin(1, compensated_value(ab) / scale)) : NAN;
}

double
total_variation(const double *a, const double *b, size_t n)
{
	CompensatedSum sum = {0, 0};

	for (size_t i = 0; i < n; i++)
		compensated_add(&sum, fabs(a[i] - b[i]) / 2);
	return compensated_value(sum);
}
