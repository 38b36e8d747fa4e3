#include "resample.h"

#include <math.h>
#include <string.h>

#include "progress.h"

/*
 * Independent Poisson counts are multinomial given their sum. So a round draws a Poisson number for every
 * cell, with means a little too small for the sum to be exceeded, and leaves the rest to the next round, or,
 * when it is few, to journeys drawn one by one. A round that does exceed the sum, once in thirty
 * thousand, is drawn again: given the sum of a round the counts are multinomial, whatever sums are allowed.
 */
#define MARGIN 4.0 /* standard deviations */

static double
thinning(double total)
{
	double part = 1 - MARGIN / sqrt(total);

	return part > 0 ? part : 0;
}

static int64_t
total_of(const Resampler *resampler)
{
	return resampler->before[resampler->ncells];
}

/*
 * Most cells hold few journeys, so that a handful of means serves nearly all draws of the first round. A
 * uniform number's first bits find a bin; a bin that holds no step of the distribution function answers by
 * itself, the others fall back to inversion of the same number.
 */
#define TABLE_COUNTS 10
#define TABLE_BITS 8
#define TABLE_BINS (1 << TABLE_BITS)
#define UNDECIDED 255

typedef struct PoissonTable
{
	double mean;
	double zero; /* exp(-mean) */
	uint8_t draw[TABLE_BINS];
} PoissonTable;

static int64_t
invert_poisson(double mean, double zero, double u)
{
	double p = zero;
	int64_t k = 0;

	while (u > p && p > 0)
	{
		u -= p;
		p *= mean / (double) ++k;
	}
	return k;
}

static double
bits_to_uniform(uint64_t bits)
{
	return ((double) (bits >> 11) + 0.5) * 0x1p-53;
}

static void
fill_table(PoissonTable *table, double mean)
{
	*table = (PoissonTable){.mean = mean, .zero = exp(-mean)};
	for (uint64_t bin = 0; bin < TABLE_BINS; bin++)
	{
		uint64_t first = bin << (64 - TABLE_BITS);
		uint64_t last = first + (UINT64_MAX >> TABLE_BITS);
		int64_t low = invert_poisson(mean, table->zero, bits_to_uniform(first));
		int64_t high = invert_poisson(mean, table->zero, bits_to_uniform(last));

		table->draw[bin] = low == high ? (uint8_t) low : UNDECIDED;
	}
}

static inline int64_t
draw_from_table(const PoissonTable *table, RandomStream *stream)
{
	uint64_t bits = random_bits(stream);
	uint8_t draw = table->draw[bits >> (64 - TABLE_BITS)];

	return draw != UNDECIDED ? draw : invert_poisson(table->mean, table->zero, bits_to_uniform(bits));
}

void
resampler_init(Resampler *resampler, const int64_t *count, size_t ncells, const CoreEnv *env)
{
	Progress progress = {env, 0};
	int64_t total = 0;
	size_t cell = 0;

	*resampler = (Resampler){.env = env, .ncells = ncells, .count = count};
	resampler->before = CORE_ALLOC(env, int64_t, ncells + 1);
	resampler->guide = CORE_ALLOC(env, uint32_t, ncells + 1);
	resampler->table = CORE_ALLOC(env, PoissonTable, TABLE_COUNTS + 1);
	for (size_t i = 0; i < ncells; i++)
	{
		resampler->before[i] = total;
		total += count[i];
	}
	resampler->before[ncells] = total;
	resampler->thinned = ncells > 0 ? thinning((double) total) : 0;
	for (int n = 0; n <= TABLE_COUNTS; n++)
		fill_table(&resampler->table[n], n * resampler->thinned);
	for (size_t i = 0; i < ncells; i++)
	{
		double first = (double) total / (double) ncells * (double) i;

		while (cell + 1 < ncells && (double) resampler->before[cell + 1] <= first)
			cell++;
		resampler->guide[i] = (uint32_t) cell;
		progress_made(&progress, 16);
	}
}

void
resampler_free(Resampler *resampler)
{
	core_free(resampler->env, resampler->before);
	core_free(resampler->env, resampler->guide);
	core_free(resampler->env, resampler->table);
}

/* The cell of journey number `journey`. The guide is rounded, so the search may go either way. */
static size_t
find_cell(const Resampler *resampler, int64_t journey)
{
	double part = (double) journey / (double) total_of(resampler) * (double) resampler->ncells;
	size_t cell = resampler->guide[part < (double) resampler->ncells ? (size_t) part : resampler->ncells - 1];

	while (journey < resampler->before[cell])
		cell--;
	while (journey >= resampler->before[cell + 1])
		cell++;
	return cell;
}

static void
draw_singly(const Resampler *resampler, RandomStream *stream, int64_t journeys, int64_t *drawn,
			Progress *progress)
{
	uint64_t total = (uint64_t) total_of(resampler);

	for (int64_t i = 0; i < journeys; i++)
	{
		drawn[find_cell(resampler, (int64_t) random_below(stream, total))]++;
		progress_made(progress, 8);
	}
}

/* Draws about that part of the cells' counts; returns how many journeys in all. */
static int64_t
draw_round(const Resampler *resampler, RandomStream *stream, double part, int64_t *drawn, Progress *progress)
{
	bool first = part == resampler->thinned;
	int64_t sum = 0;

	for (size_t i = 0; i < resampler->ncells; i++)
	{
		int64_t count = resampler->count[i];

		if (first && count <= TABLE_COUNTS)
			drawn[i] = draw_from_table(&resampler->table[count], stream);
		else
			drawn[i] = random_poisson(stream, (double) count * part);
		if (__builtin_add_overflow(sum, drawn[i], &sum))
			return INT64_MAX;
		progress_made(progress, 2);
	}
	return sum;
}

/* A round that leaves little to do is worth its cost only where the journeys outnumber the cells. */
#define MIN_ROUND 64

void
resampler_draw(const Resampler *resampler, RandomStream *stream, int64_t *drawn)
{
	Progress progress = {resampler->env, 0};
	int64_t left = total_of(resampler);
	double total = (double) left;
	size_t bytes = resampler->ncells * sizeof(int64_t);
	int64_t *round = NULL;

	memset(drawn, 0, bytes);
	while (left > MIN_ROUND && (size_t) left > resampler->ncells / 2)
	{
		double part = thinning((double) left) * ((double) left / total);
		int64_t sum;

		if (round == NULL)
			round = CORE_ALLOC(resampler->env, int64_t, resampler->ncells);
		sum = draw_round(resampler, stream, part, round, &progress);
		if (sum > left || sum == INT64_MAX)
			continue;
		for (size_t i = 0; i < resampler->ncells; i++)
			drawn[i] += round[i];
		left -= sum;
	}
	core_free(resampler->env, round);
	draw_singly(resampler, stream, left, drawn, &progress);
}
