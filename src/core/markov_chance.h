/*
 * Chances along walks, for eight questions at a time that differ in which states end a walk.
 *
 * Seen forward, a state's chance is that of a visit counted there to come before anything that was asked for;
 * seen backward, from the end of walks, it is that of a visit to end in a conversion.
 */
#ifndef ATTRIB_MARKOV_CHANCE_H
#define ATTRIB_MARKOV_CHANCE_H

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
 * For each pair of lanes: unrolled, and used on local arrays, so that compilers keep a state's sums in
 * registers at -O2 too.
 */
#define FOR_PAIRS(p) _Pragma("GCC unroll 4") for (int p = 0; p < LANE_PAIRS; p++)

/*
 * The equations total_i chance_i = known_i + sum over edges into i of count_ji chance_j, and chance_i = 0 in
 * the lanes of stopped_i. States are in topological order of their components.
 *
 * total_i is all_i plus the counts, added in the order of the edges: if all of known_i / all_i and of the
 * chances are 1 the answer is exactly 1, and rounding leaves no drift along the longest of walks.
 */
typedef struct ChanceSystem
{
	const size_t *first; /* by state: its edges, ascending by predecessor */
	const uint32_t *from;
	const double *count;
	const double *known; /* comes with certainty, of */
	const double *all;	 /* what does not come over an edge */
	const double *total;
	const double *leave; /* counts of a state that go on to no state of its component */
	const uint8_t *stopped;
	double guess; /* 0, or 1 if what is below a chance of DUST does not matter */
} ChanceSystem;

#define CHANCE_DUST 1e-20

/*
 * Solves for the states [begin, end), a strongly connected component, when all states before it are solved.
 * CORE_NO_CONVERGE if that takes an absurd number of iterations.
 */
extern CoreStatus chance_solve(const ChanceSystem *system, uint32_t begin, uint32_t end, Lanes *chance,
							   Progress *progress);

/* The same by elimination: cubic in the component's size, and exact however slowly walks leave it. */
extern void chance_solve_direct(const ChanceSystem *system, uint32_t begin, uint32_t end, Lanes *chance,
								Progress *progress);

/* total_i chance_i, before it stops anything. */
static inline __attribute__((always_inline)) void
chance_inflow(const ChanceSystem *system, uint32_t i, const Lanes *chance, Pair *inflow)
{
	double known = system->known[i];
	size_t end = system->first[i + 1];
	Pair sum[LANE_PAIRS];

	FOR_PAIRS(p)
	sum[p] = (Pair){known, known};
	for (size_t e = system->first[i]; e < end; e++)
	{
		const Lanes *from = &chance[system->from[e]];
		double count = system->count[e];

		FOR_PAIRS(p)
		sum[p] += from->pair[p] * count;
	}
	FOR_PAIRS(p)
	inflow[p] = sum[p];
}

static inline __attribute__((always_inline)) void
chance_of_state(const ChanceSystem *system, uint32_t i, const Lanes *chance, Pair *answer)
{
	double total = system->total[i];
	uint8_t stopped = system->stopped[i];
	Pair sum[LANE_PAIRS];

	chance_inflow(system, i, chance, sum);
	FOR_PAIRS(p)
	answer[p] = sum[p] / total;
	if (stopped)
	{
		FOR_PAIRS(p)
		answer[p] *= (Pair){!(stopped >> 2 * p & 1), !(stopped >> (2 * p + 1) & 1)};
	}
}

static inline double
chance_total(const ChanceSystem *system, uint32_t i)
{
	double total = system->all[i];

	for (size_t e = system->first[i]; e < system->first[i + 1]; e++)
		total += system->count[e];
	return total;
}

#endif
