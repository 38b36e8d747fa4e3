/*
 * The grid of a table of curves: how fine it must be for its accuracy, and the sums of value and derivatives at its
 * knots.
 */
#include <math.h>
#include <string.h>

#include "curve_table.h"

#define JET CURVE_GRID_JET /* value and three derivatives */

/* 8! 2^8 */
#define EIGHTH_FACTOR 10321920.0
#define MOST_KNOTS 100000
#define LN3 1.0986122886681098

/* Knots after which the terms' powers are computed afresh instead of by multiplication. */
#define FRESH 16

#define ROUNDING 1e-11

/* A value today of less than this part of the limit is not resolved any finer. */
#define SMALL 1e-4

static bool
is_tanh(SaturationKind kind)
{
	return kind == SATURATION_LOGISTIC || kind == SATURATION_TANH ||
		   kind == SATURATION_INVERSE_SCALED_LOGISTIC;
}

static double
exponent(const Saturation *shape)
{
	return shape->kind == SATURATION_HILL || shape->kind == SATURATION_ROOT ? shape->slope : 1;
}

/* ------------------------------------------------------------------------------------------------------
 * Bounds on derivatives along u = ln x
 * ------------------------------------------------------------------------------------------------------ */

/*
 * hill_sigmoid with z = b x is (S(z - v) - S(-v)) / S(v). (z d/dz)^8 is a sum of z^k d^k/dz^k by Stirling's numbers
 * of the second kind; |S^(k)(y)| <= tail[k] e^-|y|.
 */
static double
sigmoid_eighth(const Saturation *shape)
{
	static const double stirling[] = {0, 1, 127, 966, 1701, 1050, 266, 28, 1};
	static const double tail[] = {0, 1, 1, 1, 1, 1, 1.222, 2.639, 6.467};
	double v = shape->slope;
	double sum = 0;

	for (int k = 1; k <= 8; k++)
	{
		double z = fmax(k, v);

		sum += stirling[k] * tail[k] * pow(z, k) * exp(v - z);
	}
	return sum * (1 + exp(-v));
}

/*
 * A bound on the eighth derivative of a term of gain 1. The extremes of the logistic function's derivatives are
 * those of polynomials of the function on (0, 1): the eighth's is 2.3901, the seventh's 1.0625; that of tanh(e^u)
 * is 918.9.
 */
static double
eighth_derivative(const Saturation *shape, double scale)
{
	double s = shape->slope;

	switch (shape->kind)
	{
		case SATURATION_HILL:
			return 2.391 * pow(s, 8);
		case SATURATION_MICHAELIS_MENTEN:
			return 2.391;
		case SATURATION_LOG1P:
			return 1.063;
		case SATURATION_HILL_SIGMOID:
			return sigmoid_eighth(shape);
		case SATURATION_ROOT:
			return pow(s, 8) * pow(scale * CURVE_TABLE_MOST, s);
		default:
			return 919;
	}
}

/* ------------------------------------------------------------------------------------------------------
 * The grid
 * ------------------------------------------------------------------------------------------------------ */

/* The argument, in units of the half-saturation, below which a line from 0 is as good as `e`. */
static double
line_until(const Saturation *shape, double e)
{
	double v = shape->slope;

	switch (shape->kind)
	{
		case SATURATION_HILL:
			return v == 1 ? sqrt(e) : pow(e, 1 / v);
		case SATURATION_ROOT:
			return pow(e, 1 / v);
		case SATURATION_MICHAELIS_MENTEN:
		case SATURATION_LOG1P:
			return sqrt(e);
		case SATURATION_HILL_SIGMOID:
			return sqrt(e) / (1 + v); /* |k''| <= b^2 / 5, and b < (1 + v + ln 3) / half */
		default:
			return cbrt(e);
	}
}

/* ... and beyond which the curve is as good as saturated; INFINITY if never. */
static double
saturated_from(const Saturation *shape, double e)
{
	double v = shape->slope;

	switch (shape->kind)
	{
		case SATURATION_HILL:
			return pow(e, -1 / v);
		case SATURATION_MICHAELIS_MENTEN:
			return 1 / e;
		case SATURATION_ROOT:
		case SATURATION_LOG1P:
			return INFINITY;
		default:
			return 1 - log(e);
	}
}

void
curve_grid_show(CurveGrid *grid, const CurveTerms *terms, double accuracy)
{
	const Saturation *shape = &terms->shape;
	double half = saturation_has_half(shape->kind) ? shape->half_saturation : 1;
	double e = accuracy * SMALL;
	double least = INFINITY;
	double most = 0;
	double gains = 0;
	double low;
	double high;

	for (int k = 0; k < terms->count; k++)
	{
		double gain = terms->weight * terms->gain[k];
		double scale = terms->scale[k];

		if (gain == 0 || scale == 0)
			continue;
		gains += gain;
		grid->limit += gain * saturation_value(shape, scale * CURVE_TABLE_MOST);
		grid->today += gain * saturation_value(shape, scale);
		if (shape->kind == SATURATION_ROOT)
			grid->eighth += gain * eighth_derivative(shape, scale);
		least = fmin(least, scale);
		most = fmax(most, scale);
	}
	if (most == 0)
		return;
	if (shape->kind != SATURATION_ROOT)
		grid->eighth += gains * eighth_derivative(shape, 0);
	grid->gains += gains;
	low = log(half / most) + log(line_until(shape, e));
	high = fmin(log(half / least) + log(saturated_from(shape, e)), log(CURVE_TABLE_MOST));
	if (!grid->shown || low < grid->lowest)
		grid->lowest = low;
	if (!grid->shown || high > grid->highest)
		grid->highest = high;
	grid->shown = true;
}

void
curve_grid_choose(CurveGrid *grid, double accuracy)
{
	double reference = fmax(grid->today, SMALL * grid->limit);
	double range = fmin(fmax(grid->highest - grid->lowest, 1), 5000);

	if (grid->gains == 0)
	{
		grid->knots = 0;
		return;
	}
	grid->step = pow(accuracy * reference * EIGHTH_FACTOR / grid->eighth, 1.0 / 8);
	grid->step = fmin(fmax(grid->step, range / (MOST_KNOTS - 1)), 1);
	grid->first = grid->lowest;
	grid->knots = 2 + (int) (range / grid->step);
	/* interpolation; the line from 0 and what is missing above the grid; rounding */
	grid->error = grid->eighth * pow(grid->step, 8) / EIGHTH_FACTOR + 2 * SMALL * accuracy * grid->gains +
				  ROUNDING * grid->limit;
}

/* ------------------------------------------------------------------------------------------------------
 * Sums at the knots
 * ------------------------------------------------------------------------------------------------------ */

/* Terms whose arithmetic is done side by side, without calls in between. */
#define SIDE_BY_SIDE 64

static inline void
add_parts(const double part[JET][SIDE_BY_SIDE], int count, double sum[JET])
{
	for (int k = 0; k < count; k++)
		for (int j = 0; j < JET; j++)
			sum[j] += part[j][k];
}

/* Terms at one knot; each kind has its own way from one knot to the next. w[k] is (scale m / half)^slope. */
static void
add_logistic(const double *gain, double *w, double ratio, int n, double jet[JET])
{
	double part[JET][SIDE_BY_SIDE];
	double sum[JET] = {0};

	for (int from = 0; from < n; from += SIDE_BY_SIDE)
	{
		int count = n - from < SIDE_BY_SIDE ? n - from : SIDE_BY_SIDE;
		const double *g = gain + from;
		double *x = w + from;

		for (int k = 0; k < count; k++)
		{
			double r = 1 / (1 + x[k]);
			double v = x[k] * r;
			double d = g[k] * v * r;

			part[0][k] = g[k] * v;
			part[1][k] = d;
			part[2][k] = d * (r - v);
			part[3][k] = d * (1 - 6 * v * r);
			x[k] *= ratio;
		}
		add_parts((const double(*)[SIDE_BY_SIDE]) part, count, sum);
	}
	memcpy(jet, sum, sizeof(sum));
}

static void
add_log1p(const double *gain, double *w, double ratio, int n, double jet[JET])
{
	double sum[JET] = {0};

	for (int k = 0; k < n; k++)
	{
		double r = 1 / (1 + w[k]);
		double v = w[k] * r;

		sum[0] += gain[k] * log1p(w[k]);
		sum[1] += gain[k] * v;
		sum[2] += gain[k] * v * r;
		sum[3] += gain[k] * v * r * (r - v);
		w[k] *= ratio;
	}
	memcpy(jet, sum, sizeof(sum));
}

static void
add_power(const double *gain, double *w, double ratio, int n, double jet[JET])
{
	double sum = 0;

	for (int k = 0; k < n; k++)
	{
		sum += gain[k] * w[k];
		w[k] *= ratio;
	}
	for (int j = 0; j < JET; j++)
		jet[j] = sum;
}

/* tanh of this is 1, and stays so. */
#define SATURATED 20

/* tanh w; along u its derivatives are sums of w^k d^k/dw^k. */
static void
add_tanh(const double *gain, double *w, double ratio, int n, double jet[JET])
{
	double e[SIDE_BY_SIDE];
	double part[JET][SIDE_BY_SIDE];
	double sum[JET] = {0};

	for (int from = 0; from < n; from += SIDE_BY_SIDE)
	{
		int count = n - from < SIDE_BY_SIDE ? n - from : SIDE_BY_SIDE;
		const double *g = gain + from;
		double *x = w + from;

		for (int k = 0; k < count; k++)
			e[k] = x[k] > SATURATED ? 0 : exp(-2 * x[k]);
		for (int k = 0; k < count; k++)
		{
			double r = 1 / (1 + e[k]);
			double t = (1 - e[k]) * r;
			double d1 = g[k] * x[k] * 4 * e[k] * r * r;
			double d2 = -2 * t * x[k] * d1;
			double d3 = (6 * t * t - 2) * x[k] * x[k] * d1;

			part[0][k] = g[k] * t;
			part[1][k] = d1;
			part[2][k] = d1 + d2;
			part[3][k] = d1 + 3 * d2 + d3;
			x[k] *= ratio;
		}
		add_parts((const double(*)[SIDE_BY_SIDE]) part, count, sum);
	}
	memcpy(jet, sum, sizeof(sum));
}

/* The same of (S(w - v) - S(-v)) / S(v). */
static void
add_sigmoid(const double *gain, double *w, double ratio, int n, double v, double jet[JET])
{
	double sum[JET] = {0};
	double limit = 1 / (1 + exp(-v));
	double begin = exp(-v) * limit;

	for (int k = 0; k < n; k++)
	{
		double e, s, q, value, d1, d2, d3;

		if (w[k] - v > 2 * SATURATED)
		{
			sum[0] += gain[k] * limit;
			continue;
		}
		e = exp(v - w[k]);
		s = 1 / (1 + e);
		q = e * s;
		value = w[k] < 1e-3 ? s * limit * -expm1(-w[k]) : s - begin;
		d1 = w[k] * s * q;
		d2 = (q - s) * w[k] * d1;
		d3 = (1 - 6 * s * q) * w[k] * w[k] * d1;

		sum[0] += gain[k] * value;
		sum[1] += gain[k] * d1;
		sum[2] += gain[k] * (d1 + d2);
		sum[3] += gain[k] * (d1 + 3 * d2 + d3);
		w[k] *= ratio;
	}
	for (int j = 0; j < JET; j++)
		jet[j] = sum[j] / limit;
}

/* ln of what w is at m = 1 in units of scale. */
static double
log_unit(const Saturation *shape)
{
	double v = shape->slope;

	switch (shape->kind)
	{
		case SATURATION_HILL:
			return -v * log(shape->half_saturation);
		case SATURATION_ROOT:
			return 0;
		case SATURATION_HILL_SIGMOID:
			return log((v + log1p(2 * exp(-v))) / shape->half_saturation);
		case SATURATION_MICHAELIS_MENTEN:
		case SATURATION_LOG1P:
			return -log(shape->half_saturation);
		default:
			return log(LN3 / 2 / shape->half_saturation);
	}
}

static void
add_knot(const Saturation *shape, const double *gain, double *w, double ratio, int n, double jet[JET])
{
	switch (shape->kind)
	{
		case SATURATION_HILL:
		case SATURATION_MICHAELIS_MENTEN:
			add_logistic(gain, w, ratio, n, jet);
			break;
		case SATURATION_ROOT:
			add_power(gain, w, ratio, n, jet);
			break;
		case SATURATION_LOG1P:
			add_log1p(gain, w, ratio, n, jet);
			break;
		case SATURATION_HILL_SIGMOID:
			add_sigmoid(gain, w, ratio, n, shape->slope, jet);
			break;
		default:
			add_tanh(gain, w, ratio, n, jet);
			break;
	}
}

void
curve_grid_add(const CoreEnv *env, const CurveGrid *grid, const CurveTerms *terms, double *jet)
{
	const Saturation *shape = &terms->shape;
	double s = exponent(shape);
	bool along_power = shape->kind == SATURATION_HILL || shape->kind == SATURATION_ROOT;
	double highest = is_tanh(shape->kind) ? 350 : 1e100; /* beyond, all is saturated; e^-2w must not vanish */
	double *gain = CORE_ALLOC(env, double, 3 * (size_t) terms->count);
	double *log_w = gain + terms->count;
	double *w = log_w + terms->count;
	double unit = log_unit(shape);
	int n = 0;

	for (int k = 0; k < terms->count; k++)
	{
		if (terms->gain[k] == 0 || terms->scale[k] == 0)
			continue;
		gain[n] = terms->weight * terms->gain[k];
		log_w[n++] = s * log(terms->scale[k]) + unit;
	}
	for (int knot = 0; knot < grid->knots && n > 0; knot++)
	{
		double at[JET];
		double power = 1;

		if (knot % FRESH == 0)
		{
			double u = s * (grid->first + knot * grid->step);

			core_check(env);
			for (int k = 0; k < n; k++)
				w[k] = fmin(exp(fmax(log_w[k] + u, -700)), highest);
		}
		add_knot(shape, gain, w, exp(s * grid->step), n, at);
		for (int j = 0; j < JET; j++)
		{
			jet[JET * (size_t) knot + j] += power * at[j];
			power *= along_power ? s : 1;
		}
	}
	core_free(env, gain);
}
