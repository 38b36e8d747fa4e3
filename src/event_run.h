/*
 * Sorted, packed runs of events: what a full buffer spills, what parallel workers ship, and how they merge.
 *
 * A run is the users in ascending key, each with its events in total order:
 *
 *     user    key distance from the user before (varint), second key word (8 bytes, where keys have one),
 *             number of events (varint)
 *     event   0 for a conversion or channel + 1 (varint), microseconds since the event before (varint; the
 *             first one's time is zigzag), a conversion's value (8 bytes), segment (varint, if there are any)
 *
 * A touch takes some 7 bytes instead of 32.
 */
#ifndef ATTRIB_EVENT_RUN_H
#define ATTRIB_EVENT_RUN_H

#include "event_buffer.h"
#include "storage/buffile.h"

/* How keys and segments are written; one for all runs of an aggregate. */
typedef struct RunFormat
{
	bool wide_keys;
	bool segments;
} RunFormat;

/*
 * A run lies in memory or in a temporary file. Numbers of channels and segments are those of the state it
 * belongs to; runs from another process are mapped on reading.
 */
typedef struct EventRun
{
	char *bytes; /* in memory */
	Size size;
	BufFile *file;		 /* or on disk */
	uint32 *channel_map; /* number in the run to number in the state; NULL: the same */
	uint32 *segment_map;
	int level; /* how many merges made it */
} EventRun;

typedef struct RunWriter
{
	RunFormat format;
	char *bytes;
	Size size;
	Size capacity;
	Size limit;	   /* of a run in memory: 54000 beyond */
	BufFile *file; /* NULL: the run stays in memory */
	UserKey last;
} RunWriter;

extern void run_writer_begin(RunWriter *writer, RunFormat format, BufFile *file);
extern void run_writer_put(RunWriter *writer, const UserEvents *user);
extern void run_writer_end(RunWriter *writer, EventRun *run);

/* Merges runs: one callback a user, ascending, with events in total order. */
extern void run_merge(const EventRun *runs, int nruns, RunFormat format, const ChannelDict *channels,
					  const ChannelDict *segments, UserEventsFn emit, void *arg);

extern void run_free(EventRun *run);

#endif
