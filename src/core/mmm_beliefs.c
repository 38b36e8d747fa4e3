#include "mmm_beliefs.h"

#include <math.h>
#include <string.h>

/* Standard deviations of the KPI that a standard deviation of a base column may be expected to be worth. */
#define BASE_SCALE 2.5
/* Of the intercept, in units of the greatest KPI, where no column's level has to be made up for. */
#define INTERCEPT_SD 2

/* Between geos, of the logarithm of coefficients: most lie within a factor of 1.6. */
#define GEO_SD 0.5

static bool
observed(const MmmModel *model, int geo, int t)
{
	return !isnan(model->data->kpi[(size_t) geo * model->data->periods + t]);
}

typedef struct Moments
{
	double n;
	double mean;
	double sd;
} Moments;

/* Of the scaled KPI (column -1) or of a base column, over what is observed of the training. */
static Moments
column_moments(const MmmModel *model, int column)
{
	Moments m = {0, 0, 0};

	for (int pass = 0; pass < 2; pass++)
		for (int g = 0; g < model->data->geos; g++)
			for (int t = 0; t < model->train; t++)
			{
				double x;

				if (!observed(model, g, t))
					continue;
				x = column < 0
						? model->data->kpi[(size_t) g * model->data->periods + t] / mmm_kpi_unit(model, g)
						: mmm_base_column(model, model->data, column, g, t, t);
				if (pass == 0)
				{
					m.n++;
					m.mean += x;
				}
				else
					m.sd += (x - m.mean / m.n) * (x - m.mean / m.n);
			}
	m.mean /= m.n;
	m.sd = sqrt(m.sd / m.n);
	return m;
}

static Prior
make(PriorKind kind, double a, double b)
{
	double arguments[PRIOR_MAX_ARGUMENTS] = {a, b};
	Prior prior;

	prior_init(&prior, kind, arguments);
	return prior;
}

/*
 * Half-saturation is in units of the greatest exposure, where a normalised adstock stays below 1; what is not
 * normalised piles up.
 */
static Prior
transform_prior(const MmmModel *model, int p)
{
	const MmmSpec *spec = &model->spec;
	bool piles_up = spec->adstock != ADSTOCK_NONE && spec->adstock_first && !spec->normalized;

	if (p == model->half_at)
		return make(PRIOR_LOGNORMAL, log(piles_up ? 0.8 : 0.4), 0.7);
	if (p == model->slope_at)
	{
		if (spec->saturation == SATURATION_ROOT)
			return make(PRIOR_BETA, 2, 2);
		return make(PRIOR_LOGNORMAL, log(spec->saturation == SATURATION_HILL ? 1.5 : 2), 0.4);
	}
	if (spec->adstock == ADSTOCK_WEIBULL_PDF || spec->adstock == ADSTOCK_WEIBULL_CDF)
		return make(PRIOR_LOGNORMAL, log(p == 0 ? 1.5 : 2), 0.5);
	if (spec->adstock == ADSTOCK_DELAYED && p == 1)
	{
		/* the peak lies within the window */
		double arguments[PRIOR_MAX_ARGUMENTS] = {1, 2, 0, spec->max_lag};
		Prior prior = make(PRIOR_HALFNORMAL, 2, 0);

		prior_init(&prior, PRIOR_TRUNCATED_NORMAL, arguments);
		return prior;
	}
	return make(PRIOR_BETA, 1, 3);
}

double
mmm_spend_of_training(const MmmModel *model, int channel)
{
	double sum = 0;

	for (int g = 0; g < model->data->geos; g++)
		for (int t = 0; t < model->train; t++)
			sum += mmm_spend(model->data, g, channel)[t];
	return sum;
}

/*
 * Twice the channel's share of the spend: what costs little is not expected to move much, which keeps small
 * channels from enormous returns. A channel without spend gets the share of an average one.
 */
static void
coefficient_priors(const MmmModel *model, MmmBeliefs *beliefs)
{
	const MmmData *data = model->data;
	double all = 0;

	for (int c = 0; c < data->channels; c++)
		all += mmm_spend_of_training(model, c);
	for (int c = 0; c < data->channels; c++)
	{
		double spend = mmm_spend_of_training(model, c);
		double share = all > 0 && spend > 0 ? spend / all : 1.0 / data->channels;

		beliefs->prior[model->transforms + c] = make(PRIOR_HALFNORMAL, 2 * fmax(share, 1e-6), 0);
	}
	for (int i = 0; i < model->spec.interactions; i++)
		beliefs->prior[model->transforms + data->channels + i] = make(PRIOR_NORMAL, 0, 0.5);
}

/* Wide on the scale of each column, so that the data speak; the intercept makes up for the level of the others. */
static void
base_priors(const MmmModel *model, MmmBeliefs *beliefs, double kpi_sd)
{
	Prior *prior = beliefs->prior + model->transforms + model->media;
	double level = INTERCEPT_SD * INTERCEPT_SD;

	for (int j = model->data->geos; j < model->base; j++)
	{
		Moments m = column_moments(model, j);
		/* a column that never varied can only be told by its level */
		double sd = BASE_SCALE * kpi_sd / (m.sd > 1e-9 ? m.sd : 1);

		prior[j] = make(PRIOR_NORMAL, 0, sd);
		level += m.mean * sd * (m.mean * sd);
	}
	for (int j = 0; j < model->data->geos; j++)
		prior[j] = make(PRIOR_NORMAL, 0, sqrt(level));
}

void
mmm_beliefs_default(const MmmModel *model, MmmBeliefs *beliefs, const CoreEnv *env)
{
	double kpi_sd = column_moments(model, -1).sd;

	memset(beliefs, 0, sizeof(*beliefs));
	beliefs->kpi_value = 1;
	beliefs->fixed_nu = NAN;
	beliefs->lift_nu = INFINITY;
	beliefs->prior = CORE_ALLOC_ZERO(env, Prior, model->parameters);
	beliefs->roi = CORE_ALLOC_ZERO(env, bool, model->data->channels);
	for (int c = 0; c < model->data->channels; c++)
		for (int p = 0; p < model->per_channel; p++)
			beliefs->prior[c * model->per_channel + p] = transform_prior(model, p);
	coefficient_priors(model, beliefs);
	base_priors(model, beliefs, kpi_sd);
	for (int c = 0; model->by_geo >= 0 && c < model->data->channels; c++)
		beliefs->prior[model->geo_sd + c] = make(PRIOR_HALFNORMAL, GEO_SD, 0);
	if (model->sigma >= 0)
		beliefs->prior[model->sigma] = make(PRIOR_HALFNORMAL, kpi_sd, 0);
	if (model->nu >= 0)
		beliefs->prior[model->nu] = make(PRIOR_GAMMA, 2, 0.1);
}

typedef struct Bought
{
	double spend;
	double exposure;
} Bought;

static Bought
bought(const MmmModel *model, int channel, int geo, int from, int until)
{
	Bought sum = {0, 0};

	for (int g = 0; g < model->data->geos; g++)
		for (int t = from; (geo < 0 || geo == g) && t < until; t++)
		{
			sum.spend += mmm_spend(model->data, g, channel)[t];
			sum.exposure += mmm_exposure(model->data, g, channel)[t];
		}
	return sum;
}

MmmLiftFault
mmm_lift_change(const MmmModel *model, MmmLiftTest *test, double spend_change, const CoreEnv *env)
{
	const MmmData *data = model->data;
	int length = test->until - test->from;
	Bought then = bought(model, test->channel, test->geo, test->from, test->until);
	Bought ever = bought(model, test->channel, -1, 0, model->train);
	double people = 0;

	test->change = CORE_ALLOC_ZERO(env, double, (size_t) data->geos *length);
	if (spend_change < -then.spend * (1 + 1e-9))
		return MMM_LIFT_BELOW_ZERO;
	if (!(then.spend > 0 && then.exposure > 0))
		then = ever;
	if (!(then.spend > 0 && then.exposure > 0))
		return MMM_LIFT_NO_EXPOSURE;
	for (int g = 0; g < data->geos; g++)
		people += test->geo < 0 || test->geo == g ? data->population[g] : 0;
	for (int g = 0; g < data->geos; g++)
		for (int t = 0; (test->geo < 0 || test->geo == g) && t < length; t++)
		{
			double exposure = mmm_exposure(data, g, test->channel)[test->from + t];
			double change = spend_change > 0 ? spend_change * then.exposure / then.spend *
												   (data->population[g] / people) / length
											 : fmax(spend_change / then.spend, -1) * exposure;

			test->change[g * length + t] =
				change / (model->exposure_scale[test->channel] * data->population[g]);
		}
	return MMM_LIFT_FINE;
}
