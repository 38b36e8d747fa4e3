/*
 * Gauss-Seidel with extrapolation.
 *
 * Sweeps are sums and products of non-negative numbers; they converge from anywhere, as all walks end. What
 * is missing soon shrinks by the same factor r in every sweep, in the shape of the slowest mode: every CYCLE
 * sweeps that mode is measured by least squares on two consecutive changes, and all that it is going to add,
 * r / (1 - r) times the last change, is added at once (Aitken's process on vectors).
 */
#include "markov_flow.h"

#include <math.h>

#define CYCLE 12

/*
 * Sweeps stop once no flow changes by more than FINE of itself, and then go on for a quarter of the sweeps
 * that it took to get there from COARSE. If changes shrink slowly, by a factor r a sweep, the error is their
 * 1 / (1 - r) fold, but there were 16 / (1 - r) sweeps between the two: the quarter takes care of it.
 */
#define COARSE 1e-7
#define FINE 1e-14
#define MAX_SWEEPS 2000000

/* Elimination needs the square of a component's size in memory: 256 MB for this many states. */
#define MAX_DIRECT 2048

/* Flows this small are none: keeps walks that fade out from being followed below the smallest doubles. */
#define NEGLIGIBLE 1e-280

typedef long long PairBits __attribute__((vector_size(16)));

/* An iteration on one component. */
typedef struct Sweeps
{
	const FlowSystem *system;
	uint32_t begin;
	uint32_t end;
	Lanes *flow;
	Lanes *change;		 /* by state: what the last sweep changed */
	Lanes product;		 /* of the last two sweeps' changes */
	Lanes square;		 /* of the changes of the one before */
	uint64_t count;		 /* sweeps so far */
	uint64_t affordable; /* after which elimination would have been cheaper */
	Progress *progress;
} Sweeps;

static inline Pair
magnitude(Pair x)
{
	const PairBits mask = {INT64_MAX, INT64_MAX};

	return (Pair) ((PairBits) x & mask);
}

/* One sweep; whether anything moved by more than the tolerance. `measuring` also compares with the last. */
static inline bool
sweep(Sweeps *sweeps, double tolerance, bool keeping, bool measuring)
{
	const FlowSystem *system = sweeps->system;
	PairBits moved = {0, 0};

	for (uint32_t i = sweeps->begin; i < sweeps->end; i++)
	{
		Lanes sum = flow_into(system, i, sweeps->flow);
		Lanes *change = &sweeps->change[i - sweeps->begin];

		if (system->stopped[i])
			flow_stop(system->stopped[i], &sum);
		for (int p = 0; p < LANE_PAIRS; p++)
		{
			Pair delta = sum.pair[p] - sweeps->flow[i].pair[p];

			moved |= magnitude(delta) > sum.pair[p] * tolerance + NEGLIGIBLE;
			sweeps->flow[i].pair[p] = sum.pair[p];
			if (measuring)
			{
				sweeps->product.pair[p] += delta * change->pair[p];
				sweeps->square.pair[p] += change->pair[p] * change->pair[p];
			}
			if (keeping)
				change->pair[p] = delta;
		}
		progress_made(sweeps->progress, 8 + 4 * (system->first[i + 1] - system->first[i]));
	}
	sweeps->count++;
	return moved[0] != 0 || moved[1] != 0;
}

/* Adds what the slowest mode will add, lane by lane. */
static void
extrapolate(Sweeps *sweeps)
{
	Lanes gain;

	for (int l = 0; l < LANES; l++)
	{
		double rate = sweeps->square.lane[l] > 0 ? sweeps->product.lane[l] / sweeps->square.lane[l] : 0;

		/* outside of this range the mode is not isolated yet, or rounding is all there is */
		gain.lane[l] = rate > 0 && rate < 0.999999 ? rate / (1 - rate) : 0;
	}
	for (uint32_t i = sweeps->begin; i < sweeps->end; i++)
	{
		for (int p = 0; p < LANE_PAIRS; p++)
			sweeps->flow[i].pair[p] += gain.pair[p] * sweeps->change[i - sweeps->begin].pair[p];
		progress_made(sweeps->progress, 4);
	}
}

/* Sweeps until nothing moves by more than the tolerance; false if that is not affordable. */
static bool
settle(Sweeps *sweeps, double tolerance)
{
	for (int cycle = 1;; cycle = cycle % CYCLE + 1)
	{
		bool moved;

		if (sweeps->count >= sweeps->affordable)
			return false;
		if (cycle == CYCLE)
		{
			sweeps->product = sweeps->square = (Lanes){{0}};
			moved = sweep(sweeps, tolerance, true, true);
			if (moved)
				extrapolate(sweeps);
		}
		else if (cycle == CYCLE - 1)
			moved = sweep(sweeps, tolerance, true, false);
		else
			moved = sweep(sweeps, tolerance, false, false);
		if (!moved)
			return true;
	}
}

CoreStatus
flow_solve(const FlowSystem *system, uint32_t begin, uint32_t end, Lanes *flow, Progress *progress)
{
	uint64_t size = end - begin;
	uint64_t sweep_cost = 2 * size + (system->first[end] - system->first[begin]);
	Sweeps sweeps = {.system = system, .begin = begin, .end = end, .flow = flow, .progress = progress};
	bool settled;

	sweeps.affordable = MAX_SWEEPS;
	if (size <= MAX_DIRECT && size * size * size / sweep_cost < MAX_SWEEPS)
		sweeps.affordable = size * size * size / sweep_cost;
	sweeps.change = CORE_ALLOC(progress->env, Lanes, size);
	for (uint32_t i = begin; i < end; i++)
		flow[i] = (Lanes){{0}};
	settled = sweeps.affordable > 100 && settle(&sweeps, COARSE);
	if (settled)
	{
		uint64_t coarse = sweeps.count;

		settled = settle(&sweeps, FINE);
		for (uint64_t more = (sweeps.count - coarse) / 4; settled && more > 0; more--)
			(void) sweep(&sweeps, FINE, false, false);
	}
#ifdef FLOW_TRACE
	FLOW_TRACE(size, (unsigned) sweeps.count, settled);
#endif
	core_free(progress->env, sweeps.change);
	if (!settled && size > MAX_DIRECT)
		return CORE_NO_CONVERGE;
	if (!settled)
		flow_solve_direct(system, begin, end, flow, progress);
	return CORE_OK;
}
