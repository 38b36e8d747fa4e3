#include <string.h>

#include "mmm_model.h"

/* Which component base column j belongs to. */
static int
base_component(const MmmModel *model, int j)
{
	int season = model->data->geos + model->trend_columns;
	int controls = season + 2 * model->spec.fourier_terms;

	if (j < model->data->geos)
		return MMM_INTERCEPT(model);
	if (j < season)
		return MMM_TREND(model);
	if (j < controls)
		return MMM_SEASONALITY(model);
	return model->data->channels + j - controls;
}

MmmGeoColumns
mmm_geo_columns(const MmmModel *model, const MmmData *data, int first, int geo, const CoreEnv *env)
{
	MmmGeoColumns g = {.model = model, .geo = geo, .n = data->periods};
	size_t n = (size_t) g.n;

	g.x = CORE_ALLOC(env, double, n * data->channels);
	g.s = CORE_ALLOC(env, double, n * data->channels);
	g.base = CORE_ALLOC(env, double, n * model->base);
	for (int c = 0; c < data->channels; c++)
		mmm_scaled_exposure(model, data, geo, c, g.x + c * n);
	for (int j = 0; j < model->base; j++)
	{
		core_check(env);
		for (int t = 0; t < g.n; t++)
			g.base[j * n + t] = mmm_base_column(model, data, j, geo, t, first + t);
	}
	return g;
}

void
mmm_geo_columns_free(MmmGeoColumns *g, const CoreEnv *env)
{
	core_free(env, g->x);
	core_free(env, g->s);
	core_free(env, g->base);
}

void
mmm_geo_contributions(MmmGeoColumns *g, const double *parameters, double *out, const CoreEnv *env)
{
	const MmmModel *model = g->model;
	const double *base = parameters + model->transforms + model->media;
	int channels = model->data->channels;
	int geos = model->data->geos;
	double unit = mmm_kpi_unit(model, g->geo);
	int n = g->n;

	memset(out, 0, sizeof(double) * n * mmm_components(model));
	for (int c = 0; c < channels; c++)
	{
		double gain = unit * mmm_coefficient(model, parameters, g->geo, c);
		double *s = g->s + c * n;

		core_check(env);
		mmm_transform(model, parameters + c * model->per_channel, g->x + c * n, n, s, NULL, env);
		for (int t = 0; t < n; t++)
			out[c * n + t] = gain * s[t];
	}
	for (int i = 0; i < model->spec.interactions; i++)
	{
		const double *a = g->s + model->spec.interaction[i][0] * n;
		const double *b = g->s + model->spec.interaction[i][1] * n;
		double gain = unit * mmm_coefficient(model, parameters, g->geo, channels + i);

		for (int t = 0; t < n; t++)
			out[MMM_INTERACTION(model, i) * n + t] = gain * a[t] * b[t];
	}
	for (int j = 0; j < model->base; j++)
	{
		double *into = out + base_component(model, j) * n;
		double gain = unit * base[j];

		if (gain == 0 || (j < geos && j != g->geo))
			continue;
		for (int t = 0; t < n; t++)
			into[t] += gain * g->base[j * n + t];
	}
}

void
mmm_geo_predictions(MmmGeoColumns *g, const double *parameters, double *parts, double *out,
					const CoreEnv *env)
{
	int n = g->n;

	mmm_geo_contributions(g, parameters, parts, env);
	memcpy(out, parts, sizeof(double) * n);
	for (int k = 1; k < mmm_components(g->model); k++)
		for (int t = 0; t < n; t++)
			out[t] += parts[k * n + t];
}

void
mmm_contributions_of_geo(const MmmModel *model, const double *parameters, const MmmData *data, int first,
						 int geo, double *out, const CoreEnv *env)
{
	MmmGeoColumns g = mmm_geo_columns(model, data, first, geo, env);

	mmm_geo_contributions(&g, parameters, out, env);
	mmm_geo_columns_free(&g, env);
}

void
mmm_predictions(const MmmModel *model, const double *parameters, const MmmData *data, int first, double *out,
				const CoreEnv *env)
{
	int n = data->periods;
	double *parts = CORE_ALLOC(env, double, (size_t) n *mmm_components(model));

	for (int geo = 0; geo < data->geos; geo++)
	{
		MmmGeoColumns g = mmm_geo_columns(model, data, first, geo, env);

		mmm_geo_predictions(&g, parameters, parts, out + (size_t) geo * n, env);
		mmm_geo_columns_free(&g, env);
	}
	core_free(env, parts);
}

void
mmm_add_responses(const MmmModel *model, const double *transforms, const double *x, int from, int to,
				  double gain, const double *multiplier, int points, double *sum, double *slope,
				  const CoreEnv *env)
{
	Adstock adstock = mmm_adstock(model, transforms);
	Saturation curve = mmm_saturation(model, transforms);
	double *stock = CORE_ALLOC(env, double, 2 * (size_t) to + 3 * (size_t) points);
	double *along = stock + to;
	double *scaled = along + to;
	double *value = scaled + points;
	double *dx = value + points;

	if (model->spec.adstock_first)
		adstock_series(&adstock, x, to, stock, NULL, env);
	for (int t = from; model->spec.adstock_first && t < to; t++)
	{
		if (stock[t] == 0)
			continue;
		for (int j = 0; j < points; j++)
			scaled[j] = multiplier[j] * stock[t];
		saturation_slopes(&curve, scaled, points, value, dx, NULL, NULL);
		for (int j = 0; j < points; j++)
		{
			sum[j] += gain * value[j];
			slope[j] += gain * (stock[t] * dx[j]);
		}
	}
	for (int j = 0; !model->spec.adstock_first && j < points; j++)
	{
		mmm_transform_scaled(model, transforms, x, to, multiplier[j], stock, along, env);
		for (int t = from; t < to; t++)
		{
			sum[j] += gain * stock[t];
			slope[j] += gain * along[t];
		}
	}
	core_free(env, stock);
}
