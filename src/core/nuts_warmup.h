/*
 * What the sampler learns during warm-up: the step size, by dual averaging (Hoffman and Gelman 2014, section 3.2),
 * and the metric, from the draws of windows that double in length (Stan's reference manual, "HMC algorithm
 * parameters").
 */
#ifndef ATTRIB_NUTS_WARMUP_H
#define ATTRIB_NUTS_WARMUP_H

#include "core.h"

/*
 * The metric's inverse is the covariance C = S S' of the draws. Momenta are kept whitened, p ~ N(0, I), so that
 * velocity is S p, kinetic energy p'p/2, and a U-turn a plain dot product.
 */
typedef struct NutsMetric
{
	int dim;
	bool dense;
	double *covariance; /* [dim] or [dim][dim] */
	double *root;		/* S: square roots, or the lower Cholesky factor */
} NutsMetric;

extern void nuts_metric_init(NutsMetric *metric, int dim, bool dense, const CoreEnv *env); /* the identity */

/* q += step * S p */
extern void nuts_metric_move(const NutsMetric *metric, double step, const double *p, double *q);

/* g = S' g, in place; scratch[dim] */
extern void nuts_metric_whiten(const NutsMetric *metric, double *g, double *scratch);

typedef struct DualAverage
{
	double target;
	double mu;
	double log_step_mean;
	double error_mean;
	double count;
} DualAverage;

extern void dual_average_start(DualAverage *average, double target, double step);

/* The step size to try next, after one of mean acceptance `accept`. */
extern double dual_average_next(DualAverage *average, double accept);
extern double dual_average_final(const DualAverage *average);

/* A first buffer to find the typical set, slow windows for the metric, a last buffer for the step size. */
typedef struct NutsWindows
{
	int warmup;
	int first;	/* iterations of the first buffer */
	int last;	/* of the last buffer */
	int length; /* of the present window */
	int end;	/* its last iteration; -1: no windows at all */
} NutsWindows;

extern void nuts_windows_init(NutsWindows *windows, int warmup);
extern bool nuts_windows_collects(const NutsWindows *windows, int iteration);

/* True where a window ends with this iteration; the next one begins. */
extern bool nuts_windows_end(NutsWindows *windows, int iteration);

/* Welford's running moments of a window's draws. */
typedef struct NutsMoments
{
	double count;
	double *mean;
	double *sum;   /* of squares and products about the mean: as the metric's covariance */
	double *delta; /* scratch */
} NutsMoments;

extern void nuts_moments_init(NutsMoments *moments, const NutsMetric *metric, const CoreEnv *env);
extern void nuts_moments_free(NutsMoments *moments, const CoreEnv *env);
extern void nuts_moments_add(NutsMoments *moments, const NutsMetric *metric, const double *q);

/* Takes the window's covariance, drawn towards a small multiple of the identity, as metric; begins anew. */
extern void nuts_moments_learn(NutsMoments *moments, NutsMetric *metric, const CoreEnv *env);

#endif
