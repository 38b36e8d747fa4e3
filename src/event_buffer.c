#include "event_buffer.h"

#include "miscadmin.h"
#include "utils/memutils.h"

/* Events until which one partition is enough. */
#define SINGLE_PARTITION_LIMIT 32768

/* Bytes of a chunk: small at first, then two pages, so that 256 partitions start at 2 MB. */
#define FIRST_CHUNK_BYTES 256
#define CHUNK_BYTES (8192 - offsetof(EventChunk, records) - 16)

void
event_buffer_init(EventBuffer *buffer, MemoryContext context, const ChannelDict *channels,
				  const ChannelDict *segments, bool narrow)
{
	memset(buffer, 0, sizeof(*buffer));
	buffer->context = context;
	buffer->channels = channels;
	buffer->segments = segments;
	buffer->narrow = narrow;
	buffer->partitions = MemoryContextAllocZero(context, sizeof(EventPartition));
}

static void
free_partitions(EventPartition *partitions, int n)
{
	for (int i = 0; i < n; i++)
	{
		EventChunk *next;

		for (EventChunk *chunk = partitions[i].first; chunk; chunk = next)
		{
			next = chunk->next;
			pfree(chunk);
		}
	}
	pfree(partitions);
}

void
event_buffer_reset(EventBuffer *buffer)
{
	free_partitions(buffer->partitions, 1 << buffer->partition_bits);
	if (buffer->details)
		pfree(buffer->details);
	event_buffer_init(buffer, buffer->context, buffer->channels, buffer->segments, buffer->narrow);
}

static pg_noinline void
add_chunk(EventBuffer *buffer, EventPartition *partition)
{
	Size record = buffer->compact ? sizeof(CompactEvent) : sizeof(EventRecord);
	Size bytes = CHUNK_BYTES;
	EventChunk *chunk;

	if (buffer->partition_bits == 0)
		bytes =
			partition->last ? Min(partition->last->capacity * 2 * record, CHUNK_BYTES) : FIRST_CHUNK_BYTES;
	chunk = MemoryContextAlloc(buffer->context, offsetof(EventChunk, records) + bytes);
	chunk->next = NULL;
	chunk->capacity = bytes / record;
	if (partition->last)
		partition->last->next = chunk;
	else
		partition->first = chunk;
	partition->last = chunk;
	partition->next = (char *) chunk->records;
	partition->limit = partition->next + chunk->capacity * record;
	buffer->allocated += offsetof(EventChunk, records) + bytes;
}

/* Room for one more record, which the caller writes. */
static inline void *
next_record(EventBuffer *buffer, EventPartition *partition, Size record_size)
{
	void *record;

	if (unlikely(partition->next == partition->limit))
		add_chunk(buffer, partition);
	record = partition->next;
	partition->next += record_size;
	partition->size++;
	return record;
}

static inline void
append_record(EventBuffer *buffer, const EventRecord *record)
{
	EventPartition *partition = buffer->partitions;

	if (buffer->partition_bits > 0)
		partition += record->user.word[0] >> (64 - EVENT_PARTITION_BITS);
	*(EventRecord *) next_record(buffer, partition, sizeof(EventRecord)) = *record;
}

/* False if the event does not fit. */
static inline bool
append_compact(EventBuffer *buffer, const EventRecord *record)
{
	uint64 key = record->user.word[0];
	uint64 time = (uint64) record->event.at - (uint64) buffer->base;
	bool conversion = record->event.channel == JOURNEY_CONVERSION;
	uint32 code = conversion ? record->event.ref : record->event.channel;
	CompactEvent *compact;

	if (unlikely(time >> COMPACT_TIME_BITS != 0 || code >= COMPACT_CONVERSION))
		return false;
	if (conversion)
		code |= COMPACT_CONVERSION;
	compact =
		next_record(buffer, &buffer->partitions[key >> (64 - EVENT_PARTITION_BITS)], sizeof(CompactEvent));
	compact->high = key << EVENT_PARTITION_BITS | time >> 40;
	compact->low = time << COMPACT_CODE_BITS | code;
	return true;
}

static void append(EventBuffer *buffer, const EventRecord *record);

/* Takes all events over into new partitions, of the form that buffer->compact now asks for. */
static pg_noinline void
rebuild(EventBuffer *buffer, bool was_compact)
{
	EventPartition *old = buffer->partitions;
	Size record_size = was_compact ? sizeof(CompactEvent) : sizeof(EventRecord);
	int nold = 1 << buffer->partition_bits;

	buffer->allocated = buffer->details_capacity * sizeof(ConversionDetail);
	buffer->partition_bits = EVENT_PARTITION_BITS;
	buffer->partitions = MemoryContextAllocZero(buffer->context, EVENT_PARTITIONS * sizeof(EventPartition));
	for (int p = 0; p < nold; p++)
		for (EventChunk *chunk = old[p].first; chunk; chunk = chunk->next)
		{
			uint32 n = event_chunk_size(&old[p], chunk, record_size);

			CHECK_FOR_INTERRUPTS();
			for (uint32 i = 0; i < n; i++)
			{
				EventRecord record =
					was_compact ? expand_event(buffer, (uint64) p, (CompactEvent *) chunk->records + i)
								: ((EventRecord *) chunk->records)[i];

				append(buffer, &record);
			}
		}
	free_partitions(old, nold);
}

static void
append(EventBuffer *buffer, const EventRecord *record)
{
	if (!buffer->compact)
		append_record(buffer, record);
	else if (unlikely(!append_compact(buffer, record)))
	{
		/* never again: what does not fit once will come more often */
		buffer->narrow = buffer->compact = false;
		rebuild(buffer, true);
		append_record(buffer, record);
	}
}

static inline void
add(EventBuffer *buffer, const EventRecord *record)
{
	if (unlikely(buffer->partition_bits == 0 && buffer->size == SINGLE_PARTITION_LIMIT))
	{
		int64 half_range = INT64CONST(1) << (COMPACT_TIME_BITS - 1);

		buffer->compact = buffer->narrow && record->event.at > PG_INT64_MIN + half_range;
		buffer->base = buffer->compact ? record->event.at - half_range : 0;
		rebuild(buffer, false);
	}
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
