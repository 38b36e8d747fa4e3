/*
 * Quantiles and random draws of the priors.
 */
#include "prior.h"

#include <float.h>
#include <gsl/gsl_cdf.h>
#include <math.h>

/* Bits of a double, and some. */
#define HALVINGS 120

typedef double (*Tail)(double x, double a, double b);

/*
 * x with P(x) = p, of a distribution on the half line or the unit interval, by halving along its map to the line;
 * the upper tail by Q, which does not round to 1. GSL's own inverses fail for small shapes.
 */
static double
invert(Tail below, Tail above, double a, double b, const LineMap *map, double p)
{
	double left = -745;
	double right = 745;

	for (int i = 0; i < HALVINGS; i++)
	{
		double middle = 0.5 * (left + right);
		double x = line_to_interval(map, middle).x;

		if (p <= 0.5 ? below(x, a, b) < p : above(x, a, b) > 1 - p)
			left = middle;
		else
			right = middle;
	}
	return line_to_interval(map, right).x;
}

/* Of the standard gamma. */
static double
quantile_gamma(double alpha, double p)
{
	LineMap map = line_map(0, INFINITY);

	return invert(gsl_cdf_gamma_P, gsl_cdf_gamma_Q, alpha, 1, &map, p);
}

static double
t_below(double x, double nu, double unused)
{
	(void) unused;
	return gsl_cdf_tdist_P(x, nu);
}

static double
t_above(double x, double nu, double unused)
{
	(void) unused;
	return gsl_cdf_tdist_Q(x, nu);
}

/* Of the standard t, by symmetry from the upper half alone. */
static double
quantile_t(double nu, double p)
{
	LineMap map = line_map(0, INFINITY);

	if (p < 0.5)
		return -quantile_t(nu, 1 - p);
	return p == 0.5 ? 0 : invert(t_below, t_above, nu, 0, &map, p);
}

/*
 * Of the standard normal between two cuts. Where it hardly bends between them it is an exponential; far out in a
 * tail GSL's inverse still knows all that doubles do (to 37 standard deviations), and beyond only an exponential
 * is left.
 */
static double
quantile_cut(double low, double high, double p)
{
	double nearest = fmin(fmax(0, low), high);

	if (nearest < 0)
		return -quantile_cut(-high, -low, 1 - p);
	if (nearest > 35 || high - low < 1e-4)
	{
		double middle = high - low < 1e-4 ? 0.5 * (low + high) : low;
		double rate = fmax(middle, 1e-9);

		return low - log1p(p * expm1(-rate * (high - low))) / rate;
	}
	if (low >= 0 || p > 0.5)
	{
		double above = gsl_cdf_ugaussian_Q(high);

		return gsl_cdf_ugaussian_Qinv(above + (1 - p) * (gsl_cdf_ugaussian_Q(low) - above));
	}
	return gsl_cdf_ugaussian_Pinv(gsl_cdf_ugaussian_P(low) +
								  p * (gsl_cdf_ugaussian_P(high) - gsl_cdf_ugaussian_P(low)));
}

static double
inner_quantile(const Prior *prior, double p)
{
	const double *a = prior->argument;
	LineMap unit = line_map(0, 1);

	switch (prior->kind)
	{
		case PRIOR_NORMAL:
			return a[0] + a[1] * gsl_cdf_ugaussian_Pinv(p);
		case PRIOR_HALFNORMAL:
			return a[0] * gsl_cdf_ugaussian_Qinv(0.5 * (1 - p));
		case PRIOR_LOGNORMAL:
			return exp(a[0] + a[1] * gsl_cdf_ugaussian_Pinv(p));
		case PRIOR_BETA:
			return invert(gsl_cdf_beta_P, gsl_cdf_beta_Q, a[0], a[1], &unit, p);
		case PRIOR_GAMMA:
			return quantile_gamma(a[0], p) / a[1];
		case PRIOR_INVERSE_GAMMA:
			return a[1] / quantile_gamma(a[0], 1 - p);
		case PRIOR_EXPONENTIAL:
			return -log1p(-p) / a[0];
		case PRIOR_UNIFORM:
			return a[0] + p * (a[1] - a[0]);
		case PRIOR_TRUNCATED_NORMAL:
			return a[0] + a[1] * quantile_cut((a[2] - a[0]) / a[1], (a[3] - a[0]) / a[1], p);
		case PRIOR_STUDENT_T:
			return a[1] + a[2] * quantile_t(a[0], p);
		case PRIOR_HALF_STUDENT_T:
			return a[1] * quantile_t(a[0], 0.5 * (1 + p));
		case PRIOR_HALF_CAUCHY:
			return a[0] * tan(0.5 * M_PI * p);
	}
	return NAN;
}

double
prior_quantile(const Prior *prior, double p)
{
	double low;
	double high;

	prior_support(prior, &low, &high);
	if (!(p >= 0 && p <= 1))
		return NAN;
	if (p == 0)
		return low;
	if (p == 1)
		return high;
	return fmin(fmax(inner_quantile(prior, p), low), high);
}

static double
draw_t(RandomStream *stream, double nu)
{
	double z = random_normal(stream);

	return z / sqrt(random_gamma(stream, nu / 2) / (nu / 2));
}

static double
raw_draw(const Prior *prior, RandomStream *stream)
{
	const double *a = prior->argument;

	switch (prior->kind)
	{
		case PRIOR_NORMAL:
			return a[0] + a[1] * random_normal(stream);
		case PRIOR_HALFNORMAL:
			return a[0] * fabs(random_normal(stream));
		case PRIOR_LOGNORMAL:
			return exp(a[0] + a[1] * random_normal(stream));
		case PRIOR_BETA:
			return random_beta(stream, a[0], a[1]);
		case PRIOR_GAMMA:
			return random_gamma(stream, a[0]) / a[1];
		case PRIOR_INVERSE_GAMMA:
			return a[1] / random_gamma(stream, a[0]);
		case PRIOR_STUDENT_T:
			return a[1] + a[2] * draw_t(stream, a[0]);
		case PRIOR_HALF_STUDENT_T:
			return a[1] * fabs(draw_t(stream, a[0]));
		case PRIOR_EXPONENTIAL:
		case PRIOR_UNIFORM:
		case PRIOR_TRUNCATED_NORMAL:
		case PRIOR_HALF_CAUCHY:
			return inner_quantile(prior, random_uniform(stream));
	}
	return NAN;
}

double
prior_draw(const Prior *prior, RandomStream *stream)
{
	double x = raw_draw(prior, stream);
	double low;
	double high;

	/* heavy tails and tiny shapes can round to an end */
	prior_support(prior, &low, &high);
	low = low == -INFINITY ? -DBL_MAX : low == 0 ? DBL_MIN : nextafter(low, INFINITY);
	high = high == INFINITY ? DBL_MAX : nextafter(high, -INFINITY);
	return fmin(fmax(x, low), high);
}
