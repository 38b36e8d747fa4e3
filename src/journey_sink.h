/*
 * Where the journeys of raw events go: into one summary, or into a summary per day and segment.
 */
#ifndef ATTRIB_JOURNEY_SINK_H
#define ATTRIB_JOURNEY_SINK_H

#include "event_buffer.h"

#include "datatype/timestamp.h"
#include "journey_options.h"
#include "summary_state.h"
#include "utils/date.h"

typedef struct JourneySink
{
	MemoryContext context; /* all that the sink makes lives here */
	const JourneySpec *spec;
	SummaryMeta meta; /* the options, for new summaries */
	ChannelDict *channels;
	ChannelDict *segments;
	SummaryState *whole;		 /* one summary, */
	struct partslot_hash *parts; /* or one for each day and segment */
	struct DayCache *days;
	/* for cutting journeys; bound on the first user */
	bool bound;
	JourneyOptions walk;
	ChannelNaming naming;
	JourneyWorkspace workspace;
	uint64 *weights;
	size_t weights_capacity;
	const ConversionDetail *details; /* of the user at hand */
} JourneySink;

/* One entry of a sink by parts. */
typedef struct SummaryPart
{
	DateADT day;
	uint32 segment; /* number + 1, or NO_SEGMENT */
	SummaryState *summary;
} SummaryPart;

extern void journey_sink_init(JourneySink *sink, MemoryContext context, const JourneySpec *spec,
							  ChannelDict *channels, ChannelDict *segments, bool by_part);

/* The summary that a journey or touch of this time and segment counts in. */
extern SummaryState *journey_sink_part(JourneySink *sink, int64 at, uint32 segment);

/* A touch event in the counting window, on its own day and segment. */
static inline void
journey_sink_count_touch(JourneySink *sink, int64 at, uint32 segment, bool anonymous)
{
	SummaryState *summary = sink->whole ? sink->whole : journey_sink_part(sink, at, segment);

	/* an int64 of rows cannot overflow by counting them */
	summary_state_changed(summary);
	summary->meta.touches_seen++;
	summary->meta.anonymous_touches += anonymous;
}

/* A conversion of nobody: a journey with an empty path. */
extern void journey_sink_add_anonymous(JourneySink *sink, int64 at, double value, uint32 segment);

/* Cuts one user's events into journeys and adds them. */
extern void journey_sink_add_user(JourneySink *sink, const UserEvents *user);

/* The summary of a day and segment, or the one of all; made if it is not there. */
extern SummaryState *journey_sink_summary(JourneySink *sink, DateADT day, uint32 segment);

/* All parts sorted by day and segment bytes, the one without segment first. In the current context. */
extern SummaryPart *journey_sink_parts(JourneySink *sink, uint32 *nparts);

/* Adds what another sink holds; segment_map translates its numbers of segments, NULL if they are the same. */
extern void journey_sink_merge(JourneySink *sink, JourneySink *from, const uint32 *segment_map);

/* What a summary remembers of the options its journeys were cut with. */
extern SummaryMeta journey_spec_meta(const JourneySpec *spec);

/* Is the last touch of a journey old enough for its fate to be known? */
extern bool journey_matured(const JourneyOptions *walk, int64 last_touch);

#endif
