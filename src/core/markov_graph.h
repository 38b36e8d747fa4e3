/*
 * The chain arranged for solving: states renumbered so that their strongly connected components come in
 * topological order, edges by where they lead, in either direction of time.
 *
 * A state's steps to itself change neither which states a walk visits nor where it ends, and are left out.
 * Counts become doubles here, which changes them by a relative 2^-53; the solvers only add, multiply and
 * divide, never subtract, so that such errors stay small relative ones of every answer.
 */
#ifndef ATTRIB_MARKOV_GRAPH_H
#define ATTRIB_MARKOV_GRAPH_H

#include "markov_chain.h"

/* One direction of time. Edges into each state, ascending by predecessor. */
typedef struct FlowGraph
{
	uint32_t nstates;
	size_t *first; /* nstates + 1 */
	size_t *inner; /* from here on predecessors lie in the state's own component (or there are none) */
	uint32_t *from;
	double *count;
	uint32_t *component;	   /* by state */
	uint32_t ncomponents;	   /* topologically ordered: edges go from lower to higher or stay */
	uint32_t *component_first; /* ncomponents + 1 */
} FlowGraph;

/*
 * `forward` is the chain; `backward` is the chain seen from the end: walks go from conversions to starts, and
 * state i of the one is state n - 1 - i of the other, so that both can be solved from front to back.
 */
typedef struct MarkovGraph
{
	const CoreEnv *env;
	uint32_t nstates;
	FlowGraph forward;
	FlowGraph backward;
	uint32_t *state;   /* of the chain */
	double *start;	   /* matured journeys that begin here */
	double *ended;	   /* that end here */
	double *converted; /* that end here with a conversion */
	double *earned;	   /* their value */
	double *leave;	   /* steps from here to another component, or to an end */
} MarkovGraph;

extern void markov_graph_build(const MarkovChain *chain, MarkovGraph *graph);
extern void markov_graph_free(MarkovGraph *graph);

#endif
