/*
 * Order 1, component by component, by state reduction.
 *
 * A state is taken out of a chain by sending what enters it on to where it leads: w_ij += w_ik w_kj / W_k,
 * W_k being the sum of all that leaves k for elsewhere. That is Gaussian elimination in the form of
 * Grassmann, Taksar and Heyman (1985): no subtraction, hence no cancellation, and small relative errors in
 * every entry however close to absorbing a cycle is (O'Cinneide 1993). With all channels but one taken out,
 * the flow from the start into the last one is its flow of first visits, and its exits tell its chance to
 * convert. The eliminations that two channels have in common are shared by halving the set of channels: 7/9
 * n^3 multiplications for all n of them.
 */
#include "markov_solve.h"

#include <string.h>

#include "progress.h"

/*
 * Columns: three for leaving the component, then one a state. Row 0 is what enters from outside, then a row
 * a state. The diagonal holds leftovers that nothing reads.
 */
enum
{
	LEAVE,	   /* flow that leaves, to wherever */
	CONVERTED, /* conversions it will bring */
	EARNED,	   /* and their value */
	STATES,	   /* first column of a state */
};

typedef struct Block
{
	double *cell;
	uint32_t *channel; /* by state: position in the component */
	uint32_t size;	   /* states */
	size_t stride;
} Block;

/* Two doubles in one register of every x86-64 and arm64; memory needs no more alignment than a double. */
typedef double Pair __attribute__((vector_size(16), aligned(8), may_alias));

#define PANEL 4

/* row += sum of factor[p] * pivot[p] over columns [begin, end) */
static void
add_rows(double *row, const double *const *pivot, const double *factor, size_t begin, size_t end)
{
	size_t j = begin;

	for (; j + 2 <= end; j += 2)
	{
		Pair sum = *(const Pair *) (row + j);

		for (int p = 0; p < PANEL; p++)
			sum += *(const Pair *) (pivot[p] + j) * factor[p];
		*(Pair *) (row + j) = sum;
	}
	for (; j < end; j++)
	{
		for (int p = 0; p < PANEL; p++)
			row[j] += pivot[p][j] * factor[p];
	}
}

static double
row_total(const double *row, uint32_t size)
{
	double total = row[LEAVE];

	for (size_t j = STATES; j < STATES + (size_t) size; j++)
		total += row[j];
	return total;
}

/*
 * Takes the last `count` states of the block out, PANEL of them for each pass over the rows that stay. A
 * pivot's column must be complete when its factors are formed, so within a panel each row is first brought
 * up to date in the panel's columns; rows of the panel itself in all columns.
 */
static void
reduce_panel(Block *block, uint32_t count, Progress *progress)
{
	size_t end = STATES + (size_t) block->size; /* columns of the panel: [end - count, end) */
	size_t begin = end - count;
	const double *pivot[PANEL] = {NULL};
	double total[PANEL];

	for (uint32_t p = 0; p < count; p++)
	{
		double *row = block->cell + (block->size - p) * block->stride;

		for (uint32_t q = 0; q < p; q++)
		{
			double factor = row[end - 1 - q] / total[q];

			for (size_t j = 0; j < end - 1 - q; j++)
				row[j] += factor * pivot[q][j];
		}
		pivot[p] = row;
		total[p] = row_total(row, block->size - 1 - p);
	}
	for (uint32_t p = count; p < PANEL; p++)
		pivot[p] = pivot[0];
	for (uint32_t i = 0; i + count <= block->size; i++)
	{
		double *row = block->cell + i * block->stride;
		double factor[PANEL] = {0};

		for (uint32_t p = 0; p < count; p++)
		{
			size_t column = end - 1 - p;

			factor[p] = row[column] / total[p];
			for (size_t j = begin; j < column; j++)
				row[j] += factor[p] * pivot[p][j];
		}
		add_rows(row, pivot, factor, 0, begin);
		progress_made(progress, 16 + end * 2);
	}
	block->size -= count;
}

static void
reduce(Block *block, uint32_t keep, Progress *progress)
{
	while (block->size > keep)
	{
		uint32_t count = block->size - keep;

		reduce_panel(block, count < PANEL ? count : PANEL, progress);
	}
}

/* A copy of the block whose states are rotated so that `first` comes first. */
static Block
rotate(const Block *block, uint32_t first, const CoreEnv *env, Progress *progress)
{
	Block copy = {.size = block->size, .stride = STATES + (size_t) block->size};
	uint32_t tail = block->size - first;

	copy.cell = CORE_ALLOC(env, double, ((size_t) copy.size + 1) * copy.stride);
	copy.channel = CORE_ALLOC(env, uint32_t, copy.size);
	for (uint32_t i = 0; i <= copy.size; i++)
	{
		uint32_t source = i == 0 ? 0 : 1 + (i - 1 + first) % block->size;
		const double *from = block->cell + source * block->stride;
		double *to = copy.cell + i * copy.stride;

		memcpy(to, from, STATES * sizeof(double));
		memcpy(to + STATES, from + STATES + first, tail * sizeof(double));
		memcpy(to + STATES + tail, from + STATES, first * sizeof(double));
		if (i > 0)
			copy.channel[i - 1] = block->channel[source - 1];
		progress_made(progress, 8 + copy.size);
	}
	return copy;
}

/* What is known of each state of a component once it is solved. */
typedef struct Solved
{
	double *first_visits;
	double *conversion; /* expected conversions, and value, of a journey there */
	double *earning;
} Solved;

static void
solve_block(Block *block, const Solved *solved, const CoreEnv *env, Progress *progress)
{
	uint32_t half = block->size / 2;

	if (block->size == 1)
	{
		const double *row = block->cell + block->stride;

		solved->first_visits[block->channel[0]] = block->cell[STATES];
		solved->conversion[block->channel[0]] = row[CONVERTED] / row[LEAVE];
		solved->earning[block->channel[0]] = row[EARNED] / row[LEAVE];
		return;
	}
	for (int part = 0; part < 2; part++)
	{
		Block copy = rotate(block, part ? half : 0, env, progress);

		reduce(&copy, part ? block->size - half : half, progress);
		solve_block(&copy, solved, env, progress);
		core_free(env, copy.cell);
		core_free(env, copy.channel);
	}
}

/* The component's equations; what it leads to is solved already, as components are taken from the end. */
static Block
open_block(const MarkovGraph *graph, uint32_t first, uint32_t size, const Solved *solved, Progress *progress)
{
	const FlowGraph *forward = &graph->forward;
	const FlowGraph *backward = &graph->backward;
	Block block = {.size = size, .stride = STATES + (size_t) size};

	block.cell = CORE_ALLOC_ZERO(graph->env, double, ((size_t) size + 1) * block.stride);
	block.channel = CORE_ALLOC(graph->env, uint32_t, size);
	for (uint32_t k = 0; k < size; k++)
	{
		uint32_t i = first + k;
		uint32_t mirror = graph->nstates - 1 - i;
		double *row = block.cell + (1 + (size_t) k) * block.stride;
		double entering = graph->start[i];

		block.channel[k] = i;
		row[LEAVE] = graph->leave[i];
		row[CONVERTED] = graph->converted[i];
		row[EARNED] = graph->earned[i];
		for (size_t e = backward->first[mirror]; e < backward->inner[mirror]; e++)
		{
			uint32_t to = graph->nstates - 1 - backward->from[e];

			row[CONVERTED] += backward->count[e] * solved->conversion[to];
			row[EARNED] += backward->count[e] * solved->earning[to];
		}
		for (size_t e = forward->first[i]; e < forward->inner[i]; e++)
			entering += forward->count[e];
		block.cell[STATES + k] = entering;
		for (size_t e = forward->inner[i]; e < forward->first[i + 1]; e++)
		{
			uint32_t from = forward->from[e];

			block.cell[(1 + (size_t) (from - first)) * block.stride + STATES + k] = forward->count[e];
		}
		progress_made(progress, 8 + 8 * (forward->first[i + 1] - forward->first[i]));
	}
	return block;
}

void
markov_solve_dense(const MarkovChain *chain, const MarkovGraph *graph, MarkovLoss *loss)
{
	const CoreEnv *env = graph->env;
	const FlowGraph *forward = &graph->forward;
	Progress progress = {env, 0};
	Solved solved;

	solved.first_visits = CORE_ALLOC(env, double, graph->nstates);
	solved.conversion = CORE_ALLOC(env, double, graph->nstates);
	solved.earning = CORE_ALLOC(env, double, graph->nstates);
	for (uint32_t c = forward->ncomponents; c-- > 0;)
	{
		uint32_t first = forward->component_first[c];
		Block block = open_block(graph, first, forward->component_first[c + 1] - first, &solved, &progress);

		solve_block(&block, &solved, env, &progress);
		core_free(env, block.cell);
		core_free(env, block.channel);
		progress_made(&progress, 64);
	}
	for (uint32_t i = 0; i < graph->nstates; i++)
	{
		uint32_t channel = chain->states.gram[graph->state[i]][0];

		loss->conversions[channel] = solved.first_visits[i] * solved.conversion[i];
		loss->value[channel] = solved.first_visits[i] * solved.earning[i];
	}
	core_free(env, solved.first_visits);
	core_free(env, solved.conversion);
	core_free(env, solved.earning);
}
