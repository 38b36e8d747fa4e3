/*
 * What the observations say of the residuals: Normal with the base integrated out, or Student's t.
 */
#include <math.h>

#include <gsl/gsl_sf_psi.h>

#include "mmm_posterior.h"

#define LOG_2PI 1.8378770664093454836
#define LOG_PI 1.1447298858494001741

static double
log_gamma(double x)
{
	int sign;

	return lgamma_r(x, &sign);
}

/* Of one residual, without its first term: log Gamma((nu + 1)/2) - log Gamma(nu/2) - ... */
static double
student_norm(double nu, double sigma)
{
	return log_gamma((nu + 1) / 2) - log_gamma(nu / 2) - (log(nu) + LOG_PI) / 2 - log(sigma);
}

static double
student_likelihood(MmmPosterior *p)
{
	double nu = p->parameters[p->model->nu];
	double sigma = p->parameters[p->model->sigma];
	double scale = nu * sigma * sigma;
	double logs = 0;
	double shares = 0; /* of squares in scale + squares */

	for (size_t i = 0; i < p->rows; i++)
	{
		double square = p->residual[i] * p->residual[i];

		p->weighted[i] = (nu + 1) * p->residual[i] / (scale + square);
		logs += log1p(square / scale);
		shares += square / (scale + square);
	}
	p->along[p->model->sigma] = (-(double) p->observed + (nu + 1) * shares) / sigma;
	p->along[p->model->nu] = (p->observed * (gsl_sf_psi((nu + 1) / 2) - gsl_sf_psi(nu / 2) - 1 / nu) - logs +
							  (nu + 1) / nu * shares) /
							 2;
	return p->observed * student_norm(nu, sigma) - (nu + 1) / 2 * logs;
}

double
mmm_likelihood(MmmPosterior *p)
{
	double sigma = p->parameters[p->model->sigma];
	double dlog_sigma;
	double log_density;

	if (p->model->spec.likelihood == MMM_STUDENT_T)
		return student_likelihood(p);
	log_density = mmm_gaussian_log_density(&p->gaussian, p->residual, sigma, p->weighted, &dlog_sigma);
	p->along[p->model->sigma] = dlog_sigma / sigma;
	return log_density;
}

size_t
mmm_posterior_pointwise(const MmmPosterior *p, int geo, const double *predicted, const double *parameters,
						double *out)
{
	const MmmModel *m = p->model;
	const double *kpi = m->data->kpi + (size_t) geo * m->data->periods;
	double sigma = parameters[m->sigma];
	double nu = m->nu >= 0 ? parameters[m->nu] : 0;
	double norm = m->nu >= 0 ? student_norm(nu, sigma) : -LOG_2PI / 2 - log(sigma);
	size_t n = 0;

	for (int t = 0; t < m->train; t++)
	{
		double z = (kpi[t] - predicted[t]) / (mmm_kpi_unit(m, geo) * sigma);

		if (!isnan(z))
			out[n++] = m->nu >= 0 ? norm - (nu + 1) / 2 * log1p(z * z / nu) : norm - z * z / 2;
	}
	return n;
}
