/*
 * What a chain loses without a channel.
 *
 * The converting flow a channel touches is the number of conversions that would be lost if every state
 * containing it led to (null); over all conversions it is the removal effect. It is computed as a sum of
 * first visits times the chance to convert from there, never as a difference of two conversion rates.
 */
#ifndef ATTRIB_MARKOV_SOLVE_H
#define ATTRIB_MARKOV_SOLVE_H

#include "markov_graph.h"

/* By channel of the summary; both in the units of the input: conversions, and their value. */
typedef struct MarkovLoss
{
	double *conversions;
	double *value;
} MarkovLoss;

/* Order 1, with components of at most MARKOV_DENSE_MAX states: direct, cubic in a component's size. */
#define MARKOV_DENSE_MAX 3000
extern void markov_solve_dense(const MarkovChain *chain, const MarkovGraph *graph, MarkovLoss *loss);

/* Any order and size: iterative, eight channels at a time. */
extern CoreStatus markov_solve_sparse(const MarkovChain *chain, const MarkovGraph *graph, MarkovLoss *loss);

/* Whichever is faster. */
extern CoreStatus markov_solve(const MarkovChain *chain, MarkovLoss *loss);

#endif
