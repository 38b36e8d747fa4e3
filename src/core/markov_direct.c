/*
 * State reduction (Grassmann, Taksar and Heyman 1985) in eight lanes: see markov_dense.c for the method. The
 * states of a component are taken out from the last to the first but one; flows are then found in the
 * opposite order.
 */
#include "markov_flow.h"

typedef struct Reduction
{
	uint32_t size;
	Lanes *share; /* size x size, from row to column; a column's entries end as shares of what visits both */
	Lanes *leave;
	Lanes *flow; /* of the component: first what enters, then the answer */
	Progress *progress;
} Reduction;

static inline void
add_product(Lanes *sum, const Lanes *a, const Lanes *b)
{
	for (int p = 0; p < LANE_PAIRS; p++)
		sum->pair[p] += a->pair[p] * b->pair[p];
}

static void
open_reduction(Reduction *reduction, const FlowSystem *system, uint32_t begin)
{
	for (uint32_t k = 0; k < reduction->size; k++)
	{
		uint32_t i = begin + k;
		double entering = system->entering[i];
		Lanes sum = {{entering, entering, entering, entering, entering, entering, entering, entering}};

		for (size_t e = system->first[i]; e < system->first[i + 1]; e++)
		{
			uint32_t from = system->from[e];

			for (int l = 0; l < LANES; l++)
			{
				if (from < begin)
					sum.lane[l] += reduction->flow[(int64_t) from - begin].lane[l] * system->share[e];
				else if (!(system->stopped[from] >> l & 1))
					reduction->share[(size_t) (from - begin) * reduction->size + k].lane[l] =
						system->share[e];
			}
		}
		for (int l = 0; l < LANES; l++)
			reduction->leave[k].lane[l] = system->stopped[i] >> l & 1 ? 1 : system->leave[i];
		reduction->flow[k] = sum;
		progress_made(reduction->progress, 16 * (1 + system->first[i + 1] - system->first[i]));
	}
}

/* Takes the last state that is left, k, out: what enters it goes on to where it leads. */
static void
reduce_state(Reduction *reduction, uint32_t k)
{
	const Lanes *out = reduction->share + (size_t) k * reduction->size;
	Lanes *flow = &reduction->flow[k];
	Lanes total = reduction->leave[k];

	for (uint32_t j = 0; j < k; j++)
	{
		for (int p = 0; p < LANE_PAIRS; p++)
			total.pair[p] += out[j].pair[p];
	}
	for (int p = 0; p < LANE_PAIRS; p++)
		flow->pair[p] /= total.pair[p];
	for (uint32_t j = 0; j < k; j++)
		add_product(&reduction->flow[j], flow, &out[j]);
	for (uint32_t i = 0; i < k; i++)
	{
		Lanes *row = reduction->share + (size_t) i * reduction->size;

		for (int p = 0; p < LANE_PAIRS; p++)
			row[k].pair[p] /= total.pair[p];
		for (uint32_t j = 0; j < k; j++)
			add_product(&row[j], &row[k], &out[j]);
		add_product(&reduction->leave[i], &row[k], &reduction->leave[k]);
		progress_made(reduction->progress, 4 * (uint64_t) k);
	}
}

void
flow_solve_direct(const FlowSystem *system, uint32_t begin, uint32_t end, Lanes *flow, Progress *progress)
{
	Reduction reduction = {.size = end - begin, .flow = flow + begin, .progress = progress};

	reduction.share = CORE_ALLOC_ZERO(progress->env, Lanes, (size_t) reduction.size * reduction.size);
	reduction.leave = CORE_ALLOC(progress->env, Lanes, reduction.size);
	open_reduction(&reduction, system, begin);
	for (uint32_t k = reduction.size - 1; k > 0; k--)
		reduce_state(&reduction, k);
	for (int p = 0; p < LANE_PAIRS; p++)
		reduction.flow[0].pair[p] /= reduction.leave[0].pair[p];
	for (uint32_t k = 1; k < reduction.size; k++)
	{
		for (uint32_t i = 0; i < k; i++)
			add_product(&reduction.flow[k], &reduction.flow[i],
						&reduction.share[(size_t) i * reduction.size + k]);
		progress_made(progress, 8 * (uint64_t) k);
	}
	for (uint32_t k = 0; k < reduction.size; k++)
		flow_stop(system->stopped[begin + k], &reduction.flow[k]);
	core_free(progress->env, reduction.share);
	core_free(progress->env, reduction.leave);
}
