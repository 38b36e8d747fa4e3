/*
 * What the writer, the reader and the merger of flat summaries share; see summary_flat.h for the format.
 */
#ifndef ATTRIB_FLAT_STREAM_H
#define ATTRIB_FLAT_STREAM_H

#include "summary_flat.h"

#define FLAT_HAS_OPTIONS 1
#define FLAT_HAS_HALF_LIFE 2

#define FLAT_OPTION_LOOKBACK 1
#define FLAT_OPTION_MAX_TOUCHES 2
#define FLAT_OPTION_REUSE 4

#define FLAT_PATH_CONVERSIONS 1
#define FLAT_PATH_LOST 2
#define FLAT_PATH_OPEN 4
#define FLAT_PATH_VALUE 8
#define FLAT_PATH_MATURED 16 /* matured conversions and value differ from all of them */

/* Paths between two looks at the interrupt flag. */
#define CHECK_EVERY 4096

/* Reads never pass `end`; the first failure sticks and makes all later reads return 0. */
typedef struct FlatReader
{
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
} FlatReader;

/* Everything that reading one path after another needs. */
typedef struct PathReader
{
	FlatReader *r;
	const SummaryView *view; /* the header's */
	bool keep;				 /* touches and decay of each path stay; else the next path's overwrite them */
	uint32_t *touches;		 /* where the next path's go */
	size_t ntouches;		 /* of all paths so far */
	uint32_t shared;		 /* touches that the last path read has in common with the one before */
	const uint8_t *counts;	 /* where the bytes of its counts begin; they end where the reader stands */
	uint8_t *seen;			 /* per channel: it occurs on some path; NULL where nobody asks */
	uint64_t *stamp;		 /* per channel: the last path (number + 1) it was met on */
	uint32_t *distinct;		 /* scratch: the distinct channels of one path */
	DecayCredit *decay;		 /* current block of credits */
	size_t decay_left;
} PathReader;

/* Header, options and channels, and the checks that keep what follows from asking for absurd memory. */
extern CoreStatus flat_read_head(FlatReader *r, FlatTextFn check_text, FlatTextFn check_name,
								 const CoreEnv *env, SummaryView *view, SummaryMeta *meta);

extern void path_reader_begin(PathReader *p, FlatReader *r, const SummaryView *view, bool keep,
							  const CoreEnv *env);

/*
 * The path behind `before` (NULL: the first one), which is the number'th. Without `keep`, path may be before.
 * False when the bytes are broken.
 */
extern bool path_reader_next(PathReader *p, SummaryPath *path, const SummaryPath *before, uint64_t number,
							 const CoreEnv *env);
extern void path_reader_end(PathReader *p, const CoreEnv *env);

/* Adds a path to running totals; false when a sum does not fit. */
extern bool summary_add_totals(SummaryView *sum, const SummaryPath *path);

#endif
