/*
 * What reading a journey summary from JSON text keeps. Shared by the files that make up its input function.
 */
#ifndef ATTRIB_SUMMARY_IN_H
#define ATTRIB_SUMMARY_IN_H

#include "summary.h"

#include "common/jsonapi.h"
#include "summary_state.h"

/* Where in the document we are. OPTIONS is kept as text and parsed by those who know options. */
typedef enum SummaryPlace
{
	DOCUMENT,
	TOP,
	OPTIONS,
	CHANNELS,
	PATHS,
	PATH,
	TOUCHES,
	DECAY,
	DECAY_PAIR,
} SummaryPlace;

#define SUMMARY_IN_NESTING 8

typedef struct SummaryReader
{
	JsonLexContext *lex;
	Node *escontext; /* where errors go; NULL raises them */
	SummaryState *state;
	SummaryPlace place[SUMMARY_IN_NESTING];
	int depth;
	int options_depth;
	const char *options_start;
	char *key; /* last field name at the top or in a path */
	bool versioned;
	SummaryMeta meta;
	uint32 *map; /* numbers in the text to numbers in the state */
	uint32 nchannels;
	uint32 channels_capacity;
	/* the path being read */
	SummaryPath path;
	bool matured_given;
	bool matured_value_given;
	bool squares_given;
	uint32 *touches;
	uint32 touches_capacity;
	DecayCredit *decay;
	uint32 ndecay;
	uint32 decay_capacity;
	int pair; /* numbers of the current decay pair read so far */
} SummaryReader;

/*
 * 22P02 with this detail, to the reader's escontext. Who calls this returns at once: the action that runs ends the
 * parse, so that nothing is built on what was wrong.
 */
extern void summary_in_invalid(const SummaryReader *r, const char *detail);

/* Of the last field. */
static inline bool
summary_in_key_is(const SummaryReader *r, const char *key)
{
	return r->key && strcmp(r->key, key) == 0;
}

/* A whole number of at least 0; an error and false for all else. */
extern bool summary_in_count(const SummaryReader *r, const char *token, int64 *count);

/* A path, in the order of its text. */
extern void summary_in_path_begin(SummaryReader *r);
extern void summary_in_path_field(SummaryReader *r, const char *token);
extern void summary_in_touch(SummaryReader *r, const char *token);
extern void summary_in_decay(SummaryReader *r, const char *token);
extern void summary_in_path_end(SummaryReader *r);

#endif
