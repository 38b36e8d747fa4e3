/*
 * Multinomial resampling of counted cells: what drawing that many journeys with replacement leaves in each.
 */
#ifndef ATTRIB_RESAMPLE_H
#define ATTRIB_RESAMPLE_H

#include "random.h"

/* Read only once made; draws go into arrays of the caller's. */
typedef struct Resampler
{
	const CoreEnv *env;
	size_t ncells;
	const int64_t *count;		/* > 0 */
	int64_t *before;			/* journeys in the cells before; ncells + 1 */
	uint32_t *guide;			/* by part of the total: the cell its first journey is in */
	double thinned;				/* part of the journeys that the first round draws */
	struct PoissonTable *table; /* by count: draws of the first round, for small counts */
} Resampler;

/* The counts stay the caller's and must live as long. ncells < UINT32_MAX. */
extern void resampler_init(Resampler *resampler, const int64_t *count, size_t ncells, const CoreEnv *env);
extern void resampler_free(Resampler *resampler);

/* drawn[cell], summing to the sum of the counts. */
extern void resampler_draw(const Resampler *resampler, RandomStream *stream, int64_t *drawn);

#endif
