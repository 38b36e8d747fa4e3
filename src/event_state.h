/*
 * The state of the aggregates over raw events.
 */
#ifndef ATTRIB_EVENT_STATE_H
#define ATTRIB_EVENT_STATE_H

#include "aggregate.h"
#include "event_run.h"
#include "journey_sink.h"

typedef struct EventState
{
	MemoryContext context;
	AggregateNode *node;
	dlist_node link; /* in node->states */
	bool linked;
	bool by_part;
	const JourneySpec *spec;
	bool same_spec; /* the query has them as a constant: no row can bring others */
	/* events outside [keep_from, keep_until] decide nothing */
	int64 keep_from;
	int64 keep_until;
	ChannelDict channels;
	ChannelDict segments;
	EventBuffer buffer;
	Size run_bytes; /* of runs in memory, which other processes shipped */
	Size charged;	/* what the node counts for this state: buffer and runs */
	RunFormat format;
	EventRun *runs;
	int nruns;
	int runs_capacity;
	bool closing;		/* files will be closed when the aggregate's context ends */
	JourneySink direct; /* what needs no user: counters and conversions of nobody */
} EventState;

extern EventState *event_state_create(MemoryContext context, AggregateNode *node, const JourneySpec *spec,
									  bool wide_keys, bool by_part);

/* Charges the node for the memory the state has come to use, and spills the largest state if it is too much. */
extern void event_state_charge(EventState *state, FunctionCallInfo fcinfo);

/* After events were added; they seldom needed more memory. */
static inline void
event_state_account(EventState *state, FunctionCallInfo fcinfo)
{
	if (unlikely(state->buffer.allocated + state->run_bytes != state->charged))
		event_state_charge(state, fcinfo);
}

/* All events of the state as one run: in memory, or in a file if one is given. */
extern void event_state_pack(const EventState *state, RunWriter *writer, EventRun *run);

/* Adds a run of another state; its bytes become this state's. */
extern void event_state_add_run(EventState *state, const EventRun *run, FunctionCallInfo fcinfo);

/* Calls back for each user, leaving the state as it was. */
extern void event_state_walk(const EventState *state, UserEventsFn emit, void *arg);

#endif
