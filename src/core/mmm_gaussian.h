/*
 * Linear terms with Normal priors, integrated out of a Normal likelihood: y = X b + noise with b ~ N(mean, sd^2)
 * leaves y ~ N(X mean, V), V = sigma^2 I + X diag(sd^2) X'. The singular values of X diag(sd) are found once; then
 * each sigma and each residual cost two passes over the columns, of which those of a panel are mostly levels of single
 * geos or the same in every geo, and cost next to nothing.
 */
#ifndef ATTRIB_MMM_GAUSSIAN_H
#define ATTRIB_MMM_GAUSSIAN_H

#include "random.h"

/* What a column is besides the level of a geo, whose number it then has. */
#define MMM_SHARED (-1) /* the same in every geo: a row of periods */
#define MMM_WHOLE (-2)

typedef struct MmmGaussian
{
	size_t n; /* rows of the grid, geos * periods */
	int geos;
	int periods;
	const bool *seen; /* [n] has an observation; where none is, residuals and columns are 0 */
	size_t observed;
	int terms;		  /* how many are integrated out */
	int rank;		  /* of these, how many singular values are not 0: they come first */
	int *level_geo;	  /* [terms] */
	double **column;  /* [terms] times sd: a level, a row or all */
	double *singular; /* [terms] */
	double *V;		  /* [terms][terms]: right singular vector k is V[k] */
	double *mean;	  /* [terms] of the prior */
	double *sd;
	double *projected; /* [terms], V'X'r of the last residual */
	double *standard;  /* scratch */
	double *by_geo;
	double *by_period;
} MmmGaussian;

/* columns[terms][n] are taken over and overwritten; mean and sd are copied, seen is not. */
extern void mmm_gaussian_init(MmmGaussian *g, double *columns, int geos, int periods, const bool *seen,
							  int terms, const double *mean, const double *sd, const CoreEnv *env);

/*
 * Log density of a residual (y less everything but the terms' departure from their means). weighted = V^-1 r, the
 * slope along what is predicted; *dlog_sigma the slope along ln sigma.
 */
extern double mmm_gaussian_log_density(MmmGaussian *g, const double *residual, double sigma, double *weighted,
									   double *dlog_sigma);

/* The terms given the residual of the last log density: exact and independent draws. */
extern void mmm_gaussian_draw(const MmmGaussian *g, double sigma, RandomStream *stream, double *scratch,
							  double *b);

/* Draws of the terms from their priors. */
extern void mmm_gaussian_draw_prior(const MmmGaussian *g, RandomStream *stream, double *b);

/* What of a column the terms cannot explain but by going against their priors, at a tenth of its own deviation. */
extern void mmm_gaussian_rest(MmmGaussian *g, const double *column, double *rest);

/* Sums, and sums of products, in a fixed order. */
extern double mmm_sum(const double *x, size_t n);
extern double mmm_dot(const double *a, const double *b, size_t n);

#endif
