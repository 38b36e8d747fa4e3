/*
 * Leave-one-out cross-validation of a Bayesian model from its draws, by Pareto-smoothed importance sampling
 * (Vehtari, Gelman and Gabry 2017; Vehtari, Simpson, Gelman, Yao and Gabry 2024). The Pareto tail is fitted by
 * Zhang and Stephens (2009) with the weakly informative prior of the paper.
 */
#ifndef ATTRIB_PSIS_H
#define ATTRIB_PSIS_H

#include "core.h"

#define PSIS_MAX_DRAWS 1000000

/* One observation left out. */
typedef struct PsisPoint
{
	double elpd;	 /* log predictive density given the others */
	double pareto_k; /* above psis_threshold: not to be relied on; INFINITY where no tail could be fitted */
} PsisPoint;

typedef struct PsisLoo
{
	int observations;
	double elpd; /* sum over observations; higher predicts better */
	double se;
	double p; /* effective number of parameters */
	double p_se;
	int bad; /* observations with pareto_k above the threshold */
	double threshold;
	double worst_k;
	PsisPoint *point; /* [observation] */
} PsisLoo;

/* min(1 - 1 / log10(draws), 0.7) */
extern double psis_threshold(int draws);

/*
 * log_likelihood[draw][observation], draws of all chains one after the other. `efficiency` is effective over
 * actual draws (1: independent), which sets the length of the tail. CORE_BAD_INPUT for fewer than 2 draws, no
 * observation, or values that are NaN or infinite.
 */
extern CoreStatus psis_loo(const double *log_likelihood, int draws, int observations, double efficiency,
						   const CoreEnv *env, PsisLoo *result);
extern void psis_free(PsisLoo *result, const CoreEnv *env);

/*
 * Smooths log weights in place (they come out normalised: their exponentials sum to 1) and returns pareto_k.
 * scratch: [n] doubles.
 */
extern double psis_smooth(double *log_weight, int n, double efficiency, double *scratch, const CoreEnv *env);

#endif
