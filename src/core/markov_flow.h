/*
 * Expected flows through states, for eight walks at a time that differ in which states stop them.
 */
#ifndef ATTRIB_MARKOV_FLOW_H
#define ATTRIB_MARKOV_FLOW_H

#include "progress.h"

/* Two doubles in one register of every x86-64 and arm64; memory needs no more alignment than a double. */
typedef double Pair __attribute__((vector_size(16), aligned(8), may_alias));

#define LANE_PAIRS 4
#define LANES (2 * LANE_PAIRS)

/* The same quantity of eight systems. An edge fetches one cache line and serves all of them. */
typedef union Lanes
{
	double lane[LANES];
	Pair pair[LANE_PAIRS];
} Lanes;

/*
 * The equations flow_i = entering_i + sum over predecessors j of share_ji * flow_j, and flow_i = 0 in the
 * lanes of stopped_i. States are in topological order of their components.
 */
typedef struct FlowSystem
{
	const size_t *first; /* by state: its edges, ascending by predecessor */
	const uint32_t *from;
	const double *share;
	const double *leave;	/* share of what visits the state that next leaves its component, or ends */
	const double *entering; /* flow from outside of the system */
	const uint8_t *stopped;
} FlowSystem;

/*
 * Solves for the states [begin, end), a strongly connected component, when flows of all states before it are
 * known. CORE_NO_CONVERGE if that takes an absurd number of iterations.
 */
extern CoreStatus flow_solve(const FlowSystem *system, uint32_t begin, uint32_t end, Lanes *flow,
							 Progress *progress);

/* The same by elimination: cubic in the component's size, and exact however slowly walks leave it. */
extern void flow_solve_direct(const FlowSystem *system, uint32_t begin, uint32_t end, Lanes *flow,
							  Progress *progress);

/* The flow into a state, before it stops anything. */
static inline Lanes
flow_into(const FlowSystem *system, uint32_t i, const Lanes *flow)
{
	double entering = system->entering[i];
	Lanes sum = {{entering, entering, entering, entering, entering, entering, entering, entering}};

	for (size_t e = system->first[i]; e < system->first[i + 1]; e++)
	{
		const Lanes *from = &flow[system->from[e]];

		for (int p = 0; p < LANE_PAIRS; p++)
			sum.pair[p] += from->pair[p] * system->share[e];
	}
	return sum;
}

static inline void
flow_stop(uint8_t stopped, Lanes *flow)
{
	for (int l = 0; l < LANES; l++)
	{
		if (stopped >> l & 1)
			flow->lane[l] = 0;
	}
}

#endif
