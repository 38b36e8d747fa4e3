/* Media mix models: gradients, recovery of what was simulated, one response function, determinism. */
#include <string.h>

#include "core/mmm_health.h"
#include "core/mmm_search.h"
#include "unit.h"

#define PERIODS 150
#include "mmm_inputs.h"

static unsigned state;

static double
uniform(void)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 8) / 16777216.0;
}

/* Bursts and pauses of different rhythm, and a steady base in one channel. */
static MmmData
simulated_inputs(int geos)
{
	MmmData data = mmm_inputs(geos);

	state = 99;
	for (int g = 0; g < geos; g++)
		for (int t = 0; t < PERIODS; t++)
		{
			spend[(g * CHANNELS + 0) * PERIODS + t] = uniform() < 0.5 ? 0 : 1000 * uniform() * population[g];
			spend[(g * CHANNELS + 1) * PERIODS + t] = (5 + 45 * uniform() * uniform()) * population[g];
			control[g * PERIODS + t] = 10 * uniform();
			kpi[g * PERIODS + t] = 1;
		}
	return data;
}

/* Replaces the kpi by the model's own prediction and a little noise. */
static void
simulate_kpi(const MmmModel *model, const double *parameters, double noise)
{
	double predicted[2 * PERIODS];

	mmm_predictions(model, parameters, model->data, 0, predicted, unit_env());
	for (size_t i = 0; i < mmm_rows(model->data); i++)
		kpi[i] = predicted[i] + noise * mmm_kpi_unit(model, (int) (i / PERIODS)) * (uniform() - 0.5);
}

static MmmSpec
spec_of(AdstockKind adstock, SaturationKind saturation)
{
	return mmm_spec(adstock, saturation, 6, 365.25 / 7);
}

/* Transform parameters within the search's box, coefficients of ordinary size. */
static void
true_parameters(const MmmModel *model, double *parameters)
{
	static const double decays[2] = {0.6, 0.3};

	for (int c = 0; c < CHANNELS; c++)
		for (int p = 0; p < model->per_channel; p++)
		{
			double *into = parameters + c * model->per_channel + p;

			if (p == model->half_at)
				*into = c == 0 ? 0.25 : 0.4;
			else if (p == model->slope_at)
				*into = model->spec.saturation == SATURATION_ROOT ? 0.5 + 0.2 * c : 2 + c;
			else if (strcmp(mmm_transform_name(model, p), "decay") == 0)
				*into = decays[c];
			else
				*into = p == 0 ? 1.8 + c : 2.5 - c; /* shape, scale; peak */
		}
	parameters[model->transforms] = 0.5;
	parameters[model->transforms + 1] = 0.3;
	for (int i = CHANNELS; i < model->media; i++)
		parameters[model->transforms + i] = 0.2;
	for (int j = 0; j < model->base; j++)
		parameters[model->transforms + model->media + j] = j == 0 ? 0.3 : 0.05;
}

static MmmFitOptions
plain_options(const MmmModel *model)
{
	return (MmmFitOptions){
		.candidates = 1000, .penalty = 1e-10, .seed = 1, .box = mmm_box(model, unit_env())};
}

/* A model whose kpi it has said itself, with known parameters and some noise, and the same model of that kpi. */
typedef struct Simulation
{
	MmmData data;
	MmmModel source;
	double truth[60];
	MmmModel model;
	MmmFitOptions options;
} Simulation;

static void
simulate(Simulation *s, MmmSpec spec, int geos, double noise)
{
	s->data = simulated_inputs(geos);
	mmm_model_init(&s->source, &s->data, &spec, unit_env());
	true_parameters(&s->source, s->truth);
	simulate_kpi(&s->source, s->truth, noise);
	mmm_model_init(&s->model, &s->data, &spec, unit_env());
	s->options = plain_options(&s->model);
}

/* The search's objective falls as its gradient says, at random points. */
static void
check_gradient(MmmSpec spec, int geos, const char *name)
{
	double z[20], moved[20], gradient[20];
	double worst = 0;
	Simulation s;
	const MmmModel *model = &s.model;
	const MmmBox *box = &s.options.box;
	MmmRidge ridge;

	simulate(&s, spec, geos, 0.1);
	ok(mmm_ridge_init(&ridge, model, PERIODS - 10, 1e-3, unit_env()) == CORE_OK, "%s: factored", name);
	for (int trial = 0; trial < 5; trial++)
	{
		for (int k = 0; k < model->transforms; k++)
			z[k] = box->low[k] + (0.1 + 0.8 * uniform()) * (box->high[k] - box->low[k]);
		mmm_ridge_evaluate(&ridge, z, gradient);
		for (int k = 0; k < model->transforms; k++)
		{
			double h = 1e-5;
			double up, down;

			memcpy(moved, z, sizeof(z));
			moved[k] = z[k] + h;
			up = mmm_ridge_evaluate(&ridge, moved, NULL);
			moved[k] = z[k] - h;
			down = mmm_ridge_evaluate(&ridge, moved, NULL);
			worst = fmax(worst, fabs(gradient[k] - (up - down) / (2 * h)) / fmax(1, fabs(gradient[k])));
		}
	}
	ok(worst < 1e-6, "%s: gradient against differences (off by %g)", name, worst);
	mmm_ridge_evaluate(&ridge, z, NULL);
	ok(mmm_ridge_kkt(&ridge) < 1e-10, "%s: KKT", name);
	/* parameters from the projected solution give the residuals that it promised */
	{
		double all[60];
		double predicted[2 * PERIODS];
		double sse = mmm_ridge_sse(&ridge);
		double direct = 0;

		mmm_ridge_parameters(&ridge, z, all);
		mmm_predictions(model, all, &s.data, 0, predicted, unit_env());
		for (int g = 0; g < geos; g++)
			for (int t = 0; t < PERIODS - 10; t++)
			{
				double e = (kpi[g * PERIODS + t] - predicted[g * PERIODS + t]) / mmm_kpi_unit(model, g);

				direct += e * e;
			}
		ok(fabs(direct - sse) <= 1e-9 * sse, "%s: parameters and projection agree", name);
	}
	mmm_ridge_free(&ridge);
}

/* What was simulated with little noise comes back. */
static void
check_recovery(AdstockKind adstock, SaturationKind saturation, bool adstock_first)
{
	MmmSpec spec = spec_of(adstock, saturation);
	double parts[8 * PERIODS];
	double fitted[8 * PERIODS];
	double worst = 0;
	double parameter = 0;
	Simulation s;
	MmmFit fit;

	spec.adstock_first = adstock_first;
	simulate(&s, spec, 1, 1e-4);
	mmm_contributions_of_geo(&s.source, s.truth, &s.data, 0, 0, parts, unit_env());
	ok(mmm_fit_ridge(&s.model, &s.options, unit_env(), &fit) == CORE_OK, "%s x %s is fitted",
	   adstock_name(adstock), saturation_name(saturation));
	mmm_contributions_of_geo(&s.model, fit.parameters, &s.data, 0, 0, fitted, unit_env());
	for (int c = 0; c < CHANNELS; c++)
	{
		double a = 0, b = 0;

		for (int t = 0; t < PERIODS; t++)
		{
			a += parts[c * PERIODS + t];
			b += fitted[c * PERIODS + t];
		}
		worst = fmax(worst, fabs(b / a - 1));
		for (int p = c * s.model.per_channel; p < (c + 1) * s.model.per_channel; p++)
			parameter = fmax(parameter, fabs(fit.parameters[p] / s.truth[p] - 1));
	}
	ok(worst < 0.02, "%s x %s%s: contributions recovered (off by %.2g)", adstock_name(adstock),
	   saturation_name(saturation), adstock_first ? "" : ", saturation first", worst);
	ok(parameter < 0.05, "%s x %s%s: parameters recovered (off by %.2g)", adstock_name(adstock),
	   saturation_name(saturation), adstock_first ? "" : ", saturation first", parameter);
}

/* Contributions are the response at a multiplier of 1, digit for digit, and its slope is a slope. */
static void
check_response(AdstockKind adstock, bool adstock_first)
{
	MmmData data = simulated_inputs(1);
	MmmSpec spec = spec_of(adstock, SATURATION_HILL);
	double parameters[60];
	double x[PERIODS], s[PERIODS], at_one[PERIODS], slope[PERIODS], up[PERIODS], down[PERIODS];
	double worst = 0;
	MmmModel model;

	spec.adstock_first = adstock_first;
	spec.free_slope = true;
	mmm_model_init(&model, &data, &spec, unit_env());
	true_parameters(&model, parameters);
	mmm_scaled_exposure(&model, &data, 0, 0, x);
	mmm_transform(&model, parameters, x, PERIODS, s, NULL, unit_env());
	mmm_transform_scaled(&model, parameters, x, PERIODS, 1, at_one, slope, unit_env());
	ok(memcmp(s, at_one, sizeof(s)) == 0, "%s: one response function", adstock_name(adstock));
	mmm_transform_scaled(&model, parameters, x, PERIODS, 1 + 1e-6, up, NULL, unit_env());
	mmm_transform_scaled(&model, parameters, x, PERIODS, 1 - 1e-6, down, NULL, unit_env());
	for (int t = 0; t < PERIODS; t++)
		worst = fmax(worst, fabs(slope[t] - (up[t] - down[t]) / 2e-6));
	ok(worst < 1e-8, "%s: its slope (off by %g)", adstock_name(adstock), worst);
}

static void
check_determinism(void)
{
	MmmSpec spec = spec_of(ADSTOCK_GEOMETRIC, SATURATION_LOGISTIC);
	Simulation s;
	MmmFit first, again, later;

	simulate(&s, spec, 1, 0.1);
	s.options.penalty = NAN;
	s.options.folds = 3;
	s.options.replicates = 20;
	mmm_fit_ridge(&s.model, &s.options, unit_env(), &first);
	mmm_fit_ridge(&s.model, &s.options, unit_env(), &again);
	ok(memcmp(first.parameters, again.parameters, sizeof(double) * s.model.parameters) == 0 &&
		   memcmp(first.draw, again.draw, sizeof(double) * s.model.parameters * 20) == 0,
	   "the same seed gives the same digits");
	s.options.seed = 2;
	mmm_fit_ridge(&s.model, &s.options, unit_env(), &later);
	ok(memcmp(first.draw, later.draw, sizeof(double) * s.model.parameters * 20) != 0,
	   "another seed gives others");
	is_close(later.parameters[s.model.transforms], first.parameters[s.model.transforms], 1e-4,
			 "but the same estimate");
	ok(first.penalty <= 1e-3 && !isnan(first.validation_nrmse), "validated");
}

/* The holdout is never seen: changing it changes no digit of the fit. */
static void
check_holdout(void)
{
	MmmSpec spec = spec_of(ADSTOCK_GEOMETRIC, SATURATION_LOGISTIC);
	Simulation s;
	MmmFit before, after;

	spec.holdout = 12;
	simulate(&s, spec, 1, 0.05);
	s.options.folds = 3;
	s.options.replicates = 3;
	mmm_fit_ridge(&s.model, &s.options, unit_env(), &before);
	for (int t = PERIODS - 12; t < PERIODS; t++)
	{
		kpi[t] *= 17;
		spend[t] *= 5;
		control[t] = -4;
	}
	mmm_model_init(&s.model, &s.data, &spec, unit_env());
	mmm_fit_ridge(&s.model, &s.options, unit_env(), &after);
	ok(memcmp(before.parameters, after.parameters, sizeof(double) * s.model.parameters) == 0 &&
		   memcmp(before.draw, after.draw, sizeof(double) * s.model.parameters * 3) == 0,
	   "holdout periods leave no trace in the fit");
}

static void
check_front(void)
{
	MmmSpec spec = spec_of(ADSTOCK_GEOMETRIC, SATURATION_HILL);
	Simulation s;
	MmmFront front;
	bool sorted = true;

	simulate(&s, spec, 1, 0.2);
	ok(mmm_pareto(&s.model, &s.options, unit_env(), &front) == CORE_OK && front.size > 1, "a front of %d",
	   front.size);
	for (int i = 1; i < front.size; i++)
		sorted = sorted && front.candidate[i].nrmse > front.candidate[i - 1].nrmse &&
				 front.candidate[i].rssd < front.candidate[i - 1].rssd;
	ok(sorted, "no member beats another in both");
}

static void
check_health(void)
{
	MmmData data = simulated_inputs(1);
	MmmSpec spec = spec_of(ADSTOCK_NONE, SATURATION_LINEAR);
	double parameters[60] = {0};
	double vif[CHANNELS];
	double condition;
	MmmModel model;

	mmm_model_init(&model, &data, &spec, unit_env());
	mmm_collinearity(&model, parameters, vif, &condition, unit_env());
	ok(vif[0] >= 1 && vif[0] < 1.5 && vif[1] < 1.5 && condition < 30,
	   "independent channels: VIF %g %g, condition %g", vif[0], vif[1], condition);
	memcpy(spend + PERIODS, spend, sizeof(double) * PERIODS);
	mmm_collinearity(&model, parameters, vif, &condition, unit_env());
	ok(isinf(vif[0]) && isinf(vif[1]) && isinf(condition), "twins: VIF %g, condition %g", vif[0], condition);
	for (int t = 0; t < PERIODS; t++)
		spend[PERIODS + t] = spend[t] + uniform() * 10;
	mmm_collinearity(&model, parameters, vif, &condition, unit_env());
	ok(vif[0] > 1000 && vif[0] < 1e6, "nearly twins: VIF %g", vif[0]);
	for (int t = 0; t < PERIODS; t++)
		spend[PERIODS + t] = 7;
	mmm_collinearity(&model, parameters, vif, &condition, unit_env());
	ok(isnan(vif[1]) && vif[0] < 1.5, "a constant has no VIF");
}

int
main(void)
{
	MmmSpec spec = spec_of(ADSTOCK_GEOMETRIC, SATURATION_HILL);

	spec.free_slope = true;
	spec.interactions = 1;
	spec.interaction = pair;
	spec.trend = MMM_TREND_KNOTS;
	check_gradient(spec, 1, "geometric, hill, interaction, knots");
	check_gradient(spec, 2, "the same over two geos");
	spec.adstock_first = false;
	check_gradient(spec, 1, "saturation first");
	for (int adstock = 0; adstock < ADSTOCK_KINDS; adstock++)
	{
		char name[80];

		spec = spec_of((AdstockKind) adstock, adstock % 2 ? SATURATION_HILL_SIGMOID : SATURATION_LOG1P);
		spec.free_slope = true;
		snprintf(name, sizeof(name), "%s, %s", adstock_name(spec.adstock), saturation_name(spec.saturation));
		check_gradient(spec, 1, name);
		check_response((AdstockKind) adstock, true);
		check_response((AdstockKind) adstock, false);
		for (int saturation = 0; saturation < SATURATION_KINDS; saturation++)
			check_recovery((AdstockKind) adstock, (SaturationKind) saturation, true);
	}
	check_recovery(ADSTOCK_GEOMETRIC, SATURATION_HILL, false);
	check_determinism();
	check_holdout();
	check_front();
	check_health();
	return done();
}
