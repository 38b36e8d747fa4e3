/*
 * Gaussians to sample from: variances from 1 to `condition`, turned by a reflection so that everything is correlated.
 */
#ifndef ATTRIB_TEST_NUTS_GAUSSIAN_H
#define ATTRIB_TEST_NUTS_GAUSSIAN_H

#include "core/nuts.h"
#include "unit.h"

#define MAX_DIM 50

typedef struct Gaussian
{
	int dim;
	double variance[MAX_DIM];
	double axis[MAX_DIM]; /* of the reflection I - 2 vv'; all 0: not turned */
	double mean[MAX_DIM];
	double sd[MAX_DIM];
} Gaussian;

static void
reflect(const Gaussian *g, double *x)
{
	double dot = 0;

	for (int i = 0; i < g->dim; i++)
		dot += g->axis[i] * x[i];
	for (int i = 0; i < g->dim; i++)
		x[i] -= 2 * dot * g->axis[i];
}

static Gaussian
gaussian(int dim, double condition, bool turned)
{
	Gaussian g = {.dim = dim};

	for (int i = 0; i < dim; i++)
	{
		g.variance[i] = pow(condition, dim > 1 ? (double) i / (dim - 1) : 0);
		g.mean[i] = i - 3;
		g.axis[i] = turned ? sqrt(2.0 * (i + 1) / (dim * (dim + 1))) : 0;
	}
	for (int i = 0; i < dim; i++)
	{
		double e[MAX_DIM] = {0};

		e[i] = 1;
		reflect(&g, e);
		for (int j = 0; j < dim; j++)
			g.sd[i] += e[j] * e[j] * g.variance[j];
		g.sd[i] = sqrt(g.sd[i]);
	}
	return g;
}

static double
gaussian_log_density(void *state, const double *q, double *gradient)
{
	const Gaussian *g = state;
	double value = 0;

	for (int i = 0; i < g->dim; i++)
		gradient[i] = q[i] - g->mean[i];
	reflect(g, gradient);
	for (int i = 0; i < g->dim; i++)
	{
		value -= 0.5 * gradient[i] * gradient[i] / g->variance[i];
		gradient[i] /= -g->variance[i];
	}
	reflect(g, gradient);
	return value;
}

#endif
