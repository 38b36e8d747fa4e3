/*
 * The penalty, by rolling-origin validation: each fold forecasts what follows its training.
 */
#include <math.h>

#include "mmm_stages.h"

#define VALIDATION_CANDIDATES 120
#define VALIDATION_STARTS 3

#define PENALTIES 6

static const double penalties[PENALTIES] = {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1};

/* Where there is too little to validate on. */
#define DEFAULT_PENALTY 1e-4

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
				mmm_search_best(&ridge, v->options, VALIDATION_CANDIDATES, VALIDATION_STARTS,
								MMM_STREAM_VALIDATION, z);
			else
				mmm_ridge_descend(&ridge, &v->options->box, z, MMM_REFIT_DESCENT);
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

		mmm_report(options, "validating", options->folds - f, options->folds);
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
