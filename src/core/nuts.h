/*
 * The No-U-Turn Sampler: Hamiltonian Monte Carlo that chooses the length of its trajectories itself (Hoffman and
 * Gelman 2014), drawing from each by multinomial weights (Betancourt 2017). Step size and metric are adapted in
 * windows during warm-up, as Stan does. One call runs one chain and knows nothing of the others.
 */
#ifndef ATTRIB_NUTS_H
#define ATTRIB_NUTS_H

#include "core.h"

/* The density to draw from, on the whole of R^dim: bounded quantities come through a map (prior.h). */
typedef struct NutsTarget
{
	int dim;
	void *state;

	/*
	 * The log density at q up to a constant; fills gradient[dim]. A result that is not finite means "not here":
	 * the step is rejected and counts as divergent, and what the gradient holds then does not matter. May raise.
	 */
	double (*log_density)(void *state, const double *q, double *gradient);
} NutsTarget;

#define NUTS_MAX_DIM 100000
#define NUTS_MAX_DENSE_DIM 500
#define NUTS_MAX_ITERATIONS 1000000 /* of warm-up, and of draws */
#define NUTS_MAX_DEPTH 15
#define NUTS_START_TRIES 100

typedef struct NutsOptions
{
	int warmup; /* below 20: only the step size is adapted; 0: nothing is */
	int draws;	/* kept after warm-up, at least 1 */
	uint64_t seed;
	uint64_t chain;		  /* chains of one seed have independent streams */
	double target_accept; /* mean acceptance that the step size aims at, in (0, 1) */
	int max_depth;		  /* a trajectory has at most 2^max_depth steps; 1 .. NUTS_MAX_DEPTH */
	bool dense;			  /* the metric is the full covariance, else its diagonal */
	const double *start;  /* [dim]; NULL: uniform in (-2, 2) each, drawn again until the density is finite */

	/* Called after every iteration if not NULL: how many of warmup + draws are done. May raise. */
	void (*progress)(void *arg, int done, int total, bool divergent);
	void *progress_arg;
} NutsOptions;

#define NUTS_DEFAULTS                                                                                        \
	((NutsOptions){                                                                                          \
		.warmup = 1000, .draws = 1000, .seed = 1, .chain = 0, .target_accept = 0.8, .max_depth = 10})

/* What is known of a draw besides its place. */
typedef struct NutsStat
{
	double log_density;
	double energy;	/* of the trajectory: minus log density, and the kinetic part */
	double accept;	/* mean acceptance along the trajectory */
	double step;	/* step size */
	int depth;		/* the trajectory was doubled that often */
	int leapfrogs;	/* gradients it took */
	bool divergent; /* the energy error passed 1000, or the density was not finite */
	bool stopped;	/* by max_depth, not by a U-turn or a divergence */
} NutsStat;

/* Why there are no draws. */
typedef enum NutsFailure
{
	NUTS_FINE = 0,
	NUTS_BAD_OPTIONS, /* outside the limits above */
	NUTS_NO_START,	  /* density or gradient not finite at `start`, or in NUTS_START_TRIES random places */
	NUTS_FLAT,		  /* no step is too long: the density seems to have no finite integral */
	NUTS_ROUGH,		  /* no step is short enough: the density seems not to be continuous */
} NutsFailure;

typedef struct NutsRun
{
	NutsFailure failure;
	int dim;
	int draws;
	double *draw;	 /* [draw][dim]; always finite */
	NutsStat *stat;	 /* [draw] */
	int divergences; /* among the draws, as is all below */
	int stopped;
	int64_t leapfrogs;
	int64_t warmup_leapfrogs;
	double ebfmi; /* energy fraction of missing information (mcmc.h); below 0.3 is bad */
	double step;  /* after warm-up */
	bool dense;
	double *metric; /* adapted covariance: [dim], or [dim][dim] if dense */
} NutsRun;

/*
 * CORE_BAD_INPUT for the options' and CORE_NUMERIC for the density's faults; `failure` says which. The arrays of
 * the run are the caller's to free.
 */
extern CoreStatus nuts_run(const NutsTarget *target, const NutsOptions *options, const CoreEnv *env,
						   NutsRun *run);
extern void nuts_free(NutsRun *run, const CoreEnv *env);

/* One line, for a message: "no starting point ...". */
extern const char *nuts_failure_text(NutsFailure failure);

#endif
