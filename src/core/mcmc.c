#include "mcmc.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_fft_halfcomplex.h>
#include <gsl/gsl_fft_real.h>
#include <math.h>
#include <string.h>

#include "interval.h"

/*
 * Each chain is judged as two, its first and last half, so that a drift within it shows as a disagreement between
 * them. The middle draw of an odd number is left out.
 */
typedef struct Halves
{
	int count;
	int length;
	double *value; /* [half][draw] */
} Halves;

static size_t
draws_of(const McmcDraws *x)
{
	return (size_t) x->chains * x->draws;
}

static Halves
split(const McmcDraws *x, const double *value, const CoreEnv *env)
{
	Halves halves = {.count = 2 * x->chains, .length = x->draws / 2};

	halves.value = CORE_ALLOC(env, double, (size_t) halves.count *halves.length);
	for (int i = 0; i < halves.count; i++)
	{
		const double *chain = value + (size_t) (i / 2) * x->draws;

		memcpy(halves.value + (size_t) i * halves.length, chain + (i % 2 ? x->draws - halves.length : 0),
			   sizeof(double) * halves.length);
	}
	return halves;
}

/* The halves' normal scores of the ranks among all of their values (Blom's offset). */
static Halves
normal_scores(const McmcDraws *x, const double *value, const CoreEnv *env)
{
	Halves halves = split(x, value, env);
	size_t n = (size_t) halves.count * halves.length;
	double *rank = mean_ranks(halves.value, n, env);

	for (size_t i = 0; i < n; i++)
		halves.value[i] = gsl_cdf_ugaussian_Pinv((rank[i] - 0.375) / ((double) n + 0.25));
	core_free(env, rank);
	return halves;
}

static double *
sorted_copy(const McmcDraws *x, const CoreEnv *env)
{
	double *sorted = CORE_ALLOC(env, double, draws_of(x));

	memcpy(sorted, x->value, sizeof(double) * draws_of(x));
	sort_doubles(sorted, draws_of(x), env);
	return sorted;
}

/* Whether there is anything to judge: enough draws, all finite, not all alike. */
static bool
can_judge(const McmcDraws *x)
{
	bool alike = true;

	if (x->chains < 1 || x->draws < MCMC_MIN_DRAWS)
		return false;
	for (size_t i = 0; i < draws_of(x); i++)
	{
		if (!isfinite(x->value[i]))
			return false;
		alike &= x->value[i] == x->value[0];
	}
	return !alike;
}

/* Mean and variance (divisor n - 1). */
static double
moments(const double *x, size_t n, double *variance)
{
	double mean = 0;
	double square = 0;

	for (size_t i = 0; i < n; i++)
		mean += x[i] / (double) n;
	for (size_t i = 0; i < n; i++)
		square += (x[i] - mean) * (x[i] - mean);
	*variance = n > 1 ? square / (double) (n - 1) : NAN;
	return mean;
}

/*
 * The draws about their mean in units of their greatest distance from it, so that nothing over- or underflows;
 * returns that unit. The copy is the caller's to free.
 */
static double
standardize(const McmcDraws *x, const CoreEnv *env, double **copy, double *mean)
{
	size_t n = draws_of(x);
	double *y = CORE_ALLOC(env, double, n);
	double unit = 0;

	*mean = 0;
	for (size_t i = 0; i < n; i++)
		*mean += x->value[i] / (double) n;
	for (size_t i = 0; i < n; i++)
		unit = fmax(unit, fabs(x->value[i] - *mean));
	for (size_t i = 0; i < n; i++)
		y[i] = (x->value[i] - *mean) / unit;
	*copy = y;
	return unit;
}

/* ---------------------------------------------------------------------------------------------------
 * R-hat
 * --------------------------------------------------------------------------------------------------- */

/* Gelman and Rubin's, of halves. */
static double
plain_rhat(const Halves *halves)
{
	double n = halves->length;
	double m = halves->count;
	double within = 0;
	double between = 0;
	double middle = 0;

	for (int i = 0; i < halves->count; i++)
	{
		double variance;
		double mean = moments(halves->value + (size_t) i * halves->length, halves->length, &variance);

		within += variance / m;
		between += (mean - middle) * (mean - middle) * i / (i + 1);
		middle += (mean - middle) / (i + 1);
	}
	between *= n / (m - 1);
	if (within == 0)
		return between > 0 ? INFINITY : NAN;
	return sqrt((between / within + n - 1) / n);
}

/* Folded about the median: the same for scale. */
static double
folded_rhat(const McmcDraws *x, const CoreEnv *env)
{
	size_t n = draws_of(x);
	double *folded = sorted_copy(x, env);
	double median = sorted_quantile(folded, n, 0.5);
	Halves scores;
	double rhat;

	for (size_t i = 0; i < n; i++)
		folded[i] = fabs(x->value[i] - median);
	scores = normal_scores(x, folded, env);
	rhat = plain_rhat(&scores);
	core_free(env, folded);
	core_free(env, scores.value);
	return rhat;
}

/* Of draws whose scores are there. fmax: draws of two values fold into one. */
static double
rank_rhat(const McmcDraws *x, const Halves *scores, const CoreEnv *env)
{
	return fmax(plain_rhat(scores), folded_rhat(x, env));
}

double
mcmc_rhat(const McmcDraws *x, const CoreEnv *env)
{
	Halves scores;
	double rhat;

	if (!can_judge(x))
		return NAN;
	scores = normal_scores(x, x->value, env);
	rhat = rank_rhat(x, &scores, env);
	core_free(env, scores.value);
	return rhat;
}

/* ---------------------------------------------------------------------------------------------------
 * Effective sample sizes
 * --------------------------------------------------------------------------------------------------- */

/*
 * Autocovariances (divisor: length) averaged over the halves, by the power spectrum of each, padded so that nothing
 * wraps around. Returns the variance of the halves' means; `padded` and `power` hold `size` doubles.
 */
static double
mean_autocovariance(const Halves *halves, size_t size, double *padded, double *power, const CoreEnv *env)
{
	int n = halves->length;
	double middle = 0;
	double between = 0;

	memset(power, 0, sizeof(double) * size);
	for (int i = 0; i < halves->count; i++)
	{
		const double *value = halves->value + (size_t) i * n;
		double variance;
		double mean = moments(value, n, &variance);

		for (int t = 0; t < n; t++)
			padded[t] = value[t] - mean;
		memset(padded + n, 0, sizeof(double) * (size - n));
		gsl_fft_real_radix2_transform(padded, 1, size);
		power[0] += padded[0] * padded[0];
		power[size / 2] += padded[size / 2] * padded[size / 2];
		for (size_t k = 1; k < size / 2; k++)
			power[k] += padded[k] * padded[k] + padded[size - k] * padded[size - k];
		between += (mean - middle) * (mean - middle) * i / (i + 1);
		middle += (mean - middle) / (i + 1);
		core_check(env);
	}
	gsl_fft_halfcomplex_radix2_inverse(power, 1, size);
	for (int t = 0; t < n; t++)
		power[t] /= (double) n * halves->count;
	return between / (halves->count - 1);
}

/*
 * Sum of the autocorrelations from lag 1 on, doubled, plus 1: Geyer's initial positive sequence of sums of pairs,
 * made monotone; the last even one counts once if it is positive. Autocorrelations are overwritten.
 */
static double
correlation_time(double *rho, int n)
{
	int last = 1; /* of the pairs kept: rho[last - 1] + rho[last] > 0 */
	double even = rho[0];
	double odd = rho[1];
	double time = -1;
	int t = 1;

	while (t < n - 3 && even + odd > 0)
	{
		even = rho[t + 1];
		odd = rho[t + 2];
		t += 2;
	}
	last = t - 2;
	for (int i = 1; i <= last - 2; i += 2)
	{
		double before = rho[i - 1] + rho[i];

		if (rho[i + 1] + rho[i + 2] > before)
			rho[i + 1] = rho[i + 2] = before / 2;
	}
	for (int i = 0; i <= last; i++)
		time += 2 * rho[i];
	if (last + 1 > 0 && even > 0)
		time += even;
	return time;
}

/* Of the mean of the halves' values. Constant halves that agree (a rare event's indicator) tell nothing: all. */
static double
effective_size(const Halves *halves, const CoreEnv *env)
{
	int n = halves->length;
	double total = (double) n * halves->count;
	size_t size = 2;
	double *padded;
	double *rho;
	double between;
	double within;
	double variance;
	double time;

	while (size < (size_t) 2 * n)
		size *= 2;
	padded = CORE_ALLOC(env, double, size);
	rho = CORE_ALLOC(env, double, size);
	between = mean_autocovariance(halves, size, padded, rho, env);
	within = rho[0] * n / (n - 1);
	variance = rho[0] + between;
	for (int t = 1; t < n; t++)
		rho[t] = 1 - (within - rho[t]) / variance;
	rho[0] = 1;
	time = fmax(correlation_time(rho, n), 1 / log10(total));
	core_free(env, rho);
	core_free(env, padded);
	return variance > 0 ? total / time : total;
}

double
mcmc_ess_bulk(const McmcDraws *x, const CoreEnv *env)
{
	Halves scores;
	double size;

	if (!can_judge(x))
		return NAN;
	scores = normal_scores(x, x->value, env);
	size = effective_size(&scores, env);
	core_free(env, scores.value);
	return size;
}

/* Of values that stand for the draws. */
static double
ess_of(const McmcDraws *x, const double *value, const CoreEnv *env)
{
	Halves halves = split(x, value, env);
	double size = effective_size(&halves, env);

	core_free(env, halves.value);
	return size;
}

double
mcmc_ess_mean(const McmcDraws *x, const CoreEnv *env)
{
	double *y;
	double mean;
	double size;

	if (!can_judge(x))
		return NAN;
	standardize(x, env, &y, &mean);
	size = ess_of(x, y, env);
	core_free(env, y);
	return size;
}

/* Of the share of draws at or below a bound. */
static double
ess_below(const McmcDraws *x, double bound, const CoreEnv *env)
{
	size_t n = draws_of(x);
	double *below = CORE_ALLOC(env, double, n);
	double size;

	for (size_t i = 0; i < n; i++)
		below[i] = x->value[i] <= bound;
	size = ess_of(x, below, env);
	core_free(env, below);
	return size;
}

double
mcmc_ess_quantile(const McmcDraws *x, double p, const CoreEnv *env)
{
	double *sorted;
	double size;

	if (!can_judge(x))
		return NAN;
	sorted = sorted_copy(x, env);
	size = ess_below(x, sorted_quantile(sorted, draws_of(x), p), env);
	core_free(env, sorted);
	return size;
}

double
mcmc_ess_tail(const McmcDraws *x, const CoreEnv *env)
{
	double *sorted;
	double size;

	if (!can_judge(x))
		return NAN;
	sorted = sorted_copy(x, env);
	size = fmin(ess_below(x, sorted_quantile(sorted, draws_of(x), 0.05), env),
				ess_below(x, sorted_quantile(sorted, draws_of(x), 0.95), env));
	core_free(env, sorted);
	return size;
}

/* ---------------------------------------------------------------------------------------------------
 * Monte Carlo errors
 * --------------------------------------------------------------------------------------------------- */

/* Half the distance between the order statistics one standard error to either side (Vehtari et al., section 4.4). */
double
mcmc_mcse_quantile(const McmcDraws *x, double p, const CoreEnv *env)
{
	const double side[2] = {0.158655253931457, 0.841344746068543};
	double n = (double) draws_of(x);
	double place[2];
	double *sorted;
	double size;
	double error;

	if (!can_judge(x))
		return NAN;
	sorted = sorted_copy(x, env);
	size = ess_below(x, sorted_quantile(sorted, draws_of(x), p), env);
	for (int i = 0; i < 2; i++)
		place[i] = n * gsl_cdf_beta_Pinv(side[i], size * p + 1, size * (1 - p) + 1) - 1;
	error = 0.5 * (sorted[(size_t) fmin(ceil(fmax(place[1], 0)), n - 1)] -
				   sorted[(size_t) floor(fmax(place[0], 0))]);
	core_free(env, sorted);
	return error;
}

/* Mean, sd and their errors; y are the standardized draws, of `unit`. */
static void
errors_of_moments(const McmcDraws *x, double *y, double unit, const CoreEnv *env, McmcSummary *result)
{
	size_t n = draws_of(x);
	double size = ess_of(x, y, env);
	double square = 0;
	double fourth = 0;

	for (size_t i = 0; i < n; i++)
	{
		y[i] *= y[i];
		square += y[i] / (double) n;
		fourth += y[i] * y[i] / (double) n;
	}
	result->sd = unit * sqrt(square * (double) n / (double) (n - 1));
	result->mcse_mean = result->sd / sqrt(size);
	/* the delta method, from the error of the variance */
	result->mcse_sd = unit * sqrt(fmax(fourth - square * square, 0) / (ess_of(x, y, env) * 4 * square));
}

void
mcmc_summary(const McmcDraws *x, const CoreEnv *env, McmcSummary *result)
{
	Halves scores;
	double *y;
	double unit;

	*result = (McmcSummary){NAN, NAN, NAN, NAN, NAN, NAN, NAN};
	if (!can_judge(x))
	{
		double variance;

		if (x->chains > 0 && x->draws > 0)
		{
			result->mean = moments(x->value, draws_of(x), &variance);
			result->sd = sqrt(variance);
		}
		return;
	}
	unit = standardize(x, env, &y, &result->mean);
	errors_of_moments(x, y, unit, env, result);
	core_free(env, y);
	scores = normal_scores(x, x->value, env);
	result->rhat = rank_rhat(x, &scores, env);
	result->ess_bulk = effective_size(&scores, env);
	core_free(env, scores.value);
	result->ess_tail = mcmc_ess_tail(x, env);
}

void
mcmc_gather(const double *draws, int ndraws, int dim, int j, double *value)
{
	for (int i = 0; i < ndraws; i++)
		value[i] = draws[(size_t) i * dim + j];
}

double
mcmc_ebfmi(const double *energy, int n)
{
	double variance;
	double change = 0;

	if (n < 2)
		return NAN;
	moments(energy, n, &variance);
	for (int i = 1; i < n; i++)
		change += (energy[i] - energy[i - 1]) * (energy[i] - energy[i - 1]);
	return variance > 0 ? change / (variance * (n - 1)) : NAN;
}
