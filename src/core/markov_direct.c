/*
 * State reduction (Grassmann, Taksar and Heyman 1985) in eight lanes: see markov_dense.c for the method. The
 * states of a component are taken out from the last to the first but one; chances are then found in the
 * opposite order.
 */
#include "markov_chance.h"

/* The component's equations: count[i][j] comes from j to i, `all` over no edge, and of that is `known`. */
typedef struct Reduction
{
	uint32_t size;
	Lanes *count; /* size x size; nothing reads the diagonal */
	Lanes *all;
	Lanes *known;
	Progress *progress;
} Reduction;

static inline void
add_product(Lanes *sum, const Lanes *a, const Lanes *b)
{
	FOR_PAIRS(p)
	sum->pair[p] += a->pair[p] * b->pair[p];
}

/* A walk that is stopped in a state is one that came to it from nowhere. */
static void
open_reduction(Reduction *reduction, const ChanceSystem *system, uint32_t begin, const Lanes *chance)
{
	for (uint32_t k = 0; k < reduction->size; k++)
	{
		uint32_t i = begin + k;

		for (int l = 0; l < LANES; l++)
		{
			double all = system->all[i];
			double known = system->known[i];
			bool stopped = system->stopped[i] >> l & 1;

			for (size_t e = system->first[i]; e < system->first[i + 1]; e++)
			{
				uint32_t from = system->from[e];

				if (from < begin)
				{
					all += system->count[e];
					known += system->count[e] * chance[from].lane[l];
				}
				else if (!stopped)
					reduction->count[(size_t) k * reduction->size + (from - begin)].lane[l] =
						system->count[e];
			}
			reduction->all[k].lane[l] = stopped ? 1 : all;
			reduction->known[k].lane[l] = stopped ? 0 : known;
		}
		progress_made(reduction->progress, 32 * (1 + system->first[i + 1] - system->first[i]));
	}
}

/* All that comes to state k from those before it, and over no edge. */
static Lanes
total_before(const Reduction *reduction, uint32_t k)
{
	const Lanes *row = reduction->count + (size_t) k * reduction->size;
	Lanes total = reduction->all[k];

	for (uint32_t j = 0; j < k; j++)
	{
		FOR_PAIRS(p)
		total.pair[p] += row[j].pair[p];
	}
	return total;
}

/* Takes the last state that is left, k, out: what comes from it came from where it comes from. */
static void
reduce_state(Reduction *reduction, uint32_t k)
{
	const Lanes *source = reduction->count + (size_t) k * reduction->size;
	Lanes total = total_before(reduction, k);

	for (uint32_t i = 0; i < k; i++)
	{
		Lanes *row = reduction->count + (size_t) i * reduction->size;
		Lanes factor;

		FOR_PAIRS(p)
		factor.pair[p] = row[k].pair[p] / total.pair[p];
		for (uint32_t j = 0; j < k; j++)
			add_product(&row[j], &factor, &source[j]);
		add_product(&reduction->all[i], &factor, &reduction->all[k]);
		add_product(&reduction->known[i], &factor, &reduction->known[k]);
		progress_made(reduction->progress, 4 * (uint64_t) k);
	}
}

void
chance_solve_direct(const ChanceSystem *system, uint32_t begin, uint32_t end, Lanes *chance,
					Progress *progress)
{
	Reduction reduction = {.size = end - begin, .progress = progress};

	reduction.count = CORE_ALLOC_ZERO(progress->env, Lanes, (size_t) reduction.size * reduction.size);
	reduction.all = CORE_ALLOC(progress->env, Lanes, reduction.size);
	reduction.known = CORE_ALLOC(progress->env, Lanes, reduction.size);
	open_reduction(&reduction, system, begin, chance);
	for (uint32_t k = reduction.size - 1; k > 0; k--)
		reduce_state(&reduction, k);
	for (uint32_t k = 0; k < reduction.size; k++)
	{
		const Lanes *row = reduction.count + (size_t) k * reduction.size;
		Lanes total = total_before(&reduction, k);
		Lanes sum = reduction.known[k];

		for (uint32_t j = 0; j < k; j++)
			add_product(&sum, &row[j], &chance[begin + j]);
		FOR_PAIRS(p)
		chance[begin + k].pair[p] = sum.pair[p] / total.pair[p];
		progress_made(progress, 8 * (uint64_t) k);
	}
	core_free(progress->env, reduction.count);
	core_free(progress->env, reduction.all);
	core_free(progress->env, reduction.known);
}
