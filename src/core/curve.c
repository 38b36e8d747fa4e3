#include "curve.h"

#include <math.h>

const SaturationKind curve_kinds[CURVE_KINDS] = {
	SATURATION_HILL, SATURATION_LOGISTIC, SATURATION_TANH,	SATURATION_MICHAELIS_MENTEN,
	SATURATION_ROOT, SATURATION_LINEAR,	  SATURATION_LOG1P,
};

bool
curve_saturates(SaturationKind kind)
{
	return kind != SATURATION_LINEAR && kind != SATURATION_ROOT && kind != SATURATION_LOG1P;
}

static bool
is_tanh(const Curve *curve)
{
	return curve->shape.kind == SATURATION_LOGISTIC || curve->shape.kind == SATURATION_TANH;
}

/*
 * Where the slope is largest. Hill with w = (x/k)^s: the slope is proportional to
 * w / (x (1 + w) (1 + q w)), q = 1, or 1 - coefficient when misses are counted; the derivative of its
 * logarithm vanishes where (s - 1) - (1 + q) w - q (s + 1) w^2 = 0. The tanh family with misses counted:
 * where c - 2 t + c t^2 = 0, t = tanh.
 */
static double
inflection(const Curve *curve)
{
	double c = curve->coefficient;

	if (curve->shape.kind == SATURATION_HILL && curve->shape.slope > 1)
	{
		double s = curve->shape.slope;
		double q = curve->log_miss ? 1 - c : 1;
		double w = 2 * (s - 1) / ((1 + q) + sqrt((1 + q) * (1 + q) + 4 * q * (s * s - 1)));

		return pow(w, 1 / s) * curve->shape.half_saturation;
	}
	if (is_tanh(curve) && curve->log_miss)
		return c >= 1 ? INFINITY : c > 0 ? atanh(c / (1 + sqrt((1 - c) * (1 + c)))) / curve->rate : 0;
	if (curve->shape.kind == SATURATION_ROOT && curve->shape.slope > 1)
		return INFINITY;
	return 0;
}

void
curve_prepare(Curve *curve)
{
	if (curve->table)
	{
		curve->inflection = curve_arc(curve, 0).from;
		return;
	}
	if (curve->shape.kind == SATURATION_MICHAELIS_MENTEN)
	{
		curve->shape.kind = SATURATION_HILL;
		curve->shape.slope = 1;
	}
	curve->rate = saturation_derivative(&curve->shape, 0);
	curve->inflection = inflection(curve);
}

Curve
curve_rescaled(const Curve *curve, double spend_unit, double response_unit)
{
	Curve scaled = *curve;

	scaled.weight = curve->weight / response_unit;
	if (curve->table)
		scaled.stretch = curve->stretch * spend_unit;
	else if (curve->shape.kind == SATURATION_LINEAR)
		scaled.weight *= spend_unit;
	else if (curve->shape.kind == SATURATION_ROOT)
		scaled.weight *= pow(spend_unit, curve->shape.slope);
	scaled.shape.half_saturation = curve->shape.half_saturation / spend_unit;
	curve_prepare(&scaled);
	return scaled;
}

static CurvePoint
table_at(const Curve *curve, double x)
{
	double c = curve->coefficient * curve->weight;
	TablePoint p = curve_table_at(curve->table, x * curve->stretch);

	return (CurvePoint){c * p.value, c * curve->stretch * p.first,
						c * curve->stretch * curve->stretch * p.second};
}

/* With what is missing to 1 computed without cancellation, misses keep their digits near full saturation. */
static CurvePoint
log_miss_at(const Curve *curve, double x)
{
	SaturationGrowth p = saturation_growth(&curve->shape, x);
	double c = curve->coefficient;
	double m = curve->weight;
	double missed = (1 - c) + c * p.missing;
	double slope = c * p.first / missed;

	return (CurvePoint){-m * (c * p.value < 0.5 ? log1p(-c * p.value) : log(missed)), m * slope,
						m * (c * p.second / missed + slope * slope)};
}

CurvePoint
curve_at(const Curve *curve, double x)
{
	double c = curve->coefficient * curve->weight;
	SaturationGrowth p;

	if (c == 0)
		return (CurvePoint){0, 0, 0};
	if (curve->table)
		return table_at(curve, x);
	if (curve->log_miss)
		return log_miss_at(curve, x);
	p = saturation_growth(&curve->shape, x);
	return (CurvePoint){c * p.value, c * p.first, c * p.second};
}

double
curve_value(const Curve *curve, double x)
{
	double c = curve->coefficient * curve->weight;

	if (c == 0)
		return 0;
	if (curve->table)
		return c * curve_table_at(curve->table, x * curve->stretch).value;
	return curve->log_miss ? log_miss_at(curve, x).value : c * saturation_value(&curve->shape, x);
}

double
curve_slope_at(const Curve *curve, double x)
{
	double c = curve->coefficient * curve->weight;

	if (c == 0)
		return 0;
	if (curve->table)
		return table_at(curve, x).first;
	return curve->log_miss ? log_miss_at(curve, x).first : c * saturation_derivative(&curve->shape, x);
}

/*
 * Newton's method for ln(slope) = ln(price) over ln(x), where the tails of every kind are straight lines;
 * kept inside a bracket, since the tanh family's are not.
 */
static double
demand_by_newton(const Curve *curve, double price, double low, double high)
{
	double from = log(low > 0 ? low : high * 1e-280);
	double to = log(high);
	double at = to;
	double target = log(price);

	for (int step = 0; step < 100 && to - from > 1e-15 * (1 + fabs(to)); step++)
	{
		double x = exp(at);
		CurvePoint p = curve_at(curve, x);
		double excess = log(p.first) - target;
		double next = at - excess * p.first / (x * p.second);

		if (excess >= 0)
			from = at;
		else
			to = at;
		if (!(next > from && next < to))
			next = 0.5 * (from + to);
		if (fabs(next - at) < 1e-13)
			return exp(next);
		at = next;
	}
	return exp(at);
}

double
curve_demand(const Curve *curve, double price, double low, double high)
{
	double c = curve->coefficient * curve->weight;
	double s = curve->shape.slope;
	double x;

	if (!(curve_slope_at(curve, low) > price))
		return low;
	if (!(curve_slope_at(curve, high) < price))
		return high;
	if (curve->table)
		x = demand_by_newton(curve, price, low, high);
	else if (curve->shape.kind == SATURATION_LOG1P)
		x = c / price - curve->shape.half_saturation;
	else if (curve->shape.kind == SATURATION_ROOT)
		x = pow(s * c / price, 1 / (1 - s));
	else if (curve->shape.kind == SATURATION_HILL && s == 1 && !curve->log_miss)
		x = (sqrt(c * curve->rate / price) - 1) / curve->rate;
	else if (is_tanh(curve) && !curve->log_miss)
		x = acosh(sqrt(c * curve->rate / price)) / curve->rate;
	else
		x = demand_by_newton(curve, price, low, high);
	return x < low ? low : x > high ? high : x;
}

/* By Newton's method on value(t) - value(low) - slope(t) (t - low), which rises with t; bracketed. */
double
curve_tangent(const Curve *curve, double low, double high)
{
	double base = curve_value(curve, low);
	double from = curve->inflection;
	double to = high;
	CurvePoint p = curve_at(curve, high);
	double at;

	if (from >= high || p.value - base <= p.first * (high - low))
		return high;
	at = from + (from - low) * 0.5;
	for (int step = 0; step < 100 && to - from > 1e-15 * to; step++)
	{
		double excess;
		double next;

		if (!(at > from && at < to))
			at = 0.5 * (from + to);
		p = curve_at(curve, at);
		excess = p.value - base - p.first * (at - low);
		if (excess < 0)
			from = at;
		else
			to = at;
		next = at + excess / (p.second * (at - low));
		if (fabs(next - at) < 1e-14 * at)
			break;
		at = next;
	}
	return at < from ? from : at > to ? to : at;
}
