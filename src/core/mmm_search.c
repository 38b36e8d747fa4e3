#include <math.h>
#include <string.h>

#include "mmm_stages.h"

/* Descents begin at this many of the best random candidates. */
#define STARTS 10
#define DESCENT 60

void
mmm_report(const MmmFitOptions *options, const char *stage, long done, long total)
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

double
mmm_search_best(MmmRidge *ridge, const MmmFitOptions *options, int candidates, int starts, int stream_number,
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
		mmm_report(options, "searching", i + 1, candidates);
	}
	for (int i = 0; i < best.size; i++)
	{
		double objective = mmm_ridge_descend(ridge, &options->box, best.z + i * q, DESCENT);

		mmm_report(options, "descending", i + 1, best.size);
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

CoreStatus
mmm_fit_ridge(const MmmModel *model, const MmmFitOptions *options, const CoreEnv *env, MmmFit *fit)
{
	int channels = model->data->channels;
	int q = model->transforms;
	double *z = CORE_ALLOC(env, double, q + 1);
	double *kept = CORE_ALLOC(env, double, (size_t) MMM_WALK_KEPT *q + 1);
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
	if (!isfinite(mmm_search_best(&ridge, options, options->candidates, STARTS, MMM_STREAM_START, z)))
		return CORE_NUMERIC;
	fit->kkt = mmm_ridge_kkt(&ridge);
	mmm_ridge_parameters(&ridge, z, fit->parameters);
	nkept = mmm_walk_equal_fits(&ridge, options, z, fit, kept);
	mmm_residual_bootstrap(&ridge, options, z, kept, nkept, fit);
	for (int c = 0; c < channels; c++)
		if (fit->share_low[c] > fit->share_high[c])
			fit->share_low[c] = fit->share_high[c] = NAN;
	fit->evaluations += ridge.evaluations;
	mmm_ridge_free(&ridge);
	core_free(env, z);
	core_free(env, kept);
	return CORE_OK;
}
