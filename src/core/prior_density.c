/*
 * Densities of the priors, on their support and on the line.
 */
#include "prior.h"

#include <math.h>

/* factor * log(x), 0 where the factor is 0. */
static double
times_log(double factor, double x)
{
	return factor == 0 ? 0 : factor * log(x);
}

static double
slope_of_log(double factor, double x)
{
	return factor == 0 ? 0 : factor / x;
}

/* The normal's part that depends on x. */
static double
bell(double x, double mu, double sigma, double *slope)
{
	double z = (x - mu) / sigma;

	*slope = -z / sigma;
	return -0.5 * z * z;
}

static double
t_bell(double x, double nu, double mu, double sigma, double *slope)
{
	double z = (x - mu) / sigma;

	*slope = -(nu + 1) * z / ((nu + z * z) * sigma);
	return -0.5 * (nu + 1) * log1p(z * z / nu);
}

/* What depends on x, within the support. */
static double
shape(const Prior *prior, double x, double *slope)
{
	const double *a = prior->argument;
	double value;

	switch (prior->kind)
	{
		case PRIOR_NORMAL:
		case PRIOR_TRUNCATED_NORMAL:
			return bell(x, a[0], a[1], slope);
		case PRIOR_HALFNORMAL:
			return bell(x, 0, a[0], slope);
		case PRIOR_LOGNORMAL:
			if (x == 0 || x == INFINITY)
				return *slope = 0, -INFINITY;
			value = bell(log(x), a[0], a[1], slope) - log(x);
			*slope = (*slope - 1) / x;
			return value;
		case PRIOR_BETA:
			*slope = slope_of_log(a[0] - 1, x) - slope_of_log(a[1] - 1, 1 - x);
			return times_log(a[0] - 1, x) + (a[1] == 1 ? 0 : (a[1] - 1) * log1p(-x));
		case PRIOR_GAMMA:
			*slope = slope_of_log(a[0] - 1, x) - a[1];
			return times_log(a[0] - 1, x) - a[1] * x;
		case PRIOR_INVERSE_GAMMA:
			if (x == 0)
				return *slope = 0, -INFINITY;
			*slope = (a[1] / x - (a[0] + 1)) / x;
			return -(a[0] + 1) * log(x) - a[1] / x;
		case PRIOR_EXPONENTIAL:
			*slope = -a[0];
			return -a[0] * x;
		case PRIOR_UNIFORM:
			*slope = 0;
			return 0;
		case PRIOR_STUDENT_T:
			return t_bell(x, a[0], a[1], a[2], slope);
		case PRIOR_HALF_STUDENT_T:
			return t_bell(x, a[0], 0, a[1], slope);
		case PRIOR_HALF_CAUCHY:
			return t_bell(x, 1, 0, a[0], slope);
	}
	return NAN;
}

double
prior_log_density(const Prior *prior, double x, double *slope)
{
	double low;
	double high;
	double value;
	double ignored;

	if (!slope)
		slope = &ignored;
	*slope = 0;
	prior_support(prior, &low, &high);
	if (isnan(x))
		return NAN;
	if (x < low || x > high || isinf(x))
		return -INFINITY;
	value = prior->log_norm + shape(prior, x, slope);
	if (value == -INFINITY)
		*slope = 0;
	return value;
}

LineMap
prior_line_map(const Prior *prior)
{
	double low;
	double high;

	prior_support(prior, &low, &high);
	return line_map(low, high);
}

/*
 * Where map and density together are simpler than each alone they are one formula, which also holds where x
 * itself has been rounded to an end of its support.
 */
static bool
line_density(const Prior *prior, double u, double *value, double *slope)
{
	const double *a = prior->argument;

	switch (prior->kind)
	{
		case PRIOR_LOGNORMAL:
			*value = bell(u, a[0], a[1], slope);
			return true;
		case PRIOR_BETA:
			*value = a[0] * line_log_logistic(u) + a[1] * line_log_logistic(-u);
			*slope = a[0] * line_logistic(-u) - a[1] * line_logistic(u);
			return true;
		case PRIOR_GAMMA:
			*value = a[0] * u - a[1] * exp(u);
			*slope = a[0] - a[1] * exp(u);
			return true;
		case PRIOR_INVERSE_GAMMA:
			*value = -a[0] * u - a[1] * exp(-u);
			*slope = a[1] * exp(-u) - a[0];
			return true;
		default:
			return false;
	}
}

double
prior_line_log_density(const Prior *prior, const LineMap *map, double u, double *x, double *slope)
{
	LinePoint point = line_to_interval(map, u);
	double value;

	*x = point.x;
	if (line_density(prior, u, &value, slope))
		return prior->log_norm + value;
	value = prior_log_density(prior, point.x, slope);
	*slope = *slope * point.dx + point.dlog_jacobian;
	return value + point.log_jacobian;
}
