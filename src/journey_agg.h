/*
 * The state of journey_agg: one user's events as they came.
 */
#ifndef ATTRIB_JOURNEY_AGG_H
#define ATTRIB_JOURNEY_AGG_H

#include "journey_options.h"

/* A row that is a touch, a conversion or both. Its texts lie one after the other at `text`. */
typedef struct AggRow
{
	int64 at;
	double value;
	Size text;
	int32 channel_length; /* -1: no touch */
	int32 id_length;	  /* -1: NULL event_id */
	bool converted;
} AggRow;

/*
 * There is one state a group, often a million of them with a handful of rows each: so no memory context of
 * its own, small first arrays, and a decoded spec that all groups share.
 */
typedef struct JourneyAggState
{
	MemoryContext context; /* of the aggregate */
	const JourneySpec *spec;
	AggRow *rows;
	Size nrows;
	Size capacity;
	char *text;
	Size ntext;
	Size text_capacity;
} JourneyAggState;

static inline const char *
agg_row_channel(const JourneyAggState *state, const AggRow *row)
{
	return state->text + row->text;
}

static inline const char *
agg_row_id(const JourneyAggState *state, const AggRow *row)
{
	return state->text + row->text + Max(row->channel_length, 0);
}

#endif
