/*
 * The canonical order of a growing summary's paths: channels by the bytes of their names, paths by their channels'
 * numbers.
 */
#include "summary_state.h"

#include "miscadmin.h"

/*
 * What sorting needs of a path: its first touches as one big-endian number, each channel's rank plus one in as many
 * bits as ranks need, so that a shorter path sorts before its extensions. Only paths of more touches can tie.
 */
typedef struct SortKey
{
	uint64 prefix;
	uint32 entry;
} SortKey;

/* What comparing the touches behind the prefix needs. */
typedef struct TieBreak
{
	const SummaryState *state;
	const uint32 *rank;
	uint32 skip; /* touches in the prefix */
} TieBreak;

static int
compare_rests(const SortKey *a, const SortKey *b, const TieBreak *ties)
{
	const PathEntry *x = &ties->state->entries[a->entry];
	const PathEntry *y = &ties->state->entries[b->entry];
	uint32 n = Min(x->ntouches, y->ntouches);
	const uint8 *left = path_entry_bytes(x);
	const uint8 *right = path_entry_bytes(y);

	for (uint32 i = 0; i < n; i++)
	{
		uint32 p = path_entry_channel(&left);
		uint32 q = path_entry_channel(&right);

		if (i >= ties->skip && p != q)
			return ties->rank[p] < ties->rank[q] ? -1 : 1;
	}
	return x->ntouches < y->ntouches ? -1 : x->ntouches > y->ntouches;
}

#define ST_SORT sort_by_rest
#define ST_ELEMENT_TYPE SortKey
#define ST_COMPARE_ARG_TYPE const TieBreak
#define ST_COMPARE(a, b, ties) compare_rests(a, b, ties)
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT sort_by_prefix
#define ST_ELEMENT_TYPE SortKey
#define ST_COMPARE(a, b) ((a)->prefix < (b)->prefix ? -1 : (a)->prefix > (b)->prefix)
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* Fewer keys than this are sorted by comparison. */
#define RADIX_LEAST 1024
#define RADIX_BITS 11
#define RADIX_BUCKETS (1 << RADIX_BITS)
#define RADIX_CHECK 65536 /* keys between two looks at the interrupt flag */

/* One stable pass by the bits of the prefix from `shift` on. */
static void
radix_pass(const SortKey *from, SortKey *into, uint32 n, int shift)
{
	uint32 place[RADIX_BUCKETS] = {0};
	uint32 sum = 0;

	for (uint32 i = 0; i < n; i++)
		place[(from[i].prefix >> shift) % RADIX_BUCKETS]++;
	for (uint32 b = 0; b < RADIX_BUCKETS; b++)
	{
		uint32 count = place[b];

		place[b] = sum;
		sum += count;
	}
	for (uint32 i = 0; i < n; i++)
	{
		into[place[(from[i].prefix >> shift) % RADIX_BUCKETS]++] = from[i];
		if (i % RADIX_CHECK == 0)
			CHECK_FOR_INTERRUPTS();
	}
}

/* Sorts by prefix, least significant bits first; only bits that differ cost passes. Returns where the keys are then. */
static SortKey *
radix_sort(SortKey *keys, uint32 n)
{
	SortKey *other = palloc_extended(n * sizeof(SortKey), MCXT_ALLOC_HUGE);
	uint64 differ = 0;

	for (uint32 i = 1; i < n; i++)
		differ |= keys[i].prefix ^ keys[0].prefix;
	for (int shift = 0; shift < 64; shift += RADIX_BITS)
	{
		SortKey *sorted = other;

		if (differ >> shift == 0)
			break;
		/* prefixes are filled from above: the low bits are often all zero */
		while ((differ >> shift & 1) == 0)
			shift++;
		radix_pass(keys, other, n, shift);
		other = keys;
		keys = sorted;
	}
	pfree(other);
	return keys;
}

static void
break_ties(SortKey *keys, uint32 n, const TieBreak *ties)
{
	for (uint32 i = 0; i < n;)
	{
		uint32 end = i + 1;

		while (end < n && keys[end].prefix == keys[i].prefix)
			end++;
		if (end - i > 1)
			sort_by_rest(keys + i, end - i, ties);
		i = end;
	}
}

/* Channels that occur on a path, in byte order; the dictionary may hold others. */
static void
number_channels(const SummaryState *state, const bool *used, const uint32 *rank, PathOrder *order)
{
	uint32 size = state->channels->size;
	uint32 *by_rank = palloc_extended(Max(size, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);

	order->names = palloc_extended(Max(size, 1) * sizeof(char *), MCXT_ALLOC_HUGE);
	order->number = palloc_extended(Max(size, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);
	for (uint32 i = 0; i < size; i++)
		by_rank[rank[i]] = i;
	for (uint32 i = 0; i < size; i++)
	{
		if (!used[by_rank[i]])
			continue;
		order->number[by_rank[i]] = order->nchannels;
		order->names[order->nchannels++] = state->channels->names[by_rank[i]].text;
	}
	pfree(by_rank);
}

void
summary_state_order(const SummaryState *state, PathOrder *order)
{
	uint32 size = state->channels->size;
	uint32 *rank = channel_dict_ranks(state->channels);
	bool *used = palloc_extended(Max(size, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	SortKey *keys = palloc_extended(Max(state->nentries, 1) * sizeof(SortKey), MCXT_ALLOC_HUGE);
	TieBreak ties = {.state = state, .rank = rank};
	int bits = 1;

	memset(order, 0, sizeof(*order));
	while (size >> bits != 0)
		bits++;
	ties.skip = (uint32) (64 / bits);
	for (uint32 i = 0; i < state->nentries; i++)
	{
		const PathEntry *entry = &state->entries[i];
		const uint8 *at = path_entry_bytes(entry);
		int shift = 64;

		keys[i].entry = i;
		keys[i].prefix = 0;
		order->longest_path = Max(order->longest_path, entry->ntouches);
		for (uint32 j = 0; j < entry->ntouches; j++)
		{
			uint32 channel = path_entry_channel(&at);

			used[channel] = true;
			if (shift >= bits)
			{
				shift -= bits;
				keys[i].prefix |= (uint64) (rank[channel] + 1) << shift;
			}
		}
		if (i % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	if (state->nentries < RADIX_LEAST)
		sort_by_prefix(keys, state->nentries);
	else
		keys = radix_sort(keys, state->nentries);
	if (order->longest_path > ties.skip)
		break_ties(keys, state->nentries, &ties);
	order->entry = palloc_extended(Max(state->nentries, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);
	for (uint32 i = 0; i < state->nentries; i++)
		order->entry[i] = keys[i].entry;
	number_channels(state, used, rank, order);
	pfree(keys);
	pfree(used);
	pfree(rank);
}
