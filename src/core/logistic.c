#include "logistic.h"

#include <gsl/gsl_linalg.h>
#include <math.h>
#include <string.h>

#include "interval.h"
#include "markov_chain.h"
#include "progress.h"

#define NO_GROUP UINT32_MAX
#define FIXED_FEATURES 2
#define MAX_STEPS 50
#define TOLERANCE 1e-9

void
logistic_free(Logistic *model)
{
	core_free(model->env, model->group);
	core_free(model->env, model->coefficient);
	core_free(model->env, model->index);
	core_free(model->env, model->value);
	core_free(model->env, model->times);
	core_free(model->env, model->visited);
}

/* Frequent channels get features of their own, the others share the last group. */
static void
group_channels(Logistic *model, const SummaryView *const *views, int nviews)
{
	const CoreEnv *env = model->env;
	uint32_t n = model->nchannels;
	double *touches = CORE_ALLOC_ZERO(env, double, n);
	double *sorted = CORE_ALLOC(env, double, n);
	Progress progress = {env, 0};
	double least = 0;

	for (int v = 0; v < nviews; v++)
	{
		for (size_t i = 0; i < views[v]->npaths; i++)
		{
			const SummaryPath *path = &views[v]->paths[i];

			for (uint32_t j = 0; j < path->ntouches; j++)
				touches[path->touches[j]] += (double) markov_weight(path);
			progress_made(&progress, 4 + 2 * (size_t) path->ntouches);
		}
	}
	if (n > LOGISTIC_MAX_CHANNELS)
	{
		memcpy(sorted, touches, n * sizeof(double));
		sort_doubles(sorted, n, env);
		least = sorted[n - LOGISTIC_MAX_CHANNELS];
	}
	model->group = CORE_ALLOC(env, uint32_t, n);
	for (uint32_t c = 0; c < n; c++)
	{
		bool own = touches[c] >= least && model->ngroups < LOGISTIC_MAX_CHANNELS;

		model->group[c] = own ? model->ngroups++ : NO_GROUP;
	}
	if (model->ngroups < n)
	{
		for (uint32_t c = 0; c < n; c++)
			model->group[c] = model->group[c] == NO_GROUP ? model->ngroups : model->group[c];
		model->ngroups++;
	}
	core_free(env, touches);
	core_free(env, sorted);
}

/* Fills model->index and value; returns how many features are not 0. */
static uint32_t
features_of(Logistic *model, const uint32_t *touches, uint32_t ntouches)
{
	uint32_t nvisited = 0;
	uint32_t n = FIXED_FEATURES;

	for (uint32_t j = 0; j < ntouches; j++)
	{
		uint32_t group = touches[j] < model->nchannels ? model->group[touches[j]] : NO_GROUP;

		if (group != NO_GROUP && model->times[group]++ == 0)
			model->visited[nvisited++] = group;
	}
	model->index[0] = 0;
	model->value[0] = 1;
	model->index[1] = 1;
	model->value[1] = log2(1 + (double) ntouches);
	for (uint32_t k = 0; k < nvisited; k++)
	{
		uint32_t group = model->visited[k];

		model->index[n] = FIXED_FEATURES + 2 * group;
		model->value[n++] = 1;
		model->index[n] = FIXED_FEATURES + 2 * group + 1;
		model->value[n++] = log2(1 + (double) model->times[group]);
		model->times[group] = 0;
	}
	return n;
}

static double
logistic_odds(const Logistic *model, uint32_t n)
{
	double odds = 0;

	for (uint32_t k = 0; k < n; k++)
		odds += model->coefficient[model->index[k]] * model->value[k];
	return odds;
}

double
logistic_probability(Logistic *model, const uint32_t *touches, uint32_t ntouches)
{
	return 1 / (1 + exp(-logistic_odds(model, features_of(model, touches, ntouches))));
}

/* log(1 + exp(x)) without overflow */
static double
softplus(double x)
{
	return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

/* The penalised log-likelihood, its gradient, and the lower half of its negated Hessian (may be NULL). */
static double
likelihood(Logistic *model, const SummaryView *const *views, int nviews, double ridge, double *gradient,
		   double *hessian)
{
	uint32_t p = model->nfeatures;
	Progress progress = {model->env, 0};
	double sum = 0;

	memset(gradient, 0, p * sizeof(double));
	if (hessian)
		memset(hessian, 0, (size_t) p * p * sizeof(double));
	for (int v = 0; v < nviews; v++)
	{
		for (size_t i = 0; i < views[v]->npaths; i++)
		{
			const SummaryPath *path = &views[v]->paths[i];
			double converted = (double) path->matured_conversions;
			double journeys = converted + (double) path->lost;
			uint32_t n;
			double odds;
			double chance;

			progress_made(&progress, 4);
			if (path->ntouches == 0 || journeys == 0)
				continue;
			n = features_of(model, path->touches, path->ntouches);
			odds = logistic_odds(model, n);
			chance = 1 / (1 + exp(-odds));
			sum += converted * odds - journeys * softplus(odds);
			for (uint32_t a = 0; a < n; a++)
				gradient[model->index[a]] += (converted - journeys * chance) * model->value[a];
			progress_made(&progress, 16 + 4 * (size_t) path->ntouches);
			for (uint32_t a = 0; hessian && a < n; a++)
			{
				double *row = hessian + (size_t) model->index[a] * p;
				double weight = journeys * chance * (1 - chance) * model->value[a];

				for (uint32_t b = 0; b < n; b++)
					row[model->index[b]] += weight * model->value[b];
				progress_made(&progress, n);
			}
		}
	}
	for (uint32_t a = 1; a < p; a++)
	{
		sum -= ridge / 2 * model->coefficient[a] * model->coefficient[a];
		gradient[a] -= ridge * model->coefficient[a];
		if (hessian)
			hessian[(size_t) a * p + a] += ridge;
	}
	return sum;
}

/* Newton's direction into `step`. The intercept has no penalty but data; a trace of one guards against none. */
static CoreStatus
newton_step(Logistic *model, double *gradient, double *hessian, double *step)
{
	uint32_t p = model->nfeatures;
	gsl_matrix_view matrix = gsl_matrix_view_array(hessian, p, p);
	gsl_vector_view right = gsl_vector_view_array(gradient, p);
	gsl_vector_view solution = gsl_vector_view_array(step, p);

	hessian[0] += 1e-9;
	if (gsl_linalg_cholesky_decomp1(&matrix.matrix) != 0 ||
		gsl_linalg_cholesky_solve(&matrix.matrix, &right.vector, &solution.vector) != 0)
		return CORE_NUMERIC;
	return CORE_OK;
}

/* Newton's method with steps halved until the likelihood no longer falls. */
static CoreStatus
climb(Logistic *model, const SummaryView *const *views, int nviews, double ridge, double *gradient,
	  double *hessian, double *step)
{
	uint32_t p = model->nfeatures;
	double reached = likelihood(model, views, nviews, ridge, gradient, hessian);

	for (int iteration = 0; iteration < MAX_STEPS; iteration++)
	{
		double gain = 0;
		double next;
		double length = 1;

		for (uint32_t a = 0; a < p; a++)
			step[a] = 0;
		core_check(model->env);
		/* the solver overwrites nothing of the gradient, but the matrix */
		if (newton_step(model, gradient, hessian, step) != CORE_OK)
			return CORE_NUMERIC;
		for (uint32_t a = 0; a < p; a++)
			gain += step[a] * gradient[a];
		if (!(gain > TOLERANCE * (1 + fabs(reached))))
			return CORE_OK;
		for (uint32_t a = 0; a < p; a++)
			model->coefficient[a] += step[a];
		while ((next = likelihood(model, views, nviews, ridge, gradient, hessian)) < reached && length > 1e-6)
		{
			length /= 2;
			for (uint32_t a = 0; a < p; a++)
				model->coefficient[a] -= length * step[a];
		}
		reached = next;
	}
	return CORE_OK; /* as far as a convex problem needs it to be */
}

CoreStatus
logistic_fit(Logistic *model, const SummaryView *const *views, int nviews, uint32_t nchannels, double ridge,
			 const CoreEnv *env)
{
	uint32_t most;
	double *gradient;
	double *hessian;
	double *step;
	CoreStatus status;

	*model = (Logistic){.env = env, .nchannels = nchannels};
	group_channels(model, views, nviews);
	model->nfeatures = FIXED_FEATURES + 2 * model->ngroups;
	most = model->nfeatures;
	model->coefficient = CORE_ALLOC_ZERO(env, double, most);
	model->index = CORE_ALLOC(env, uint32_t, most);
	model->value = CORE_ALLOC(env, double, most);
	model->times = CORE_ALLOC_ZERO(env, uint32_t, model->ngroups);
	model->visited = CORE_ALLOC(env, uint32_t, model->ngroups);
	gradient = CORE_ALLOC(env, double, most);
	step = CORE_ALLOC(env, double, most);
	hessian = CORE_ALLOC(env, double, (size_t) most *most);
	status = climb(model, views, nviews, ridge, gradient, hessian, step);
	core_free(env, hessian);
	core_free(env, step);
	core_free(env, gradient);
	return status;
}
