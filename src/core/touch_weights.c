#include "rules.h"

#include <math.h>

#include "credit.h"

/* How far the running float8 sum may stray from the exact one before a weight is bent to bring it back. */
#define SUM_TOLERANCE 8.8817841970012523e-16 /* 2^-50 */

/*
 * Bends weights that sum to 1 but for rounding, so that adding them left to right in float8 gives exactly 1
 * without any turning negative. Each moves by about 1e-15 at most.
 *
 * The last positive weight becomes 1 - s, s in [0, 1] being the float8 sum of those before it, unless it
 * already ends at 1. Then s + (1 - s) is 1: for s >= 1/2 the difference is exact (Sterbenz); for s < 1/2 it
 * is off by at most 2^-54, and 1 is the float8 nearest to 1 + d for |d| <= 2^-54 (ties go to even).
 */
static void
settle_weights(double *weight, size_t n)
{
	CompensatedSum exact = {0, 0};
	double sum = 0;
	size_t last = n - 1;

	while (last > 0 && weight[last] == 0)
		last--;
	for (size_t j = 0; j < last; j++)
	{
		double target;

		compensated_add(&exact, weight[j]);
		target = fmin(1, compensated_value(exact));
		if (fabs(sum + weight[j] - target) > SUM_TOLERANCE)
			weight[j] = fmax(0, target - sum);
		if (sum + weight[j] > 1)
			weight[j] = 1 - sum;
		sum += weight[j];
	}
	if (sum + weight[last] != 1)
		weight[last] = 1 - sum;
}

void
touch_weights_normalize(double *weight, size_t n)
{
	CompensatedSum sum = {0, 0};
	double largest = 0;

	for (size_t j = 0; j < n; j++)
		largest = fmax(largest, weight[j]);
	if (largest == 0)
	{
		touch_weights_linear(weight, n);
		return;
	}
	for (size_t j = 0; j < n; j++)
	{
		weight[j] /= largest; /* so the sum cannot overflow */
		compensated_add(&sum, weight[j]);
	}
	for (size_t j = 0; j < n; j++)
		weight[j] /= compensated_value(sum);
	settle_weights(weight, n);
}

void
touch_weights_linear(double *weight, size_t n)
{
	for (size_t j = 0; j < n; j++)
		weight[j] = 1 / (double) n;
	settle_weights(weight, n);
}

void
touch_weights_position_based(double *weight, size_t n, double first, double last)
{
	double ends = first + last;

	if (n == 1)
		weight[0] = 1;
	else if (n == 2)
	{
		weight[0] = first_of_two(first, last);
		weight[1] = first_of_two(last, first);
	}
	else
	{
		for (size_t j = 1; j < n - 1; j++)
			weight[j] = fmax(0, 1 - ends) / (double) (n - 2);
		weight[0] = first;
		weight[n - 1] = last;
	}
	settle_weights(weight, n);
}

void
touch_weights_position_decay(double *weight, size_t n, double ratio)
{
	for (size_t j = 0; j < n; j++)
		weight[n - 1 - j] = pow(ratio, (double) j);
	touch_weights_normalize(weight, n);
}
