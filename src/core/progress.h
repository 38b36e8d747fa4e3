/*
 * Lets a long loop be interrupted without paying for it at every step.
 */
#ifndef ATTRIB_PROGRESS_H
#define ATTRIB_PROGRESS_H

#include "core.h"

/* Steps of a few nanoseconds between two checks: well under a millisecond. */
#define PROGRESS_INTERVAL 65536

typedef struct Progress
{
	const CoreEnv *env;
	size_t steps;
} Progress;

static inline void
progress_made(Progress *progress, size_t steps)
{
	progress->steps += steps;
	if (progress->steps >= PROGRESS_INTERVAL)
	{
		progress->steps = 0;
		core_check(progress->env);
	}
}

#endif
