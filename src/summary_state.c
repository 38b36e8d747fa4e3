#include "summary_state.h"

#include "common/hashfn.h"
#include "common/int.h"
#include "core/summary_flat.h"
#include "miscadmin.h"
#include "utils/memutils.h"

typedef struct PathSlot
{
	uint32 hash;
	uint32 entry : 31;
	uint32 status : 1;
} PathSlot;

static inline const uint8 *
entry_bytes(const PathEntry *entry)
{
	return entry->nbytes <= sizeof(entry->bytes.inside) ? entry->bytes.inside : entry->bytes.outside;
}

/* A key is the number of an entry; the one looked for lies, still uncounted, behind the last. */
static inline bool
same_path(const SummaryState *state, uint32 a, uint32 b)
{
	const PathEntry *x = &state->entries[a];
	const PathEntry *y = &state->entries[b];

	return x->nbytes == y->nbytes && memcmp(entry_bytes(x), entry_bytes(y), x->nbytes) == 0;
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

static Size state_flat_size(ExpandedObjectHeader *header);
static void state_flatten(ExpandedObjectHeader *header, void *result, Size size);

static const ExpandedObjectMethods state_methods = {state_flat_size, state_flatten};

SummaryState *
summary_state_create(MemoryContext parent, ChannelDict *channels)
{
	/* small first blocks: GROUP BY makes many of these */
	MemoryContext context =
		AllocSetContextCreate(parent, "journey_summary", 0, (Size) 1024, ALLOCSET_DEFAULT_MAXSIZE);
	SummaryState *state = MemoryContextAllocZero(context, sizeof(SummaryState));

	EOH_init_header(&state->hdr, &state_methods, context);
	state->magic = SUMMARY_STATE_MAGIC;
	if (channels == NULL)
	{
		channels = MemoryContextAlloc(context, sizeof(ChannelDict));
		channel_dict_init(channels, context);
	}
	state->channels = channels;
	state->entries_capacity = 8;
	state->entries = MemoryContextAlloc(context, state->entries_capacity * sizeof(PathEntry));
	state->slots = pathslot_create(context, 8, state);
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

static inline uint8 *
encode_channel(uint8 *at, uint32 channel)
{
	while (channel >= 0x80)
	{
		*at++ = (uint8) channel | 0x80;
		channel >>= 7;
	}
	*at++ = (uint8) channel;
	return at;
}

static uint32 *
decode_touches(const PathEntry *entry, uint32 *touches)
{
	const uint8 *at = entry_bytes(entry);

	for (uint32 i = 0; i < entry->ntouches; i++)
	{
		uint32 channel = *at & 0x7f;

		for (int shift = 7; *at++ & 0x80; shift += 7)
			channel |= (uint32) (*at & 0x7f) << shift;
		touches[i] = channel;
	}
	return touches + entry->ntouches;
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
		end = encode_channel(end, touches[i]);
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

static pg_noinline void
flush_queue(SummaryState *state)
{
	for (int i = 0; i < state->queued; i++)
	{
		const PathSlot *slot = home_slot(state, state->queue[i].hash);

		if (slot->status)
			__builtin_prefetch(&state->entries[slot->entry], 1);
	}
	for (int i = 0; i < state->queued; i++)
	{
		const QueuedPath *path = &state->queue[i];

		find_word(state, path->word, path->ntouches, path->hash)->lost++;
	}
	state->queued = 0;
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

/* ---------------------------------------------------------------- decay */

/*
 * place[i] = order of first appearance of touch i's channel on its path; returns how many there are. Short
 * paths by looking back, long ones by a table over all channels.
 */
static uint32
first_appearances(uint32 nchannels, const uint32 *touches, uint32 ntouches, uint32 *place)
{
	uint32 ndistinct = 0;
	uint32 *table = NULL;

	if (ntouches > 32)
		table = palloc_extended(nchannels * sizeof(uint32), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint32 i = 0; i < ntouches; i++)
	{
		if (table)
		{
			if (table[touches[i]] == 0)
				table[touches[i]] = ++ndistinct;
			place[i] = table[touches[i]] - 1;
		}
		else
		{
			uint32 j = 0;

			while (touches[j] != touches[i])
				j++;
			place[i] = j < i ? place[j] : ndistinct++;
		}
	}
	if (table)
		pfree(table);
	return ndistinct;
}

static DecaySum *
detail_decay(SummaryState *state, PathDetail *detail, uint32 ndistinct)
{
	if (detail->decay == NULL)
	{
		detail->decay = MemoryContextAllocZero(state->hdr.eoh_context, ndistinct * sizeof(DecaySum));
		detail->ndecay = ndistinct;
	}
	return detail->decay;
}

/*
 * One conversion's value split by the weights of its touches. Each share is rounded down to 2^-64 and the
 * last touch takes what is left, so nothing is lost; the shares of touches, not of channels, are rounded, so
 * that renaming channels afterwards gives what renaming them before would have given.
 */
static void
add_weights(SummaryState *state, PathDetail *detail, const uint32 *touches, uint32 ntouches,
			const PathCounts *counts)
{
	uint32 fixed_place[32];
	uint32 *place =
		ntouches <= 32 ? fixed_place : palloc_extended(ntouches * sizeof(uint32), MCXT_ALLOC_HUGE);
	uint32 ndistinct = first_appearances(state->channels->size, touches, ntouches, place);
	fixed128 left = counts->value;
	DecaySum *decay;

	if (ndistinct > 1)
	{
		decay = detail_decay(state, detail, ndistinct);
		for (uint32 i = 0; i < ntouches; i++)
		{
			uint64 weight = counts->weights[i];
			fixed128 share = left;

			if (i + 1 < ntouches)
				/* value * weight / 2^60, whole and fraction apart to stay within 128 bits */
				share = (counts->value >> 64) * weight * 16 +
						(fixed128) ((ufixed128) (uint64) counts->value * weight >> DECAY_FRACTION_BITS);
			decay[place[i]].conversions += weight;
			decay[place[i]].value += share;
			left -= share;
		}
	}
	if (place != fixed_place)
		pfree(place);
}

static const DecayCredit *
credit_of(const SummaryPath *path, uint32 channel)
{
	uint32 low = 0;
	uint32 high = path->ndecay;

	while (low + 1 < high)
	{
		uint32 middle = (low + high) / 2;

		if (path->decay[middle].channel <= channel)
			low = middle;
		else
			high = middle;
	}
	return &path->decay[low];
}

/* Adds the credits of a decoded path, whose channels may have merged on their way to `touches`. */
static void
add_credits(SummaryState *state, PathDetail *detail, const uint32 *touches, const SummaryPath *from,
			uint32 from_channels)
{
	uint32 *place = palloc_extended(2 * from->ntouches * sizeof(uint32), MCXT_ALLOC_HUGE);
	uint32 *from_place = place + from->ntouches;
	uint32 ndistinct = first_appearances(state->channels->size, touches, from->ntouches, place);
	uint32 next = 0;

	(void) first_appearances(from_channels, from->touches, from->ntouches, from_place);
	if (ndistinct > 1)
	{
		DecaySum *sum = detail_decay(state, detail, ndistinct);

		for (uint32 i = 0; i < from->ntouches; i++)
		{
			const DecayCredit *credit;

			if (from_place[i] != next)
				continue;
			next++;
			credit = credit_of(from, from->touches[i]);
			sum[place[i]].conversions += credit->conversions;
			sum[place[i]].value += credit->value;
		}
	}
	pfree(place);
}

/* ---------------------------------------------------------------- adding */

static void
count_journeys(SummaryState *state, int64 a, int64 b, int64 c)
{
	if (pg_add_s64_overflow(state->journeys, a, &state->journeys) ||
		pg_add_s64_overflow(state->journeys, b, &state->journeys) ||
		pg_add_s64_overflow(state->journeys, c, &state->journeys))
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("the number of journeys in a summary is out of range"),
						errdetail("Conversions, lost and open journeys together must fit a bigint.")));
}

void
summary_state_add_lost(SummaryState *state, const uint32 *touches, uint32 ntouches)
{
	QueuedPath *path;

	summary_state_changed(state);
	count_journeys(state, 1, 0, 0);
	if (!fits_inside(state, ntouches))
	{
		find_path(state, touches, ntouches)->lost++;
		return;
	}
	path = &state->queue[state->queued++];
	path->word = path_word(touches, ntouches);
	path->ntouches = ntouches;
	path->hash = hash_word(path->word, ntouches);
	__builtin_prefetch(home_slot(state, path->hash));
	if (state->queued == PATH_QUEUE)
		flush_queue(state);
}

void
summary_state_add(SummaryState *state, const uint32 *touches, uint32 ntouches, const PathCounts *counts)
{
	PathEntry *entry;
	PathDetail *detail;

	if (counts->conversions == 0 && counts->lost == 0 && counts->open == 0)
		return;
	summary_state_changed(state);
	count_journeys(state, counts->conversions, counts->lost, counts->open);
	entry = find_path(state, touches, ntouches);
	entry->lost += counts->lost;
	entry->open += counts->open;
	if (counts->conversions == 0)
		return;
	detail = path_detail(state, entry);
	detail->conversions += counts->conversions;
	detail->matured_conversions += counts->matured_conversions;
	if (!fixed_add(&detail->value, counts->value) || !fixed_square_add(&detail->squares, counts->squares))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("the value of a path is out of range"),
				 errdetail("The sum of values must stay below 9.2e18.")));
	detail->matured_value += counts->matured_value; /* never more than value */
	if (counts->weights)
		add_weights(state, detail, touches, ntouches, counts);
	else if (counts->from && counts->from->ndecay)
		add_credits(state, detail, touches, counts->from, counts->from_channels);
}

static bool
same_options(const SummaryMeta *a, const SummaryMeta *b)
{
	if (a->has_options != b->has_options)
		return false;
	if (!a->has_options)
		return true;
	return a->has_lookback == b->has_lookback && a->lookback == b->lookback &&
		   a->has_max_touches == b->has_max_touches && a->max_touches == b->max_touches &&
		   a->has_half_life == b->has_half_life && a->half_life == b->half_life &&
		   a->reuse_touches == b->reuse_touches && strcmp(a->channel_lookback, b->channel_lookback) == 0 &&
		   strcmp(a->transforms, b->transforms) == 0;
}

void
summary_state_set_meta(SummaryState *state, const SummaryMeta *meta)
{
	summary_state_changed(state);
	if (!state->meta_set)
	{
		state->meta = *meta;
		if (meta->has_options)
		{
			state->meta.channel_lookback =
				MemoryContextStrdup(state->hdr.eoh_context, meta->channel_lookback);
			state->meta.transforms = MemoryContextStrdup(state->hdr.eoh_context, meta->transforms);
		}
		state->meta_set = true;
		return;
	}
	if (!same_options(&state->meta, meta))
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("cannot merge journey summaries that were built with different options"),
			 errhint(
				 "Summaries merge if lookback, max_touches, reuse_touches, half_life, channel_lookback and "
				 "transforms are the same; summary_stats(summary) shows them.")));
	if (pg_add_s64_overflow(state->meta.touches_seen, meta->touches_seen, &state->meta.touches_seen))
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("the number of touches in a summary is out of range")));
	state->meta.anonymous_touches += meta->anonymous_touches; /* never more than touches_seen */
}

void
summary_state_merge(SummaryState *state, const SummaryView *view, const SummaryMeta *meta, const uint32 *map)
{
	uint32 *touches = palloc_extended(Max(view->longest_path, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);
	uint32 *own_map = NULL;

	summary_state_set_meta(state, meta);
	if (map == NULL)
	{
		own_map = palloc_extended(Max(view->nchannels, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);
		for (uint32 i = 0; i < view->nchannels; i++)
			own_map[i] =
				channel_dict_intern(state->channels, view->channels[i], (uint32) strlen(view->channels[i]));
		map = own_map;
	}
	for (size_t i = 0; i < view->npaths; i++)
	{
		const SummaryPath *path = &view->paths[i];
		PathCounts counts = {
			.conversions = path->conversions,
			.lost = path->lost,
			.open = path->open,
			.matured_conversions = path->matured_conversions,
			.value = path->value,
			.matured_value = path->matured_value,
			.squares = path->squares,
			.from = path,
			.from_channels = view->nchannels,
		};

		for (uint32 j = 0; j < path->ntouches; j++)
			touches[j] = map[path->touches[j]];
		summary_state_add(state, touches, path->ntouches, &counts);
		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	pfree(touches);
	if (own_map)
		pfree(own_map);
}

/* ---------------------------------------------------------------- canonical form */

/*
 * What sorting needs of a path: its first touches as one big-endian number, each rank plus one in as many
 * bits as ranks need, so that most comparisons are of integers and a shorter path sorts before its extensions.
 */
typedef struct SortPath
{
	uint64 prefix;
	uint32 entry;
	uint32 ntouches;
	const uint32 *touches; /* ranks */
} SortPath;

static inline int
compare_paths(const SortPath *a, const SortPath *b)
{
	uint32 n = Min(a->ntouches, b->ntouches);

	if (a->prefix != b->prefix)
		return a->prefix < b->prefix ? -1 : 1;
	for (uint32 i = 0; i < n; i++)
		if (a->touches[i] != b->touches[i])
			return a->touches[i] < b->touches[i] ? -1 : 1;
	return a->ntouches < b->ntouches ? -1 : a->ntouches > b->ntouches;
}

#define ST_SORT sort_paths
#define ST_ELEMENT_TYPE SortPath
#define ST_COMPARE(a, b) compare_paths(a, b)
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* Numbers and names of the channels that occur on a path, in byte order; the dictionary may hold others. */
static uint32 *
rank_channels(const SummaryState *state, const uint32 *touches, size_t ntouches, SummaryView *view)
{
	uint32 *rank = channel_dict_ranks(state->channels);
	uint32 size = state->channels->size;
	uint32 *by_rank = palloc_extended(Max(size, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);
	bool *used = palloc_extended(Max(size, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	const char **names = palloc_extended(Max(size, 1) * sizeof(char *), MCXT_ALLOC_HUGE);

	for (size_t i = 0; i < ntouches; i++)
		used[touches[i]] = true;
	for (uint32 i = 0; i < size; i++)
		by_rank[rank[i]] = i;
	for (uint32 i = 0; i < size; i++)
	{
		if (!used[by_rank[i]])
			continue;
		rank[by_rank[i]] = view->nchannels;
		names[view->nchannels++] = state->channels->names[by_rank[i]].text;
	}
	view->channels = names;
	pfree(by_rank);
	pfree(used);
	return rank;
}

/* The paths with their touches as ranks, sorted. */
static SortPath *
sorted_paths(const SummaryState *state, SummaryView *view)
{
	SortPath *paths = palloc_extended(Max(state->nentries, 1) * sizeof(SortPath), MCXT_ALLOC_HUGE);
	size_t ntouches = 0;
	uint32 *touches;
	uint32 *end;
	uint32 *rank;
	int bits = 1;

	for (uint32 i = 0; i < state->nentries; i++)
		ntouches += state->entries[i].ntouches;
	touches = end = palloc_extended(Max(ntouches, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);
	for (uint32 i = 0; i < state->nentries; i++)
		end = decode_touches(&state->entries[i], end);
	rank = rank_channels(state, touches, ntouches, view);
	while (view->nchannels >> bits != 0)
		bits++;
	for (uint32 i = 0; i < state->nentries; i++)
	{
		SortPath *path = &paths[i];
		int shift = 64;

		path->entry = i;
		path->ntouches = state->entries[i].ntouches;
		path->touches = touches;
		path->prefix = 0;
		for (uint32 j = 0; j < path->ntouches; j++)
		{
			touches[j] = rank[touches[j]];
			if (shift >= bits)
			{
				shift -= bits;
				path->prefix |= (uint64) (touches[j] + 1) << shift;
			}
		}
		touches += path->ntouches;
	}
	pfree(rank);
	view->ntouches = ntouches;
	sort_paths(paths, state->nentries);
	return paths;
}

static int
compare_credits(const void *a, const void *b)
{
	uint32 x = ((const DecayCredit *) a)->channel;
	uint32 y = ((const DecayCredit *) b)->channel;

	return x < y ? -1 : x > y;
}

static void
canonical_decay(const SummaryState *state, const PathDetail *detail, SummaryPath *path)
{
	DecayCredit *credits = palloc_extended(detail->ndecay * sizeof(DecayCredit), MCXT_ALLOC_HUGE);
	uint32 *place = palloc_extended(path->ntouches * sizeof(uint32), MCXT_ALLOC_HUGE);

	(void) first_appearances(state->channels->size, path->touches, path->ntouches, place);
	for (uint32 i = path->ntouches; i-- > 0;)
	{
		credits[place[i]].channel = path->touches[i];
		credits[place[i]].conversions = detail->decay[place[i]].conversions;
		credits[place[i]].value = detail->decay[place[i]].value;
	}
	qsort(credits, detail->ndecay, sizeof(DecayCredit), compare_credits);
	path->decay = credits;
	path->ndecay = detail->ndecay;
	pfree(place);
}

static void
canonical_path(const SummaryState *state, const SortPath *sorted, SummaryPath *path)
{
	const PathEntry *entry = &state->entries[sorted->entry];

	memset(path, 0, sizeof(*path));
	path->touches = sorted->touches;
	path->ntouches = sorted->ntouches;
	path->lost = entry->lost;
	path->open = entry->open;
	if (entry->detail)
	{
		const PathDetail *detail = &state->details[entry->detail - 1];

		path->conversions = detail->conversions;
		path->matured_conversions = detail->matured_conversions;
		path->value = detail->value;
		path->matured_value = detail->matured_value;
		path->squares = detail->squares;
		if (detail->decay)
			canonical_decay(state, detail, path);
	}
}

/* ---------------------------------------------------------------- flat form */

static void
set_flat_size(FlatBytes *flat)
{
	SET_VARSIZE(flat->bytes, flat->size);
}

static void
check_flat(CoreStatus status)
{
	if (status == CORE_TOO_LARGE)
		summary_too_large();
	if (status == CORE_OVERFLOW)
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("the value of a journey summary is out of range"),
						errdetail("The sum of values must stay below 9.2e18.")));
	attrib_check_status(status, "journey summary");
}

/* In sorted order the counts lie all over memory: ask for those of the paths that come soon. */
static inline void
prefetch_counts(const SummaryState *state, const SortPath *sorted, uint32 i)
{
	if (i + 16 < state->nentries)
		__builtin_prefetch(&state->entries[sorted[i + 16].entry]);
	if (i + 8 < state->nentries)
	{
		uint32 detail = state->entries[sorted[i + 8].entry].detail;

		if (detail)
			__builtin_prefetch(&state->details[detail - 1]);
	}
}

/* The hash table's paths, in the current context. */
static FlatBytes
encode_entries(SummaryState *state)
{
	SummaryView view = {0};
	SortPath *sorted;
	FlatWriter writer;
	FlatBytes flat;

	flush_queue(state);
	sorted = sorted_paths(state, &view);
	flat_writer_begin(&writer, view.channels, view.nchannels, &state->meta, VARHDRSZ, attrib_env());
	for (uint32 i = 0; i < state->nentries; i++)
	{
		SummaryPath path;

		prefetch_counts(state, sorted, i);
		canonical_path(state, &sorted[i], &path);
		check_flat(flat_writer_put(&writer, &path));
	}
	check_flat(flat_writer_end(&writer, &flat));
	set_flat_size(&flat);
	return flat;
}

static FlatBytes
merge_parts(SummaryState *state, const FlatBytes *entries)
{
	FlatBytes *inputs = palloc((state->nparts + 1) * sizeof(FlatBytes));
	uint32 ninputs = 0;
	FlatBytes flat;

	for (uint32 i = 0; i < state->nparts; i++)
		inputs[ninputs++] =
			(FlatBytes){(uint8_t *) VARDATA(state->parts[i]), VARSIZE(state->parts[i]) - VARHDRSZ};
	if (entries)
		inputs[ninputs++] = (FlatBytes){entries->bytes + VARHDRSZ, entries->size - VARHDRSZ};
	check_flat(summary_flat_merge(inputs, ninputs, &state->meta, VARHDRSZ, attrib_env(), &flat));
	set_flat_size(&flat);
	return flat;
}

static struct varlena *
keep_flat(SummaryState *state, const FlatBytes *flat)
{
	struct varlena *kept = MemoryContextAllocHuge(state->hdr.eoh_context, flat->size);

	memcpy(kept, flat->bytes, flat->size);
	return kept;
}

/* Beyond this, parts are merged once they have grown to three times what the last merge left. */
#define PARTS_SIZE_LIMIT ((Size) 4 * 1024 * 1024)

/* All parts become one. */
static void
compact_parts(SummaryState *state)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "rollup", ALLOCSET_DEFAULT_SIZES);
	MemoryContext previous = MemoryContextSwitchTo(scratch);
	FlatBytes flat = merge_parts(state, NULL);
	struct varlena *merged = keep_flat(state, &flat);

	for (uint32 i = 0; i < state->nparts; i++)
		pfree(state->parts[i]);
	state->parts[0] = merged;
	state->nparts = 1;
	state->parts_size = VARSIZE(merged);
	state->merged_size = VARSIZE(merged);
	MemoryContextSwitchTo(previous);
	MemoryContextDelete(scratch);
}

void
summary_state_add_flat(SummaryState *state, struct varlena *flat)
{
	SummaryView header;
	SummaryMeta meta;

	if (summary_flat_decode_header((const uint8_t *) VARDATA(flat), VARSIZE(flat) - VARHDRSZ, attrib_env(),
								   &header, &meta) != CORE_OK)
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("journey_summary has invalid bytes")));
	if (header.npaths == 0 || (state->nparts == 0 && header.npaths < state->nentries / 16))
	{
		/* not worth a merge of all that is there */
		SummaryView *view = palloc(sizeof(SummaryView));

		attrib_check_status(summary_flat_decode((const uint8_t *) VARDATA(flat), VARSIZE(flat) - VARHDRSZ,
												NULL, NULL, attrib_env(), view, &meta),
							"rollup of journey summaries");
		summary_state_merge(state, view, &meta, NULL);
		return;
	}
	summary_state_set_meta(state, &meta);
	count_journeys(state, header.conversions, header.lost, header.open);
	if (state->nparts == state->parts_capacity)
	{
		state->parts_capacity = Max(4, state->parts_capacity * 2);
		state->parts = state->parts
						   ? repalloc_huge(state->parts, state->parts_capacity * sizeof(struct varlena *))
						   : MemoryContextAlloc(state->hdr.eoh_context,
												state->parts_capacity * sizeof(struct varlena *));
	}
	state->parts[state->nparts] = MemoryContextAllocHuge(state->hdr.eoh_context, VARSIZE(flat));
	memcpy(state->parts[state->nparts++], flat, VARSIZE(flat));
	state->parts_size += VARSIZE(flat);
	if (state->parts_size > PARTS_SIZE_LIMIT && state->parts_size > 3 * state->merged_size)
		compact_parts(state);
}

struct varlena *
summary_state_flat(SummaryState *state)
{
	if (state->flat == NULL)
	{
		MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "journey_summary canonical form",
													  ALLOCSET_DEFAULT_SIZES);
		MemoryContext previous = MemoryContextSwitchTo(scratch);
		FlatBytes flat;

		if (state->nparts == 0)
			flat = encode_entries(state);
		else if (state->nentries == 0 && state->queued == 0)
			flat = merge_parts(state, NULL);
		else
		{
			FlatBytes entries = encode_entries(state);

			flat = merge_parts(state, &entries);
		}
		state->flat = keep_flat(state, &flat);
		MemoryContextSwitchTo(previous);
		MemoryContextDelete(scratch);
	}
	return state->flat;
}

static Size
state_flat_size(ExpandedObjectHeader *header)
{
	return VARSIZE(summary_state_flat((SummaryState *) header));
}

static void
state_flatten(ExpandedObjectHeader *header, void *result, Size size)
{
	memcpy(result, summary_state_flat((SummaryState *) header), size);
}
