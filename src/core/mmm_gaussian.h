/*
 * Linear terms with Normal priors, integrated out of a Normal likelihood: y = X b + noise with b ~ N(mean, sd^2)
 * leaves y ~ N(X mean, V), V = sigma^2 I + X diag(sd^2) X'. The singular values of X diag(sd) are found once; then
 * each sigma and each residual cost two passes over as many columns as there are terms.
 */
#ifndef ATTRIB_MMM_GAUSSIAN_H
#define ATTRIB_MMM_GAUSSIAN_H

#include "random.h"

typedef struct MmmGaussian
{
	size_t n;		  /* rows of the grid */
	size_t observed;  /* rows that have an observation; in all others residuals and columns are 0 */
	int terms;		  /* how many are integrated out */
	int rank;		  /* of these, how many singular values are not 0: they come first */
	double *U;		  /* [rank][n] left singular vectors */
	double *singular; /* [terms] */
	double *V;		  /* [terms][terms]: right singular vector k is V[k] */
	double *mean;	  /* [terms] of the prior */
	double *sd;
	double *u; /* [rank], U'r of the last residual */
} MmmGaussian;

/* columns[terms][n] are taken over and overwritten; mean and sd are copied. */
extern void mmm_gaussian_init(MmmGaussian *g, double *columns, size_t n, size_t observed, int terms,
							  const double *mean, const double *sd, const CoreEnv *env);

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

/* Sum of products, in a fixed order. */
extern double mmm_dot(const double *a, const double *b, size_t n);

#endif
