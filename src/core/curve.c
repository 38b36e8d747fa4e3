#include "curve.h"

#include <math.h>
#include <string.h>

#define LN3 1.09861228866810969140

const char *const curve_kind_names[CURVE_KINDS] = {"hill", "logistic", "tanh", "michaelis_menten",
												   "root", "linear",   "log1p"};

int
curve_kind_by_name(const char *name)
{
	for (int kind = 0; kind < CURVE_KINDS; kind++)
	{
		if (strcmp(name, curve_kind_names[kind]) == 0)
			return kind;
	}
	return -1;
}

bool
curve_saturates(CurveKind kind)
{
	return kind <= CURVE_MICHAELIS_MENTEN;
}

bool
curve_has_half_saturation(CurveKind kind)
{
	return curve_saturates(kind) || kind == CURVE_LOG1P;
}

bool
curve_has_slope(CurveKind kind)
{
	return kind == CURVE_HILL || kind == CURVE_ROOT;
}

static bool
is_tanh(const Curve *curve)
{
	return curve->kind == CURVE_LOGISTIC || curve->kind == CURVE_TANH;
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

	if (curve->kind == CURVE_HILL && curve->slope > 1)
	{
		double s = curve->slope;
		double q = curve->log_miss ? 1 - c : 1;
		double w = 2 * (s - 1) / ((1 + q) + sqrt((1 + q) * (1 + q) + 4 * q * (s * s - 1)));

		return pow(w, 1 / s) / curve->rate;
	}
	if (is_tanh(curve) && curve->log_miss)
		return c >= 1 ? INFINITY : c > 0 ? atanh(c / (1 + sqrt((1 - c) * (1 + c)))) / curve->rate : 0;
	if (curve->kind == CURVE_ROOT && curve->slope > 1)
		return INFINITY;
	return 0;
}

void
curve_prepare(Curve *curve)
{
	if (curve->kind == CURVE_MICHAELIS_MENTEN)
	{
		curve->kind = CURVE_HILL;
		curve->slope = 1;
	}
	curve->rate = 1;
	if (is_tanh(curve))
		curve->rate = LN3 / (2 * curve->half_saturation);
	else if (curve_has_half_saturation(curve->kind))
		curve->rate = 1 / curve->half_saturation;
	curve->inflection = inflection(curve);
}

Curve
curve_rescaled(const Curve *curve, double spend_unit, double response_unit)
{
	Curve scaled = *curve;

	scaled.weight = curve->weight / response_unit;
	if (curve->kind == CURVE_LINEAR)
		scaled.weight *= spend_unit;
	else if (curve->kind == CURVE_ROOT)
		scaled.weight *= pow(spend_unit, curve->slope);
	scaled.half_saturation = curve->half_saturation / spend_unit;
	curve_prepare(&scaled);
	return scaled;
}

/* A saturating kind as a share of its coefficient, with what is missing to 1 computed without cancellation. */
typedef struct Share
{
	double share;
	double missing;
	double first;
	double second;
} Share;

static Share
hill_share(const Curve *curve, double x)
{
	double s = curve->slope;
	double z = x * curve->rate;
	double w = s == 1 ? z : s == 2 ? z * z : pow(z, s);
	Share p;

	p.missing = 1 / (1 + w);
	p.share = w < 1 ? w * p.missing : 1 / (1 + 1 / w);
	if (x > 0)
	{
		double r = p.missing;

		p.first = s * p.share * r / x;
		p.second = p.first / x * ((s - 1) * r - (s + 1) * p.share);
	}
	else
	{
		p.first = s < 1 ? INFINITY : s == 1 ? curve->rate : 0;
		p.second = s < 1 ? -INFINITY : s == 1 ? -2 * curve->rate * curve->rate : 0;
	}
	return p;
}

static Share
tanh_share(const Curve *curve, double x)
{
	double a = curve->rate;
	Share p;

	p.share = tanh(a * x);
	p.missing = 2 / (exp(2 * a * x) + 1);
	p.first = a * p.missing * (1 + p.share);
	p.second = -2 * a * p.share * p.first;
	return p;
}

static CurvePoint
saturating_at(const Curve *curve, double x)
{
	Share p = is_tanh(curve) ? tanh_share(curve, x) : hill_share(curve, x);
	double c = curve->coefficient;
	double m = curve->weight;
	double missed;
	double slope;

	if (isinf(x))
		p.first = p.second = 0;
	if (c == 0)
		return (CurvePoint){0, 0, 0};
	if (!curve->log_miss)
		return (CurvePoint){m * c * p.share, m * c * p.first, m * c * p.second};
	missed = (1 - c) + c * p.missing;
	slope = c * p.first / missed;
	return (CurvePoint){-m * (c * p.share < 0.5 ? log1p(-c * p.share) : log(missed)), m * slope,
						m * (c * p.second / missed + slope * slope)};
}

CurvePoint
curve_at(const Curve *curve, double x)
{
	double c = curve->coefficient * curve->weight;
	double s = curve->slope;
	double power;

	if (curve_saturates(curve->kind))
		return saturating_at(curve, x);
	if (c == 0)
		return (CurvePoint){0, 0, 0};
	if (curve->kind == CURVE_LINEAR || (curve->kind == CURVE_ROOT && s == 1))
		return (CurvePoint){c * x, c, 0};
	if (curve->kind == CURVE_LOG1P)
	{
		double r = curve->rate / (1 + x * curve->rate);

		return (CurvePoint){c * log1p(x * curve->rate), c * r, -c * r * r};
	}
	if (x == 0)
		return (CurvePoint){0, s < 1 ? INFINITY : 0, s < 1 ? -INFINITY : 0};
	power = c * pow(x, s);
	return (CurvePoint){power, s * power / x, s * (s - 1) * power / (x * x)};
}

double
curve_value(const Curve *curve, double x)
{
	return curve_at(curve, x).value;
}

double
curve_slope_at(const Curve *curve, double x)
{
	return curve_at(curve, x).first;
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
	double s = curve->slope;
	double x;

	if (!(curve_slope_at(curve, low) > price))
		return low;
	if (!(curve_slope_at(curve, high) < price))
		return high;
	if (curve->kind == CURVE_LOG1P)
		x = c / price - curve->half_saturation;
	else if (curve->kind == CURVE_ROOT)
		x = pow(s * c / price, 1 / (1 - s));
	else if (curve->kind == CURVE_HILL && s == 1 && !curve->log_miss)
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
