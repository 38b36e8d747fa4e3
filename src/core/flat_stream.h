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
#define FLAT_PATH_ONE 32	 /* instead of FLAT_PATH_CONVERSIONS: there is one */
#define FLAT_PATH_CENTS 64	 /* the value of that one is this number of cents */
/* A byte of so much or more: that many more than one are lost, and nothing else happened. */
#define FLAT_PATH_FEW_LOST 128

/* The head of a path has two numbers in four bits each; this one means that or more. */
#define FLAT_HEAD_MORE 15

/* Paths between two looks at the interrupt flag. */
#define CHECK_EVERY 4096

/* Reads never pass `end`; the first failure sticks and makes all later reads return 0. */
typedef struct FlatReader
{
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
} FlatReader;

/* Eight little-endian bytes; said byte by byte, gcc 12 reads them one at a time. */
static inline uint64_t
little_word(const uint8_t *at)
{
	uint64_t word;

	__builtin_memcpy(&word, at, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

static inline void
put_little_word(uint8_t *at, uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	__builtin_memcpy(at, &word, sizeof(word));
}

/* Everything that reading one path after another needs. */
typedef struct PathReader
{
	FlatReader *r;
	const SummaryView *view; /* the header's */
	bool keep;				 /* touches and decay of each path stay; else the next path's overwrite them */
	uint32_t longest;		 /* touches there is room for */
	uint64_t beyond;		 /* added to eight bytes, sets the high bit of those that are no channels */
	uint32_t *touches;		 /* of the path read last, */
	uint32_t length;		 /* how many, */
	uint32_t shared;		 /* and how many of them it shares with the path before */
	uint64_t number;		 /* paths read */
	size_t ntouches;		 /* of all of them */
	const uint8_t *counts;	 /* where the bytes of its counts begin; they end where the reader stands */
	uint8_t *seen;			 /* per channel: it occurs on some path; NULL where nobody asks */
	uint64_t *stamp;		 /* per channel: the last path (its number) it was looked for on */
	uint32_t *distinct;		 /* the distinct channels of a path, */
	uint32_t ndistinct;
	uint64_t distinct_of; /* and which path that is */
	DecayCredit *decay;	  /* current block of credits */
	size_t decay_left;
} PathReader;

/* Header, options and channels, and the checks that keep what follows from asking for absurd memory. */
extern CoreStatus flat_read_head(FlatReader *r, FlatTextFn check_text, FlatTextFn check_name,
								 const CoreEnv *env, SummaryView *view, SummaryMeta *meta);

extern void path_reader_begin(PathReader *p, FlatReader *r, const SummaryView *view, bool keep,
							  const CoreEnv *env);

/* The next path. False when the bytes are broken. */
extern bool path_reader_next(PathReader *p, SummaryPath *path, const CoreEnv *env);

/* The same in two steps, for who seldom needs the counts: the second is about the path of the last first one. */
extern bool path_reader_step(PathReader *p);
extern bool path_reader_counts(PathReader *p, SummaryPath *path, const CoreEnv *env);

extern void path_reader_end(PathReader *p, const CoreEnv *env);

/* Adds a path to running totals; false when a sum does not fit. */
extern bool summary_add_totals(SummaryView *sum, const SummaryPath *path);

/* At most so many characters of text for a path without its touches, and for all of a summary of such totals. */
extern size_t summary_path_text(const SummaryPath *path);
extern size_t summary_most_text(const SummaryView *totals);

/* What happened on a path, at the end of what is written. */
extern void flat_writer_counts(FlatWriter *w, const SummaryPath *path);

#endif
