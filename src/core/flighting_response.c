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

void
flight_add_curvature(const FlightChannel *channel, int n, const double *bend, double *hessian)
{
	for (int t = 0; t < n; t++)
		for (int i = 0; i < channel->lags && i <= t; i++)
		{
			double weight = bend[t] * channel->lag[i];

			for (int j = 0; j < channel->lags && j <= t; j++)
				hessian[(t - i) * n + t - j] += weight * channel->lag[j];
		}
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
	flight_add_curvature(channel, n, f->bend, hessian);
	return value;
}

void
flight_errors(Flight *f, int c, const double *x, double *error, double *stock)
{
	const FlightChannel *channel = &f->request->channel[c];
	int n = f->periods;

	carry_over(channel, n, x, stock);
	for (int t = 0; t < n; t++)
	{
		error[t] = 0;
		for (int g = 0; f->majorant[c] && g < channel->geos; g++)
		{
			double y = channel->base[(size_t) g * n + t] + channel->rate[g] * f->spend_unit * stock[t];

			error[t] += channel->weight[t] * channel->gain[g] / f->response_unit *
						(majorant_growth(&f->majorant[c][(size_t) g * n + t], &channel->shape, y).value -
						 saturation_value(&channel->shape, y));
		}
	}
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
	Majorant m = {low, high, low, saturation_value(shape, low), 0};
	double from = fmax(turning_point(shape), low);
	double to = high;

	if (from <= low || high <= low)
	{
		m.knee = high > low ? low : INFINITY;
		m.rise = saturation_growth(shape, low).first;
		return m;
	}
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
	m.knee = to < high ? to : INFINITY;
	m.rise = (saturation_value(shape, to) - m.base) / (to - low);
	return m;
}

void
flight_set_majorants(Flight *f)
{
	for (int c = 0; c < f->n; c++)
	{
		const FlightChannel *channel = &f->request->channel[c];

		for (int k = 0; f->majorant[c] && k < channel->geos * f->periods; k++)
		{
			const StockRange *range = &f->range[c * f->periods + k % f->periods];
			double rate = channel->rate[k / f->periods] * f->spend_unit;
			double low = channel->base[k] + rate * range->low;
			double high = channel->base[k] + rate * range->high;
			Majorant *m = &f->majorant[c][k];

			if (m->low != low || m->high != high)
				*m = majorant_over(&channel->shape, low, high);
		}
	}
}

void
flight_make_majorants(Flight *f)
{
	double total = f->request->total / f->spend_unit * (1 + FLIGHT_SLACK);

	f->concave = true;
	f->majorant = CORE_ALLOC(f->env, Majorant *, f->n);
	f->all = CORE_ALLOC(f->env, StockRange, (size_t) f->n * f->periods);
	f->range = CORE_ALLOC(f->env, StockRange, (size_t) f->n * f->periods);
	for (int c = 0; c < f->n; c++)
	{
		const FlightChannel *channel = &f->request->channel[c];
		size_t cells = (size_t) channel->geos * f->periods;
		double heaviest = 0;

		for (int t = 0; t < f->periods; t++)
		{
			if (t < channel->lags)
				heaviest = fmax(heaviest, channel->lag[t]);
			f->all[c * f->periods + t] = (StockRange){0, heaviest * total};
		}
		f->majorant[c] = NULL;
		if (turning_point(&channel->shape) <= 0)
			continue;
		f->concave = false;
		f->majorant[c] = CORE_ALLOC(f->env, Majorant, cells);
		for (size_t k = 0; k < cells; k++)
			f->majorant[c][k].low = NAN;
	}
	memcpy(f->range, f->all, sizeof(StockRange) * f->n * f->periods);
	flight_set_majorants(f);
}
