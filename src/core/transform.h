/*
 * Path transforms: what may be done to a journey's touches before they are counted.
 *
 * Every step keeps some of the touches in their order, so a chain works in place on the parallel arrays of a
 * path; only `frequency` also renames what it keeps. No step ever empties a path.
 */
#ifndef ATTRIB_TRANSFORM_H
#define ATTRIB_TRANSFORM_H

#include "core.h"

typedef enum TransformKind
{
	TRANSFORM_EXPOSURE,			 /* of consecutive touches of one channel keep the first */
	TRANSFORM_FIRST,			 /* keep the first touch of each channel */
	TRANSFORM_UNIQUE,			 /* identity: every touch counts */
	TRANSFORM_FREQUENCY,		 /* keep the first touch of each channel, renamed to "channel(touches)" */
	TRANSFORM_REMOVE_IF_NOT_ALL, /* drop the listed channels, unless nothing else would be left */
	TRANSFORM_REMOVE_IF_LAST_AND_NOT_ALL, /* drop them from the end only, under the same condition */
} TransformKind;

/*
 * A list of several channels is one set: ["direct", "email"] drops every touch of either, and a path made of
 * these two alone stays as it is. That differs from two steps of one channel each, where the second finds
 * what the first has left.
 */
typedef struct TransformStep
{
	TransformKind kind;
	const uint32_t *channels; /* of the remove_ kinds: sorted channel numbers without duplicates */
	size_t nchannels;
} TransformStep;

/* Numbers the channel named "<name of channel>(<count>)". May allocate and raise. */
typedef uint32_t (*FrequencyFn)(void *arg, uint32_t channel, uint64_t count);

typedef struct TransformChain
{
	const TransformStep *steps;
	size_t nsteps;
	FrequencyFn intern_frequency; /* needed if a step is TRANSFORM_FREQUENCY */
	void *intern_arg;
} TransformChain;

/*
 * Scratch indexed by channel number, so that a path costs its own length only, however many channels there
 * are. Zero-initialise; grows from env, so env must allocate where the workspace lives.
 */
typedef struct TransformWorkspace
{
	struct TransformMark *marks;
	size_t nmarks;
	uint64_t epoch; /* a mark of another epoch is of another path */
} TransformWorkspace;

/* Transforms the path in place and returns its new length. `at` and `refs` may be NULL. */
extern size_t transform_apply(const TransformChain *chain, TransformWorkspace *ws, const CoreEnv *env,
							  uint32_t *channels, int64_t *at, uint32_t *refs, size_t n);

extern void transform_workspace_free(TransformWorkspace *ws, const CoreEnv *env);

#endif
