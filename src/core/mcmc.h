/*
 * What Markov chain draws are worth: convergence of several chains, effective sample sizes, Monte Carlo errors.
 *
 * Vehtari, Gelman, Simpson, Carpenter and Buerkner, "Rank-normalization, folding, and localization: an improved
 * R-hat for assessing convergence of MCMC", Bayesian Analysis 16 (2021); Geyer 1992 for the autocorrelation sums.
 *
 * Decided answers: draws that are not all finite, fewer than MCMC_MIN_DRAWS draws in a chain, or all draws alike
 * give NaN for every R-hat, and for every size and error (a parameter that cannot move has nothing to converge).
 * A chain stuck at a place of its own beside others gives a large or infinite R-hat.
 */
#ifndef ATTRIB_MCMC_H
#define ATTRIB_MCMC_H

#include "core.h"

#define MCMC_MIN_DRAWS 4

/* Draws of one quantity: value[chain][draw]. */
typedef struct McmcDraws
{
	int chains;
	int draws; /* of each chain */
	const double *value;
} McmcDraws;

typedef struct McmcSummary
{
	double mean;
	double sd;	 /* divisor n - 1 */
	double rhat; /* rank-normalised split R-hat: the larger of bulk and folded */
	double ess_bulk;
	double ess_tail; /* the smaller of those of the 5% and 95% quantiles */
	double mcse_mean;
	double mcse_sd;
} McmcSummary;

extern void mcmc_summary(const McmcDraws *x, const CoreEnv *env, McmcSummary *result);

/* Their parts. */
extern double mcmc_rhat(const McmcDraws *x, const CoreEnv *env);
extern double mcmc_ess_bulk(const McmcDraws *x, const CoreEnv *env);
extern double mcmc_ess_tail(const McmcDraws *x, const CoreEnv *env);
extern double mcmc_ess_mean(const McmcDraws *x, const CoreEnv *env);
extern double mcmc_ess_quantile(const McmcDraws *x, double p, const CoreEnv *env);
extern double mcmc_mcse_quantile(const McmcDraws *x, double p, const CoreEnv *env);

/* Copies column j of draws[draw][dim] of one chain to its place in value[chain][draw]. */
extern void mcmc_gather(const double *draws, int ndraws, int dim, int j, double *value);

/*
 * Energy Bayesian fraction of missing information of one chain (Betancourt 2016): sum of squared changes of
 * energy over that of squared distances from its mean. NaN where the energy is constant.
 */
extern double mcmc_ebfmi(const double *energy, int n);

#endif
