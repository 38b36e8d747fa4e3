#include "nuts_warmup.h"

#include <math.h>
#include <string.h>

#include "nnls.h"

static size_t
metric_size(const NutsMetric *metric)
{
	return metric->dense ? (size_t) metric->dim * metric->dim : (size_t) metric->dim;
}

void
nuts_metric_init(NutsMetric *metric, int dim, bool dense, const CoreEnv *env)
{
	size_t stride = dense ? (size_t) dim + 1 : 1;

	metric->dim = dim;
	metric->dense = dense;
	metric->covariance = CORE_ALLOC_ZERO(env, double, metric_size(metric));
	metric->root = CORE_ALLOC_ZERO(env, double, metric_size(metric));
	for (int i = 0; i < dim; i++)
		metric->covariance[i * stride] = metric->root[i * stride] = 1;
}

void
nuts_metric_move(const NutsMetric *metric, double step, const double *p, double *q)
{
	const double *root = metric->root;
	int dim = metric->dim;

	if (!metric->dense)
	{
		for (int i = 0; i < dim; i++)
			q[i] += step * root[i] * p[i];
		return;
	}
	for (int i = 0; i < dim; i++)
	{
		const double *row = root + (size_t) i * dim;
		double sum[4] = {0, 0, 0, 0};
		int j = 0;

		for (; j + 3 <= i; j += 4)
		{
			for (int lane = 0; lane < 4; lane++)
				sum[lane] += row[j + lane] * p[j + lane];
		}
		for (; j <= i; j++)
			sum[0] += row[j] * p[j];
		q[i] += step * ((sum[0] + sum[1]) + (sum[2] + sum[3]));
	}
}

void
nuts_metric_whiten(const NutsMetric *metric, double *restrict g, double *restrict scratch)
{
	const double *root = metric->root;
	int dim = metric->dim;

	if (!metric->dense)
	{
		for (int i = 0; i < dim; i++)
			g[i] *= root[i];
		return;
	}
	memset(scratch, 0, sizeof(double) * dim);
	for (int j = 0; j < dim; j++)
	{
		const double *row = root + (size_t) j * dim;
		double weight = g[j];

		for (int i = 0; i <= j; i++)
			scratch[i] += weight * row[i];
	}
	memcpy(g, scratch, sizeof(double) * dim);
}

/* Hoffman and Gelman's constants, which Stan has kept. */
#define SHRINKAGE 0.05
#define OFFSET 10
#define FORGETTING 0.75

void
dual_average_start(DualAverage *average, double target, double step)
{
	*average = (DualAverage){.target = target, .mu = log(10 * step)};
}

double
dual_average_next(DualAverage *average, double accept)
{
	double weight;
	double log_step;

	average->count++;
	weight = 1 / (average->count + OFFSET);
	average->error_mean += weight * (average->target - fmin(accept, 1) - average->error_mean);
	log_step = average->mu - average->error_mean * sqrt(average->count) / SHRINKAGE;
	average->log_step_mean += pow(average->count, -FORGETTING) * (log_step - average->log_step_mean);
	return exp(log_step);
}

double
dual_average_final(const DualAverage *average)
{
	return exp(average->log_step_mean);
}

/* Stan's lengths, and its shares of a warm-up that is too short for them. */
#define FIRST_BUFFER 75
#define LAST_BUFFER 50
#define FIRST_WINDOW 25
#define SHORTEST_WITH_WINDOWS 20

void
nuts_windows_init(NutsWindows *windows, int warmup)
{
	*windows = (NutsWindows){.warmup = warmup, .first = FIRST_BUFFER, .last = LAST_BUFFER};
	windows->length = FIRST_WINDOW;
	windows->end = -1;
	if (warmup < SHORTEST_WITH_WINDOWS)
		return;
	if (warmup < FIRST_BUFFER + FIRST_WINDOW + LAST_BUFFER)
	{
		windows->first = (int) (0.15 * warmup);
		windows->last = (int) (0.1 * warmup);
		windows->length = warmup - windows->first - windows->last;
	}
	windows->end = windows->first + windows->length - 1;
}

bool
nuts_windows_collects(const NutsWindows *windows, int iteration)
{
	return windows->end >= 0 && iteration >= windows->first && iteration < windows->warmup - windows->last;
}

bool
nuts_windows_end(NutsWindows *windows, int iteration)
{
	int final = windows->warmup - windows->last - 1;

	if (windows->end < 0 || iteration != windows->end)
		return false;
	if (iteration < final)
	{
		/* a window that would leave too little for one twice as long takes all that is left */
		windows->length *= 2;
		windows->end = iteration + windows->length;
		if (windows->end + 2 * windows->length > final)
			windows->end = final;
	}
	return true;
}

void
nuts_moments_init(NutsMoments *moments, const NutsMetric *metric, const CoreEnv *env)
{
	moments->count = 0;
	moments->mean = CORE_ALLOC_ZERO(env, double, metric->dim);
	moments->delta = CORE_ALLOC(env, double, metric->dim);
	moments->sum = CORE_ALLOC_ZERO(env, double, metric_size(metric));
}

void
nuts_moments_free(NutsMoments *moments, const CoreEnv *env)
{
	core_free(env, moments->mean);
	core_free(env, moments->delta);
	core_free(env, moments->sum);
}

void
nuts_moments_add(NutsMoments *moments, const NutsMetric *metric, const double *q)
{
	int dim = metric->dim;
	double keep = moments->count / (moments->count + 1);

	moments->count++;
	for (int i = 0; i < dim; i++)
	{
		moments->delta[i] = q[i] - moments->mean[i];
		moments->mean[i] += moments->delta[i] / moments->count;
	}
	if (!metric->dense)
	{
		for (int i = 0; i < dim; i++)
			moments->sum[i] += keep * moments->delta[i] * moments->delta[i];
		return;
	}
	for (int i = 0; i < dim; i++)
	{
		double *row = moments->sum + (size_t) i * dim;
		double weight = keep * moments->delta[i];

		for (int j = 0; j <= i; j++)
			row[j] += weight * moments->delta[j];
	}
}

/* Stan's regularisation: a window's covariance weighs as its draws, 0.001 times the identity as five. */
#define PRIOR_WEIGHT 5.0
#define PRIOR_VARIANCE 1e-3

static void
learn_diagonal(const NutsMoments *moments, NutsMetric *metric)
{
	double n = moments->count;

	for (int i = 0; i < metric->dim; i++)
	{
		double variance =
			(n / (n - 1) * moments->sum[i] + PRIOR_WEIGHT * PRIOR_VARIANCE) / (n + PRIOR_WEIGHT);

		/* draws that overflow have no scale to teach */
		if (!isfinite(variance))
			continue;
		metric->covariance[i] = variance;
		metric->root[i] = sqrt(variance);
	}
}

/* The factor takes the lower triangle and the diagonal; the covariance waits in the upper one and in delta. */
static void
learn_dense(NutsMoments *moments, NutsMetric *metric)
{
	double n = moments->count;
	int dim = metric->dim;
	double *sum = moments->sum;

	for (int i = 0; i < dim; i++)
	{
		double *row = sum + (size_t) i * dim;

		for (int j = 0; j <= i; j++)
			row[j] *= n / (n - 1) / (n + PRIOR_WEIGHT);
		row[i] += PRIOR_WEIGHT * PRIOR_VARIANCE / (n + PRIOR_WEIGHT);
		for (int j = 0; j < i; j++)
			sum[(size_t) j * dim + i] = row[j];
		moments->delta[i] = row[i];
	}
	/* draws that overflow have no scale to teach */
	if (!cholesky(dim, dim, sum))
		return;
	for (int i = 0; i < dim; i++)
	{
		double *row = metric->covariance + (size_t) i * dim;

		memcpy(metric->root + (size_t) i * dim, sum + (size_t) i * dim, sizeof(double) * dim);
		memcpy(row + i, sum + (size_t) i * dim + i, sizeof(double) * (dim - i));
		row[i] = moments->delta[i];
		for (int j = 0; j < i; j++)
			row[j] = sum[(size_t) j * dim + i];
	}
}

void
nuts_moments_learn(NutsMoments *moments, NutsMetric *metric, const CoreEnv *env)
{
	core_check(env);
	if (moments->count > 1)
	{
		if (metric->dense)
			learn_dense(moments, metric);
		else
			learn_diagonal(moments, metric);
	}
	core_check(env);
	moments->count = 0;
	memset(moments->mean, 0, sizeof(double) * metric->dim);
	memset(moments->sum, 0, sizeof(double) * metric_size(metric));
}
