#include "mmm_model.h"

#include <math.h>
#include <string.h>

/* Knots stand half a season apart, or this many periods where no season is known. */
#define KNOT_PERIODS 26
#define MAX_KNOTS 40

static double
greatest_exposure(const MmmData *data, int channel, int train)
{
	double most = 0;

	for (int g = 0; g < data->geos; g++)
		for (int t = 0; t < train; t++)
			most = fmax(most, mmm_exposure(data, g, channel)[t] / data->population[g]);
	return most > 0 ? most : 1;
}

static double
greatest_control(const MmmData *data, int control, int train)
{
	double most = 0;

	for (int g = 0; g < data->geos; g++)
		for (int t = 0; t < train; t++)
			most = fmax(most, fabs(mmm_control(data, g, control)[t]));
	return most > 0 ? most : 1;
}

static double
greatest_kpi(const MmmData *data, int train)
{
	double most = 0;

	for (int g = 0; g < data->geos; g++)
		for (int t = 0; t < train; t++)
		{
			double kpi = data->kpi[(size_t) g * data->periods + t];

			if (!isnan(kpi))
				most = fmax(most, fabs(kpi) / data->population[g]);
		}
	return most > 0 ? most : 1;
}

static int
trend_columns(const MmmSpec *spec, int train)
{
	double apart = spec->season_length > 4 ? spec->season_length / 2 : KNOT_PERIODS;
	int knots;

	if (spec->trend == MMM_TREND_NONE)
		return 0;
	if (spec->trend == MMM_TREND_LINEAR)
		return 1;
	knots = (int) (train / apart);
	return 1 + (knots > MAX_KNOTS ? MAX_KNOTS : knots < 1 ? 1 : knots);
}

int
mmm_observed_until(const MmmData *data)
{
	for (int t = data->periods; t > 0; t--)
		for (int g = 0; g < data->geos; g++)
			if (!isnan(data->kpi[(size_t) g * data->periods + t - 1]))
				return t;
	return 0;
}

/* Where a channel's transform parameters are. */
static void
lay_out_channel(MmmModel *model)
{
	const MmmSpec *spec = &model->spec;
	bool slope =
		saturation_has_slope(spec->saturation) && (spec->free_slope || spec->saturation == SATURATION_ROOT);

	model->per_channel = adstock_parameters(spec->adstock);
	model->half_at = saturation_has_half(spec->saturation) ? model->per_channel++ : -1;
	model->slope_at = slope ? model->per_channel++ : -1;
}

void
mmm_model_init(MmmModel *model, const MmmData *data, const MmmSpec *spec, const CoreEnv *env)
{
	memset(model, 0, sizeof(*model));
	model->spec = *spec;
	model->data = data;
	model->train = mmm_observed_until(data) - spec->holdout;
	if (model->train < 0)
		model->train = 0;
	if (model->spec.adstock == ADSTOCK_NONE)
		model->spec.max_lag = 0;
	if (!(spec->season_length > 0))
		model->spec.fourier_terms = 0;
	model->kpi_scale = greatest_kpi(data, model->train);
	model->exposure_scale = CORE_ALLOC(env, double, data->channels);
	model->control_scale = CORE_ALLOC(env, double, data->controls);
	for (int c = 0; c < data->channels; c++)
		model->exposure_scale[c] = greatest_exposure(data, c, model->train);
	for (int k = 0; k < data->controls; k++)
		model->control_scale[k] = greatest_control(data, k, model->train);
	model->trend_columns = trend_columns(&model->spec, model->train);
	lay_out_channel(model);
	model->transforms = data->channels * model->per_channel;
	model->media = data->channels + spec->interactions;
	model->base = data->geos + model->trend_columns + 2 * model->spec.fourier_terms + data->controls;
	model->parameters = model->transforms + model->media + model->base;
	model->geo_sd = model->by_geo = -1;
	if (spec->geo_coefficients)
	{
		model->geo_sd = model->parameters;
		model->by_geo = model->geo_sd + data->channels;
		model->parameters = model->by_geo + data->geos * data->channels;
	}
	model->sigma = spec->likelihood == MMM_LEAST_SQUARES ? -1 : model->parameters++;
	model->nu = spec->likelihood == MMM_STUDENT_T ? model->parameters++ : -1;
}

const char *
mmm_transform_name(const MmmModel *model, int p)
{
	if (p == model->half_at)
		return "half_saturation";
	if (p == model->slope_at)
		return "slope";
	return adstock_parameter_name(model->spec.adstock, p);
}

bool
mmm_transform_is_log(const MmmModel *model, int p)
{
	return p == model->half_at || p == model->slope_at || model->spec.adstock == ADSTOCK_WEIBULL_PDF ||
		   model->spec.adstock == ADSTOCK_WEIBULL_CDF;
}

/*
 * Where a search looks unless told otherwise. Half-saturation is in units of the greatest exposure: below the low
 * end every week is saturated alike, above the high end the curve is a line and only its slope is known.
 */
void
mmm_transform_bounds(const MmmModel *model, int p, double *low, double *high)
{
	const MmmSpec *spec = &model->spec;

	if (p == model->half_at)
	{
		*low = 0.02;
		*high = spec->normalized || !spec->adstock_first ? 3 : 10;
	}
	else if (p == model->slope_at)
	{
		*low = spec->saturation == SATURATION_ROOT ? 0.1 : 0.5;
		*high = spec->saturation == SATURATION_ROOT ? 1 : spec->saturation == SATURATION_HILL ? 5 : 10;
	}
	else if (spec->adstock == ADSTOCK_DELAYED && p == 1)
	{
		*low = 0;
		*high = spec->max_lag;
	}
	else if (spec->adstock == ADSTOCK_WEIBULL_PDF || spec->adstock == ADSTOCK_WEIBULL_CDF)
	{
		*low = 0.3;
		*high = p == 0 ? 8 : spec->max_lag + 1;
	}
	else
	{
		*low = spec->adstock == ADSTOCK_GEOMETRIC ? 0 : 0.02;
		*high = 0.95;
	}
}

Adstock
mmm_adstock(const MmmModel *model, const double *transforms)
{
	const MmmSpec *spec = &model->spec;
	Adstock adstock = {spec->adstock, spec->max_lag, spec->normalized, {0, 0}};

	for (int p = 0; p < adstock_parameters(spec->adstock); p++)
		adstock.parameter[p] = transforms[p];
	return adstock;
}

Saturation
mmm_saturation(const MmmModel *model, const double *transforms)
{
	Saturation curve = {model->spec.saturation, 1, MMM_FIXED_HILL_SLOPE};

	if (model->spec.saturation == SATURATION_HILL_SIGMOID)
		curve.slope = MMM_FIXED_SIGMOID_SLOPE;
	if (model->half_at >= 0)
		curve.half_saturation = transforms[model->half_at];
	if (model->slope_at >= 0)
		curve.slope = transforms[model->slope_at];
	return curve;
}

void
mmm_scaled_exposure(const MmmModel *model, const MmmData *data, int geo, int channel, double *x)
{
	const double *exposure = mmm_exposure(data, geo, channel);
	double unit = model->exposure_scale[channel] * model->data->population[geo];

	for (int t = 0; t < data->periods; t++)
		x[t] = exposure[t] / unit;
}

static void
adstock_then_saturation(const MmmModel *model, const Adstock *adstock, const Saturation *curve,
						const double *x, int n, double *s, double *const *d, const CoreEnv *env)
{
	double *slopes[ADSTOCK_MAX_PARAMETERS] = {NULL, NULL};
	int nadstock = adstock_parameters(adstock->kind);
	double *dx;

	if (!d)
	{
		adstock_series(adstock, x, n, s, NULL, env);
		saturation_values(curve, s, n, s);
		return;
	}
	for (int p = 0; p < nadstock; p++)
		slopes[p] = d[p];
	adstock_series(adstock, x, n, s, slopes, env);
	dx = CORE_ALLOC(env, double, n);
	saturation_slopes(curve, s, n, s, dx, model->half_at >= 0 ? d[model->half_at] : NULL,
					  model->slope_at >= 0 ? d[model->slope_at] : NULL);
	for (int p = 0; p < nadstock; p++)
		for (int t = 0; t < n; t++)
			d[p][t] = d[p][t] == 0 ? 0 : d[p][t] * dx[t];
	core_free(env, dx);
}

static void
saturation_then_adstock(const MmmModel *model, const Adstock *adstock, const Saturation *curve,
						const double *x, int n, double *s, double *const *d, const CoreEnv *env)
{
	double *saturated = CORE_ALLOC(env, double, 3 * (size_t) n);
	double *dhalf = saturated + n;
	double *dslope = dhalf + n;
	double *slopes[ADSTOCK_MAX_PARAMETERS] = {NULL, NULL};

	for (int p = 0; d && p < adstock_parameters(adstock->kind); p++)
		slopes[p] = d[p];
	if (d)
		saturation_slopes(curve, x, n, saturated, NULL, dhalf, dslope);
	else
		saturation_values(curve, x, n, saturated);
	adstock_series(adstock, saturated, n, s, d ? slopes : NULL, env);
	if (d && model->half_at >= 0)
		adstock_series(adstock, dhalf, n, d[model->half_at], NULL, env);
	if (d && model->slope_at >= 0)
		adstock_series(adstock, dslope, n, d[model->slope_at], NULL, env);
	core_free(env, saturated);
}

void
mmm_transform(const MmmModel *model, const double *transforms, const double *x, int n, double *s,
			  double *const *d, const CoreEnv *env)
{
	Adstock adstock = mmm_adstock(model, transforms);
	Saturation curve = mmm_saturation(model, transforms);

	if (model->spec.adstock_first)
		adstock_then_saturation(model, &adstock, &curve, x, n, s, d, env);
	else
		saturation_then_adstock(model, &adstock, &curve, x, n, s, d, env);
	for (int p = 0; d && p < adstock_parameters(adstock.kind); p++)
		for (int t = 0; mmm_transform_is_log(model, p) && t < n; t++)
			d[p][t] *= transforms[p];
}

/* A multiplier of 1 must give the digits of mmm_transform, as reports are compared with curves. */
void
mmm_transform_scaled(const MmmModel *model, const double *transforms, const double *x, int n,
					 double multiplier, double *s, double *slope, const CoreEnv *env)
{
	Adstock adstock = mmm_adstock(model, transforms);
	Saturation curve = mmm_saturation(model, transforms);
	double *scaled = CORE_ALLOC(env, double, 3 * (size_t) n);
	double *stock = scaled + n;
	double *carried = stock + n;

	if (model->spec.adstock_first)
	{
		adstock_series(&adstock, x, n, stock, NULL, env);
		for (int t = 0; t < n; t++)
			carried[t] = multiplier * stock[t];
		saturation_values(&curve, carried, n, s);
		for (int t = 0; slope && t < n; t++)
			slope[t] = stock[t] == 0 ? 0 : stock[t] * saturation_derivative(&curve, carried[t]);
	}
	else
	{
		for (int t = 0; t < n; t++)
		{
			scaled[t] = multiplier * x[t];
			stock[t] = x[t] == 0 ? 0 : x[t] * saturation_derivative(&curve, scaled[t]);
		}
		saturation_values(&curve, scaled, n, carried);
		adstock_series(&adstock, carried, n, s, NULL, env);
		if (slope)
			adstock_series(&adstock, stock, n, slope, NULL, env);
	}
	core_free(env, scaled);
}

static void
reverse(double *x, int n)
{
	for (int i = 0, j = n - 1; i < j; i++, j--)
	{
		double kept = x[i];

		x[i] = x[j];
		x[j] = kept;
	}
}

/* Carry-over is linear: saturation comes of a scaled series, or its transpose says what each period adds. */
void
mmm_response_terms(const MmmModel *model, const double *transforms, const double *x, int n, int from, int to,
				   double *gain, double *scale, const CoreEnv *env)
{
	Adstock adstock = mmm_adstock(model, transforms);

	for (int t = 0; t < n; t++)
		gain[t] = t >= from && t < to;
	if (model->spec.adstock_first)
	{
		adstock_series(&adstock, x, n, scale, NULL, env);
		return;
	}
	memcpy(scale, gain, sizeof(double) * n);
	reverse(scale, n);
	adstock_series(&adstock, scale, n, gain, NULL, env);
	reverse(gain, n);
	memcpy(scale, x, sizeof(double) * n);
}

/* The trend runs from 0 to 1 over the training and on from there. */
static double
trend_column(const MmmModel *model, int j, int t)
{
	double u = model->train > 1 ? (double) t / (model->train - 1) : 0;

	return j == 0 ? u : fmax(0, u - (double) j / model->trend_columns);
}

double
mmm_base_column(const MmmModel *model, const MmmData *data, int j, int geo, int row, int t)
{
	double angle;

	if (j < data->geos)
		return j == geo;
	j -= data->geos;
	if (j < model->trend_columns)
		return trend_column(model, j, t);
	j -= model->trend_columns;
	if (j < 2 * model->spec.fourier_terms)
	{
		angle = 2 * M_PI * (j / 2 + 1) * t / model->spec.season_length;
		return j % 2 == 0 ? sin(angle) : cos(angle);
	}
	j -= 2 * model->spec.fourier_terms;
	return mmm_control(data, geo, j)[row] / model->control_scale[j];
}

int
mmm_components(const MmmModel *model)
{
	return MMM_INTERACTION(model, model->spec.interactions);
}

double
mmm_kpi_unit(const MmmModel *model, int geo)
{
	return model->kpi_scale * model->data->population[geo];
}

double
mmm_kpi_range(const MmmModel *model)
{
	double low = INFINITY;
	double high = -INFINITY;

	for (int g = 0; g < model->data->geos; g++)
		for (int t = 0; t < model->train; t++)
		{
			double kpi = model->data->kpi[(size_t) g * model->data->periods + t] / mmm_kpi_unit(model, g);

			if (!isnan(kpi))
			{
				low = fmin(low, kpi);
				high = fmax(high, kpi);
			}
		}
	return high - low;
}
