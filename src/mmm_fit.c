/*
 * mmm_fit and mmm_candidates: arguments to core, core to a value or rows, with word of the progress on the way.
 */
#include "mmm_chains.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(attrib_mmm_fit);
PG_FUNCTION_INFO_V1(attrib_mmm_candidates);

/* attrib.progress: NOTICEs from fits that run long. */
bool attrib_progress = true;

/* Seconds between two NOTICEs, and before the first. */
#define NOTICE_EVERY 10

/* The services of attrib_env with a look at the clock at each check. */
typedef struct FitEnv
{
	CoreEnv env;
	MmmProgress progress;
	TimestampTz last;
	int checks;
} FitEnv;

static void
fit_check(void *arg)
{
	FitEnv *fit = arg;
	TimestampTz now;

	CHECK_FOR_INTERRUPTS();
	if (!attrib_progress || ++fit->checks < 100)
		return;
	fit->checks = 0;
	now = GetCurrentTimestamp();
	if (now - fit->last < NOTICE_EVERY * USECS_PER_SEC || !fit->progress.stage)
		return;
	fit->last = now;
	ereport(NOTICE, (errmsg("media mix model: %s, %ld of %ld", fit->progress.stage, fit->progress.done,
							fit->progress.total),
					 errhint("SET attrib.progress = off silences this.")));
}

static FitEnv *
fit_env(MmmRequest *request)
{
	FitEnv *fit = palloc0(sizeof(FitEnv));

	fit->env = *attrib_env();
	fit->env.check = fit_check;
	fit->env.arg = fit;
	fit->last = GetCurrentTimestamp();
	request->ridge.progress = request->bayes.progress = &fit->progress;
	return fit;
}

Datum
attrib_mmm_fit(PG_FUNCTION_ARGS)
{
	MmmRequest request = {.ridge = {.candidates = 2000, .replicates = 200, .folds = 4, .penalty = NAN}};
	FitEnv *env;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	mmm_fit_arguments(fcinfo, &request);
	env = fit_env(&request);
	if (request.value.method == MMM_BAYES)
		mmm_bayes_fit(fcinfo, &request, &env->env);
	else
		attrib_check_status(
			mmm_fit_ridge(&request.value.model, &request.ridge, &env->env, &request.value.fit), "mmm_fit");
	PG_RETURN_POINTER(mmm_value_flatten(&request.value));
}

/* A row a candidate and channel. */
static void
put_candidate(RowSink *sink, const MmmModel *model, int number, const MmmCandidate *candidate, double penalty)
{
	double sum = 0;

	for (int c = 0; c < model->data->channels; c++)
		sum += candidate->contribution[c];
	for (int c = 0; c < model->data->channels; c++)
	{
		const double *transforms = candidate->parameters + c * model->per_channel;
		Saturation curve = mmm_saturation(model, transforms);
		bool decays = adstock_parameters(model->spec.adstock) > 0 &&
					  strcmp(adstock_parameter_name(model->spec.adstock, 0), "decay") == 0;
		Datum values[11] = {Int32GetDatum(number),
							Float8GetDatum(candidate->nrmse),
							Float8GetDatum(candidate->rssd),
							Float8GetDatum(candidate->r2),
							Float8GetDatum(penalty),
							CStringGetTextDatum(model->data->channel_name[c]),
							Float8GetDatum(transforms[0]),
							Float8GetDatum(curve.half_saturation * model->exposure_scale[c]),
							Float8GetDatum(curve.slope),
							Float8GetDatum(candidate->contribution[c]),
							Float8GetDatum(sum > 0 ? candidate->contribution[c] / sum : 0)};
		bool nulls[11] = {false};

		nulls[6] = !decays;
		nulls[7] = !saturation_has_half(curve.kind);
		nulls[8] = !saturation_has_slope(curve.kind);
		nulls[10] = !(sum > 0);
		row_sink_put(sink, values, nulls);
	}
}

Datum
attrib_mmm_candidates(PG_FUNCTION_ARGS)
{
	RowSink sink = row_sink_begin(fcinfo);
	MmmRequest request = {.candidates = true,
						  .ridge = {.candidates = 10000, .replicates = 0, .folds = 4, .penalty = NAN}};
	const MmmModel *model = &request.value.model;
	MmmFront front;
	FitEnv *env;

	if (PG_ARGISNULL(0))
		return (Datum) 0;
	mmm_fit_arguments(fcinfo, &request);
	env = fit_env(&request);
	attrib_check_status(mmm_pareto(model, &request.ridge, &env->env, &front), "mmm_candidates");
	for (int i = 0; i < front.size; i++)
		put_candidate(&sink, model, i + 1, &front.candidate[i], front.penalty);
	return (Datum) 0;
}
