/*
 * Events of many users, taken in any order and given back user by user.
 *
 * Why not GROUP BY: a hash table of a million users costs PostgreSQL's executor more than everything else
 * together. Here a row is one record appended to the partition of its user's hash; at the end each partition,
 * small enough for the cache, is sorted by user and time. Nothing is touched twice that is not in the cache.
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

/* Any event. */
typedef struct EventRecord
{
	UserKey user;
	JourneyEvent event;
} EventRecord;

/*
 * An event of a user known by 64 bits, in half the memory, which is half the page faults and cache misses: one
 * 128-bit number whose order is that of user and time, touches before conversions. From the top:
 *
 *     56 bits  the key below the bits that chose the partition
 *     48 bits  microseconds since buffer->base, so within some nine years
 *     24 bits  the channel, or COMPACT_CONVERSION + place in details
 */
typedef struct CompactEvent
{
	uint64 high;
	uint64 low;
} CompactEvent;

#define COMPACT_TIME_BITS 48
#define COMPACT_CODE_BITS 24
#define COMPACT_CONVERSION (1U << (COMPACT_CODE_BITS - 1))

typedef struct EventChunk
{
	struct EventChunk *next;
	uint32 capacity;
	/* EventRecords or CompactEvents, see EventBuffer.compact; all but a partition's last chunk are full */
	uint64 records[FLEXIBLE_ARRAY_MEMBER];
} EventChunk;

/* Where the next event goes is kept here, not in the chunk: its head would be one more line to wait for. */
typedef struct EventPartition
{
	char *next;
	char *limit;
	uint64 size;
	EventChunk *first;
	EventChunk *last;
} EventPartition;

#define EVENT_PARTITION_BITS 8
#define EVENT_PARTITIONS (1 << EVENT_PARTITION_BITS)

typedef struct EventBuffer
{
	MemoryContext context;
	const ChannelDict *channels; /* for the order of touches at one instant */
	const ChannelDict *segments;
	uint64 size;	/* events */
	Size allocated; /* bytes of chunks and details */
	bool narrow;	/* keys have one word and there are no segments, so events may fit a CompactEvent */
	bool compact;	/* and all events so far do */
	int64 base;
	int partition_bits; /* 0 while there are few events: one small array, as a state per group should be */
	EventPartition *partitions;
	ConversionDetail *details;
	uint32 ndetails;
	uint32 details_capacity;
} EventBuffer;

extern void event_buffer_init(EventBuffer *buffer, MemoryContext context, const ChannelDict *channels,
							  const ChannelDict *segments, bool narrow);
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

/* Calls back for every user in ascending key; leaves the buffer as it was. In event_sort.c. */
extern void event_buffer_walk(const EventBuffer *buffer, UserEventsFn emit, void *arg);

/*
 * The total order of one user's events: time, touches before conversions, channel by bytes, segment by bytes
 * with none first. What else the order of events knows (values, ids) makes no difference to a summary.
 */
extern int event_compare(const JourneyEvent *a, const JourneyEvent *b, const ChannelDict *channels,
						 const ChannelDict *segments);

/* Records in a chunk of the partition. */
static inline uint32
event_chunk_size(const EventPartition *partition, const EventChunk *chunk, Size record_size)
{
	return chunk == partition->last ? (partition->next - (const char *) chunk->records) / record_size
									: chunk->capacity;
}

/* Sorts one user's events into the total order; in event_sort.c. */
extern void event_sort(JourneyEvent *events, size_t n, const ChannelDict *channels,
					   const ChannelDict *segments);

/* A compact event of partition `partition`, as any event. */
static inline EventRecord
expand_event(const EventBuffer *buffer, uint64 partition, const CompactEvent *compact)
{
	uint32 code = (uint32) compact->low & ((1U << COMPACT_CODE_BITS) - 1);
	uint64 time = (compact->high & 0xff) << 40 | compact->low >> COMPACT_CODE_BITS;
	bool conversion = code & COMPACT_CONVERSION;
	EventRecord record = {
		{{partition << (64 - EVENT_PARTITION_BITS) | compact->high >> EVENT_PARTITION_BITS, 0}},
		{(int64) ((uint64) buffer->base + time), conversion ? JOURNEY_CONVERSION : code,
		 conversion ? code - COMPACT_CONVERSION : NO_SEGMENT},
	};

	return record;
}

static inline int
user_key_compare(const UserKey *a, const UserKey *b)
{
	if (a->word[0] != b->word[0])
		return a->word[0] < b->word[0] ? -1 : 1;
	return a->word[1] < b->word[1] ? -1 : a->word[1] > b->word[1];
}

#endif
