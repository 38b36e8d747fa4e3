/*
 * One chain's place, and the trajectories that move it.
 */
#ifndef ATTRIB_NUTS_TRAJECTORY_H
#define ATTRIB_NUTS_TRAJECTORY_H

#include "nuts.h"
#include "nuts_warmup.h"
#include "random.h"

/* A place to stand on; its gradient is whitened (nuts_warmup.h). */
typedef struct NutsPlace
{
	double *q;
	double *g;
	double log_density;
	double energy;
} NutsPlace;

/*
 * A subtree: the momenta at its ends in the order they were reached, the sum of all, and the place drawn from it.
 * Of a single leaf only `first` and the place are filled.
 */
typedef struct NutsSubtree
{
	int depth;
	double *first;
	double *last;
	double *sum;
	double weight;
	NutsPlace drawn;
} NutsSubtree;

typedef struct NutsSampler
{
	const NutsTarget *target;
	const CoreEnv *env;
	int dim;
	int max_depth;
	double step;
	RandomStream stream;
	NutsMetric metric;
	double *scratch;
	NutsPlace present;
	NutsPlace end[2]; /* of the trajectory, backward and forward in time; moved in place */
	double *end_momentum[2];
	double *momentum[2]; /* at the ends before the present doubling */
	double *sum;		 /* of all momenta of the trajectory */
	double start_energy;
	double accepted; /* sum over the steps of a trajectory */
	int leapfrogs;
	int unchecked;
	int size; /* of the stack */
	NutsSubtree stack[NUTS_MAX_DEPTH + 1];
} NutsSampler;

/* At no place yet, with step 1 and the identity as metric. Options are within their limits. */
extern void nuts_sampler_init(NutsSampler *s, const NutsTarget *target, const NutsOptions *options,
							  const CoreEnv *env);

/* All but the metric's covariance. */
extern void nuts_sampler_free(NutsSampler *s);

extern bool nuts_all_finite(const double *x, int n);

/* Log density and whitened gradient at place->q; -INFINITY where the density is not finite. */
extern void nuts_evaluate(NutsSampler *s, NutsPlace *place);

/* One iteration: moves the present place. */
extern void nuts_iterate(NutsSampler *s, NutsStat *stat);

/* By how much the energy falls in one step from the present place, with a fresh momentum. */
extern double nuts_energy_drop(NutsSampler *s);

#endif
