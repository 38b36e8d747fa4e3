/*
 * Sorting the partitions of an event buffer, and walking through their users.
 *
 * A partition is spread over about as many buckets as it has users by the next bits of the key, in one counting
 * pass within the cache; what remains is to sort a handful of events.
 */
#include "event_buffer.h"

#include "core/fixed.h"
#include "miscadmin.h"

/* Events a user may have for insertion sort to be the fastest. */
#define INSERTION_LIMIT 24

/* Events a bucket may have for comparing all with all to be the fastest. */
#define RANK_LIMIT 12

/* Room for one partition after another. */
typedef struct Scratch
{
	void *records; /* EventRecords or CompactEvents */
	JourneyEvent *events;
	uint64 capacity;
	uint32 *buckets;
	uint32 buckets_capacity;
} Scratch;

typedef struct Buckets
{
	int shift;
	uint32 mask;
	uint32 *end; /* of each bucket, once spread */
} Buckets;

static void
make_room(Scratch *scratch, uint64 nrecords, Size record_size)
{
	if (scratch->capacity >= nrecords)
		return;
	if (scratch->records)
	{
		pfree(scratch->records);
		pfree(scratch->events);
	}
	scratch->capacity = nrecords;
	scratch->records = MemoryContextAllocHuge(CurrentMemoryContext, nrecords * record_size);
	scratch->events = MemoryContextAllocHuge(CurrentMemoryContext, nrecords * sizeof(JourneyEvent));
}

/* Zeroed counters for a key that starts `used_bits` below the top of its word. */
static Buckets
make_buckets(Scratch *scratch, uint64 nrecords, int used_bits)
{
	Buckets buckets;
	int bits = 1;

	while ((UINT64CONST(4) << bits) < nrecords && bits < 24)
		bits++;
	buckets.mask = (1U << bits) - 1;
	buckets.shift = 64 - used_bits - bits;
	if (scratch->buckets_capacity < buckets.mask + 2)
	{
		if (scratch->buckets)
			pfree(scratch->buckets);
		scratch->buckets_capacity = buckets.mask + 2;
		scratch->buckets = palloc(scratch->buckets_capacity * sizeof(uint32));
	}
	buckets.end = scratch->buckets;
	memset(buckets.end, 0, ((Size) buckets.mask + 2) * sizeof(uint32));
	return buckets;
}

/* Counts of bucket b stand at end[b + 1]; makes end[b] the place where bucket b starts. */
static void
counts_to_starts(Buckets *buckets)
{
	for (uint32 i = 1; i <= buckets->mask; i++)
		buckets->end[i] += buckets->end[i - 1];
}

/* ---------------------------------------------------------------- events of one user */

typedef struct EventOrder
{
	const ChannelDict *channels;
	const ChannelDict *segments;
} EventOrder;

static inline int
compare_events(const JourneyEvent *a, const JourneyEvent *b, const EventOrder *order)
{
	return event_compare(a, b, order->channels, order->segments);
}

#define ST_SORT sort_events
#define ST_ELEMENT_TYPE JourneyEvent
#define ST_COMPARE(a, b, order) compare_events(a, b, order)
#define ST_COMPARE_ARG_TYPE const EventOrder
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

void
event_sort(JourneyEvent *events, size_t n, const ChannelDict *channels, const ChannelDict *segments)
{
	EventOrder order = {channels, segments};

	if (n > INSERTION_LIMIT)
	{
		sort_events(events, n, &order);
		return;
	}
	/* most users have a handful of events, and those of one run are sorted already */
	for (size_t i = 1; i < n; i++)
	{
		JourneyEvent event = events[i];
		size_t j = i;

		for (; j > 0 && (event.at < events[j - 1].at || (event.at == events[j - 1].at &&
														 compare_events(&event, &events[j - 1], &order) < 0));
			 j--)
			events[j] = events[j - 1];
		events[j] = event;
	}
}

/* ---------------------------------------------------------------- records */

static inline int
compare_records(const EventRecord *a, const EventRecord *b, const EventBuffer *buffer)
{
	int order = user_key_compare(&a->user, &b->user);

	return order ? order : event_compare(&a->event, &b->event, buffer->channels, buffer->segments);
}

#define ST_SORT sort_records
#define ST_ELEMENT_TYPE EventRecord
#define ST_COMPARE(a, b, buffer) compare_records(a, b, buffer)
#define ST_COMPARE_ARG_TYPE const EventBuffer
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

static void
sort_partition(const EventBuffer *buffer, const EventPartition *partition, Scratch *scratch)
{
	Buckets buckets = make_buckets(scratch, partition->size, buffer->partition_bits);
	EventRecord *records = scratch->records;
	uint32 start = 0;

	for (const EventChunk *chunk = partition->first; chunk; chunk = chunk->next)
		for (const EventRecord *r = (const EventRecord *) chunk->records,
							   *end = r + event_chunk_size(partition, chunk, sizeof(*r));
			 r < end; r++)
			buckets.end[((r->user.word[0] >> buckets.shift) & buckets.mask) + 1]++;
	counts_to_starts(&buckets);
	for (const EventChunk *chunk = partition->first; chunk; chunk = chunk->next)
	{
		CHECK_FOR_INTERRUPTS();
		for (const EventRecord *r = (const EventRecord *) chunk->records,
							   *end = r + event_chunk_size(partition, chunk, sizeof(*r));
			 r < end; r++)
			records[buckets.end[(r->user.word[0] >> buckets.shift) & buckets.mask]++] = *r;
	}
	for (uint32 i = 0; i <= buckets.mask; i++)
	{
		sort_records(records + start, buckets.end[i] - start, buffer);
		start = buckets.end[i];
	}
}

static void
walk_records(const EventBuffer *buffer, const EventPartition *partition, Scratch *scratch, UserEventsFn emit,
			 void *arg)
{
	UserEvents user = {.details = buffer->details, .events = scratch->events};
	const EventRecord *records;

	sort_partition(buffer, partition, scratch);
	records = scratch->records;
	for (uint64 i = 0; i < partition->size; i += user.size)
	{
		user.user = records[i].user;
		user.size = 0;
		do
		{
			user.events[user.size] = records[i + user.size].event;
			user.size++;
		} while (i + user.size < partition->size &&
				 user_key_compare(&records[i + user.size].user, &user.user) == 0);
		emit(arg, &user);
	}
}

/* ---------------------------------------------------------------- compact events */

static inline bool
compact_less(const CompactEvent *a, const CompactEvent *b)
{
	/* as one number: the order of two events of a user is anybody's guess, so one branch less counts */
	return ((ufixed128) a->high << 64 | a->low) < ((ufixed128) b->high << 64 | b->low);
}

static inline int
compare_compact(const CompactEvent *a, const CompactEvent *b)
{
	return compact_less(a, b) ? -1 : compact_less(b, a);
}

#define ST_SORT sort_compact
#define ST_ELEMENT_TYPE CompactEvent
#define ST_COMPARE(a, b) compare_compact(a, b)
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* A handful of events, without a branch that depends on them: each is put where its rank says. */
static inline void
rank_sort(CompactEvent *events, uint32 n)
{
	CompactEvent copy[RANK_LIMIT];
	uint32 rank[RANK_LIMIT] = {0};

	copy[0] = events[0];
	for (uint32 i = 1; i < n; i++)
	{
		copy[i] = events[i];
		for (uint32 j = 0; j < i; j++)
		{
			uint32 less = compact_less(&copy[i], &copy[j]);

			rank[j] += less;
			rank[i] += 1 - less;
		}
	}
	for (uint32 i = 0; i < n; i++)
		events[rank[i]] = copy[i];
}

static void
sort_compact_partition(const EventPartition *partition, Scratch *scratch)
{
	/* the partition's bits are gone from the word, so the key starts at its top */
	Buckets buckets = make_buckets(scratch, partition->size, 0);
	CompactEvent *events = scratch->records;
	uint32 start = 0;

	for (const EventChunk *chunk = partition->first; chunk; chunk = chunk->next)
		for (const CompactEvent *e = (const CompactEvent *) chunk->records,
								*end = e + event_chunk_size(partition, chunk, sizeof(*e));
			 e < end; e++)
			buckets.end[(e->high >> buckets.shift) + 1]++;
	counts_to_starts(&buckets);
	for (const EventChunk *chunk = partition->first; chunk; chunk = chunk->next)
	{
		CHECK_FOR_INTERRUPTS();
		for (const CompactEvent *e = (const CompactEvent *) chunk->records,
								*end = e + event_chunk_size(partition, chunk, sizeof(*e));
			 e < end; e++)
			events[buckets.end[e->high >> buckets.shift]++] = *e;
	}
	for (uint32 i = 0; i <= buckets.mask; i++)
	{
		uint32 n = buckets.end[i] - start;

		if (n > RANK_LIMIT)
			sort_compact(events + start, n);
		else if (n > 1)
			rank_sort(events + start, n);
		start = buckets.end[i];
	}
}

static void
walk_compact(const EventBuffer *buffer, uint64 p, const EventPartition *partition, Scratch *scratch,
			 UserEventsFn emit, void *arg)
{
	UserEvents user = {.details = buffer->details, .events = scratch->events};
	const CompactEvent *events;

	sort_compact_partition(partition, scratch);
	events = scratch->records;
	for (uint64 i = 0; i < partition->size; i += user.size)
	{
		int64 before = PG_INT64_MIN;
		bool ties = false;

		user.size = 0;
		do
		{
			EventRecord record = expand_event(buffer, p, &events[i + user.size]);

			user.user = record.user;
			user.events[user.size++] = record.event;
			ties = ties || record.event.at == before;
			before = record.event.at;
		} while (i + user.size < partition->size && events[i + user.size].high >> 8 == events[i].high >> 8);
		/* touches at one instant go by the bytes of their channels, which numbers know nothing of */
		if (unlikely(ties))
			event_sort(user.events, user.size, buffer->channels, buffer->segments);
		emit(arg, &user);
	}
}

void
event_buffer_walk(const EventBuffer *buffer, UserEventsFn emit, void *arg)
{
	Size record_size = buffer->compact ? sizeof(CompactEvent) : sizeof(EventRecord);
	Scratch scratch = {0};

	for (int p = 0; p < 1 << buffer->partition_bits; p++)
	{
		const EventPartition *partition = &buffer->partitions[p];

		if (partition->size == 0)
			continue;
		if (partition->size > PG_UINT32_MAX)
			ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
							errmsg("too many events in one partition of users"),
							errdetail("The limit is %u.", PG_UINT32_MAX)));
		make_room(&scratch, partition->size, record_size);
		if (buffer->compact)
			walk_compact(buffer, (uint64) p, partition, &scratch, emit, arg);
		else
			walk_records(buffer, partition, &scratch, emit, arg);
		CHECK_FOR_INTERRUPTS();
	}
	if (scratch.records)
	{
		pfree(scratch.records);
		pfree(scratch.events);
		pfree(scratch.buckets);
	}
}
