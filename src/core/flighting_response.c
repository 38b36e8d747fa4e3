/*
 * What spend over the periods brings: a channel's response with its slopes, and the concave majorants of what is not
 * concave.
 */
#include <math.h>
#include <string.h>

#include "flighting_state.h"

static void
carry_over(const FlightChannel *channel, int periods, const double *x, double *y)
{
	for (int t = 0; t < periods; t++)
	{
		y[t] = 0;
		for (int l = 0; l < channel->lags && l <= t; l++)
			y[t] += channel->lag[l] * x[t - l];
	}
}

void
flight_respond(const FlightChannel *channel, int periods, const double *spend, double *out)
{
	carry_over(channel, periods, spend, out);
	for (int t = 0; t < periods; t++)
	{
		double y = out[t];

		out[t] = 0;
		for (int g = 0; g < channel->geos; g++)
			out[t] +=
				channel->gain[g] * saturation_value(&channel->shape, channel->base[(size_t) g * periods + t] +
																		 channel->rate[g] * y);
	}
}

static SaturationGrowth
majorant_growth(const Majorant *m, const Saturation *shape, double y)
{
	SaturationGrowth g = {.first = 0};

	if (m == NULL || y >= m->knee)
		return saturation_growth(shape, y);
	g.value = m->base + m->rise * (y - m->low);
	g.first = m->rise;
	return g;
}

double
flight_channel_value(Flight *f, int c, bool enveloped, const double *x, double *gradient, double *hessian)
{
	const FlightChannel *channel = &f->request->channel[c];
	const Majorant *majorants = enveloped ? f->majorant[c] : NULL;
	int n = f->periods;
	double value = 0;

	carry_over(channel, n, x, f->stock);
	for (int t = 0; t < n; t++)
	{
		f->slope[t] = f->bend[t] = 0;
		for (int g = 0; g < channel->geos; g++)
		{
			size_t at = (size_t) g * n + t;
			double rate = channel->rate[g] * f->spend_unit;
			double gain = channel->weight[t] * channel->gain[g] / f->response_unit;
			SaturationGrowth p = majorant_growth(majorants ? &majorants[at] : NULL, &channel->shape,
												 channel->base[at] + rate * f->stock[t]);

			value += gain * p.value;
			f->slope[t] += rate * gain * fmin(p.first, 1e100);
			f->bend[t] += rate * rate * gain * fmin(fmax(-p.second, 0), 1e100);
		}
	}
	for (int t = 0; gradient && t < n; t++)
	{
		gradient[t] = 0;
		for (int l = 0; l < channel->lags && t + l < n; l++)
			gradient[t] += channel->lag[l] * f->slope[t + l];
	}
	if (hessian == NULL)
		return value;
	memset(hessian, 0, sizeof(double) * n * n);
	for (int t = 0; t < n; t++)
		for (int i = 0; i < channel->lags && i <= t; i++)
		{
			double weight = f->bend[t] * channel->lag[i];

			for (int j = 0; j < channel->lags && j <= t; j++)
				hessian[(t - i) * n + t - j] += weight * channel->lag[j];
		}
	return value;
}

double
flight_value(Flight *f, bool enveloped, const double *x)
{
	double value = 0;

	for (int c = 0; c < f->n; c++)
		value += flight_channel_value(f, c, enveloped, x + (size_t) c * f->periods, NULL, NULL);
	return value;
}

/* Where a saturation turns from convex to concave. */
static double
turning_point(const Saturation *shape)
{
	double s = shape->slope;

	if (shape->kind == SATURATION_HILL && s > 1)
		return shape->half_saturation * pow((s - 1) / (s + 1), 1 / s);
	if (shape->kind == SATURATION_HILL_SIGMOID)
		return shape->half_saturation * s / (s + log1p(2 * exp(-s)));
	return 0;
}

static Majorant
majorant_over(const Saturation *shape, double low, double high)
{
	Majorant m = {low, low, saturation_value(shape, low), 0};
	double from = fmax(turning_point(shape), low);
	double to = high;

	if (from <= low || high <= low)
		return m;
	if (from < high)
	{
		/* value - base - slope * distance rises along the concave part, and is 0 where the line touches */
		for (int step = 0; step < 100; step++)
		{
			double middle = 0.5 * (from + to);
			SaturationGrowth p = saturation_growth(shape, middle);

			if (p.value - m.base < p.first * (middle - low))
				from = middle;
			else
				to = middle;
		}
	}
	m.knee = to;
	m.rise = (saturation_value(shape, to) - m.base) / (to - low);
	return m;
}

void
flight_make_majorants(Flight *f)
{
	f->concave = true;
	f->majorant = CORE_ALLOC(f->env, Majorant *, f->n);
	for (int c = 0; c < f->n; c++)
	{
		const FlightChannel *channel = &f->request->channel[c];
		double heaviest = 0;

		f->majorant[c] = NULL;
		if (turning_point(&channel->shape) <= 0)
			continue;
		f->concave = false;
		for (int l = 0; l < channel->lags; l++)
			heaviest = fmax(heaviest, channel->lag[l]);
		f->majorant[c] = CORE_ALLOC(f->env, Majorant, (size_t) channel->geos * f->periods);
		for (int k = 0; k < channel->geos * f->periods; k++)
			f->majorant[c][k] = majorant_over(&channel->shape, channel->base[k],
											  channel->base[k] + channel->rate[k / f->periods] * heaviest *
																	 f->request->total * (1 + FLIGHT_SLACK));
	}
}
