#include "prior.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_math.h>
#include <gsl/gsl_sf_gamma.h>
#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------------------------------------------
 * Names and arguments
 * --------------------------------------------------------------------------------------------------- */

/* Powers of arguments must stay within doubles. */
#define GREATEST 1e50
#define SMALLEST_POSITIVE 1e-50

/* A normal cut off further out than this has nothing left that doubles can tell apart. */
#define FARTHEST_CUT 1000

typedef enum Rule
{
	RULE_ANY,
	RULE_POSITIVE,
	RULE_LOWER, /* an end of an interval, finite */
	RULE_UPPER,
	RULE_LOWER_CUT, /* the same, possibly infinite */
	RULE_UPPER_CUT,
} Rule;

static const char *const rule_text[] = {
	[RULE_ANY] = "a finite number within 1e50 of 0",
	[RULE_POSITIVE] = "between 1e-50 and 1e50",
	[RULE_LOWER] = "a finite number within 1e50 of 0",
	[RULE_UPPER] = "a finite number above lower",
	[RULE_LOWER_CUT] = "less than mu + 1000 sigma",
	[RULE_UPPER_CUT] = "above lower and more than mu - 1000 sigma",
};

static const struct PriorForm
{
	const char *name;
	int arguments;
	struct
	{
		const char *name;
		Rule rule;
		double missing; /* the value where none is given; NaN: must be given */
	} argument[PRIOR_MAX_ARGUMENTS];
} form[PRIOR_KINDS] = {
	[PRIOR_NORMAL] = {"normal", 2, {{"mu", RULE_ANY, 0}, {"sigma", RULE_POSITIVE, NAN}}},
	[PRIOR_HALFNORMAL] = {"halfnormal", 1, {{"sigma", RULE_POSITIVE, NAN}}},
	[PRIOR_LOGNORMAL] = {"lognormal", 2, {{"mu", RULE_ANY, 0}, {"sigma", RULE_POSITIVE, NAN}}},
	[PRIOR_BETA] = {"beta", 2, {{"alpha", RULE_POSITIVE, NAN}, {"beta", RULE_POSITIVE, NAN}}},
	[PRIOR_GAMMA] = {"gamma", 2, {{"alpha", RULE_POSITIVE, NAN}, {"beta", RULE_POSITIVE, NAN}}},
	[PRIOR_INVERSE_GAMMA] = {"inversegamma",
							 2,
							 {{"alpha", RULE_POSITIVE, NAN}, {"beta", RULE_POSITIVE, NAN}}},
	[PRIOR_EXPONENTIAL] = {"exponential", 1, {{"lam", RULE_POSITIVE, NAN}}},
	[PRIOR_UNIFORM] = {"uniform", 2, {{"lower", RULE_LOWER, 0}, {"upper", RULE_UPPER, 1}}},
	[PRIOR_TRUNCATED_NORMAL] = {"truncatednormal",
								4,
								{{"mu", RULE_ANY, 0},
								 {"sigma", RULE_POSITIVE, NAN},
								 {"lower", RULE_LOWER_CUT, -INFINITY},
								 {"upper", RULE_UPPER_CUT, INFINITY}}},
	[PRIOR_STUDENT_T] = {"studentt",
						 3,
						 {{"nu", RULE_POSITIVE, NAN}, {"mu", RULE_ANY, 0}, {"sigma", RULE_POSITIVE, NAN}}},
	[PRIOR_HALF_STUDENT_T] = {"halfstudentt", 2, {{"nu", RULE_POSITIVE, NAN}, {"sigma", RULE_POSITIVE, NAN}}},
	[PRIOR_HALF_CAUCHY] = {"halfcauchy", 1, {{"beta", RULE_POSITIVE, NAN}}},
};

const char *
prior_name(PriorKind kind)
{
	return form[kind].name;
}

bool
prior_by_name(const char *name, PriorKind *kind)
{
	for (int i = 0; i < PRIOR_KINDS; i++)
	{
		if (strcmp(name, form[i].name) == 0)
		{
			*kind = (PriorKind) i;
			return true;
		}
	}
	return false;
}

const char *
prior_names(void)
{
	return "normal, halfnormal, lognormal, beta, gamma, inversegamma, exponential, uniform, truncatednormal, "
		   "studentt, halfstudentt, halfcauchy";
}

int
prior_arguments(PriorKind kind)
{
	return form[kind].arguments;
}

const char *
prior_argument_name(PriorKind kind, int i)
{
	return form[kind].argument[i].name;
}

double
prior_argument_default(PriorKind kind, int i)
{
	return form[kind].argument[i].missing;
}

const char *
prior_argument_rule(PriorKind kind, int i)
{
	return rule_text[form[kind].argument[i].rule];
}

/* `before` are the arguments before x, as the rules of interval ends need them. */
static bool
obeys(Rule rule, double x, const double *before, int i)
{
	switch (rule)
	{
		case RULE_ANY:
		case RULE_LOWER:
			return fabs(x) <= GREATEST;
		case RULE_POSITIVE:
			return x >= SMALLEST_POSITIVE && x <= GREATEST;
		case RULE_UPPER:
			return x <= GREATEST && x - before[i - 1] >= SMALLEST_POSITIVE;
		case RULE_LOWER_CUT:
			return x == -INFINITY || (x >= -GREATEST && x < before[0] + FARTHEST_CUT * before[1]);
		case RULE_UPPER_CUT:
			if (!(x - before[2] >= SMALLEST_POSITIVE && x > before[0] - FARTHEST_CUT * before[1]))
				return false;
			return x == INFINITY || x <= GREATEST;
	}
	return false;
}

/* ---------------------------------------------------------------------------------------------------
 * Mass and moments
 * --------------------------------------------------------------------------------------------------- */

#define LOG_ROOT_2PI 0.91893853320467274178

/* What a standard normal keeps between two cuts. */
typedef struct CutNormal
{
	double log_mass;
	double mean;
	double sd;
} CutNormal;

/*
 * By Gauss and Legendre's rule over panels, relative to the density's greatest value within the cuts: exact to
 * rounding for intervals however narrow or far out, where differences of the error function are not. Beyond
 * sqrt(mode^2 + 83) less than 1e-18 of the greatest density is left.
 */
static CutNormal
cut_normal(double low, double high)
{
	static const double node[4] = {0.18343464249564980494, 0.52553240991632898582, 0.79666647741362673959,
								   0.96028985649753623168};
	static const double weight[4] = {0.36268378337836198297, 0.31370664587788728734, 0.22238103445337447054,
									 0.10122853629037625915};
	enum
	{
		PANELS = 128
	};
	double mode = fmin(fmax(0, low), high);
	double reach = sqrt(mode * mode + 83);
	double from = fmax(low, -reach);
	double width = (fmin(high, reach) - from) / PANELS;
	double moment[3] = {0, 0, 0};
	double mean = 0;

	/* moments about the mode, then about the mean, where nothing cancels */
	for (int round = 0; round < 2; round++)
	{
		double about = round == 0 ? mode : mean;

		moment[0] = moment[1] = moment[2] = 0;
		for (int i = 0; i < PANELS * 8; i++)
		{
			double place = i % 2 ? node[i / 2 % 4] : -node[i / 2 % 4];
			double z = from + width * (i / 8 + 0.5 * (1 + place));
			double density = weight[i / 2 % 4] * exp(-0.5 * (z - mode) * (z + mode));

			moment[0] += density;
			moment[1] += density * (z - about);
			moment[2] += density * (z - about) * (z - about);
		}
		mean = about + moment[1] / moment[0];
	}
	return (CutNormal){.log_mass = log(moment[0] * width / 2) - 0.5 * mode * mode - LOG_ROOT_2PI,
					   .mean = mean,
					   .sd = sqrt(moment[2] / moment[0])};
}

static CutNormal
cut_normal_of(const double *a)
{
	return cut_normal((a[2] - a[0]) / a[1], (a[3] - a[0]) / a[1]);
}

/* log of gamma(x + 1/2) / gamma(x), without the cancellation of large x. */
static double
log_half_step(double x)
{
	if (x > 1e4)
		return 0.5 * log(x) - 1 / (8 * x) + 1 / (192 * x * x * x);
	return gsl_sf_lngamma(x + 0.5) - gsl_sf_lngamma(x);
}

static double
log_norm_t(double nu, double sigma)
{
	return log_half_step(nu / 2) - 0.5 * log(nu * M_PI) - log(sigma);
}

static double
log_norm(PriorKind kind, const double *a)
{
	switch (kind)
	{
		case PRIOR_NORMAL:
		case PRIOR_LOGNORMAL:
			return -log(a[1]) - LOG_ROOT_2PI;
		case PRIOR_HALFNORMAL:
			return M_LN2 - log(a[0]) - LOG_ROOT_2PI;
		case PRIOR_BETA:
			return -gsl_sf_lnbeta(a[0], a[1]);
		case PRIOR_GAMMA:
		case PRIOR_INVERSE_GAMMA:
			return a[0] * log(a[1]) - gsl_sf_lngamma(a[0]);
		case PRIOR_EXPONENTIAL:
			return log(a[0]);
		case PRIOR_UNIFORM:
			return -log(a[1] - a[0]);
		case PRIOR_TRUNCATED_NORMAL:
			return -log(a[1]) - LOG_ROOT_2PI - cut_normal_of(a).log_mass;
		case PRIOR_STUDENT_T:
			return log_norm_t(a[0], a[2]);
		case PRIOR_HALF_STUDENT_T:
			return M_LN2 + log_norm_t(a[0], a[1]);
		case PRIOR_HALF_CAUCHY:
			return log(2 / M_PI) - log(a[0]);
	}
	return NAN;
}

int
prior_init(Prior *prior, PriorKind kind, const double *arguments)
{
	*prior = (Prior){.kind = kind};
	for (int i = 0; i < form[kind].arguments; i++)
	{
		if (!obeys(form[kind].argument[i].rule, arguments[i], arguments, i))
			return i;
		prior->argument[i] = arguments[i];
	}
	prior->log_norm = log_norm(kind, prior->argument);
	return -1;
}

void
prior_support(const Prior *prior, double *low, double *high)
{
	const double *a = prior->argument;

	*low = 0;
	*high = INFINITY;
	switch (prior->kind)
	{
		case PRIOR_NORMAL:
		case PRIOR_STUDENT_T:
			*low = -INFINITY;
			break;
		case PRIOR_BETA:
			*high = 1;
			break;
		case PRIOR_UNIFORM:
			*low = a[0];
			*high = a[1];
			break;
		case PRIOR_TRUNCATED_NORMAL:
			*low = a[2];
			*high = a[3];
			break;
		default:
			break;
	}
}

static double
mean_half_t(double nu)
{
	if (nu <= 1)
		return INFINITY;
	return 2 * exp(log_half_step(nu / 2) + 0.5 * log(nu / M_PI)) / (nu - 1);
}

double
prior_mean(const Prior *prior)
{
	const double *a = prior->argument;

	switch (prior->kind)
	{
		case PRIOR_NORMAL:
			return a[0];
		case PRIOR_HALFNORMAL:
			return a[0] * sqrt(2 / M_PI);
		case PRIOR_LOGNORMAL:
			return exp(a[0] + 0.5 * a[1] * a[1]);
		case PRIOR_BETA:
			return a[0] / (a[0] + a[1]);
		case PRIOR_GAMMA:
			return a[0] / a[1];
		case PRIOR_INVERSE_GAMMA:
			return a[0] > 1 ? a[1] / (a[0] - 1) : INFINITY;
		case PRIOR_EXPONENTIAL:
			return 1 / a[0];
		case PRIOR_UNIFORM:
			return 0.5 * a[0] + 0.5 * a[1];
		case PRIOR_TRUNCATED_NORMAL:
			return a[0] + a[1] * cut_normal_of(a).mean;
		case PRIOR_STUDENT_T:
			return a[0] > 1 ? a[1] : NAN;
		case PRIOR_HALF_STUDENT_T:
			return a[1] * mean_half_t(a[0]);
		case PRIOR_HALF_CAUCHY:
			return INFINITY;
	}
	return NAN;
}

double
prior_sd(const Prior *prior)
{
	const double *a = prior->argument;

	switch (prior->kind)
	{
		case PRIOR_NORMAL:
			return a[1];
		case PRIOR_HALFNORMAL:
			return a[0] * sqrt(1 - 2 / M_PI);
		case PRIOR_LOGNORMAL:
			return prior_mean(prior) * sqrt(expm1(a[1] * a[1]));
		case PRIOR_BETA:
			return sqrt(a[0] * a[1] / (a[0] + a[1] + 1)) / (a[0] + a[1]);
		case PRIOR_GAMMA:
			return sqrt(a[0]) / a[1];
		case PRIOR_INVERSE_GAMMA:
			return a[0] > 2 ? a[1] / ((a[0] - 1) * sqrt(a[0] - 2)) : INFINITY;
		case PRIOR_EXPONENTIAL:
			return 1 / a[0];
		case PRIOR_UNIFORM:
			return (a[1] - a[0]) / sqrt(12);
		case PRIOR_TRUNCATED_NORMAL:
			return a[1] * cut_normal_of(a).sd;
		case PRIOR_STUDENT_T:
			return a[0] > 2 ? a[2] * sqrt(a[0] / (a[0] - 2)) : a[0] > 1 ? INFINITY : NAN;
		case PRIOR_HALF_STUDENT_T:
			return a[0] > 2 ? a[1] * sqrt(a[0] / (a[0] - 2) - gsl_pow_2(mean_half_t(a[0]))) : INFINITY;
		case PRIOR_HALF_CAUCHY:
			return INFINITY;
	}
	return NAN;
}

/* ---------------------------------------------------------------------------------------------------
 * Densities
 * --------------------------------------------------------------------------------------------------- */

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

/* ---------------------------------------------------------------------------------------------------
 * Maps to the line
 * --------------------------------------------------------------------------------------------------- */

LineMap
line_map(double low, double high)
{
	LineMap map = {LINE_LOGIT, low, high};

	if (low == -INFINITY)
		map.kind = high == INFINITY ? LINE_IDENTITY : LINE_MINUS;
	else if (high == INFINITY)
		map.kind = LINE_LOG;
	return map;
}

LineMap
prior_line_map(const Prior *prior)
{
	double low;
	double high;

	prior_support(prior, &low, &high);
	return line_map(low, high);
}

/* 1 / (1 + e^-u) */
static double
logistic(double u)
{
	double e = exp(-fabs(u));

	return u < 0 ? e / (1 + e) : 1 / (1 + e);
}

/* Its logarithm. */
static double
log_logistic(double u)
{
	return fmin(u, 0) - log1p(exp(-fabs(u)));
}

LinePoint
line_to_interval(const LineMap *map, double u)
{
	double width = map->high - map->low;

	switch (map->kind)
	{
		case LINE_IDENTITY:
			return (LinePoint){.x = u, .dx = 1};
		case LINE_LOG:
			return (LinePoint){.x = map->low + exp(u), .dx = exp(u), .log_jacobian = u, .dlog_jacobian = 1};
		case LINE_MINUS:
			return (LinePoint){.x = map->high - exp(u), .dx = -exp(u), .log_jacobian = u, .dlog_jacobian = 1};
		case LINE_LOGIT:
			break;
	}
	return (LinePoint){.x = u < 0 ? map->low + width * logistic(u) : map->high - width * logistic(-u),
					   .dx = width * logistic(u) * logistic(-u),
					   .log_jacobian = log(width) + log_logistic(u) + log_logistic(-u),
					   .dlog_jacobian = logistic(-u) - logistic(u)};
}

double
line_from_interval(const LineMap *map, double x)
{
	switch (map->kind)
	{
		case LINE_IDENTITY:
			return x;
		case LINE_LOG:
			return log(x - map->low);
		case LINE_MINUS:
			return log(map->high - x);
		case LINE_LOGIT:
			break;
	}
	return log(x - map->low) - log(map->high - x);
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
			*value = a[0] * log_logistic(u) + a[1] * log_logistic(-u);
			*slope = a[0] * logistic(-u) - a[1] * logistic(u);
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
