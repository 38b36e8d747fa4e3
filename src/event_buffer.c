#include "event_buffer.h"

#include "miscadmin.h"
#include "utils/memutils.h"

/* Events until which one partition is enough. */
#define SINGLE_PARTITION_LIMIT 32768

/* Records in a chunk: few at first, then 8 kB's worth, so that 256 partitions start at 2 MB. */
#define FIRST_CHUNK 8
#define CHUNK_RECORDS 255

/* Records a bucket may have for insertion sort to be the fastest. */
#define INSERTION_LIMIT 24

void
event_buffer_init(EventBuffer *buffer, MemoryContext context, const ChannelDict *channels,
				  const ChannelDict *segments)
{
	memset(buffer, 0, sizeof(*buffer));
	buffer->context = context;
	buffer->channels = channels;
	buffer->segments = segments;
	buffer->partitions = MemoryContextAllocZero(context, sizeof(EventPartition));
}

static void
free_partitions(EventBuffer *buffer)
{
	for (int i = 0; i < 1 << buffer->partition_bits; i++)
	{
		EventChunk *next;

		for (EventChunk *chunk = buffer->partitions[i].first; chunk; chunk = next)
		{
			next = chunk->next;
			pfree(chunk);
		}
	}
	pfree(buffer->partitions);
}

void
event_buffer_reset(EventBuffer *buffer)
{
	free_partitions(buffer);
	if (buffer->details)
		pfree(buffer->details);
	event_buffer_init(buffer, buffer->context, buffer->channels, buffer->segments);
}

static pg_noinline void
add_chunk(EventBuffer *buffer, EventPartition *partition)
{
	uint32 capacity = FIRST_CHUNK;
	EventChunk *chunk;
	Size bytes;

	if (buffer->partition_bits > 0)
		capacity = CHUNK_RECORDS;
	else if (partition->last)
		capacity = Min(partition->last->capacity * 2, CHUNK_RECORDS);
	bytes = offsetof(EventChunk, records) + capacity * sizeof(EventRecord);
	chunk = MemoryContextAlloc(buffer->context, bytes);
	chunk->next = NULL;
	chunk->size = 0;
	chunk->capacity = capacity;
	if (partition->last)
		partition->last->next = chunk;
	else
		partition->first = chunk;
	partition->last = chunk;
	buffer->allocated += bytes;
}

static inline void
append(EventBuffer *buffer, const EventRecord *record)
{
	EventPartition *partition = buffer->partitions;

	if (buffer->partition_bits > 0)
		partition += record->user.word[0] >> (64 - EVENT_PARTITION_BITS);
	if (partition->last == NULL || partition->last->size == partition->last->capacity)
		add_chunk(buffer, partition);
	partition->last->records[partition->last->size++] = *record;
	partition->size++;
}

/* From one partition to all. */
static pg_noinline void
split(EventBuffer *buffer)
{
	EventPartition *single = buffer->partitions;
	EventChunk *next;

	buffer->partitions = MemoryContextAllocZero(buffer->context, EVENT_PARTITIONS * sizeof(EventPartition));
	buffer->partition_bits = EVENT_PARTITION_BITS;
	for (EventChunk *chunk = single->first; chunk; chunk = next)
	{
		for (uint32 i = 0; i < chunk->size; i++)
			append(buffer, &chunk->records[i]);
		next = chunk->next;
		buffer->allocated -= offsetof(EventChunk, records) + chunk->capacity * sizeof(EventRecord);
		pfree(chunk);
	}
	pfree(single);
}

static inline void
add(EventBuffer *buffer, const EventRecord *record)
{
	if (unlikely(buffer->partition_bits == 0 && buffer->size == SINGLE_PARTITION_LIMIT))
		split(buffer);
	append(buffer, record);
	buffer->size++;
}

void
event_buffer_add_touch(EventBuffer *buffer, UserKey user, int64 at, uint32 channel, uint32 segment)
{
	EventRecord record = {user, {at, channel, segment}};

	add(buffer, &record);
}

void
event_buffer_add_conversion(EventBuffer *buffer, UserKey user, int64 at, double value, uint32 segment)
{
	EventRecord record = {user, {at, JOURNEY_CONVERSION, buffer->ndetails}};

	if (buffer->ndetails == buffer->details_capacity)
	{
		uint32 capacity = Max(8, buffer->details_capacity * 2);
		Size bytes = capacity * sizeof(ConversionDetail);

		buffer->details = buffer->details ? repalloc_huge(buffer->details, bytes)
										  : MemoryContextAllocHuge(buffer->context, bytes);
		buffer->allocated += (capacity - buffer->details_capacity) * sizeof(ConversionDetail);
		buffer->details_capacity = capacity;
	}
	buffer->details[buffer->ndetails].value = value;
	buffer->details[buffer->ndetails].segment = segment;
	buffer->ndetails++;
	add(buffer, &record);
}

/* ---------------------------------------------------------------- order */

static pg_noinline int
compare_at_one_instant(const JourneyEvent *a, const JourneyEvent *b, const ChannelDict *channels,
					   const ChannelDict *segments)
{
	if (a->channel == JOURNEY_CONVERSION || b->channel == JOURNEY_CONVERSION)
		return (a->channel == JOURNEY_CONVERSION) - (b->channel == JOURNEY_CONVERSION);
	if (a->channel != b->channel)
		return strcmp(channels->names[a->channel].text, channels->names[b->channel].text);
	if (a->ref != b->ref)
		return a->ref == NO_SEGMENT ? -1
			   : b->ref == NO_SEGMENT
				   ? 1
				   : strcmp(segments->names[a->ref - 1].text, segments->names[b->ref - 1].text);
	return 0;
}

int
event_compare(const JourneyEvent *a, const JourneyEvent *b, const ChannelDict *channels,
			  const ChannelDict *segments)
{
	if (likely(a->at != b->at))
		return a->at < b->at ? -1 : 1;
	return compare_at_one_instant(a, b, channels, segments);
}

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

static inline void
insertion_sort(EventRecord *records, uint32 n, const EventBuffer *buffer)
{
	for (uint32 i = 1; i < n; i++)
	{
		EventRecord record = records[i];
		uint32 j = i;

		for (; j > 0 && compare_records(&records[j - 1], &record, buffer) > 0; j--)
			records[j] = records[j - 1];
		if (j != i)
			records[j] = record;
	}
}

/* ---------------------------------------------------------------- walking */

/* Room for sorting one partition after another. */
typedef struct Scratch
{
	EventRecord *records;
	JourneyEvent *events;
	uint64 capacity;
	uint32 *buckets;
	uint32 buckets_capacity;
} Scratch;

static void
make_room(Scratch *scratch, uint64 nrecords, uint32 nbuckets)
{
	if (scratch->capacity < nrecords)
	{
		if (scratch->records)
		{
			pfree(scratch->records);
			pfree(scratch->events);
		}
		scratch->capacity = nrecords;
		scratch->records = MemoryContextAllocHuge(CurrentMemoryContext, nrecords * sizeof(EventRecord));
		scratch->events = MemoryContextAllocHuge(CurrentMemoryContext, nrecords * sizeof(JourneyEvent));
	}
	if (scratch->buckets_capacity < nbuckets + 1)
	{
		if (scratch->buckets)
			pfree(scratch->buckets);
		scratch->buckets_capacity = nbuckets + 1;
		scratch->buckets = MemoryContextAllocHuge(CurrentMemoryContext, (nbuckets + 1) * sizeof(uint32));
	}
}

/*
 * Sorts a partition into scratch->records: one counting pass over the bits below the partition's, about a user
 * or two to a bucket, then each bucket by itself.
 */
static void
sort_partition(const EventBuffer *buffer, const EventPartition *partition, Scratch *scratch)
{
	int bits = 1;
	int shift;
	uint32 mask;
	uint32 *end;
	uint32 start = 0;

	while ((UINT64CONST(4) << bits) < partition->size && bits < 24)
		bits++;
	shift = 64 - buffer->partition_bits - bits;
	mask = (1U << bits) - 1;
	make_room(scratch, partition->size, 1U << bits);
	end = scratch->buckets;
	memset(end, 0, ((Size) mask + 2) * sizeof(uint32));
	for (const EventChunk *chunk = partition->first; chunk; chunk = chunk->next)
		for (uint32 i = 0; i < chunk->size; i++)
			end[((chunk->records[i].user.word[0] >> shift) & mask) + 1]++;
	for (uint32 i = 1; i <= mask; i++)
		end[i] += end[i - 1];
	/* end[b] is now where bucket b starts; after the scatter it is where the bucket ends */
	for (const EventChunk *chunk = partition->first; chunk; chunk = chunk->next)
		for (uint32 i = 0; i < chunk->size; i++)
			scratch->records[end[(chunk->records[i].user.word[0] >> shift) & mask]++] = chunk->records[i];
	for (uint32 i = 0; i <= mask; i++)
	{
		uint32 n = end[i] - start;

		if (n > INSERTION_LIMIT)
			sort_records(scratch->records + start, n, buffer);
		else if (n > 1)
			insertion_sort(scratch->records + start, n, buffer);
		start = end[i];
	}
}

void
event_buffer_walk(const EventBuffer *buffer, UserEventsFn emit, void *arg)
{
	Scratch scratch = {0};
	UserEvents user = {.details = buffer->details};

	for (int p = 0; p < 1 << buffer->partition_bits; p++)
	{
		const EventPartition *partition = &buffer->partitions[p];

		if (partition->size == 0)
			continue;
		if (partition->size > PG_UINT32_MAX)
			ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
							errmsg("too many events in one partition of users")));
		sort_partition(buffer, partition, &scratch);
		for (uint64 i = 0; i < partition->size; i += user.size)
		{
			user.user = scratch.records[i].user;
			user.events = scratch.events;
			user.size = 0;
			do
			{
				scratch.events[user.size] = scratch.records[i + user.size].event;
				user.size++;
			} while (i + user.size < partition->size &&
					 user_key_compare(&scratch.records[i + user.size].user, &user.user) == 0);
			emit(arg, &user);
		}
		CHECK_FOR_INTERRUPTS();
	}
	if (scratch.records)
	{
		pfree(scratch.records);
		pfree(scratch.events);
		pfree(scratch.buckets);
	}
}
