/*
 * Bayesian fit of a media mix model: chains of the No-U-Turn sampler over its posterior, and what they are worth.
 */
#ifndef ATTRIB_MMM_BAYES_H
#define ATTRIB_MMM_BAYES_H

#include "mmm_posterior.h"
#include "mmm_search.h"
#include "nuts.h"

typedef struct MmmBayesOptions
{
	int chains;
	int warmup;
	int draws; /* of each chain */
	uint64_t seed;
	double target_accept;
	int max_depth;
	MmmProgress *progress;
} MmmBayesOptions;

/* Up to this many dimensions the metric is the full covariance. */
#define MMM_DENSE_DIM 60

/* Of one chain, without pointers: it may be computed by another process. */
typedef struct MmmChain
{
	NutsFailure failure;
	int divergences;
	int stopped;
	int64_t leapfrogs; /* with those of the warm-up */
	double ebfmi;
	double step;
} MmmChain;

/* Fills draw[draws][parameters]. Chain k is the same whoever runs it and whatever ran before. */
extern CoreStatus mmm_chain_run(MmmPosterior *posterior, const MmmBayesOptions *options, int chain,
								double *draw, MmmChain *result);

/* From all chains' draws to everything else that a fit holds; fit->draw is theirs, chain after chain. */
extern CoreStatus mmm_bayes_summarize(MmmPosterior *posterior, const MmmBayesOptions *options,
									  const MmmChain *chain, double *draw, const CoreEnv *env, MmmFit *fit);

/* What a sound fit keeps to (Vehtari et al. 2021; Betancourt 2016). */
#define MMM_MAX_RHAT 1.01
#define MMM_MIN_ESS 400
#define MMM_MIN_EBFMI 0.3
/* Monte-Carlo error of a mean over the posterior's standard deviation: 400 independent draws have this. */
#define MMM_MAX_MCSE 0.05
/* Contraction 1 - (posterior sd / prior sd)^2 below this: the data hardly moved the prior (Betancourt 2018). */
#define MMM_MIN_CONTRACTION 0.1

extern double mmm_contraction(const MmmMarginal *marginal, double posterior_sd);

#endif
