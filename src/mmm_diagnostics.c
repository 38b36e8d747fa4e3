/*
 * mmm_diagnostics: each figure with the threshold of the field and one line of what to do about it.
 */
#include "mmm_report.h"

#include <math.h>

#include "core/mmm_bayes.h"
#include "core/mmm_health.h"

#include "utils/builtins.h"
#include "utils/float.h"

PG_FUNCTION_INFO_V1(attrib_mmm_diagnostics);

typedef enum Wanted
{
	ANY,	  /* no threshold */
	AT_LEAST, /* ok at or above it */
	AT_MOST,
} Wanted;

typedef struct Metric
{
	const char *name;
	Wanted wanted;
	double threshold;
	const char *advice; /* where it is not ok */
} Metric;

static void
put_metric(RowSink *sink, const Metric *metric, const char *component, double value)
{
	bool ok = metric->wanted == ANY ||
			  (metric->wanted == AT_LEAST ? value >= metric->threshold : value <= metric->threshold);
	Datum values[6] = {CStringGetTextDatum(metric->name),
					   component ? CStringGetTextDatum(component) : (Datum) 0,
					   Float8GetDatum(value),
					   Float8GetDatum(metric->threshold),
					   BoolGetDatum(ok),
					   ok ? (Datum) 0 : CStringGetTextDatum(metric->advice)};
	bool nulls[6] = {false,
					 component == NULL,
					 isnan(value),
					 metric->wanted == ANY || isnan(metric->threshold),
					 metric->wanted == ANY || isnan(value),
					 ok || isnan(value)};

	row_sink_put(sink, values, nulls);
}

static void
put_training(RowSink *sink, const MmmValue *value, const MmmErrors *e)
{
	static const Metric r2 = {"r2", AT_LEAST, 0.8,
							  "Look for a control or event that explains the large residuals."};
	static const Metric adjusted = {"adj_r2", AT_LEAST, 0.75,
									"Few observations for so many columns: fewer controls or Fourier terms."};
	static const Metric nrmse = {"nrmse", AT_MOST, 0.15, "Errors are large against the range of the kpi."};
	static const Metric rmse = {"rmse", ANY, 0, NULL};
	static const Metric mae = {"mae", ANY, 0, NULL};
	static const Metric mape = {"mape", AT_MOST, 0.2, "Errors are large against the kpi."};
	static const Metric wmape = {"wmape", AT_MOST, 0.2, "Errors are large against the kpi."};
	static const Metric low = {
		"durbin_watson", AT_LEAST, 1.2,
		"Residuals follow each other: something slow is missing; try trend => 'knots'."};
	static const Metric high = {"durbin_watson", AT_MOST, 2.8,
								"Residuals alternate: check how spend and kpi are assigned to periods."};
	double spare = (double) e->n - value->model.base - value->model.media - value->model.transforms;

	put_metric(sink, &r2, NULL, e->r2);
	put_metric(sink, &adjusted, NULL, spare > 0 ? 1 - (1 - e->r2) * (e->n - 1) / spare : get_float8_nan());
	put_metric(sink, &nrmse, NULL, e->nrmse);
	put_metric(sink, &rmse, NULL, e->rmse);
	put_metric(sink, &mae, NULL, e->mae);
	put_metric(sink, &mape, NULL, e->mape);
	put_metric(sink, &wmape, NULL, e->wmape);
	put_metric(sink, e->durbin_watson > 2 ? &high : &low, NULL, e->durbin_watson);
}

static void
put_holdout(RowSink *sink, const MmmErrors *e)
{
	static const Metric r2 = {"holdout_r2", AT_LEAST, 0, "Forecasts are worse than the holdout's own mean."};
	static const Metric nrmse = {"holdout_nrmse", AT_MOST, 0.25,
								 "Forecasts are far off: the fit may be overfitted."};
	static const Metric rmse = {"holdout_rmse", ANY, 0, NULL};
	static const Metric mae = {"holdout_mae", ANY, 0, NULL};
	static const Metric mape = {"holdout_mape", AT_MOST, 0.25,
								"Forecasts are far off: the fit may be overfitted."};
	static const Metric wmape = {"holdout_wmape", AT_MOST, 0.25,
								 "Forecasts are far off: the fit may be overfitted."};

	put_metric(sink, &r2, NULL, e->r2);
	put_metric(sink, &nrmse, NULL, e->nrmse);
	put_metric(sink, &rmse, NULL, e->rmse);
	put_metric(sink, &mae, NULL, e->mae);
	put_metric(sink, &mape, NULL, e->mape);
	put_metric(sink, &wmape, NULL, e->wmape);
}

/* Standard deviation of a channel's spend over its mean, within the training. */
static double
spend_variation(const MmmModel *model, int channel)
{
	const MmmData *data = model->data;
	double n = (double) data->geos * model->train;
	double mean = 0;
	double squares = 0;

	for (int g = 0; g < data->geos; g++)
		for (int t = 0; t < model->train; t++)
			mean += mmm_exposure(data, g, channel)[t];
	mean /= n;
	for (int g = 0; g < data->geos; g++)
		for (int t = 0; t < model->train; t++)
			squares +=
				(mmm_exposure(data, g, channel)[t] - mean) * (mmm_exposure(data, g, channel)[t] - mean);
	return mean > 0 ? sqrt(squares / n) / mean : 0;
}

static void
put_channels(RowSink *sink, const MmmValue *value)
{
	static const Metric vif_metric = {
		"vif", AT_MOST, 10, "Its effect cannot be told from the others': vary it alone, or test its lift."};
	static const Metric condition_metric = {"condition_number", AT_MOST, 100,
											"Columns are nearly dependent; drop or merge some."};
	static const Metric variation = {
		"exposure_variation", AT_LEAST, 0.1,
		"It hardly varied, so its effect is a guess: vary it, or test its lift."};
	static const Metric low = {"contribution_share_low", ANY, 0, NULL};
	static const Metric high = {"contribution_share_high", ANY, 0, NULL};
	static const Metric range = {
		"contribution_share_range", AT_MOST, 0.2,
		"Fits as good as this one give it very different shares of the media effect."};
	const MmmFit *fit = &value->fit;
	int channels = value->data->channels;
	double *vif = palloc(sizeof(double) * channels);
	double condition;

	attrib_check_status(mmm_collinearity(&value->model, fit->parameters, vif, &condition, attrib_env()),
						"mmm_diagnostics");
	put_metric(sink, &condition_metric, NULL, condition);
	for (int c = 0; c < channels; c++)
	{
		const char *name = value->data->channel_name[c];

		put_metric(sink, &vif_metric, name, vif[c]);
		put_metric(sink, &variation, name, spend_variation(&value->model, c));
		put_metric(sink, &low, name, fit->share_low[c]);
		put_metric(sink, &high, name, fit->share_high[c]);
		put_metric(sink, &range, name, fit->share_high[c] - fit->share_low[c]);
	}
}

/* The parameter that is farthest from what the metric wants. Figures that are not numbers come last. */
static void
put_extreme(RowSink *sink, const Metric *metric, const MmmReportedParameter *p, const double *figure,
			int count)
{
	int worst = 0;

	for (int i = 1; i < count; i++)
		if (isnan(figure[worst]) ||
			(metric->wanted == AT_LEAST ? figure[i] < figure[worst] : figure[i] > figure[worst]))
			worst = i;
	put_metric(sink, metric, psprintf("%s %s", p[worst].component, p[worst].name), figure[worst]);
}

/* The extremes of what chains say of their parameters. */
static void
put_chains(RowSink *sink, const MmmValue *value)
{
	static const Metric rhat_metric = {"rhat_max", AT_MOST, MMM_MAX_RHAT,
									   "The chains disagree: more warmup and draws, or narrower priors."};
	static const Metric bulk_metric = {"ess_bulk_min", AT_LEAST, MMM_MIN_ESS, "Take more draws."};
	static const Metric tail_metric = {"ess_tail_min", AT_LEAST, MMM_MIN_ESS,
									   "Intervals are uncertain: take more draws."};
	static const Metric divergences = {"divergences", AT_MOST, 0,
									   "Raise extra => '{\"target_accept\": 0.99}', or narrow the priors."};
	static const Metric stopped = {
		"max_depth_reached", AT_MOST, 0,
		"Trajectories were cut short: raise extra => '{\"max_depth\": 12}', or narrow the priors."};
	static const Metric ebfmi = {"ebfmi_min", AT_LEAST, MMM_MIN_EBFMI,
								 "Energies mix slowly: heavy tails; narrow the priors."};
	static const Metric mcse_metric = {"mcse_to_sd_max", AT_MOST, MMM_MAX_MCSE,
									   "Means are uncertain for want of draws: take more."};
	const MmmFit *fit = &value->fit;
	int count;
	MmmReportedParameter *p = mmm_reported_parameters(value, &count);
	double *figure = palloc(sizeof(double) * count);

	for (int i = 0; i < count; i++)
		figure[i] = fit->marginal[p[i].place].rhat;
	put_extreme(sink, &rhat_metric, p, figure, count);
	for (int i = 0; i < count; i++)
		figure[i] = fit->marginal[p[i].place].ess_bulk;
	put_extreme(sink, &bulk_metric, p, figure, count);
	for (int i = 0; i < count; i++)
		figure[i] = fit->marginal[p[i].place].ess_tail;
	put_extreme(sink, &tail_metric, p, figure, count);
	for (int i = 0; i < count; i++)
		figure[i] = fit->marginal[p[i].place].mcse * p[i].unit / mmm_parameter_sd(value, &p[i]);
	put_extreme(sink, &mcse_metric, p, figure, count);
	put_metric(sink, &divergences, NULL, fit->sampling.divergences);
	put_metric(sink, &stopped, NULL, fit->sampling.stopped);
	put_metric(sink, &ebfmi, NULL, fit->sampling.ebfmi);
}

/* How far each of the media's parameters came from its prior. */
static void
put_contractions(RowSink *sink, const MmmValue *value)
{
	static const Metric contraction = {
		"contraction", AT_LEAST, MMM_MIN_CONTRACTION,
		"The data did not identify it: what is reported is the prior. Vary the spend, or test its lift."};
	int count;
	MmmReportedParameter *p = mmm_reported_parameters(value, &count);

	for (int i = 0; i < count; i++)
		if (p[i].place < value->model.transforms + value->model.media)
			put_metric(sink, &contraction, psprintf("%s %s", p[i].component, p[i].name),
					   mmm_contraction(&value->fit.marginal[p[i].place],
									   mmm_parameter_sd(value, &p[i]) / p[i].unit));
}

static void
put_loo(RowSink *sink, const MmmSampling *s)
{
	static const Metric elpd = {"elpd_loo", ANY, 0, NULL};
	static const Metric se = {"elpd_loo_se", ANY, 0, NULL};
	static const Metric p = {"p_loo", ANY, 0, NULL};
	static const Metric bad = {
		"pareto_k_bad", AT_MOST, 0,
		"Some observations are too influential for elpd_loo: look at outliers, or take "
		"extra => '{\"likelihood\": \"student_t\"}'."};
	Metric k = {"pareto_k_max", AT_MOST, s->pareto_threshold,
				"elpd_loo is unreliable for the observation that has it."};

	put_metric(sink, &elpd, NULL, s->elpd_loo);
	put_metric(sink, &se, NULL, s->elpd_loo_se);
	put_metric(sink, &p, NULL, s->p_loo);
	put_metric(sink, &k, NULL, s->pareto_k);
	put_metric(sink, &bad, NULL, s->bad_pareto_k);
}

Datum
attrib_mmm_diagnostics(PG_FUNCTION_ARGS)
{
	static const Metric baseline = {
		"negative_baseline", AT_MOST, 0,
		"Without media the model expects a negative kpi: media gets too much credit."};
	static const Metric validation = {"validation_nrmse", AT_MOST, 0.25,
									  "Rolling forecasts are far off: the fit may be overfitted."};
	static const Metric penalty = {"penalty", ANY, 0, NULL};
	static const Metric kkt = {"kkt_residual", AT_MOST, 1e-9,
							   "The coefficients are not optimal; this is a defect."};
	static const Metric evaluations = {"evaluations", ANY, 0, NULL};
	RowSink sink = row_sink_begin(fcinfo);
	const MmmValue *value;
	const MmmModel *m;
	double *predicted;
	MmmErrors errors;

	if (PG_ARGISNULL(0))
		return (Datum) 0;
	value = mmm_value_arg(fcinfo, 0);
	m = &value->model;
	predicted = palloc_extended(sizeof(double) * mmm_rows(value->data), MCXT_ALLOC_HUGE);
	mmm_reported_predictions(value, value->data, 0, predicted);
	errors = mmm_errors(m, predicted, 0, m->train);
	put_training(&sink, value, &errors);
	if (m->spec.holdout > 0)
	{
		errors = mmm_errors(m, predicted, m->train, mmm_observed_until(value->data));
		put_holdout(&sink, &errors);
	}
	if (value->fit.chains == 0)
		put_metric(&sink, &validation, NULL, value->fit.validation_nrmse);
	put_metric(&sink, &baseline, NULL, mmm_negative_baseline(m, value->fit.parameters, attrib_env()));
	put_channels(&sink, value);
	if (value->fit.chains > 0)
	{
		put_chains(&sink, value);
		put_contractions(&sink, value);
		put_loo(&sink, &value->fit.sampling);
	}
	else
	{
		put_metric(&sink, &penalty, NULL, value->fit.penalty);
		put_metric(&sink, &kkt, NULL, value->fit.kkt);
	}
	put_metric(&sink, &evaluations, NULL, (double) value->fit.evaluations);
	return (Datum) 0;
}
