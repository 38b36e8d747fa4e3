#include "mmm_search.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include <gsl/gsl_cdf.h>

#include "generator.h"

/* Numbers of the random streams, so that one stage's draws do not move when another's change. */
enum
{
	STREAM_START,
	STREAM_WALK,
	STREAM_VALIDATION,
	STREAM_BOOTSTRAP,
};

/* Descents begin at this many of the best random candidates. */
#define STARTS 10
#define DESCENT 60
#define REFIT_DESCENT 12
#define WALK_STEPS 240
#define WALK_KEPT 24
#define VALIDATION_CANDIDATES 120
#define VALIDATION_STARTS 3

#define PENALTIES 6

static const double penalties[PENALTIES] = {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1};

/* Where there is too little to validate on. */
#define DEFAULT_PENALTY 1e-4

static void
report(const MmmFitOptions *options, const char *stage, long done, long total)
{
	if (options->progress)
		*options->progress = (MmmProgress){stage, done, total};
}

MmmBox
mmm_box(const MmmModel *model, const CoreEnv *env)
{
	MmmBox box;

	box.low = CORE_ALLOC(env, double, model->transforms);
	box.high = CORE_ALLOC(env, double, model->transforms);
	for (int k = 0; k < model->transforms; k++)
	{
		int p = k % model->per_channel;

		mmm_transform_bounds(model, p, &box.low[k], &box.high[k]);
		if (mmm_transform_is_log(model, p))
		{
			box.low[k] = log(box.low[k]);
			box.high[k] = log(box.high[k]);
		}
	}
	return box;
}

static void
random_point(const MmmBox *box, int q, GeneratorStream *stream, double *z)
{
	for (int k = 0; k < q; k++)
		z[k] = box->low[k] + generator_uniform(stream) * (box->high[k] - box->low[k]);
}

/* The best few points seen, ascending by objective. */
typedef struct Best
{
	int capacity;
	int size;
	int q;
	double *objective;
	double *z; /* [capacity][q] */
} Best;

static Best
best_create(int capacity, int q, const CoreEnv *env)
{
	Best best = {capacity, 0, q, NULL, NULL};

	best.objective = CORE_ALLOC(env, double, capacity);
	best.z = CORE_ALLOC(env, double, (size_t) capacity *q + 1);
	return best;
}

static void
best_offer(Best *best, double objective, const double *z)
{
	int at = best->size < best->capacity ? best->size++ : best->capacity;

	if (at == best->capacity)
	{
		if (!(objective < best->objective[at - 1]))
			return;
		at--;
	}
	for (; at > 0 && best->objective[at - 1] > objective; at--)
	{
		best->objective[at] = best->objective[at - 1];
		memcpy(best->z + at * best->q, best->z + (at - 1) * best->q, sizeof(double) * best->q);
	}
	best->objective[at] = objective;
	memcpy(best->z + at * best->q, z, sizeof(double) * best->q);
}

/* Random candidates, then descent from the best of them; the best end into z. */
static double
global_search(MmmRidge *ridge, const MmmFitOptions *options, int candidates, int starts, int stream_number,
			  double *z)
{
	const CoreEnv *env = ridge->env;
	int q = ridge->model->transforms;
	GeneratorStream stream = generator_stream(options->seed, (uint64_t) stream_number);
	Best best = best_create(starts, q, env);
	double *point = CORE_ALLOC(env, double, q + 1);
	double lowest = INFINITY;

	for (int i = 0; i < candidates; i++)
	{
		random_point(&options->box, q, &stream, point);
		best_offer(&best, mmm_ridge_evaluate(ridge, point, NULL), point);
		report(options, "searching", i + 1, candidates);
	}
	for (int i = 0; i < best.size; i++)
	{
		double objective = mmm_ridge_descend(ridge, &options->box, best.z + i * q, DESCENT);

		report(options, "descending", i + 1, best.size);
		if (objective < lowest || i == 0)
		{
			lowest = objective;
			memcpy(z, best.z + i * q, sizeof(double) * q);
		}
	}
	core_free(env, best.objective);
	core_free(env, best.z);
	core_free(env, point);
	return mmm_ridge_evaluate(ridge, z, NULL);
}

/* Squared forecast errors over [from, to), in scaled units, of the coefficients just evaluated at z. */
static size_t
forecast_losses(const MmmRidge *ridge, const double *z, int from, int to, double *loss)
{
	const MmmModel *model = ridge->model;
	const MmmData *data = model->data;
	const CoreEnv *env = ridge->env;
	double *parameters = CORE_ALLOC(env, double, model->parameters);
	double *predicted = CORE_ALLOC(env, double, mmm_rows(data));
	size_t count = 0;

	mmm_ridge_parameters(ridge, z, parameters);
	mmm_predictions(model, parameters, data, 0, predicted, env);
	for (int g = 0; g < data->geos; g++)
		for (int t = from; t < to; t++)
		{
			size_t at = (size_t) g * data->periods + t;
			double error = (data->kpi[at] - predicted[at]) / mmm_kpi_unit(model, g);

			if (!isnan(error))
				loss[count++] = error * error;
		}
	core_free(env, parameters);
	core_free(env, predicted);
	return count;
}

/* Rolling-origin validation over a path of penalties. */
typedef struct Validation
{
	const MmmModel *model;
	const MmmFitOptions *options;
	const CoreEnv *env;
	const double *path;
	int npath;
	double *loss[PENALTIES]; /* squared errors of the same forecasts */
	size_t count;
	long evaluations;
} Validation;

/*
 * One fold: trained on what lies before `end`. The transforms are searched within the fold, so nothing after it is
 * seen; along the path of penalties each search begins where the last one ended.
 */
static CoreStatus
validate_fold(Validation *v, int end, int horizon)
{
	double *z = CORE_ALLOC(v->env, double, v->model->transforms + 1);
	CoreStatus status = CORE_OK;
	size_t counted = 0;

	for (int i = 0; i < v->npath && status == CORE_OK; i++)
	{
		MmmRidge ridge;

		status = mmm_ridge_init(&ridge, v->model, end, v->path[i], v->env);
		if (status == CORE_OK)
		{
			if (i == 0)
				global_search(&ridge, v->options, VALIDATION_CANDIDATES, VALIDATION_STARTS, STREAM_VALIDATION,
							  z);
			else
				mmm_ridge_descend(&ridge, &v->options->box, z, REFIT_DESCENT);
			counted = forecast_losses(&ridge, z, end, end + horizon, v->loss[i] + v->count);
			v->evaluations += ridge.evaluations;
		}
		mmm_ridge_free(&ridge);
	}
	v->count += counted;
	core_free(v->env, z);
	return status;
}

static double
mean_loss(const Validation *v, int i)
{
	double sum = 0;

	for (size_t k = 0; k < v->count; k++)
		sum += v->loss[i][k];
	return sum / (double) v->count;
}

/* Is i worse than `best` by no more than the standard error of the difference? */
static bool
about_as_good(const Validation *v, int i, int best)
{
	double difference = mean_loss(v, i) - mean_loss(v, best);
	double squares = 0;

	for (size_t k = 0; k < v->count; k++)
	{
		double d = v->loss[i][k] - v->loss[best][k] - difference;

		squares += d * d;
	}
	return difference <= sqrt(squares) / (double) v->count;
}

/*
 * The least penalty that forecasts about as well as the best: shrinking forecasts well but takes effect away from
 * media, and it is the effect that is asked for.
 */
static double
pick_penalty(const Validation *v, double *validation_nrmse)
{
	int best = 0;
	int picked = 0;

	for (int i = 1; i < v->npath; i++)
		if (mean_loss(v, i) < mean_loss(v, best))
			best = i;
	while (!about_as_good(v, picked, best))
		picked++;
	*validation_nrmse = sqrt(mean_loss(v, picked)) / mmm_kpi_range(v->model);
	return v->path[picked];
}

double
mmm_choose_penalty(const MmmModel *model, const MmmFitOptions *options, double *validation_nrmse,
				   long *evaluations, const CoreEnv *env)
{
	bool given = !isnan(options->penalty);
	Validation v = {model,	options, env, given ? &options->penalty : penalties, given ? 1 : PENALTIES,
					{NULL}, 0,		 0};
	int horizon = model->train / 10;
	double penalty = given ? options->penalty : DEFAULT_PENALTY;
	bool failed = model->train < MMM_MIN_VALIDATED;

	*validation_nrmse = NAN;
	for (int i = 0; i < v.npath; i++)
		v.loss[i] = CORE_ALLOC(env, double, mmm_rows(model->data));
	for (int f = options->folds; f > 0 && !failed; f--)
	{
		int end = model->train - f * horizon;

		report(options, "validating", options->folds - f, options->folds);
		if (end >= model->train / 3)
			failed = validate_fold(&v, end, horizon) != CORE_OK;
	}
	if (!failed && v.count > 0)
		penalty = pick_penalty(&v, validation_nrmse);
	for (int i = 0; i < v.npath; i++)
		core_free(env, v.loss[i]);
	*evaluations += v.evaluations;
	return penalty;
}

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
static int
walk_equal_fits(MmmRidge *ridge, const MmmFitOptions *options, const double *best, MmmFit *fit, double *kept)
{
	const CoreEnv *env = ridge->env;
	int q = ridge->model->transforms;
	GeneratorStream stream = generator_stream(options->seed, STREAM_WALK);
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

		report(options, "comparing equal fits", step + 1, WALK_STEPS);
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
		if (step % (WALK_STEPS / WALK_KEPT) == 0)
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
static void
bootstrap(MmmRidge *ridge, const MmmFitOptions *options, const double *best, const double *kept, int nkept,
		  MmmFit *fit)
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
		GeneratorStream stream = generator_stream(options->seed + (uint64_t) r, STREAM_BOOTSTRAP);
		double objective;

		report(options, "bootstrapping", r + 1, options->replicates);
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
		objective = mmm_ridge_descend(ridge, &options->box, z, REFIT_DESCENT);
		if (nkept > 0)
		{
			memcpy(other, kept + (size_t) (r % nkept) * q, sizeof(double) * q);
			if (mmm_ridge_descend(ridge, &options->box, other, REFIT_DESCENT) < objective)
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

CoreStatus
mmm_fit_ridge(const MmmModel *model, const MmmFitOptions *options, const CoreEnv *env, MmmFit *fit)
{
	int channels = model->data->channels;
	int q = model->transforms;
	double *z = CORE_ALLOC(env, double, q + 1);
	double *kept = CORE_ALLOC(env, double, (size_t) WALK_KEPT *q + 1);
	int nkept;
	MmmRidge ridge;
	CoreStatus status;

	memset(fit, 0, sizeof(*fit));
	fit->parameters = CORE_ALLOC(env, double, model->parameters);
	fit->share_low = CORE_ALLOC(env, double, channels);
	fit->share_high = CORE_ALLOC(env, double, channels);
	fit->draws = options->replicates;
	fit->draw = CORE_ALLOC(env, double, (size_t) fit->draws * model->parameters);
	for (int c = 0; c < channels; c++)
	{
		fit->share_low[c] = INFINITY;
		fit->share_high[c] = -INFINITY;
	}
	fit->penalty = mmm_choose_penalty(model, options, &fit->validation_nrmse, &fit->evaluations, env);
	status = mmm_ridge_init(&ridge, model, model->train, fit->penalty, env);
	if (status != CORE_OK)
		return status;
	if (!isfinite(global_search(&ridge, options, options->candidates, STARTS, STREAM_START, z)))
		return CORE_NUMERIC;
	fit->kkt = mmm_ridge_kkt(&ridge);
	mmm_ridge_parameters(&ridge, z, fit->parameters);
	nkept = walk_equal_fits(&ridge, options, z, fit, kept);
	bootstrap(&ridge, options, z, kept, nkept, fit);
	for (int c = 0; c < channels; c++)
		if (fit->share_low[c] > fit->share_high[c])
			fit->share_low[c] = fit->share_high[c] = NAN;
	fit->evaluations += ridge.evaluations;
	mmm_ridge_free(&ridge);
	core_free(env, z);
	core_free(env, kept);
	return CORE_OK;
}
