/*
 * Gauss-Seidel with extrapolation.
 *
 * Sweeps are sums and products of non-negative numbers; they converge from anywhere, as all walks end. What
 * is missing soon shrinks by the same factor r in every sweep, in the shape of the slowest mode: every CYCLE
 * sweeps that mode is measured by least squares on two consecutive changes, and all that it is going to add,
 * r / (1 - r) times the last change, is added at once (Aitken's process on vectors).
 */
#include "markov_chance.h"

#include <math.h>

#define CYCLE 12

/*
 * Sweeps stop once no chance changes by more than FINE of itself, and then go on for a quarter of the sweeps
 * that it took to get there from COARSE. If changes shrink slowly, by a factor r a sweep, the error is their
 * 1 / (1 - r) fold, but there were 14 / (1 - r) sweeps between the two: the quarter takes care of it.
 */
#define COARSE 1e-7
#define FINE 1e-13
#define MAX_SWEEPS 2000000

/* Where elimination costs no more than this many sweeps there is no point in trying them. */
#define FEW_SWEEPS 100

/* Elimination needs the square of a component's size in memory: 256 MB for this many states. */
#define MAX_DIRECT 2048

/* Chances this small are none: walks that fade out are not followed below the smallest doubles. */
#define NEGLIGIBLE 1e-280

typedef long long PairBits __attribute__((vector_size(16)));

/* An iteration on one component. */
typedef struct Sweeps
{
	const ChanceSystem *system;
	uint32_t begin;
	uint32_t end;
	Lanes *chance;
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

/*
 * One sweep; whether anything moved by more than the tolerance. `keeping` stores the changes, `measuring`
 * compares them with the stored ones first.
 */
static inline __attribute__((always_inline)) bool
sweep_states(Sweeps *sweeps, double tolerance, bool keeping, bool measuring)
{
	const ChanceSystem *system = sweeps->system;
	PairBits moved = {0, 0};

	double dust = system->guess * CHANCE_DUST + NEGLIGIBLE;

	for (uint32_t i = sweeps->begin; i < sweeps->end; i++)
	{
		Pair answer[LANE_PAIRS];
		Pair *chance = sweeps->chance[i].pair;
		Pair *change = sweeps->change[i - sweeps->begin].pair;

		chance_of_state(system, i, sweeps->chance, answer);
		FOR_PAIRS(p)
		{
			Pair delta = answer[p] - chance[p];

			moved |= magnitude(delta) > answer[p] * tolerance + dust;
			chance[p] = answer[p];
			if (measuring)
			{
				sweeps->product.pair[p] += delta * change[p];
				sweeps->square.pair[p] += change[p] * change[p];
			}
			if (keeping)
				change[p] = delta;
		}
		progress_made(sweeps->progress, 8 + 4 * (system->first[i + 1] - system->first[i]));
	}
	sweeps->count++;
	return moved[0] != 0 || moved[1] != 0;
}

static bool
sweep(Sweeps *sweeps, double tolerance)
{
	return sweep_states(sweeps, tolerance, false, false);
}

static bool
sweep_keeping(Sweeps *sweeps, double tolerance)
{
	return sweep_states(sweeps, tolerance, true, false);
}

static bool
sweep_measuring(Sweeps *sweeps, double tolerance)
{
	sweeps->product = sweeps->square = (Lanes){{0}};
	return sweep_states(sweeps, tolerance, true, true);
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
		FOR_PAIRS(p)
		sweeps->chance[i].pair[p] += gain.pair[p] * sweeps->change[i - sweeps->begin].pair[p];
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
			moved = sweep_measuring(sweeps, tolerance);
			if (moved)
				extrapolate(sweeps);
		}
		else if (cycle == CYCLE - 1)
			moved = sweep_keeping(sweeps, tolerance);
		else
			moved = sweep(sweeps, tolerance);
		if (!moved)
			return true;
	}
}

CoreStatus
chance_solve(const ChanceSystem *system, uint32_t begin, uint32_t end, Lanes *chance, Progress *progress)
{
	uint64_t size = end - begin;
	uint64_t sweep_cost = 2 * size + (system->first[end] - system->first[begin]);
	Sweeps sweeps = {.system = system, .begin = begin, .end = end, .chance = chance, .progress = progress};
	bool settled;

	sweeps.affordable = MAX_SWEEPS;
	if (size <= MAX_DIRECT && size * size * size / sweep_cost < MAX_SWEEPS)
		sweeps.affordable = size * size * size / sweep_cost;
	sweeps.change = CORE_ALLOC(progress->env, Lanes, size);
	for (uint32_t i = begin; i < end; i++)
	{
		FOR_PAIRS(p)
		chance[i].pair[p] = (Pair){system->guess, system->guess};
	}
	settled = sweeps.affordable > FEW_SWEEPS && settle(&sweeps, COARSE);
	if (settled)
	{
		uint64_t coarse = sweeps.count;

		settled = settle(&sweeps, FINE);
		for (uint64_t more = (sweeps.count - coarse) / 4; settled && more > 0; more--)
			(void) sweep(&sweeps, FINE);
	}
	core_free(progress->env, sweeps.change);
	if (!settled && size > MAX_DIRECT)
		return CORE_NO_CONVERGE;
	if (!settled)
		chance_solve_direct(system, begin, end, chance, progress);
	return CORE_OK;
}
