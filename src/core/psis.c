#include "psis.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "interval.h"

/* With fewer there is no fit. */
#define SHORTEST_TAIL 5

double
psis_threshold(int draws)
{
	return fmin(1 - 1 / log10(draws), 0.7);
}

static double
greatest(const double *x, int n)
{
	double most = -INFINITY;

	for (int i = 0; i < n; i++)
		most = fmax(most, x[i]);
	return most;
}

static double
log_sum_exp(const double *x, int n)
{
	double most = greatest(x, n);
	double sum = -1; /* without the greatest, whose term is 1 */

	for (int i = 0; i < n; i++)
		sum += exp(x[i] - most);
	return most + log1p(sum);
}

/* ---------------------------------------------------------------------------------------------------
 * The generalised Pareto distribution
 * --------------------------------------------------------------------------------------------------- */
typedef struct Pareto
{
	double k;
	double sigma;
} Pareto;

/* Mean of log(1 - b x): the profile likelihood's shape, with the sign that Zhang and Stephens give it. */
static double
profile_shape(const double *x, int n, double b)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += log1p(-b * x[i]);
	return sum / n;
}

#define MAX_GRID 1100 /* 30 + sqrt(n) points for n up to a million */
#define PRIOR_POINTS 10
#define PRIOR_SHAPE 0.5

/*
 * Zhang and Stephens' posterior mean of b = -k / sigma over a grid of profile likelihoods; then k, drawn towards
 * 1/2 as if ten points more had said so (Vehtari et al. 2024, appendix G). x ascends, all above 0.
 */
static Pareto
fit_pareto(const double *x, int n, const CoreEnv *env)
{
	int points = 30 + (int) sqrt(n);
	double quarter = x[(int) (n / 4.0 + 0.5) - 1];
	double b[MAX_GRID];
	double profile[MAX_GRID];
	double most = -INFINITY;
	double total = 0;
	double mean = 0;
	double shape;

	for (int i = 0; i < points; i++)
	{
		b[i] = 1 / x[n - 1] + (1 - sqrt(points / (i + 0.5))) / (3 * quarter);
		shape = profile_shape(x, n, b[i]);
		profile[i] = n * (log(-b[i] / shape) - shape - 1);
		most = fmax(most, profile[i]);
	}
	core_check(env);
	/* a point with less than some rounding errors of the weight only adds its own */
	for (int i = 0; i < points; i++)
		total += exp(profile[i] - most);
	for (int i = 0; i < points; i++)
	{
		double weight = exp(profile[i] - most) / total;

		profile[i] = weight >= 10 * DBL_EPSILON ? weight : 0;
	}
	total = 0;
	for (int i = 0; i < points; i++)
		total += profile[i];
	for (int i = 0; i < points; i++)
		mean += b[i] * profile[i] / total;
	shape = profile_shape(x, n, mean);
	return (Pareto){.k = (n * shape + PRIOR_POINTS * PRIOR_SHAPE) / (n + PRIOR_POINTS),
					.sigma = -shape / mean};
}

static double
pareto_quantile(Pareto tail, double p)
{
	if (fabs(tail.k) < DBL_EPSILON)
		return -tail.sigma * log1p(-p);
	return tail.sigma * expm1(-tail.k * log1p(-p)) / tail.k;
}

/* ---------------------------------------------------------------------------------------------------
 * Smoothing
 * --------------------------------------------------------------------------------------------------- */

/* The log weights above a value, and their places. */
typedef struct Tail
{
	int n;
	double *value;
	int *place;
} Tail;

static Tail
tail_above(const double *log_weight, int n, double cut, int longest, double *scratch, const CoreEnv *env)
{
	Tail tail = {0, scratch, CORE_ALLOC(env, int, longest)};

	for (int i = 0; i < n; i++)
	{
		if (log_weight[i] > cut)
		{
			tail.value[tail.n] = log_weight[i];
			tail.place[tail.n++] = i;
		}
	}
	return tail;
}

/*
 * Replaces the greatest weights by the expected order statistics of a Pareto tail fitted to them. The log weights
 * are relative to the greatest; scratch[n].
 */
static double
smooth_tail(double *log_weight, int n, double efficiency, double *scratch, const CoreEnv *env)
{
	int longest = (int) fmin(ceil(fmin(0.2 * n, 3 * sqrt(n / efficiency))), n - 1);
	double k = INFINITY;
	double cut;
	Tail tail;

	memcpy(scratch, log_weight, sizeof(double) * n);
	select_place(scratch, n, n - longest - 1);
	cut = fmax(scratch[n - longest - 1], log(DBL_MIN));
	tail = tail_above(log_weight, n, cut, longest, scratch, env);
	if (tail.n >= SHORTEST_TAIL)
	{
		uint32_t *order = sorted_order(tail.value, tail.n, env);
		double *excess = CORE_ALLOC(env, double, tail.n);
		Pareto fit;

		for (int i = 0; i < tail.n; i++)
			excess[i] = exp(tail.value[order[i]]) - exp(cut);
		fit = fit_pareto(excess, tail.n, env);
		k = fit.k;
		for (int i = 0; i < tail.n && isfinite(k) && fit.sigma > 0; i++)
		{
			double smoothed = log(pareto_quantile(fit, (i + 0.5) / tail.n) + exp(cut));

			/* no weight above the greatest there was */
			log_weight[tail.place[order[i]]] = fmin(smoothed, 0);
		}
		core_free(env, excess);
		core_free(env, order);
	}
	core_free(env, tail.place);
	return isfinite(k) ? k : INFINITY;
}

double
psis_smooth(double *log_weight, int n, double efficiency, double *scratch, const CoreEnv *env)
{
	double most = greatest(log_weight, n);
	double k;
	double total;

	for (int i = 0; i < n; i++)
		log_weight[i] -= most;
	k = smooth_tail(log_weight, n, efficiency, scratch, env);
	total = log_sum_exp(log_weight, n);
	for (int i = 0; i < n; i++)
		log_weight[i] -= total;
	return k;
}

/* ---------------------------------------------------------------------------------------------------
 * Leave one out
 * --------------------------------------------------------------------------------------------------- */

/* n times the variance (divisor n) of n terms is that of their sum. */
static double
error_of_sum(const double *term, int n)
{
	double mean = 0;
	double square = 0;

	for (int i = 0; i < n; i++)
		mean += term[i] / n;
	for (int i = 0; i < n; i++)
		square += (term[i] - mean) * (term[i] - mean);
	return sqrt(square);
}

static bool
usable(const double *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		if (!isfinite(x[i]))
			return false;
	}
	return true;
}

CoreStatus
psis_loo(const double *log_likelihood, int draws, int observations, double efficiency, const CoreEnv *env,
		 PsisLoo *result)
{
	double *value;
	double *weight;
	double *scratch;
	double *elpd;
	double *penalty;

	*result =
		(PsisLoo){.observations = observations, .threshold = psis_threshold(draws), .worst_k = -INFINITY};
	if (draws < 2 || draws > PSIS_MAX_DRAWS || observations < 1 || !(efficiency > 0) ||
		!usable(log_likelihood, (size_t) draws * observations))
		return CORE_BAD_INPUT;
	result->point = CORE_ALLOC(env, PsisPoint, observations);
	value = CORE_ALLOC(env, double, draws);
	weight = CORE_ALLOC(env, double, draws);
	scratch = CORE_ALLOC(env, double, draws);
	elpd = CORE_ALLOC(env, double, observations);
	penalty = CORE_ALLOC(env, double, observations);
	for (int j = 0; j < observations; j++)
	{
		PsisPoint *point = &result->point[j];

		for (int i = 0; i < draws; i++)
		{
			value[i] = log_likelihood[(size_t) i * observations + j];
			weight[i] = -value[i];
		}
		point->pareto_k = psis_smooth(weight, draws, efficiency, scratch, env);
		for (int i = 0; i < draws; i++)
			weight[i] += value[i];
		point->elpd = elpd[j] = log_sum_exp(weight, draws);
		penalty[j] = log_sum_exp(value, draws) - log(draws) - elpd[j];
		result->elpd += elpd[j];
		result->p += penalty[j];
		result->bad += point->pareto_k > result->threshold;
		result->worst_k = fmax(result->worst_k, point->pareto_k);
		core_check(env);
	}
	result->se = error_of_sum(elpd, observations);
	result->p_se = error_of_sum(penalty, observations);
	core_free(env, penalty);
	core_free(env, elpd);
	core_free(env, scratch);
	core_free(env, weight);
	core_free(env, value);
	return CORE_OK;
}

void
psis_free(PsisLoo *result, const CoreEnv *env)
{
	core_free(env, result->point);
	result->point = NULL;
}
