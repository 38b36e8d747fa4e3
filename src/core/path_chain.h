/*
 * Predicting whether a journey converts from its path: one Markov chain fitted to the journeys that did, one
 * to those that were lost, and Bayes' rule between them.
 *
 *		P(converts | path)       P(converts)     prod over steps   P(step | last k touches, converts)
 *		-------------------  =  ------------- *                    ---------------------------------
 *		P(is lost | path)        P(is lost)                        P(step | last k touches, is lost)
 *
 * Steps are the touches, the first from the start, and the end. A removal effect needs one chain that leads
 * either way; telling the two ends apart needs to know which steps are typical of which, and how long such
 * journeys are. Repeats count.
 *
 * Probabilities are smoothed towards those of one touch less of context (Dirichlet priors, as in Bell's and
 * MacKay's language models), in the end towards the step's frequency in all journeys, each with the weight
 * of one journey a symbol. So a context too rare to tell anything says nothing either way.
 */
#ifndef ATTRIB_PATH_CHAIN_H
#define ATTRIB_PATH_CHAIN_H

#include "key_index.h"
#include "summary_view.h"

#define PATH_CHAIN_MAX_ORDER 20

#define PATH_CHAIN_UNKNOWN UINT32_MAX

typedef struct StepCount
{
	int64_t lost;
	int64_t converted;
} StepCount;

/* Contexts form a tree: a context's children add one earlier touch. 0 is the empty one. */
typedef struct PathChain
{
	const CoreEnv *env;
	uint32_t order;
	uint32_t nchannels;
	KeyIndex contexts;	/* parent << 32 | touch; number + 1 is the context's */
	KeyIndex steps;		/* context << 32 | touch, or nchannels for the end */
	StepCount *context; /* steps taken from it */
	size_t ncontexts;	/* room of that array */
	StepCount *step;
	size_t nsteps;
	StepCount journeys;
} PathChain;

/* 1 <= order <= PATH_CHAIN_MAX_ORDER; channels are numbers below nchannels. */
extern void path_chain_init(PathChain *chain, int order, uint32_t nchannels, const CoreEnv *env);
extern void path_chain_free(PathChain *chain);

/* Learns from the view's matured journeys; may be called for several views. */
extern CoreStatus path_chain_learn(PathChain *chain, const SummaryView *view);

/* PATH_CHAIN_UNKNOWN is a channel that nothing is known of. The empty path gets the overall rate. */
extern double path_chain_probability(const PathChain *chain, const uint32_t *touches, uint32_t ntouches);

#endif
