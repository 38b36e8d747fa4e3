/*
 * The formulas are written so that neither tiny nor huge arguments lose digits or overflow: ratios before
 * powers, and no difference of nearly equal numbers.
 */
#include "saturation.h"

#include <float.h>
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

/* ------------------------------------------------------------------------------------------------------
 * The kernels: each kind once, with everything that anyone asks of it. Inlined, so that who wants the value
 * alone pays for nothing else.
 * ------------------------------------------------------------------------------------------------------ */

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

static inline SaturationGrowth
growth(const Saturation *curve, double x)
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

SaturationGrowth
saturation_growth(const Saturation *curve, double x)
{
	return growth(curve, x);
}

double
saturation_value(const Saturation *curve, double x)
{
	return growth(curve, x).value;
}

double
saturation_derivative(const Saturation *curve, double x)
{
	return growth(curve, x).first;
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
	SaturationGrowth g = growth(curve, x);
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

/* ------------------------------------------------------------------------------------------------------
 * The formulas by their own parameters
 * ------------------------------------------------------------------------------------------------------ */

double
hill_value(double x, double half, double slope)
{
	return hill_growth(x, half, slope).value;
}

double
hill_derivative(double x, double half, double slope)
{
	return hill_growth(x, half, slope).first;
}

double
logistic_value(double x, double lam)
{
	return tanh_growth(lam * x / 2).value;
}

double
logistic_derivative(double x, double lam)
{
	return lam / 2 * tanh_growth(lam * x / 2).first;
}

double
tanh_value(double x, double b, double c)
{
	return b * tanh_growth(x / (b * c)).value;
}

double
tanh_derivative(double x, double b, double c)
{
	return tanh_growth(x / (b * c)).first / c;
}

double
michaelis_menten_value(double x, double alpha, double lam)
{
	return alpha * hill_growth(x, lam, 1).value;
}

double
michaelis_menten_derivative(double x, double alpha, double lam)
{
	return alpha * hill_growth(x, lam, 1).first;
}

double
root_value(double x, double alpha)
{
	return root_growth(x, alpha).value;
}

double
root_derivative(double x, double alpha)
{
	return root_growth(x, alpha).first;
}

double
inverse_scaled_logistic_value(double x, double lam)
{
	return inverse_scaled_logistic_growth(x, lam).value;
}

double
inverse_scaled_logistic_derivative(double x, double lam)
{
	return inverse_scaled_logistic_growth(x, lam).first;
}

double
hill_sigmoid_value(double x, double sigma, double b, double l)
{
	return hill_sigmoid_growth(x, sigma, b, l).value;
}

double
hill_sigmoid_derivative(double x, double sigma, double b, double l)
{
	return hill_sigmoid_growth(x, sigma, b, l).first;
}

double
log1p_value(double x)
{
	return log1p_growth(x).value;
}

double
log1p_derivative(double x)
{
	return log1p_growth(x).first;
}
