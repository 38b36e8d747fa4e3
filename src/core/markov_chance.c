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
 * Sweeps stop once no chance changes by more than a part of itself: COARSE to see how fast that goes, FINE in
 * the end. Where changes shrink by a factor r a sweep the error is r / (1 - r) times the last of them, and
 * MORE sweeps make that little enough for any r up to SLOW. Beyond, FINE is tightened by 1 - r, as far as
 * rounding lets it.
 */
#define COARSE 1e-7
#define FINE 1e-13
#define FINEST 5e-15
#define MORE 4
#define SLOW 0.9
#define MAX_SWEEPS 2000000

/* Squares of changes against squares of chances, below which changes are rounding. */
#define CONVERGED 1e-28

/* Where elimination costs no more than this many sweeps there is no point in trying them. */
#define FEW_SWEEPS 100

/*
 * Where sweeps are slow, components of up to DIRECT states are eliminated right away. Up to MAX_DIRECT
 * elimination is the last resort: it needs the square of the size in memory, 256 MB for that many.
 */
#define DIRECT 256
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
	Lanes norm;			 /* of the chances */
	double rate;		 /* the slowest seen of a mode, among lanes that still changed */
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
				sweeps->norm.pair[p] += answer[p] * answer[p];
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
	sweeps->product = sweeps->square = sweeps->norm = (Lanes){{0}};
	return sweep_states(sweeps, tolerance, true, true);
}

/* Adds what the slowest mode will add, lane by lane. */
static void
extrapolate(Sweeps *sweeps)
{
	Lanes gain = {{0}};

	for (int l = 0; l < LANES; l++)
	{
		double rate = sweeps->product.lane[l] / sweeps->square.lane[l];

		/* a lane that changes by rounding only, or whose slowest mode is not isolated yet, has no rate */
		if (sweeps->square.lane[l] <= CONVERGED * sweeps->norm.lane[l] || rate <= 0 || rate >= 0.999999)
			continue;
		gain.lane[l] = rate / (1 - rate);
		sweeps->rate = rate > sweeps->rate ? rate : sweeps->rate;
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

/*
 * Scales each lane so that what leaves the component, or is stopped in it, is what enters it. Sweeps lose or
 * make a little of that by rounding, and reach it last of all.
 */
static void
balance(Sweeps *sweeps)
{
	const ChanceSystem *system = sweeps->system;
	Lanes entering = {{0}};
	Lanes leaving = {{0}};

	for (uint32_t i = sweeps->begin; i < sweeps->end; i++)
	{
		Lanes inner = {{0}};
		Lanes outer = {{0}};

		for (size_t e = system->first[i]; e < system->first[i + 1]; e++)
		{
			uint32_t from = system->from[e];
			Lanes *sum = from < sweeps->begin ? &outer : &inner;

			FOR_PAIRS(p)
			sum->pair[p] += sweeps->chance[from].pair[p] * system->count[e];
		}
		for (int l = 0; l < LANES; l++)
		{
			if (system->stopped[i] >> l & 1)
				leaving.lane[l] += inner.lane[l];
			else
			{
				entering.lane[l] += outer.lane[l] + system->known[i];
				leaving.lane[l] += sweeps->chance[i].lane[l] * system->leave[i];
			}
		}
		progress_made(sweeps->progress, 32 + 4 * (system->first[i + 1] - system->first[i]));
	}
	for (int l = 0; l < LANES; l++)
		entering.lane[l] = leaving.lane[l] > 0 ? entering.lane[l] / leaving.lane[l] : 1;
	for (uint32_t i = sweeps->begin; i < sweeps->end; i++)
	{
		FOR_PAIRS(p)
		sweeps->chance[i].pair[p] *= entering.pair[p];
	}
}

/* False if elimination is the better way. */
static bool
iterate(Sweeps *sweeps)
{
	double tolerance = FINE;
	bool slow;

	if (sweeps->affordable <= FEW_SWEEPS || !settle(sweeps, COARSE))
		return false;
	slow = sweeps->rate > SLOW;
	if (slow && sweeps->end - sweeps->begin <= DIRECT)
		return false;
	if (slow)
	{
		balance(sweeps);
		tolerance *= (1 - sweeps->rate) / (1 - SLOW);
	}
	if (!settle(sweeps, tolerance > FINEST ? tolerance : FINEST))
		return false;
	for (int more = 0; more < MORE; more++)
		(void) sweep(sweeps, FINE);
	if (slow)
		balance(sweeps);
	return true;
}

CoreStatus
chance_solve(const ChanceSystem *system, uint32_t begin, uint32_t end, Lanes *chance, Progress *progress)
{
	uint64_t size = end - begin;
	uint64_t sweep_cost = 2 * size + (system->first[end] - system->first[begin]);
	Sweeps sweeps = {.system = system, .begin = begin, .end = end, .chance = chance, .progress = progress};
	bool done;

	sweeps.affordable = MAX_SWEEPS;
	if (size <= MAX_DIRECT && size * size * size / sweep_cost < MAX_SWEEPS)
		sweeps.affordable = size * size * size / sweep_cost;
	sweeps.change = CORE_ALLOC(progress->env, Lanes, size);
	for (uint32_t i = begin; i < end; i++)
	{
		FOR_PAIRS(p)
		chance[i].pair[p] = (Pair){system->guess, system->guess};
	}
	done = iterate(&sweeps);
	core_free(progress->env, sweeps.change);
	if (!done && size > MAX_DIRECT)
		return CORE_NO_CONVERGE;
	if (!done)
		chance_solve_direct(system, begin, end, chance, progress);
	return CORE_OK;
}
