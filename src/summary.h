/*
 * journey_summary for its readers: how an accessor gets from a Datum to plain arrays.
 */
#ifndef ATTRIB_SUMMARY_H
#define ATTRIB_SUMMARY_H

#include "attrib.h"

/* Options a summary remembers, because answers or rollup depend on them. */
typedef struct SummaryOptions
{
	bool present; /* false: built from bare or counted paths */
	bool has_lookback;
	bool has_max_touches;
	bool has_half_life;
	bool reuse_touches;
	int64 lookback; /* microseconds */
	int32 max_touches;
	int64 half_life;			  /* microseconds */
	const char *channel_lookback; /* canonical JSON text, "{}" for none */
	const char *transforms;		  /* canonical JSON text, "[]" for none */
} SummaryOptions;

/*
 * Decodes argument `argno` (a journey_summary, flat or expanded, not NULL) into arrays that live in
 * CurrentMemoryContext. Whatever the physical form of the value, the arrays are in canonical order.
 */
extern const SummaryView *summary_view_arg(FunctionCallInfo fcinfo, int argno);

/*
 * The same for the state of the aggregate that fcinfo is a final function of (argument 0 is the state,
 * left unchanged); NULL when there were no rows.
 */
extern const SummaryView *summary_view_state(FunctionCallInfo fcinfo);

#endif
