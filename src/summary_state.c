/*
 * The state's table of paths, the queue of short ones on their way into it, and what is added to them.
 */
#include "summary_state.h"

#include "common/hashfn.h"
#include "common/int.h"
#include "core/flat_writer.h"
#include "utils/memutils.h"

typedef struct PathSlot
{
	uint32 hash;
	uint32 entry : 31;
	uint32 status : 1;
} PathSlot;

/* A key is the number of an entry; the one looked for lies, still uncounted, behind the last. */
static inline bool
same_path(const SummaryState *state, uint32 a, uint32 b)
{
	const PathEntry *x = &state->entries[a];
	const PathEntry *y = &state->entries[b];

	return x->nbytes == y->nbytes && memcmp(path_entry_bytes(x), path_entry_bytes(y), x->nbytes) == 0;
}

#define SH_PREFIX pathslot
#define SH_ELEMENT_TYPE PathSlot
#define SH_KEY_TYPE uint32
#define SH_KEY entry
#define SH_HASH_KEY(tb, key) 0 /* always given by the caller */
#define SH_EQUAL(tb, a, b) same_path((const SummaryState *) (tb)->private_data, a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a) (a)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

#define ARENA_BLOCK ((size_t) 64 * 1024)

/* Least text of a path, as summary_text_bound() counts it. */
#define PATH_TEXT_FLOOR 24

SummaryState *
summary_state_create(MemoryContext parent, ChannelDict *channels)
{
	/* small first blocks: GROUP BY makes many of these */
	MemoryContext context =
		AllocSetContextCreate(parent, "journey_summary", 0, (Size) 1024, ALLOCSET_DEFAULT_MAXSIZE);
	SummaryState *state = MemoryContextAllocZero(context, sizeof(SummaryState));

	EOH_init_header(&state->hdr, &summary_state_methods, context);
	state->magic = SUMMARY_STATE_MAGIC;
	if (channels == NULL)
	{
		channels = MemoryContextAlloc(context, sizeof(ChannelDict));
		channel_dict_init(channels, context);
	}
	state->channels = channels;
	return state;
}

SummaryState *
summary_state_of(Datum datum)
{
	SummaryState *state;

	if (!VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(datum)))
		return NULL;
	state = (SummaryState *) DatumGetEOHP(datum);
	return state->magic == SUMMARY_STATE_MAGIC ? state : NULL;
}

uint32 *
summary_state_scratch(SummaryState *state, uint32 ntouches)
{
	if (state->scratch_capacity < ntouches)
	{
		if (state->scratch)
			pfree(state->scratch);
		state->scratch = NULL;
		state->scratch_capacity = Max(2 * ntouches, 16);
		state->scratch =
			MemoryContextAllocHuge(state->hdr.eoh_context, state->scratch_capacity * sizeof(uint32));
	}
	return state->scratch;
}

/* ---------------------------------------------------------------- paths */

/* Room for `size` bytes at state->arena; arena_take() keeps as many of them as were used. */
static uint8 *
arena_reserve(SummaryState *state, size_t size)
{
	if (state->arena_left < size)
	{
		size_t block = state->nentries < 1024 ? 1024 : ARENA_BLOCK;

		state->arena_left = Max(size, block);
		state->arena = MemoryContextAllocExtended(state->hdr.eoh_context, state->arena_left, MCXT_ALLOC_HUGE);
	}
	return state->arena;
}

static void
arena_take(SummaryState *state, size_t size)
{
	state->arena += size;
	state->arena_left -= size;
}

static inline uint32
hash_word(uint64 word, uint32 nbytes)
{
	return (uint32) murmurhash64(word + nbytes);
}

static inline uint32
hash_path(const PathEntry *entry)
{
	uint64 word;

	if (entry->nbytes > sizeof(entry->bytes.inside))
		return hash_bytes(entry->bytes.outside, (int) entry->nbytes);
	memcpy(&word, entry->bytes.inside, sizeof(word)); /* zero behind the path */
	return hash_word(word, entry->nbytes);
}

void
summary_too_large(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("journey summary is too large"),
			 errdetail("The text form of a summary may take %zu bytes.", SUMMARY_MAX_TEXT),
			 errhint("Shorten paths with max_touches or transforms, or keep parts by day or segment.")));
}

/* A day and segment may have counters alone, so the table waits for the first path. */
static pg_noinline void
make_table(SummaryState *state)
{
	state->entries_capacity = 8;
	state->entries = MemoryContextAlloc(state->hdr.eoh_context, state->entries_capacity * sizeof(PathEntry));
	state->slots = pathslot_create(state->hdr.eoh_context, 8, state);
}

/* The uncounted entry behind the last. */
static inline PathEntry *
candidate_entry(SummaryState *state, uint32 ntouches)
{
	PathEntry *entry;

	if (unlikely(state->nentries == state->entries_capacity))
	{
		state->entries_capacity *= 2;
		state->entries = repalloc_huge(state->entries, state->entries_capacity * sizeof(PathEntry));
	}
	entry = &state->entries[state->nentries];
	memset(entry, 0, sizeof(*entry));
	entry->ntouches = ntouches;
	return entry;
}

/* Do all paths of so many touches fit into an entry, a byte a touch? */
static inline bool
fits_inside(const SummaryState *state, uint32 ntouches)
{
	return ntouches <= sizeof(((PathEntry *) NULL)->bytes.inside) && state->channels->size <= 0x80;
}

static inline uint64
path_word(const uint32 *touches, uint32 ntouches)
{
	uint8 bytes[8] = {0};
	uint64 word;

	for (uint32 i = 0; i < ntouches; i++)
		bytes[i] = (uint8) touches[i];
	memcpy(&word, bytes, sizeof(word));
	return word;
}

/* Writes the path as the entry behind the last; its longer bytes lie in the arena, not yet taken. */
static PathEntry *
encode_candidate(SummaryState *state, const uint32 *touches, uint32 ntouches)
{
	PathEntry *entry = candidate_entry(state, ntouches);
	uint8 *start;
	uint8 *end;

	start = end = arena_reserve(state, (size_t) ntouches * 5);
	for (uint32 i = 0; i < ntouches; i++)
		end = put_varint(end, touches[i]);
	entry->nbytes = (uint32) (end - start);
	if (entry->nbytes <= sizeof(entry->bytes.inside))
		memcpy(entry->bytes.inside, start, entry->nbytes);
	else
		entry->bytes.outside = start;
	return entry;
}

/* The entry equal to the candidate, which becomes one with zero counts if there is none. */
static inline PathEntry *
find_candidate(SummaryState *state, PathEntry *candidate, uint32 hash)
{
	bool found;
	PathSlot *slot = pathslot_insert_hash(state->slots, state->nentries, hash, &found);

	if (found)
		return &state->entries[slot->entry];
	if (candidate->nbytes > sizeof(candidate->bytes.inside))
		arena_take(state, candidate->nbytes);
	state->nentries++;
	state->text_floor += PATH_TEXT_FLOOR + (size_t) candidate->ntouches * 2;
	if (unlikely(state->text_floor > SUMMARY_MAX_TEXT))
		summary_too_large();
	return candidate;
}

static inline PathEntry *
find_word(SummaryState *state, uint64 word, uint32 ntouches, uint32 hash)
{
	PathEntry *candidate = candidate_entry(state, ntouches);

	candidate->nbytes = ntouches;
	memcpy(candidate->bytes.inside, &word, sizeof(word));
	return find_candidate(state, candidate, hash);
}

static PathEntry *
find_path(SummaryState *state, const uint32 *touches, uint32 ntouches)
{
	PathEntry *candidate;

	if (unlikely(state->slots == NULL))
		make_table(state);
	if (fits_inside(state, ntouches))
	{
		uint64 word = path_word(touches, ntouches);

		return find_word(state, word, ntouches, hash_word(word, ntouches));
	}
	candidate = encode_candidate(state, touches, ntouches);
	return find_candidate(state, candidate, hash_path(candidate));
}

static PathSlot *
home_slot(const SummaryState *state, uint32 hash)
{
	return &state->slots->data[hash & state->slots->sizemask];
}

static PathDetail *
path_detail(SummaryState *state, PathEntry *entry)
{
	if (entry->detail == 0)
	{
		if (state->ndetails == state->details_capacity)
		{
			if (state->details_capacity == 0)
			{
				state->details_capacity = 4;
				state->details =
					MemoryContextAlloc(state->hdr.eoh_context, state->details_capacity * sizeof(PathDetail));
			}
			else
			{
				state->details_capacity *= 2;
				state->details = repalloc_huge(state->details, state->details_capacity * sizeof(PathDetail));
			}
		}
		memset(&state->details[state->ndetails], 0, sizeof(PathDetail));
		entry->detail = ++state->ndetails;
	}
	return &state->details[entry->detail - 1];
}

static inline void
add_conversions(PathDetail *detail, int64 conversions, int64 matured_conversions, fixed128 value,
				fixed128 matured_value, FixedSquare squares)
{
	detail->conversions += conversions;
	detail->matured_conversions += matured_conversions;
	if (!fixed_add(&detail->value, value) || !fixed_square_add(&detail->squares, squares))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("the value of a path is out of range"),
				 errdetail("The sum of values must stay below 9.2e18.")));
	detail->matured_value += matured_value; /* never more than value */
}

pg_noinline void
summary_state_flush(SummaryState *state)
{
	for (int i = 0; i < state->queued; i++)
	{
		const PathSlot *slot = home_slot(state, state->queue[i].hash);

		if (slot->status)
			__builtin_prefetch(&state->entries[slot->entry], 1);
	}
	for (int i = 0; i < state->queued; i++)
	{
		QueuedPath *path = &state->queue[i];
		PathEntry *entry = find_word(state, path->word, path->ntouches, path->hash);

		path->entry = (uint32) (entry - state->entries);
		if (!path->converted)
			entry->lost++;
		else if (entry->detail)
			__builtin_prefetch(&state->details[entry->detail - 1], 1);
	}
	for (int i = 0; i < state->queued; i++)
		if (state->queue[i].converted)
		{
			fixed128 value = state->queue[i].value;

			add_conversions(path_detail(state, &state->entries[state->queue[i].entry]), 1, 1, value, value,
							fixed_square(value));
		}
	state->queued = 0;
}

/* ---------------------------------------------------------------- adding */

void
summary_state_count(SummaryState *state, int64 a, int64 b, int64 c)
{
	if (pg_add_s64_overflow(state->journeys, a, &state->journeys) ||
		pg_add_s64_overflow(state->journeys, b, &state->journeys) ||
		pg_add_s64_overflow(state->journeys, c, &state->journeys))
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("the number of journeys in a summary is out of range"),
						errdetail("Conversions, lost and open journeys together must fit a bigint.")));
}

/* Paths that fit the nearer caches: no need to wait for them in groups, and a state per group stays small. */
#define UNQUEUED_PATHS 256

/* False if there is no queue for such a path. */
static inline bool
enqueue(SummaryState *state, const uint32 *touches, uint32 ntouches, bool converted, fixed128 value)
{
	QueuedPath *path;

	if (state->nentries < UNQUEUED_PATHS || !fits_inside(state, ntouches))
		return false;
	if (unlikely(state->queue == NULL))
		state->queue = MemoryContextAlloc(state->hdr.eoh_context, PATH_QUEUE * sizeof(QueuedPath));
	summary_state_changed(state);
	summary_state_count(state, 1, 0, 0);
	path = &state->queue[state->queued++];
	path->word = path_word(touches, ntouches);
	path->ntouches = ntouches;
	path->hash = hash_word(path->word, ntouches);
	path->converted = converted;
	path->value = value;
	__builtin_prefetch(home_slot(state, path->hash));
	if (state->queued == PATH_QUEUE)
		summary_state_flush(state);
	return true;
}

/* What the two below do where there is no queue. Apart from them, as clearing the counts is not free. */
static pg_noinline void
add_unqueued(SummaryState *state, const uint32 *touches, uint32 ntouches, bool converted, fixed128 value)
{
	PathCounts counts = {0};

	if (converted)
	{
		counts.conversions = counts.matured_conversions = 1;
		counts.value = counts.matured_value = value;
		counts.squares = fixed_square(value);
	}
	else
		counts.lost = 1;
	summary_state_add(state, touches, ntouches, &counts);
}

void
summary_state_add_lost(SummaryState *state, const uint32 *touches, uint32 ntouches)
{
	if (!enqueue(state, touches, ntouches, false, 0))
		add_unqueued(state, touches, ntouches, false, 0);
}

void
summary_state_add_converted(SummaryState *state, const uint32 *touches, uint32 ntouches, fixed128 value)
{
	if (!enqueue(state, touches, ntouches, true, value))
		add_unqueued(state, touches, ntouches, true, value);
}

void
summary_state_add(SummaryState *state, const uint32 *touches, uint32 ntouches, const PathCounts *counts)
{
	PathEntry *entry;
	PathDetail *detail;

	if (counts->conversions == 0 && counts->lost == 0 && counts->open == 0)
		return;
	summary_state_changed(state);
	summary_state_count(state, counts->conversions, counts->lost, counts->open);
	entry = find_path(state, touches, ntouches);
	entry->lost += counts->lost;
	entry->open += counts->open;
	if (counts->conversions == 0)
		return;
	detail = path_detail(state, entry);
	add_conversions(detail, counts->conversions, counts->matured_conversions, counts->value,
					counts->matured_value, counts->squares);
	if (counts->weights)
		summary_add_weights(state, detail, touches, ntouches, counts);
	else if (counts->from && counts->from->ndecay)
		summary_add_credits(state, detail, touches, counts->from, counts->from_channels);
}
