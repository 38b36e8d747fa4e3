/*
 * Predicting whether a journey converts from its path: one Markov chain of the journeys that did, one of those
 * that were lost, and Bayes' rule between them.
 *
 *		P(converts | path)       P(converts)     prod over steps   P(step | last k touches, converts)
 *		-------------------  =  ------------- *                    ---------------------------------
 *		P(is lost | path)        P(is lost)                        P(step | last k touches, is lost)
 *
 * Steps are the touches, the first from the start, and the end. A removal effect needs one chain that leads
 * either way; telling the two ends apart needs to know which steps are typical of which, and how long such
 * journeys are. Repeats count.
 *
 * What must be smoothed is the ratio, not the two chains: shrunk by themselves, the chain of the few
 * converted is shrunk further than that of the many lost, and the difference looks like evidence. A ratio is a
 * difference of odds: with R(g) the log odds that a journey converts whose path has the gram g (some touches
 * in a row, the start and the end among them),
 *
 *		log P(s | g, converts) - log P(s | g, is lost) = R(g s) - R(g)
 *
 * R(g1 .. gm) is the observed odds, shrunk towards what its shorter grams say without an interaction of the
 * ends, R(g1 .. gm-1) + R(g2 .. gm) - R(g2 .. gm-1), by a beta prior that weighs w_m journeys. So where
 * a longer context tells nothing new, it changes nothing. w_m comes from the grams of that length: their
 * dispersion beyond binomial noise (moments, as in Williams 1982); longer grams are shrunk no less
 * than shorter ones.
 */
#ifndef ATTRIB_PATH_CHAIN_H
#define ATTRIB_PATH_CHAIN_H

#include "key_index.h"
#include "summary_view.h"

#define PATH_CHAIN_MAX_ORDER 20

#define PATH_CHAIN_UNKNOWN UINT32_MAX

/* A gram's journeys, each counted as often as it has the gram. */
typedef struct PathGram
{
	int64_t lost;
	int64_t converted;
	double odds;	 /* R, once fitted */
	uint32_t suffix; /* the gram without its first symbol: number + 1, 0 for the empty one */
	uint32_t next;	 /* of the same length: number + 1 */
} PathGram;

/* Symbols are the channels, then the end, then the start. */
typedef struct PathChain
{
	const CoreEnv *env;
	uint32_t order;
	uint32_t nchannels;
	KeyIndex grams; /* (number + 1 of the gram without its last symbol) << 32 | last symbol */
	PathGram *gram;
	size_t ngrams;							  /* room of that array */
	uint32_t first[PATH_CHAIN_MAX_ORDER + 2]; /* by length: number + 1 */
	PathGram empty;							  /* all steps */
	PathGram journeys;
} PathChain;

/* 1 <= order <= PATH_CHAIN_MAX_ORDER; channels are numbers below nchannels. */
extern void path_chain_init(PathChain *chain, int order, uint32_t nchannels, const CoreEnv *env);
extern void path_chain_free(PathChain *chain);

/* Learns from the view's matured journeys; may be called for several views, then the chain is to be fitted. */
extern CoreStatus path_chain_learn(PathChain *chain, const SummaryView *view);
extern void path_chain_fit(PathChain *chain);

/* What the chains of orders 1 to chain->order say, which share their grams: chance[order - 1]. */
extern void path_chain_probabilities(const PathChain *chain, const uint32_t *touches, uint32_t ntouches,
									 double *chance);

/*
 * That of the highest order. PATH_CHAIN_UNKNOWN is a channel that nothing is known of. The empty path gets the
 * overall rate.
 */
extern double path_chain_probability(const PathChain *chain, const uint32_t *touches, uint32_t ntouches);

#endif
