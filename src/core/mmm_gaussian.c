#include "mmm_gaussian.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define SWEEPS 60
#define LOG_2PI 1.8378770664093454836

/* Eight sums side by side: one would wait for each addition before the next. */
double
mmm_dot(const double *a, const double *b, size_t n)
{
	double s[8] = {0};
	double sum = 0;
	size_t i = 0;

	for (; i + 8 <= n; i += 8)
		for (int k = 0; k < 8; k++)
			s[k] += a[i + k] * b[i + k];
	for (; i < n; i++)
		sum += a[i] * b[i];
	return sum + (((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7])));
}

static void
add_multiple(double *into, double factor, const double *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		into[i] += factor * from[i];
}

/*
 * Columns to orthonormal ones, with R[k][j] = q_k'x_j; each is projected twice (Kahan: twice is enough). What
 * depends on the columns before it becomes 0.
 */
static void
orthonormalize(double *columns, size_t n, int terms, double *R, const CoreEnv *env)
{
	memset(R, 0, sizeof(double) * terms * terms);
	for (int j = 0; j < terms; j++)
	{
		double *x = columns + j * n;
		double before = sqrt(mmm_dot(x, x, n));
		double length;

		core_check(env);
		for (int pass = 0; pass < 2; pass++)
			for (int k = 0; k < j; k++)
			{
				double share = mmm_dot(columns + k * n, x, n);

				R[k * terms + j] += share;
				add_multiple(x, -share, columns + k * n, n);
			}
		length = sqrt(mmm_dot(x, x, n));
		if (!(length > 1e-14 * before))
			length = 0;
		R[j * terms + j] = length;
		for (size_t i = 0; i < n; i++)
			x[i] = length > 0 ? x[i] / length : 0;
	}
}

/* Rotates rows a and b of both matrices so that those of A become orthogonal; false: they were. */
static bool
rotate(double *A, double *V, int n, int a, int b)
{
	double *x = A + a * n;
	double *y = A + b * n;
	double xx = mmm_dot(x, x, n);
	double yy = mmm_dot(y, y, n);
	double xy = mmm_dot(x, y, n);
	double zeta, t, c, s;

	if (!(fabs(xy) > 4 * DBL_EPSILON * sqrt(xx * yy)))
		return false;
	zeta = (yy - xx) / (2 * xy);
	t = copysign(1 / (fabs(zeta) + hypot(1, zeta)), zeta);
	c = 1 / sqrt(1 + t * t);
	s = c * t;
	for (int i = 0; i < n; i++)
	{
		double p = x[i], q = y[i], v = V[a * n + i], w = V[b * n + i];

		x[i] = c * p - s * q;
		y[i] = s * p + c * q;
		V[a * n + i] = c * v - s * w;
		V[b * n + i] = s * v + c * w;
	}
	return true;
}

/* Singular values of A (its rows are the columns of what is decomposed) by Hestenes' one-sided Jacobi method. */
static void
decompose(double *A, double *V, double *singular, int n, const CoreEnv *env)
{
	bool moved = true;

	memset(V, 0, sizeof(double) * n * n);
	for (int k = 0; k < n; k++)
		V[k * n + k] = 1;
	for (int sweep = 0; moved && sweep < SWEEPS; sweep++)
	{
		moved = false;
		for (int a = 0; a < n; a++)
		{
			core_check(env);
			for (int b = a + 1; b < n; b++)
				moved = rotate(A, V, n, a, b) || moved;
		}
	}
	for (int k = 0; k < n; k++)
		singular[k] = sqrt(mmm_dot(A + k * n, A + k * n, n));
}

static void
swap_rows(double *A, int n, int a, int b)
{
	for (int i = 0; i < n; i++)
	{
		double t = A[a * n + i];

		A[a * n + i] = A[b * n + i];
		A[b * n + i] = t;
	}
}

/* Descending singular values, those of no account to 0; returns how many are left. */
static int
sort_singular(double *A, double *V, double *singular, int n)
{
	int rank = 0;

	for (int k = 0; k < n; k++)
	{
		int most = k;
		double s;

		for (int j = k + 1; j < n; j++)
			if (singular[j] > singular[most])
				most = j;
		s = singular[most];
		singular[most] = singular[k];
		singular[k] = s;
		if (most != k)
		{
			swap_rows(A, n, k, most);
			swap_rows(V, n, k, most);
		}
		if (s > 1e-14 * singular[0])
			rank++;
		else
			singular[k] = 0;
	}
	return rank;
}

void
mmm_gaussian_init(MmmGaussian *g, double *columns, size_t n, size_t observed, int terms, const double *mean,
				  const double *sd, const CoreEnv *env)
{
	double *R = CORE_ALLOC(env, double, (size_t) terms *terms);
	double *A = CORE_ALLOC(env, double, (size_t) terms *terms);

	memset(g, 0, sizeof(*g));
	g->n = n;
	g->observed = observed;
	g->terms = terms;
	g->singular = CORE_ALLOC(env, double, terms);
	g->V = CORE_ALLOC(env, double, (size_t) terms *terms);
	g->mean = CORE_ALLOC(env, double, terms);
	g->sd = CORE_ALLOC(env, double, terms);
	for (int j = 0; j < terms; j++)
	{
		g->mean[j] = mean[j];
		g->sd[j] = sd[j];
		for (size_t i = 0; i < n; i++)
			columns[j * n + i] *= sd[j];
	}
	orthonormalize(columns, n, terms, R, env);
	for (int j = 0; j < terms; j++)
		for (int k = 0; k < terms; k++)
			A[j * terms + k] = R[k * terms + j];
	decompose(A, g->V, g->singular, terms, env);
	g->rank = sort_singular(A, g->V, g->singular, terms);
	g->u = CORE_ALLOC(env, double, terms);
	g->U = CORE_ALLOC_ZERO(env, double, g->rank * n);
	for (int k = 0; k < g->rank; k++)
	{
		core_check(env);
		for (int j = 0; j < terms; j++)
			add_multiple(g->U + k * n, A[k * terms + j] / g->singular[k], columns + j * n, n);
	}
	core_free(env, R);
	core_free(env, A);
	core_free(env, columns);
}

double
mmm_gaussian_log_density(MmmGaussian *g, const double *residual, double sigma, double *weighted,
						 double *dlog_sigma)
{
	double variance = sigma * sigma;
	double rest = (double) g->observed - g->rank;
	double squares;
	double log_density;

	/* what the terms cannot explain is subtracted, not r'r - u'u: the level of the KPI would cancel */
	memcpy(weighted, residual, sizeof(double) * g->n);
	for (int k = 0; k < g->rank; k++)
	{
		g->u[k] = mmm_dot(g->U + k * g->n, residual, g->n);
		add_multiple(weighted, -g->u[k], g->U + k * g->n, g->n);
	}
	squares = mmm_dot(weighted, weighted, g->n);
	log_density = -(g->observed * LOG_2PI + rest * log(variance) + squares / variance) / 2;
	*dlog_sigma = squares / variance - rest;
	for (size_t i = 0; i < g->n; i++)
		weighted[i] /= variance;
	for (int k = 0; k < g->rank; k++)
	{
		double along = variance + g->singular[k] * g->singular[k];
		double square = g->u[k] * g->u[k] / along;

		log_density -= (log(along) + square) / 2;
		*dlog_sigma += (square - 1) * variance / along;
		add_multiple(weighted, g->u[k] / along, g->U + k * g->n, g->n);
	}
	return log_density;
}

/* b = mean + sd * sum_k V[k] z_k */
static void
from_singular(const MmmGaussian *g, const double *z, double *b)
{
	for (int j = 0; j < g->terms; j++)
	{
		double sum = 0;

		for (int k = 0; k < g->terms; k++)
			sum += g->V[k * g->terms + j] * z[k];
		b[j] = g->mean[j] + g->sd[j] * sum;
	}
}

void
mmm_gaussian_draw(const MmmGaussian *g, double sigma, RandomStream *stream, double *scratch, double *b)
{
	double variance = sigma * sigma;

	for (int k = 0; k < g->terms; k++)
	{
		double s = g->singular[k];
		double along = variance + s * s;

		scratch[k] = random_normal(stream);
		if (k < g->rank)
			scratch[k] = s * g->u[k] / along + sqrt(variance / along) * scratch[k];
	}
	from_singular(g, scratch, b);
}

void
mmm_gaussian_draw_prior(const MmmGaussian *g, RandomStream *stream, double *b)
{
	for (int j = 0; j < g->terms; j++)
		b[j] = g->mean[j] + g->sd[j] * random_normal(stream);
}
