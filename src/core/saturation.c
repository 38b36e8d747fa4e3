/*
 * The family of curves with common parameters: its kinds by name, a curve at a point, and whole series.
 */
#include "saturation.h"

#include <string.h>

#include "saturation_kernels.h"

static const struct
{
	const char *name;
	bool has_half;
	bool has_slope;
} kinds[SATURATION_KINDS] = {
	[SATURATION_LINEAR] = {"linear", false, false},
	[SATURATION_HILL] = {"hill", true, true},
	[SATURATION_LOGISTIC] = {"logistic", true, false},
	[SATURATION_TANH] = {"tanh", true, false},
	[SATURATION_MICHAELIS_MENTEN] = {"michaelis_menten", true, false},
	[SATURATION_ROOT] = {"root", false, true},
	[SATURATION_INVERSE_SCALED_LOGISTIC] = {"inverse_scaled_logistic", true, false},
	[SATURATION_HILL_SIGMOID] = {"hill_sigmoid", true, true},
	[SATURATION_LOG1P] = {"log1p", true, false},
};

const char *
saturation_name(SaturationKind kind)
{
	return kinds[kind].name;
}

bool
saturation_by_name(const char *name, SaturationKind *kind)
{
	for (int k = 0; k < SATURATION_KINDS; k++)
		if (strcmp(name, kinds[k].name) == 0)
		{
			*kind = (SaturationKind) k;
			return true;
		}
	return false;
}

const char *
saturation_names(void)
{
	return "linear, hill, logistic, tanh, michaelis_menten, root, inverse_scaled_logistic, hill_sigmoid, "
		   "log1p";
}

bool
saturation_has_half(SaturationKind kind)
{
	return kinds[kind].has_half;
}

bool
saturation_has_slope(SaturationKind kind)
{
	return kinds[kind].has_slope;
}

SaturationGrowth
saturation_growth(const Saturation *curve, double x)
{
	return saturation_growth_inlined(curve, x);
}

double
saturation_value(const Saturation *curve, double x)
{
	return saturation_growth_inlined(curve, x).value;
}

double
saturation_derivative(const Saturation *curve, double x)
{
	return saturation_growth_inlined(curve, x).first;
}

/* x times the derivative along x, finite where the derivative is not. */
static double
elasticity(const SaturationPoint *point, double x)
{
	return x == 0 ? 0 : x * point->dx;
}

SaturationPoint
saturation_point(const Saturation *curve, double x)
{
	SaturationGrowth g = saturation_growth_inlined(curve, x);
	SaturationPoint point = {g.value, g.first, 0, 0};
	Sigmoid s;
	double u;

	/* Every kind with a half-saturation depends on x / half alone. */
	if (kinds[curve->kind].has_half)
		point.dlog_half = -elasticity(&point, x);
	if (x > 0 && curve->kind == SATURATION_HILL)
		point.dlog_slope = elasticity(&point, x) * log(x / curve->half_saturation);
	else if (x > 0 && curve->kind == SATURATION_ROOT)
		point.dlog_slope = elasticity(&point, x) * log(x);
	else if (curve->kind == SATURATION_HILL_SIGMOID)
	{
		/* along b at fixed u, then along u at fixed b */
		s = sigmoid_of(curve);
		u = curve->slope;
		point.dlog_slope = elasticity(&point, x) * s.log_b_slope -
						   u * sech_squared((s.b * x - u) / 2) / 4 * -expm1(-s.b * x);
	}
	return point;
}

/* ------------------------------------------------------------------------------------------------------
 * Series. Hill's curve of slope 1 is what fits evaluate most, so it has loops without branches or powers.
 * ------------------------------------------------------------------------------------------------------ */

static bool
is_simple_hill(const Saturation *curve)
{
	return curve->kind == SATURATION_MICHAELIS_MENTEN ||
		   (curve->kind == SATURATION_HILL && curve->slope == 1);
}

void
saturation_values(const Saturation *curve, const double *x, size_t n, double *value)
{
	double half = curve->half_saturation;

	if (!is_simple_hill(curve))
	{
		for (size_t i = 0; i < n; i++)
			value[i] = saturation_value(curve, x[i]);
		return;
	}
	for (size_t i = 0; i < n; i++)
	{
		double u = x[i];
		double less = u <= half ? u : half;
		double more = u <= half ? half : u;
		double ratio = less / more;
		double inverse = 1 / (1 + ratio);

		value[i] = u <= half ? ratio * inverse : inverse;
	}
}

static inline void
simple_hill_slopes(double half, const double *x, size_t n, double *value, double *dx, double *dlog_half)
{
	for (size_t i = 0; i < n; i++)
	{
		double inverse = 1 / (x[i] + half);
		double share = x[i] * inverse;
		double missing = half * inverse;

		value[i] = share;
		dx[i] = missing * inverse;
		if (dlog_half)
			dlog_half[i] = -share * missing;
	}
}

static bool
is_tanh(const Saturation *curve)
{
	return curve->kind == SATURATION_LOGISTIC || curve->kind == SATURATION_TANH ||
		   curve->kind == SATURATION_INVERSE_SCALED_LOGISTIC;
}

/* Slopes by the value's own tanh, exact to the rounding of the greatest; the one that cosh gives is twice the price. */
static void
tanh_slopes(double half, const double *x, size_t n, double *value, double *dx, double *dlog_half)
{
	double rate = LN3 / 2 / half;

	for (size_t i = 0; i < n; i++)
	{
		double at = x[i];
		double t = hyperbolic_tangent(LN3 * (at / half) / 2);
		double slope = rate * ((1 - t) * (1 + t));

		value[i] = t;
		if (dx)
			dx[i] = slope;
		if (dlog_half)
			dlog_half[i] = -at * slope;
	}
}

void
saturation_slopes(const Saturation *curve, const double *x, size_t n, double *value, double *dx,
				  double *dlog_half, double *dlog_slope)
{
	if (is_simple_hill(curve) && dx && !dlog_slope)
	{
		if (dlog_half)
			simple_hill_slopes(curve->half_saturation, x, n, value, dx, dlog_half);
		else
			simple_hill_slopes(curve->half_saturation, x, n, value, dx, NULL);
		return;
	}
	if (is_tanh(curve))
	{
		tanh_slopes(curve->half_saturation, x, n, value, dx, dlog_half);
		for (size_t i = 0; dlog_slope && i < n; i++)
			dlog_slope[i] = 0;
		return;
	}
	for (size_t i = 0; i < n; i++)
	{
		SaturationPoint point = saturation_point(curve, x[i]);

		value[i] = point.value;
		if (dx)
			dx[i] = point.dx;
		if (dlog_half)
			dlog_half[i] = point.dlog_half;
		if (dlog_slope)
			dlog_slope[i] = point.dlog_slope;
	}
}
