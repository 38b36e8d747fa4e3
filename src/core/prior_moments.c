/*
 * Normalising constants, means and standard deviations of the priors.
 */
#include "prior.h"

#include <gsl/gsl_math.h>
#include <gsl/gsl_sf_gamma.h>
#include <math.h>

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

double
prior_log_norm(PriorKind kind, const double *a)
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
