/*
 * The formulas are written so that neither tiny nor huge arguments lose digits or overflow: ratios before
 * powers, and no difference of nearly equal numbers.
 */
#include "saturation.h"

#include <math.h>
#include <string.h>

/* ln 3 = 2 atanh(1/2): where the logistic curve reaches one half. */
#define LN3 1.0986122886681098

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

/* 1 / (1 + e^-u), with full relative precision in both tails. */
static double
sigmoid(double u)
{
	return 1 / (1 + exp(-u));
}

static double
sech_squared(double w)
{
	double c = cosh(w);

	return 1 / c / c;
}

/* Hill's f and 1 - f, each to full relative precision. */
static void
hill_parts(double x, double half, double slope, double *f, double *rest)
{
	double r;

	if (x <= half)
	{
		r = pow(x / half, slope);
		*f = r / (1 + r);
		*rest = 1 / (1 + r);
	}
	else
	{
		r = pow(half / x, slope);
		*f = 1 / (1 + r);
		*rest = r / (1 + r);
	}
}

double
hill_value(double x, double half, double slope)
{
	double f, rest;

	hill_parts(x, half, slope, &f, &rest);
	return f;
}

double
hill_derivative(double x, double half, double slope)
{
	double f, rest;

	if (x == 0)
		return slope > 1 ? 0 : slope == 1 ? 1 / half : INFINITY;
	hill_parts(x, half, slope, &f, &rest);
	return slope * (f / x) * rest;
}

double
logistic_value(double x, double lam)
{
	return tanh(lam * x / 2);
}

double
logistic_derivative(double x, double lam)
{
	return lam / 2 * sech_squared(lam * x / 2);
}

double
tanh_value(double x, double b, double c)
{
	return b * tanh(x / (b * c));
}

double
tanh_derivative(double x, double b, double c)
{
	return sech_squared(x / (b * c)) / c;
}

double
michaelis_menten_value(double x, double alpha, double lam)
{
	return alpha * (x / (lam + x));
}

double
michaelis_menten_derivative(double x, double alpha, double lam)
{
	return alpha * (lam / (lam + x)) / (lam + x);
}

double
root_value(double x, double alpha)
{
	return pow(x, alpha);
}

double
root_derivative(double x, double alpha)
{
	if (x == 0)
		return alpha > 1 ? 0 : alpha == 1 ? 1 : INFINITY;
	return alpha * pow(x, alpha - 1);
}

double
inverse_scaled_logistic_value(double x, double lam)
{
	return logistic_value(x / lam, LN3);
}

double
inverse_scaled_logistic_derivative(double x, double lam)
{
	return logistic_derivative(x / lam, LN3) / lam;
}

/*
 * sigma/(1 + e^(-b(x-l))) - sigma/(1 + e^(bl)) without its cancellation: with S the sigmoid, S(u) - S(v) =
 * S(u) S(-v) (1 - e^(v-u)), and u - v = b x.
 */
double
hill_sigmoid_value(double x, double sigma, double b, double l)
{
	return sigma * sigmoid(b * (x - l)) * sigmoid(b * l) * -expm1(-b * x);
}

double
hill_sigmoid_derivative(double x, double sigma, double b, double l)
{
	return sigma * b / 4 * sech_squared(b * (x - l) / 2);
}

double
log1p_value(double x)
{
	return log1p(x);
}

double
log1p_derivative(double x)
{
	return 1 / (1 + x);
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

static Sigmoid
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

double
saturation_value(const Saturation *curve, double x)
{
	double half = curve->half_saturation;
	Sigmoid s;

	switch (curve->kind)
	{
		case SATURATION_LINEAR:
			return x;
		case SATURATION_HILL:
			return hill_value(x, half, curve->slope);
		case SATURATION_LOGISTIC:
		case SATURATION_TANH:
		case SATURATION_INVERSE_SCALED_LOGISTIC:
			return inverse_scaled_logistic_value(x, half);
		case SATURATION_MICHAELIS_MENTEN:
			return michaelis_menten_value(x, 1, half);
		case SATURATION_ROOT:
			return root_value(x, curve->slope);
		case SATURATION_HILL_SIGMOID:
			s = sigmoid_of(curve);
			return hill_sigmoid_value(x, 1 / s.limit, s.b, s.l);
		case SATURATION_LOG1P:
			return log1p_value(x / half);
	}
	return NAN;
}

double
saturation_derivative(const Saturation *curve, double x)
{
	double half = curve->half_saturation;
	Sigmoid s;

	switch (curve->kind)
	{
		case SATURATION_LINEAR:
			return 1;
		case SATURATION_HILL:
			return hill_derivative(x, half, curve->slope);
		case SATURATION_LOGISTIC:
		case SATURATION_TANH:
		case SATURATION_INVERSE_SCALED_LOGISTIC:
			return inverse_scaled_logistic_derivative(x, half);
		case SATURATION_MICHAELIS_MENTEN:
			return michaelis_menten_derivative(x, 1, half);
		case SATURATION_ROOT:
			return root_derivative(x, curve->slope);
		case SATURATION_HILL_SIGMOID:
			s = sigmoid_of(curve);
			return hill_sigmoid_derivative(x, 1 / s.limit, s.b, s.l);
		case SATURATION_LOG1P:
			return log1p_derivative(x / half) / half;
	}
	return NAN;
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
	SaturationPoint point = {saturation_value(curve, x), saturation_derivative(curve, x), 0, 0};
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
