#include "event_run.h"

#include "miscadmin.h"
#include "utils/memutils.h"

/* Bytes that travel between a run's file and memory at once. */
#define RUN_BLOCK ((Size) 32 * 1024)

/* More than the head of a user or one event can take. */
#define MOST_BYTES 64

/* ---------------------------------------------------------------- writing */

void
run_writer_begin(RunWriter *writer, RunFormat format, BufFile *file)
{
	memset(writer, 0, sizeof(*writer));
	writer->format = format;
	writer->file = file;
	writer->limit = MaxAllocHugeSize;
	writer->capacity = RUN_BLOCK;
	writer->bytes = palloc(writer->capacity);
}

static void
flush(RunWriter *writer)
{
	BufFileWrite(writer->file, writer->bytes, writer->size);
	writer->size = 0;
}

static void
check_limit(const RunWriter *writer)
{
	if (writer->size > writer->limit)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the events of one parallel worker are too many to ship to the leader"),
				 errdetail("They take more than %zu bytes.", writer->limit),
				 errhint("Set max_parallel_workers_per_gather = 0 for this query, or aggregate by ranges of "
						 "users.")));
}

static inline void
need_room(RunWriter *writer)
{
	if (likely(writer->capacity - writer->size >= MOST_BYTES))
		return;
	if (writer->file)
		flush(writer);
	else
	{
		check_limit(writer);
		writer->capacity *= 2;
		writer->bytes = repalloc_huge(writer->bytes, writer->capacity);
	}
}

static inline void
put_varint(RunWriter *writer, uint64 value)
{
	while (value >= 0x80)
	{
		writer->bytes[writer->size++] = (char) (value | 0x80);
		value >>= 7;
	}
	writer->bytes[writer->size++] = (char) value;
}

static inline void
put_word(RunWriter *writer, const void *word)
{
	memcpy(writer->bytes + writer->size, word, 8);
	writer->size += 8;
}

void
run_writer_put(RunWriter *writer, const UserEvents *user)
{
	int64 before = 0;

	need_room(writer);
	put_varint(writer, user->user.word[0] - writer->last.word[0]);
	if (writer->format.wide_keys)
		put_word(writer, &user->user.word[1]);
	put_varint(writer, user->size);
	writer->last = user->user;
	for (size_t i = 0; i < user->size; i++)
	{
		const JourneyEvent *event = &user->events[i];
		bool conversion = event->channel == JOURNEY_CONVERSION;
		uint32 segment = conversion ? user->details[event->ref].segment : event->ref;

		if (unlikely(i % 65536 == 65535))
			CHECK_FOR_INTERRUPTS();
		need_room(writer);
		put_varint(writer, conversion ? 0 : (uint64) event->channel + 1);
		if (i == 0)
			put_varint(writer, ((uint64) event->at << 1) ^ (uint64) (event->at >> 63));
		else
			put_varint(writer, (uint64) event->at - (uint64) before);
		before = event->at;
		if (conversion)
			put_word(writer, &user->details[event->ref].value);
		if (writer->format.segments)
			put_varint(writer, segment);
	}
}

void
run_writer_end(RunWriter *writer, EventRun *run)
{
	memset(run, 0, sizeof(*run));
	if (writer->file)
	{
		flush(writer);
		run->file = writer->file;
		pfree(writer->bytes);
	}
	else
	{
		check_limit(writer);
		run->bytes = writer->bytes;
		run->size = writer->size;
	}
	writer->bytes = NULL;
}

void
run_free(EventRun *run)
{
	if (run->file)
		BufFileClose(run->file);
	if (run->bytes)
		pfree(run->bytes);
	memset(run, 0, sizeof(*run));
}

/* ---------------------------------------------------------------- reading */

/*
 * Runs are made by this code alone, but they cross processes, so a reader checks what a broken length would
 * otherwise turn into a read beyond the end.
 */
typedef struct RunReader
{
	const EventRun *run;
	RunFormat format;
	const char *at;
	const char *end;
	char *block; /* for files */
	bool whole;	 /* nothing left behind `end` */
	UserKey user;
	uint64 nevents; /* of the current user */
} RunReader;

static pg_noinline void
refill(RunReader *reader)
{
	size_t left = reader->end - reader->at;
	size_t got;

	memmove(reader->block, reader->at, left);
	got = BufFileRead(reader->run->file, reader->block + left, RUN_BLOCK - left);
	reader->at = reader->block;
	reader->end = reader->block + left + got;
	reader->whole = got == 0;
}

static inline size_t
bytes_ahead(RunReader *reader)
{
	if (unlikely(!reader->whole && reader->end - reader->at < MOST_BYTES))
		refill(reader);
	return reader->end - reader->at;
}

pg_noreturn static void
broken_run(void)
{
	ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("a run of events ends too early")));
	pg_unreachable();
}

static inline uint64
get_varint(RunReader *reader)
{
	uint64 value = 0;

	for (int shift = 0; shift < 64; shift += 7)
	{
		uint8 byte;

		if (unlikely(reader->at >= reader->end))
			broken_run();
		byte = (uint8) *reader->at++;
		value |= (uint64) (byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
	broken_run();
}

static inline void
get_word(RunReader *reader, void *word)
{
	if (unlikely(reader->end - reader->at < 8))
		broken_run();
	memcpy(word, reader->at, 8);
	reader->at += 8;
}

/* The next user's head; false at the end. */
static bool
next_user(RunReader *reader)
{
	if (bytes_ahead(reader) == 0)
		return false;
	reader->user.word[0] += get_varint(reader);
	if (reader->format.wide_keys)
		get_word(reader, &reader->user.word[1]);
	reader->nevents = get_varint(reader);
	return true;
}

static void
reader_begin(RunReader *reader, const EventRun *run, RunFormat format)
{
	memset(reader, 0, sizeof(*reader));
	reader->run = run;
	reader->format = format;
	if (run->file)
	{
		if (BufFileSeek(run->file, 0, 0L, SEEK_SET) != 0)
			ereport(ERROR, (errcode_for_file_access(), errmsg("could not rewind a temporary file: %m")));
		reader->block = palloc(RUN_BLOCK);
		reader->at = reader->end = reader->block;
	}
	else
	{
		reader->at = run->bytes;
		reader->end = run->bytes + run->size;
		reader->whole = true;
	}
}

/* One user being put together from one or more runs. */
typedef struct UserAssembly
{
	UserEvents user;
	size_t capacity;
	ConversionDetail *details;
	uint32 ndetails;
	uint32 details_capacity;
} UserAssembly;

static void
assembly_room(UserAssembly *assembly, uint64 nevents)
{
	uint64 needed = assembly->user.size + nevents;

	if (needed > assembly->capacity)
	{
		assembly->capacity = Max(64, Max(needed, assembly->capacity * 2));
		assembly->user.events =
			assembly->user.events
				? repalloc_huge(assembly->user.events, assembly->capacity * sizeof(JourneyEvent))
				: MemoryContextAllocHuge(CurrentMemoryContext, assembly->capacity * sizeof(JourneyEvent));
	}
}

static uint32
add_detail(UserAssembly *assembly)
{
	if (assembly->ndetails == assembly->details_capacity)
	{
		assembly->details_capacity = Max(64, assembly->details_capacity * 2);
		assembly->details =
			assembly->details
				? repalloc_huge(assembly->details, assembly->details_capacity * sizeof(ConversionDetail))
				: palloc(assembly->details_capacity * sizeof(ConversionDetail));
		assembly->user.details = assembly->details;
	}
	return assembly->ndetails++;
}

static void
read_events(RunReader *reader, UserAssembly *assembly)
{
	const EventRun *run = reader->run;
	int64 at = 0;

	for (uint64 i = 0; i < reader->nevents; i++)
	{
		JourneyEvent *event;
		uint64 code;
		uint64 time;
		uint32 segment = NO_SEGMENT;
		uint32 detail = 0;

		(void) bytes_ahead(reader);
		if (i % 65536 == 0)
		{
			/* in steps, so that a broken count fails by the end of the run before it asks for memory */
			assembly_room(assembly, Min(reader->nevents - i, 65536));
			CHECK_FOR_INTERRUPTS();
		}
		code = get_varint(reader);
		time = get_varint(reader);
		at = i == 0 ? (int64) ((time >> 1) ^ (~(time & 1) + 1)) : (int64) ((uint64) at + time);
		if (code == 0)
		{
			detail = add_detail(assembly);
			get_word(reader, &assembly->details[detail].value);
		}
		if (reader->format.segments)
		{
			segment = (uint32) get_varint(reader);
			if (run->segment_map && segment != NO_SEGMENT)
				segment = run->segment_map[segment - 1] + 1;
		}
		event = &assembly->user.events[assembly->user.size++];
		event->at = at;
		if (code == 0)
		{
			event->channel = JOURNEY_CONVERSION;
			event->ref = detail;
			assembly->details[detail].segment = segment;
		}
		else
		{
			event->channel = run->channel_map ? run->channel_map[code - 1] : (uint32) (code - 1);
			event->ref = segment;
		}
	}
}

/* ---------------------------------------------------------------- merging */

/* Readers in a heap, the one with the least user on top. Two or three of them are the usual case. */
typedef struct ReaderHeap
{
	RunReader **readers;
	int size;
} ReaderHeap;

static inline bool
before(const RunReader *a, const RunReader *b)
{
	return user_key_compare(&a->user, &b->user) < 0;
}

static void
sift_down(ReaderHeap *heap, int i)
{
	RunReader *moving = heap->readers[i];

	for (;;)
	{
		int child = 2 * i + 1;

		if (child >= heap->size)
			break;
		if (child + 1 < heap->size && before(heap->readers[child + 1], heap->readers[child]))
			child++;
		if (!before(heap->readers[child], moving))
			break;
		heap->readers[i] = heap->readers[child];
		i = child;
	}
	heap->readers[i] = moving;
}

/* The top reader goes on to its next user, or leaves. */
static inline void
advance_first(ReaderHeap *heap)
{
	if (!next_user(heap->readers[0]))
		heap->readers[0] = heap->readers[--heap->size];
	if (heap->size > 1)
		sift_down(heap, 0);
}

void
run_merge(const EventRun *runs, int nruns, RunFormat format, const ChannelDict *channels,
		  const ChannelDict *segments, UserEventsFn emit, void *arg)
{
	RunReader *readers = palloc(Max(nruns, 1) * sizeof(RunReader));
	ReaderHeap heap = {palloc(Max(nruns, 1) * sizeof(RunReader *)), 0};
	UserAssembly assembly = {0};
	uint32 since_check = 0;

	for (int i = 0; i < nruns; i++)
	{
		reader_begin(&readers[i], &runs[i], format);
		if (next_user(&readers[i]))
			heap.readers[heap.size++] = &readers[i];
	}
	for (int i = heap.size / 2; i-- > 0;)
		sift_down(&heap, i);
	while (heap.size > 0)
	{
		bool sorted = true;

		assembly.user.user = heap.readers[0]->user;
		assembly.user.size = 0;
		assembly.ndetails = 0;
		do
		{
			sorted = assembly.user.size == 0;
			read_events(heap.readers[0], &assembly);
			advance_first(&heap);
		} while (heap.size > 0 && user_key_compare(&heap.readers[0]->user, &assembly.user.user) == 0);
		if (!sorted)
			event_sort(assembly.user.events, assembly.user.size, channels, segments);
		emit(arg, &assembly.user);
		if (++since_check % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	for (int i = 0; i < nruns; i++)
		if (readers[i].block)
			pfree(readers[i].block);
	pfree(readers);
	pfree(heap.readers);
	if (assembly.user.events)
		pfree(assembly.user.events);
	if (assembly.details)
		pfree(assembly.details);
}
