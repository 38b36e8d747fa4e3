/*
 * How sure the answers of a fit are: what equally good fits say, and what other noise would have made of it.
 */
#include <math.h>
#include <string.h>

#include <gsl/gsl_cdf.h>

#include "mmm_stages.h"

#define WALK_STEPS 240

static void
note_shares(const MmmRidge *ridge, double *total, MmmFit *fit)
{
	int channels = ridge->model->data->channels;
	double sum = 0;

	mmm_ridge_totals(ridge, total);
	for (int c = 0; c < channels; c++)
		sum += total[c];
	for (int c = 0; c < channels && sum > 0; c++)
	{
		fit->share_low[c] = fmin(fit->share_low[c], total[c] / sum);
		fit->share_high[c] = fmax(fit->share_high[c], total[c] / sum);
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
 * Walks among the fits as good as the best (hit and run, Smith 1984, with the shrinking interval of slice
 * sampling, Neal 2003) to find how far their answers lie apart. Keeps some of them in `kept`.
 */
int
mmm_walk_equal_fits(MmmRidge *ridge, const MmmFitOptions *options, const double *best, MmmFit *fit,
					double *kept)
{
	const CoreEnv *env = ridge->env;
	int q = ridge->model->transforms;
	GeneratorStream stream = generator_stream(options->seed, MMM_STREAM_WALK);
	double *z = CORE_ALLOC(env, double, 3 * (size_t) q + ridge->model->data->channels + 1);
	double *direction = z + q;
	double *next = direction + q;
	double *total = next + q;
	double ceiling;
	int nkept = 0;

	mmm_ridge_evaluate(ridge, best, NULL);
	ceiling = mmm_ridge_sse(ridge);
	ceiling = fmin(ceiling + MMM_EQUAL_R2 * ridge->total, ceiling * MMM_EQUAL_RMSE * MMM_EQUAL_RMSE);
	note_shares(ridge, total, fit);
	memcpy(z, best, sizeof(double) * q);
	for (int step = 0; step < WALK_STEPS && q > 0; step++)
	{
		double back, ahead;

		mmm_report(options, "comparing equal fits", step + 1, WALK_STEPS);
		for (int k = 0; k < q; k++)
			direction[k] = gsl_cdf_ugaussian_Pinv(generator_uniform(&stream)) *
						   (options->box.high[k] - options->box.low[k]);
		ahead = reach(&options->box, q, z, direction, 1);
		back = -reach(&options->box, q, z, direction, -1);
		for (int tries = 0; tries < 12; tries++)
		{
			double along = back + generator_uniform(&stream) * (ahead - back);

			for (int k = 0; k < q; k++)
				next[k] = z[k] + along * direction[k];
			if (isfinite(mmm_ridge_evaluate(ridge, next, NULL)) && mmm_ridge_sse(ridge) <= ceiling)
			{
				memcpy(z, next, sizeof(double) * q);
				note_shares(ridge, total, fit);
				break;
			}
			if (along > 0)
				ahead = along;
			else
				back = along;
		}
		if (step % (WALK_STEPS / MMM_WALK_KEPT) == 0)
			memcpy(kept + (size_t) nkept++ * q, z, sizeof(double) * q);
	}
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
