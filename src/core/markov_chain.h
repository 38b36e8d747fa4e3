/*
 * The order-k Markov chain of a summary: its states, and how often each step between them was taken.
 *
 * A state is a run of k touches (a k-gram); a path shorter than k is one state of its own. Only matured
 * journeys count, those with an empty path are in no chain. Two facts about such a chain carry the solver:
 * every counted walk starts and ends, so what flows into a state flows out of it, and the expected visits
 * of a state per journey are its visits over the journeys, with no equation to solve.
 */
#ifndef ATTRIB_MARKOV_CHAIN_H
#define ATTRIB_MARKOV_CHAIN_H

#include "summary_view.h"

/* The states, and the state of every window of every counted path. */
typedef struct MarkovStates
{
	const SummaryView *view;
	const CoreEnv *env;
	uint32_t order;
	size_t npaths;
	size_t *path;		  /* index in view->paths */
	size_t *window_first; /* npaths + 1: where a path's windows begin in window */
	uint32_t *window;	  /* see markov_window_count for how many of a path's slots mean something */
	uint32_t nstates;
	const uint32_t **gram; /* by state, ascending lexicographically, a gram before its extensions */
	uint32_t *length;	   /* of gram: order, or less for a whole short path */
} MarkovStates;

/* What happened in each state. Indices are states unless said otherwise. */
typedef struct MarkovChain
{
	MarkovStates states;
	int64_t journeys; /* matured, with a path */
	int64_t conversions;
	fixed128 value;
	int64_t *start;		  /* journeys that begin here */
	int64_t *converted;	  /* that end here with a conversion */
	int64_t *lost;		  /* that end here without one */
	fixed128 *earned;	  /* value of those that convert here */
	size_t *edge_first;	  /* nstates + 1 */
	uint32_t *edge_to;	  /* ascending within a state */
	fixed128 *edge_count; /* a long path repeats an edge, so int64 might not hold it */
} MarkovChain;

/* How many journeys of a path are matured; only those make chains and failure rates. */
static inline int64_t
markov_weight(const SummaryPath *path)
{
	return path->matured_conversions + path->lost;
}

/* A path's number of states before equal neighbours are collapsed. */
static inline size_t
markov_window_count(const MarkovStates *states, const SummaryPath *path)
{
	return path->ntouches < states->order ? 1 : (size_t) path->ntouches - states->order + 1;
}

extern CoreStatus markov_states_build(const SummaryView *view, uint32_t order, const CoreEnv *env,
									  MarkovStates *states);
extern void markov_states_free(MarkovStates *states);

extern CoreStatus markov_chain_build(const SummaryView *view, uint32_t order, bool collapse_repeats,
									 const CoreEnv *env, MarkovChain *chain);
extern void markov_chain_free(MarkovChain *chain);

#endif
