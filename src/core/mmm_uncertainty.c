/*
 * How sure the answers of a fit are: what equally good fits say, and what other noise would have made of it.
 */
#include <math.h>
#include <string.h>

#include <gsl/gsl_cdf.h>

#include "mmm_stages.h"

#define WALK_STEPS 240
#define WALK_TRIES 12
/* Steps in all, for all bounds together. */
#define PUSH_STEPS 400
#define PUSH_TRIES 6
#define PUSH_AXES 2

/* Among the fits as good as the best. */
typedef struct Walk
{
	MmmRidge *ridge;
	const MmmFitOptions *options;
	MmmFit *fit;
	GeneratorStream stream;
	double ceiling; /* the greatest sum of squares that counts as equally good */
	double *direction;
	double *next;
	double *total;	 /* [channel] */
	double *extreme; /* [channel][low, high][transforms]: where its share was least and greatest */
} Walk;

/* The shares at z, which has been evaluated last. */
static void
note_shares(Walk *w, const double *z)
{
	int channels = w->ridge->model->data->channels;
	int q = w->ridge->model->transforms;
	double sum = 0;

	mmm_ridge_totals(w->ridge, w->total);
	for (int c = 0; c < channels; c++)
		sum += w->total[c];
	for (int c = 0; c < channels && sum > 0; c++)
	{
		double share = w->total[c] / sum;

		if (share < w->fit->share_low[c])
		{
			w->fit->share_low[c] = share;
			memcpy(w->extreme + (size_t) (2 * c) * q, z, sizeof(double) * q);
		}
		if (share > w->fit->share_high[c])
		{
			w->fit->share_high[c] = share;
			memcpy(w->extreme + (size_t) (2 * c + 1) * q, z, sizeof(double) * q);
		}
	}
}

/* How far along `direction` the box reaches from z, forwards or backwards. */
static double
reach(const MmmBox *box, int q, const double *z, const double *direction, double sign)
{
	double most = 1e6;

	for (int k = 0; k < q; k++)
	{
		double d = sign * direction[k];

		if (d > 0)
			most = fmin(most, (box->high[k] - z[k]) / d);
		else if (d < 0)
			most = fmin(most, (box->low[k] - z[k]) / d);
	}
	return most > 0 ? most : 0;
}

/*
 * One step of hit and run (Smith 1984) from z, with the shrinking interval of slice sampling (Neal 2003): leaves
 * an equally good fit in w->next, one that moves *bound unless that is NULL. False: none was found.
 */
static bool
find_equal(Walk *w, const double *z, const double *bound, int tries)
{
	const MmmBox *box = &w->options->box;
	int q = w->ridge->model->transforms;
	double before = bound ? *bound : 0;
	double back, ahead;

	for (int k = 0; k < q; k++)
		w->direction[k] =
			gsl_cdf_ugaussian_Pinv(generator_uniform(&w->stream)) * (box->high[k] - box->low[k]);
	/* Near a corner most directions lead out; those along few of the axes less often. */
	for (int k = 0; bound && k < q; k++)
		w->direction[k] *= generator_uniform(&w->stream) * q < PUSH_AXES;
	ahead = reach(box, q, z, w->direction, 1);
	back = -reach(box, q, z, w->direction, -1);
	while (tries-- > 0)
	{
		double along = back + generator_uniform(&w->stream) * (ahead - back);

		for (int k = 0; k < q; k++)
			w->next[k] = z[k] + along * w->direction[k];
		if (isfinite(mmm_ridge_evaluate(w->ridge, w->next, NULL)) && mmm_ridge_sse(w->ridge) <= w->ceiling)
		{
			note_shares(w, w->next);
			if (!bound || *bound != before)
				return true;
		}
		if (along > 0)
			ahead = along;
		else
			back = along;
	}
	return false;
}

/* A walk seldom comes to the corners, so every bound is pushed outwards from where the walk has left it. */
static void
push_bounds(Walk *w)
{
	int channels = w->ridge->model->data->channels;
	int q = w->ridge->model->transforms;
	int steps = PUSH_STEPS / (2 * channels) + 1;

	for (int step = 0; step < steps; step++)
		for (int c = 0; c < channels; c++)
		{
			mmm_report(w->options, "comparing equal fits", step + 1, steps);
			if (w->fit->share_low[c] > w->fit->share_high[c])
				return;
			find_equal(w, w->extreme + (size_t) (2 * c) * q, &w->fit->share_low[c], PUSH_TRIES);
			find_equal(w, w->extreme + (size_t) (2 * c + 1) * q, &w->fit->share_high[c], PUSH_TRIES);
		}
}

int
mmm_walk_equal_fits(MmmRidge *ridge, const MmmFitOptions *options, const double *best, MmmFit *fit,
					double *kept)
{
	const CoreEnv *env = ridge->env;
	size_t q = (size_t) ridge->model->transforms;
	size_t channels = (size_t) ridge->model->data->channels;
	double *z = CORE_ALLOC(env, double, 3 * q + channels + 2 * channels * q + 1);
	Walk w = {.ridge = ridge,
			  .options = options,
			  .fit = fit,
			  .stream = generator_stream(options->seed, MMM_STREAM_WALK),
			  .direction = z + q,
			  .next = z + 2 * q,
			  .total = z + 3 * q,
			  .extreme = z + 3 * q + channels};
	int nkept = 0;

	mmm_ridge_evaluate(ridge, best, NULL);
	w.ceiling = mmm_ridge_sse(ridge);
	w.ceiling = fmin(w.ceiling + MMM_EQUAL_R2 * ridge->total, w.ceiling * MMM_EQUAL_RMSE * MMM_EQUAL_RMSE);
	note_shares(&w, best);
	memcpy(z, best, sizeof(double) * q);
	for (int step = 0; step < WALK_STEPS && q > 0; step++)
	{
		mmm_report(options, "comparing equal fits", step + 1, WALK_STEPS);
		if (find_equal(&w, z, NULL, WALK_TRIES))
			memcpy(z, w.next, sizeof(double) * q);
		if (step % (WALK_STEPS / MMM_WALK_KEPT) == 0)
			memcpy(kept + (size_t) nkept++ * q, z, sizeof(double) * q);
	}
	if (q > 0)
		push_bounds(&w);
	core_free(env, z);
	return nkept;
}

/* Residuals by geo and period, blown up for the degrees of freedom the fit has used; 0 where there is no kpi. */
static double *
residual_grid(const MmmRidge *ridge)
{
	const MmmModel *model = ridge->model;
	double *grid = CORE_ALLOC_ZERO(ridge->env, double, (size_t) model->data->geos * ridge->periods);
	double used = model->base;
	double mean = 0;
	double scale;

	for (int a = 0; a < model->media; a++)
		used += ridge->coefficient[a] != 0 ? 1 + (a < model->data->channels ? model->per_channel : 0) : 0;
	used = fmin(used, ridge->n / 2.0);
	scale = sqrt(ridge->n / (ridge->n - used));
	for (size_t i = 0; i < ridge->n; i++)
		mean += ridge->residual[i] / (double) ridge->n;
	for (size_t i = 0; i < ridge->n; i++)
		grid[ridge->place[i]] = scale * (ridge->residual[i] - mean);
	return grid;
}

/* Long enough to keep what autocorrelation a season-adjusted weekly series has. */
static int
block_length(int periods)
{
	int length = (int) ceil(1.5 * cbrt(periods));

	return length < 1 ? 1 : length;
}

/*
 * Circular block bootstrap of the residuals (Politis and Romano 1992), all geos of a period together. Every
 * replicate searches the transforms anew, from the estimate and from one of the fits that were as good.
 */
void
mmm_residual_bootstrap(MmmRidge *ridge, const MmmFitOptions *options, const double *best, const double *kept,
					   int nkept, MmmFit *fit)
{
	const MmmModel *model = ridge->model;
	const CoreEnv *env = ridge->env;
	int q = model->transforms;
	int block = block_length(ridge->periods);
	double *observed = CORE_ALLOC(env, double, 3 * ridge->n + 2 * (size_t) q);
	double *fitted = observed + ridge->n;
	double *y = fitted + ridge->n;
	double *z = y + ridge->n;
	double *other = z + q;
	int *source = CORE_ALLOC(env, int, ridge->periods);
	double *grid;

	mmm_ridge_evaluate(ridge, best, NULL);
	mmm_ridge_sse(ridge);
	grid = residual_grid(ridge);
	for (size_t i = 0; i < ridge->n; i++)
	{
		observed[i] = ridge->y[i];
		fitted[i] = ridge->y[i] - ridge->residual[i];
	}
	for (int r = 0; r < options->replicates; r++)
	{
		GeneratorStream stream = generator_stream(options->seed + (uint64_t) r, MMM_STREAM_BOOTSTRAP);
		double objective;

		mmm_report(options, "bootstrapping", r + 1, options->replicates);
		for (int t = 0; t < ridge->periods; t++)
			source[t] = t % block == 0 ? (int) (generator_uniform(&stream) * ridge->periods)
									   : (source[t - 1] + 1) % ridge->periods;
		for (size_t i = 0; i < ridge->n; i++)
		{
			size_t t = ridge->place[i] % ridge->periods;

			y[i] = fitted[i] + grid[ridge->place[i] - t + source[t]];
		}
		mmm_ridge_set_y(ridge, y);
		memcpy(z, best, sizeof(double) * q);
		objective = mmm_ridge_descend(ridge, &options->box, z, MMM_REFIT_DESCENT);
		if (nkept > 0)
		{
			memcpy(other, kept + (size_t) (r % nkept) * q, sizeof(double) * q);
			if (mmm_ridge_descend(ridge, &options->box, other, MMM_REFIT_DESCENT) < objective)
				memcpy(z, other, sizeof(double) * q);
			else
				mmm_ridge_evaluate(ridge, z, NULL);
		}
		mmm_ridge_parameters(ridge, z, fit->draw + (size_t) r * model->parameters);
	}
	mmm_ridge_set_y(ridge, observed);
	core_free(env, observed);
	core_free(env, source);
	core_free(env, grid);
}
