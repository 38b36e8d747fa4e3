/*
 * Drawing the journeys of a summary path by path, for models that must be computed anew for each replicate.
 */
#ifndef ATTRIB_BOOTSTRAP_PATHS_H
#define ATTRIB_BOOTSTRAP_PATHS_H

#include "bootstrap.h"
#include "resample.h"

/* Outcomes of a journey that differ in what models make of them. */
typedef struct PathDraw
{
	int64_t matured;
	int64_t immature;
	int64_t lost;
	double matured_value;
	double immature_value;
} PathDraw;

/* Up to three cells a path: its matured and immature conversions, its lost journeys. */
typedef struct PathCells
{
	const CoreEnv *env;
	const SummaryView *view;
	size_t ncells;
	uint32_t *path;
	uint8_t *outcome;
	int64_t *count;
	double *mean;	  /* of a conversion's value, by cell */
	double *variance; /* within the cell, as far as the path's sum of squares tells */
	Resampler resampler;
	int64_t *drawn;
	int64_t *left;	/* of the jackknife: journeys in groups still to come */
	PathDraw *draw; /* by path */
} PathCells;

extern void path_cells_init(PathCells *cells, const SummaryView *view, const CoreEnv *env);
extern void path_cells_free(PathCells *cells);

/* A replicate's value may be larger than any single input, but stays below what fixed128 holds. */
static inline fixed128
fixed_from_sum(double value)
{
	return (fixed128) ((value < 0x1p62 ? value : 0x1p62) * 0x1p64);
}

/* Computes the credits of cells->draw. */
typedef CoreStatus (*PathCreditsFn)(void *engine, const PathCells *cells, Credit *credit);

/* All replicates, and the jackknife if it is asked for. */
extern CoreStatus path_cells_bootstrap(PathCells *cells, const BootstrapOptions *options,
									   PathCreditsFn credits, void *engine, BootstrapResult *result);

#endif
