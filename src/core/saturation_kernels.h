/*
 * The kernels of saturation: each kind once, with everything that anyone asks of it. Inlined, so that who wants the
 * value alone pays for nothing else.
 *
 * They are written so that neither tiny nor huge arguments lose digits or overflow: ratios before powers, and no
 * difference of nearly equal numbers.
 */
#ifndef ATTRIB_CORE_SATURATION_KERNELS_H
#define ATTRIB_CORE_SATURATION_KERNELS_H

#include <float.h>
#include <math.h>

#include "saturation.h"

/* ln 3 = 2 atanh(1/2): where the logistic curve reaches one half. */
#define LN3 1.0986122886681098

/* 1 / (1 + e^-u), with full relative precision in both tails. */
static inline double
sigmoid(double u)
{
	return 1 / (1 + exp(-u));
}

static inline double
sech_squared(double w)
{
	double c = cosh(w);

	return 1 / c / c;
}

/* The slopes at 0 of what grows like (x / unit)^slope from there. */
static inline SaturationGrowth
power_at_nought(double unit, double slope, double missing)
{
	SaturationGrowth g = {0, missing, 0, 0};

	g.first = slope > 1 ? 0 : slope == 1 ? 1 / unit : INFINITY;
	if (slope < 1)
		g.second = -INFINITY;
	else if (slope > 1 && slope <= 2)
		g.second = slope == 2 ? 2 / unit / unit : INFINITY;
	return g;
}

static inline SaturationGrowth
linear_growth(double x)
{
	return (SaturationGrowth){x, INFINITY, 1, 0};
}

/*
 * The ratio that is at most 1 takes the power: nothing overflows. The optimizer spends its time here, hence the
 * reciprocals.
 */
static inline SaturationGrowth
hill_growth(double x, double half, double slope)
{
	bool below = x <= half;
	double ratio = below ? x / half : half / x;
	double r = slope == 1 ? ratio : slope == 2 ? ratio * ratio : pow(ratio, slope);
	double inverse = 1 / (1 + r);
	double per_x = 1 / x;
	SaturationGrowth g = {.value = below ? r * inverse : inverse, .missing = below ? inverse : r * inverse};

	if (x == 0)
	{
		g = power_at_nought(half, slope, 1);
		if (slope == 1)
			g.second = -2 / half / half;
		return g;
	}
	if (x >= DBL_MIN)
		g.first = slope * (g.value * per_x) * g.missing;
	else
	{
		g.first = slope * (g.value / x) * g.missing;
		per_x = DBL_MAX; /* and not infinity */
	}
	g.second = g.first * per_x * ((slope - 1) * g.missing - (slope + 1) * g.value);
	return g;
}

/* tanh u by one exponential where that loses no digits: half the price, and fits spend their time here. */
static inline double
hyperbolic_tangent(double u)
{
	return u > 0.4 ? 1 - 2 / (exp(2 * u) + 1) : tanh(u);
}

/* tanh u; 1 - tanh u is sech^2 u / (1 + tanh u). */
static inline SaturationGrowth
tanh_growth(double u)
{
	double t = hyperbolic_tangent(u);
	double s = sech_squared(u);

	return (SaturationGrowth){t, s / (1 + t), s, -2 * t * s};
}

/* Half at x = half: tanh(x ln 3 / (2 half)). */
static inline SaturationGrowth
inverse_scaled_logistic_growth(double x, double half)
{
	SaturationGrowth g = tanh_growth(LN3 * (x / half) / 2);
	double rate = LN3 / 2;

	g.first = rate * g.first / half;
	g.second = -2 * g.value * g.first * (rate / half);
	return g;
}

/* The power of x itself may leave the range of numbers where the slope does not. */
static inline SaturationGrowth
root_growth(double x, double alpha)
{
	SaturationGrowth g = {.value = pow(x, alpha), .missing = INFINITY};

	if (x == 0)
		return power_at_nought(1, alpha, INFINITY);
	if (alpha == 1)
		g.first = 1;
	else if (g.value >= DBL_MIN && g.value <= DBL_MAX)
		g.first = alpha * (g.value / x);
	else
		g.first = alpha * pow(x, alpha - 1);
	g.second = alpha == 1 ? 0 : (alpha - 1) * (g.first / x);
	return g;
}

/*
 * sigma/(1 + e^(-b(x-l))) - sigma/(1 + e^(bl)) without its cancellation: with S the sigmoid, S(u) - S(v) =
 * S(u) S(-v) (1 - e^(v-u)), and u - v = b x.
 */
static inline SaturationGrowth
hill_sigmoid_growth(double x, double sigma, double b, double l)
{
	double w = b * (x - l);
	SaturationGrowth g;

	g.value = sigma * sigmoid(w) * sigmoid(b * l) * -expm1(-b * x);
	g.missing = sigma * sigmoid(-w);
	g.first = sigma * b / 4 * sech_squared(w / 2);
	g.second = -b * tanh(w / 2) * g.first;
	return g;
}

static inline SaturationGrowth
log1p_growth(double x)
{
	double first = 1 / (1 + x);

	return (SaturationGrowth){log1p(x), INFINITY, first, -first * first};
}

/*
 * hill_sigmoid by half-saturation and slope u = b l, divided by its limit S(u): S(z - u)(1 - e^-z) with z = b x.
 * It reaches one half where z = u + q, q = ln(1 + 2 e^-u), so b = (u + q)/half.
 */
typedef struct Sigmoid
{
	double b;
	double l;
	double limit;
	double log_b_slope; /* d ln b / d ln u */
} Sigmoid;

static inline Sigmoid
sigmoid_of(const Saturation *curve)
{
	double u = curve->slope;
	double e = exp(-u);
	double z = u + log1p(2 * e);
	Sigmoid s;

	s.b = z / curve->half_saturation;
	s.l = u / s.b;
	s.limit = sigmoid(u);
	s.log_b_slope = u * (1 - 2 * e / (1 + 2 * e)) / z;
	return s;
}

/* saturation_growth() for the files of saturation. */
static inline SaturationGrowth
saturation_growth_inlined(const Saturation *curve, double x)
{
	double half = curve->half_saturation;
	SaturationGrowth g = {NAN, NAN, NAN, NAN};
	Sigmoid s;

	switch (curve->kind)
	{
		case SATURATION_LINEAR:
			return linear_growth(x);
		case SATURATION_HILL:
			return hill_growth(x, half, curve->slope);
		case SATURATION_LOGISTIC:
		case SATURATION_TANH:
		case SATURATION_INVERSE_SCALED_LOGISTIC:
			return inverse_scaled_logistic_growth(x, half);
		case SATURATION_MICHAELIS_MENTEN:
			return hill_growth(x, half, 1);
		case SATURATION_ROOT:
			return root_growth(x, curve->slope);
		case SATURATION_HILL_SIGMOID:
			s = sigmoid_of(curve);
			return hill_sigmoid_growth(x, 1 / s.limit, s.b, s.l);
		case SATURATION_LOG1P:
			g = log1p_growth(x / half);
			g.first /= half;
			g.second = -g.first * g.first;
			return g;
	}
	return g;
}

#endif
