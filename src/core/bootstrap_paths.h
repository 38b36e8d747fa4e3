/*
 * Drawing the journeys of a summary path by path, for models that must be computed anew for each replicate.
 */
#ifndef ATTRIB_BOOTSTRAP_PATHS_H
#define ATTRIB_BOOTSTRAP_PATHS_H

#include "bootstrap.h"
#include "resample.h"

/*
 * Up to three cells a path. First those of matured conversions, then of others, then of lost journeys, each
 * in the order of paths, so that whoever wants values stops before the lost.
 */
typedef struct PathCells
{
	const CoreEnv *env;
	const SummaryView *view;
	size_t ncells;
	size_t first_immature;
	size_t first_lost;
	uint32_t *path;
	int64_t *count;
	double *mean;	  /* of a conversion's value, by cell; lost journeys have none, nor a variance */
	double *variance; /* within the cell, as far as the path's sum of squares tells */
	Resampler resampler;
	int64_t *drawn;
	int64_t *left; /* of the jackknife: journeys in groups still to come */
} PathCells;

extern void path_cells_init(PathCells *cells, const SummaryView *view, const CoreEnv *env);
extern void path_cells_free(PathCells *cells);

/* A replicate's value may be larger than any single input, but stays below what fixed128 holds. */
static inline fixed128
fixed_from_sum(double value)
{
	return (fixed128) ((value < 0x1p62 ? value : 0x1p62) * 0x1p64);
}

/* Computes the credits of what cells->drawn says; values of conversions come from the stream. */
typedef CoreStatus (*PathCreditsFn)(void *engine, const PathCells *cells, RandomStream *stream,
									Credit *credit);

/* The value of the drawn conversions of a cell. */
static inline double
path_cell_value(const PathCells *cells, size_t cell, RandomStream *stream)
{
	return random_gamma_sum(stream, cells->drawn[cell], cells->mean[cell], cells->variance[cell]);
}

/* All replicates, and the jackknife if it is asked for. */
extern CoreStatus path_cells_bootstrap(PathCells *cells, const BootstrapOptions *options,
									   PathCreditsFn credits, void *engine, BootstrapResult *result);

#endif
