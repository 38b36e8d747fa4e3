/*
 * Events of many users, taken in any order and given back user by user.
 *
 * Why not GROUP BY: a hash table of a million users costs PostgreSQL's executor more than everything else
 * together (section "Speed" of the documentation has the numbers). Here a row is one 32-byte record appended to
 * the partition of its user's hash; at the end each partition, small enough for the cache, is sorted by user
 * and time. Nothing is touched twice that is not in the cache.
 */
#ifndef ATTRIB_EVENT_BUFFER_H
#define ATTRIB_EVENT_BUFFER_H

#include "channel_dict.h"
#include "core/journey.h"

/*
 * A user. bigint: the number itself, mixed by a bijection so that partitions fill evenly; uuid: its 128 bits
 * mixed likewise; text: a 128-bit hash. Ordered by word[0], then word[1], so that buffers and runs merge.
 */
typedef struct UserKey
{
	uint64 word[2];
} UserKey;

/* What only conversions have; event.ref is its place. Touches carry their segment in event.ref instead. */
typedef struct ConversionDetail
{
	double value;
	uint32 segment;
} ConversionDetail;

/* No segment; segments are numbered from 1. */
#define NO_SEGMENT 0

typedef struct EventRecord
{
	UserKey user;
	JourneyEvent event;
} EventRecord;

typedef struct EventChunk
{
	struct EventChunk *next;
	uint32 size;
	uint32 capacity;
	EventRecord records[FLEXIBLE_ARRAY_MEMBER];
} EventChunk;

typedef struct EventPartition
{
	EventChunk *first;
	EventChunk *last;
	uint64 size;
} EventPartition;

#define EVENT_PARTITION_BITS 8
#define EVENT_PARTITIONS (1 << EVENT_PARTITION_BITS)

typedef struct EventBuffer
{
	MemoryContext context;
	const ChannelDict *channels; /* for the order of touches at one instant */
	const ChannelDict *segments;
	uint64 size;		/* events */
	Size allocated;		/* bytes of chunks and details */
	int partition_bits; /* 0 while there are few events: one small array, as a state per group should be */
	EventPartition *partitions;
	ConversionDetail *details;
	uint32 ndetails;
	uint32 details_capacity;
} EventBuffer;

extern void event_buffer_init(EventBuffer *buffer, MemoryContext context, const ChannelDict *channels,
							  const ChannelDict *segments);
extern void event_buffer_add_touch(EventBuffer *buffer, UserKey user, int64 at, uint32 channel,
								   uint32 segment);
extern void event_buffer_add_conversion(EventBuffer *buffer, UserKey user, int64 at, double value,
										uint32 segment);

/* Forgets all events and gives their memory back. */
extern void event_buffer_reset(EventBuffer *buffer);

/* One user's events in the total order; details belong to their conversions. */
typedef struct UserEvents
{
	UserKey user;
	JourneyEvent *events;
	size_t size;
	const ConversionDetail *details;
} UserEvents;

typedef void (*UserEventsFn)(void *arg, const UserEvents *user);

/* Calls back for every user in ascending key; leaves the buffer as it was. */
extern void event_buffer_walk(const EventBuffer *buffer, UserEventsFn emit, void *arg);

/*
 * The total order of one user's events: time, touches before conversions, channel by bytes, segment by bytes
 * with none first. What else the order of events knows (values, ids) makes no difference to a summary.
 */
extern int event_compare(const JourneyEvent *a, const JourneyEvent *b, const ChannelDict *channels,
						 const ChannelDict *segments);

static inline int
user_key_compare(const UserKey *a, const UserKey *b)
{
	if (a->word[0] != b->word[0])
		return a->word[0] < b->word[0] ? -1 : 1;
	return a->word[1] < b->word[1] ? -1 : a->word[1] > b->word[1];
}

#endif
