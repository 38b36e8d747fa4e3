/*
 * The Bayesian fit on the PostgreSQL side.
 */
#ifndef ATTRIB_MMM_CHAINS_H
#define ATTRIB_MMM_CHAINS_H

#include "mmm_arguments.h"

/*
 * Chains run where there is room for their draws: [chain][draws][parameters]. Whoever runs a chain, its draws are
 * the same; so processes take the next chain from a counter.
 */
typedef struct MmmChains
{
	const MmmRequest *request;
	MmmPosterior posterior;
	double *draw;
	MmmChain *chain;
} MmmChains;

/* False if the chain failed; its fault is in chains->chain. */
extern bool mmm_chains_run(MmmChains *chains, int number);
extern void mmm_chains_prepare(MmmChains *chains, const MmmRequest *request, const CoreEnv *env);

/*
 * Runs all chains with the help of parallel workers, which read the arguments of the call again. False if there are
 * none to be had: nothing has been done then.
 */
extern bool mmm_chains_run_parallel(FunctionCallInfo fcinfo, MmmChains *chains);

/* Fills request->value.fit; WARNINGs where the chains are not to be relied on. */
extern void mmm_bayes_fit(FunctionCallInfo fcinfo, MmmRequest *request, const CoreEnv *env);

#endif
