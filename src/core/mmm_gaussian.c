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

double
mmm_sum(const double *x, size_t n)
{
	double s[8] = {0};
	double sum = 0;
	size_t i = 0;

	for (; i + 8 <= n; i += 8)
		for (int k = 0; k < 8; k++)
			s[k] += x[i + k];
	for (; i < n; i++)
		sum += x[i];
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

/* A column that is one number wherever a geo was observed, and nothing elsewhere: that geo's level. */
static bool
is_level(const MmmGaussian *g, const double *column, int *geo)
{
	double value = 0;

	*geo = -1;
	for (int k = 0; k < g->geos; k++)
		for (int t = 0; t < g->periods; t++)
		{
			size_t i = (size_t) k * g->periods + t;

			if (!g->seen[i] || (column[i] == 0 && *geo != k))
				continue;
			if (*geo < 0)
			{
				/* what came before was observed, and 0 there */
				for (int before = 0; before < t; before++)
					if (g->seen[(size_t) k * g->periods + before])
						return false;
				*geo = k;
				value = column[i];
			}
			if (*geo != k || column[i] != value)
				return false;
		}
	return *geo >= 0;
}

/* A column that depends on the period alone: a row of it, wherever a geo was observed. */
static bool
is_shared(const MmmGaussian *g, const double *column, double *row)
{
	for (int t = 0; t < g->periods; t++)
	{
		row[t] = NAN;
		for (int k = 0; k < g->geos; k++)
		{
			size_t i = (size_t) k * g->periods + t;

			if (!g->seen[i])
				continue;
			if (isnan(row[t]))
				row[t] = column[i];
			if (row[t] != column[i])
				return false;
		}
		if (isnan(row[t]))
			row[t] = 0;
	}
	return true;
}

/* Levels, rows that all geos share, and whole columns: what is the same need not be multiplied again. */
static void
sort_columns(MmmGaussian *g, const double *columns, const CoreEnv *env)
{
	g->level_geo = CORE_ALLOC(env, int, g->terms);
	g->column = CORE_ALLOC_ZERO(env, double *, g->terms);
	for (int j = 0; j < g->terms; j++)
	{
		const double *x = columns + j * g->n;
		double *own = CORE_ALLOC(env, double, g->n);

		core_check(env);
		g->level_geo[j] = -1;
		if (g->geos > 1 && is_level(g, x, &g->level_geo[j]))
		{
			own[0] = 0;
			for (int t = 0; own[0] == 0; t++)
				own[0] = x[(size_t) g->level_geo[j] * g->periods + t];
		}
		else if (is_shared(g, x, own))
			g->level_geo[j] = MMM_SHARED;
		else
		{
			g->level_geo[j] = MMM_WHOLE;
			memcpy(own, x, sizeof(double) * g->n);
		}
		g->column[j] = own;
	}
}

void
mmm_gaussian_init(MmmGaussian *g, double *columns, int geos, int periods, const bool *seen, int terms,
				  const double *mean, const double *sd, const CoreEnv *env)
{
	size_t n = (size_t) geos * periods;
	double *R = CORE_ALLOC(env, double, (size_t) terms *terms);
	double *A = CORE_ALLOC(env, double, (size_t) terms *terms);

	memset(g, 0, sizeof(*g));
	g->n = n;
	g->geos = geos;
	g->periods = periods;
	g->seen = seen;
	g->terms = terms;
	g->singular = CORE_ALLOC(env, double, terms);
	g->V = CORE_ALLOC(env, double, (size_t) terms *terms);
	g->mean = CORE_ALLOC(env, double, terms);
	g->sd = CORE_ALLOC(env, double, terms);
	for (size_t i = 0; i < n; i++)
		g->observed += seen[i];
	for (int j = 0; j < terms; j++)
	{
		g->mean[j] = mean[j];
		g->sd[j] = sd[j];
		for (size_t i = 0; i < n; i++)
			columns[j * n + i] *= sd[j];
	}
	sort_columns(g, columns, env);
	orthonormalize(columns, n, terms, R, env);
	for (int j = 0; j < terms; j++)
		for (int k = 0; k < terms; k++)
			A[j * terms + k] = R[k * terms + j];
	decompose(A, g->V, g->singular, terms, env);
	g->rank = sort_singular(A, g->V, g->singular, terms);
	g->projected = CORE_ALLOC(env, double, terms);
	g->standard = CORE_ALLOC(env, double, terms);
	g->by_geo = CORE_ALLOC(env, double, geos);
	g->by_period = CORE_ALLOC(env, double, periods);
	core_free(env, R);
	core_free(env, A);
	core_free(env, columns);
}

/* standard = W'r, W being the columns times their sd. */
static void
project(MmmGaussian *g, const double *r)
{
	memset(g->by_period, 0, sizeof(double) * g->periods);
	for (int k = 0; k < g->geos; k++)
	{
		const double *row = r + (size_t) k * g->periods;

		g->by_geo[k] = mmm_sum(row, g->periods);
		for (int t = 0; t < g->periods; t++)
			g->by_period[t] += row[t];
	}
	for (int j = 0; j < g->terms; j++)
	{
		int kind = g->level_geo[j];

		if (kind >= 0)
			g->standard[j] = g->column[j][0] * g->by_geo[kind];
		else if (kind == MMM_SHARED)
			g->standard[j] = mmm_dot(g->column[j], g->by_period, g->periods);
		else
			g->standard[j] = mmm_dot(g->column[j], r, g->n);
	}
}

/* rest = r - W standard */
static void
subtract(MmmGaussian *g, const double *r, double *rest)
{
	memset(g->by_geo, 0, sizeof(double) * g->geos);
	memset(g->by_period, 0, sizeof(double) * g->periods);
	memcpy(rest, r, sizeof(double) * g->n);
	for (int j = 0; j < g->terms; j++)
	{
		int kind = g->level_geo[j];

		if (kind >= 0)
			g->by_geo[kind] += g->standard[j] * g->column[j][0];
		else if (kind == MMM_SHARED)
			add_multiple(g->by_period, g->standard[j], g->column[j], g->periods);
		else
			add_multiple(rest, -g->standard[j], g->column[j], g->n);
	}
	for (int k = 0; k < g->geos; k++)
	{
		double *row = rest + (size_t) k * g->periods;
		const bool *seen = g->seen + (size_t) k * g->periods;

		for (int t = 0; t < g->periods; t++)
			row[t] -= g->by_period[t] + g->by_geo[k];
		for (int t = 0; g->observed < g->n && t < g->periods; t++)
			if (!seen[t])
				row[t] = 0;
	}
}

/*
 * With the terms at their conditional mean a (in standard deviations of their priors), r'V^-1 r = |r - W a|^2 / sigma^2
 * + |a|^2: no difference of large numbers, however high the level of the KPI.
 */
double
mmm_gaussian_log_density(MmmGaussian *g, const double *residual, double sigma, double *weighted,
						 double *dlog_sigma)
{
	double variance = sigma * sigma;
	double rest = (double) g->observed - g->rank;
	double lengths = 0;
	double logs = 0;
	double squares;

	project(g, residual);
	*dlog_sigma = -rest;
	for (int k = 0; k < g->terms; k++)
		g->projected[k] = mmm_dot(g->V + k * g->terms, g->standard, g->terms);
	memset(g->standard, 0, sizeof(double) * g->terms);
	for (int k = 0; k < g->rank; k++)
	{
		double along = variance + g->singular[k] * g->singular[k];
		double a = g->projected[k] / along;

		add_multiple(g->standard, a, g->V + k * g->terms, g->terms);
		lengths += a * a;
		logs += log(along);
		*dlog_sigma -= variance / along;
	}
	subtract(g, residual, weighted);
	squares = mmm_dot(weighted, weighted, g->n);
	*dlog_sigma += squares / variance;
	for (size_t i = 0; i < g->n; i++)
		weighted[i] /= variance;
	return -(g->observed * LOG_2PI + rest * log(variance) + logs + squares / variance + lengths) / 2;
}

void
mmm_gaussian_rest(MmmGaussian *g, const double *column, double *rest)
{
	double variance = mmm_dot(column, column, g->n) / (double) g->n / 100;
	double slope;

	if (!(variance > 0))
	{
		memset(rest, 0, sizeof(double) * g->n);
		return;
	}
	mmm_gaussian_log_density(g, column, sqrt(variance), rest, &slope);
	for (size_t i = 0; i < g->n; i++)
		rest[i] *= variance;
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
			scratch[k] = g->projected[k] / along + sqrt(variance / along) * scratch[k];
	}
	from_singular(g, scratch, b);
}

void
mmm_gaussian_draw_prior(const MmmGaussian *g, RandomStream *stream, double *b)
{
	for (int j = 0; j < g->terms; j++)
		b[j] = g->mean[j] + g->sd[j] * random_normal(stream);
}
