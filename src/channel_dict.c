#include "channel_dict.h"

#include "attrib.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/memutils.h"

typedef struct DictSlot
{
	uint32 hash;
	uint32 number : 31;
	uint32 status : 1;
} DictSlot;

/* A key is the number of a name already stored, so that comparing needs no copies. */
static inline bool
same_name(const ChannelDict *dict, uint32 a, uint32 b)
{
	const DictName *x = &dict->names[a];
	const DictName *y = &dict->names[b];

	return x->length == y->length && memcmp(x->text, y->text, x->length) == 0;
}

#define SH_PREFIX dictslot
#define SH_ELEMENT_TYPE DictSlot
#define SH_KEY_TYPE uint32
#define SH_KEY number
#define SH_HASH_KEY(tb, key) 0 /* always given by the caller */
#define SH_EQUAL(tb, a, b) same_name((const ChannelDict *) (tb)->private_data, a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a) (a)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Lookups before the memo is worth its kilobyte. */
#define MEMO_AFTER 64

void
channel_dict_init(ChannelDict *dict, MemoryContext context)
{
	memset(dict, 0, sizeof(*dict));
	dict->context = context;
	dict->capacity = 8;
	dict->names = MemoryContextAlloc(context, dict->capacity * sizeof(DictName));
	dict->slots = dictslot_create(context, 8, dict);
}

/*
 * The first and last eight bytes of a name (overlapping, or with zeroes where it is shorter) and its length: all
 * there is to know of a name of up to sixteen bytes.
 */
typedef struct DictMemo
{
	uint64 head;
	uint64 tail;
	uint32 length;
	uint32 number;
} DictMemo;

#define MEMO_BITS 8

static inline void
name_ends(const char *text, uint32 length, uint64 *head, uint64 *tail)
{
	*head = *tail = 0;
	if (length >= 8)
	{
		memcpy(head, text, 8);
		memcpy(tail, text + length - 8, 8);
	}
	else if (length >= 4)
	{
		memcpy(head, text, 4);
		memcpy(tail, text + length - 4, 4);
	}
	else if (length > 0)
		*head = (uint64) (uint8) text[0] << 16 | (uint64) (uint8) text[length / 2] << 8 |
				(uint8) text[length - 1];
}

/* Stores the name as the next number, without entering it in the hash table. */
static uint32
append_name(ChannelDict *dict, const char *text, uint32 length)
{
	if (dict->size == dict->capacity)
	{
		dict->capacity *= 2;
		dict->names = repalloc_huge(dict->names, dict->capacity * sizeof(DictName));
	}
	dict->names[dict->size].text = text;
	dict->names[dict->size].length = length;
	return dict->size;
}

static uint32
lookup(ChannelDict *dict, const char *text, uint32 length)
{
	uint32 hash = hash_bytes((const unsigned char *) text, (int) length);
	uint32 candidate;
	DictSlot *slot;
	bool found;
	char *copy;

	if (length > CHANNEL_NAME_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("a name of %u bytes is too long", length),
				 errdetail("The limit is %d bytes.", CHANNEL_NAME_MAX),
				 errhint("Shorten it, for instance by left(name, 100).")));
	candidate = append_name(dict, text, length);
	slot = dictslot_insert_hash(dict->slots, candidate, hash, &found);
	if (found)
		return slot->number;
	/* new: what append_name stored are still the caller's bytes */
	copy = MemoryContextAlloc(dict->context, length + 1);
	memcpy(copy, text, length);
	copy[length] = '\0';
	dict->names[candidate].text = copy;
	dict->size++;
	return candidate;
}

static inline bool
memo_matches(const ChannelDict *dict, const DictMemo *memo, uint64 head, uint64 tail, const char *text,
			 uint32 length)
{
	return memo->head == head && memo->tail == tail && memo->length == length &&
		   (length <= 16 || memcmp(dict->names[memo->number].text + 8, text + 8, length - 16) == 0);
}

uint32
channel_dict_intern(ChannelDict *dict, const char *text, uint32 length)
{
	uint64 head;
	uint64 tail;
	DictMemo *memo;
	DictMemo *other;
	uint32 place;

	if (dict->memo == NULL)
	{
		if (++dict->lookups < MEMO_AFTER)
			return lookup(dict, text, length);
		dict->memo = MemoryContextAllocZero(dict->context, sizeof(DictMemo) << MEMO_BITS);
		for (int i = 0; i < 1 << MEMO_BITS; i++)
			dict->memo[i].length = PG_UINT32_MAX; /* no name's */
	}
	name_ends(text, length, &head, &tail);
	/* four instructions of hashing, and two places to be in: a collision costs the real lookup on every row */
	place = ((head + (tail << 1) + length) * UINT64CONST(0x9E3779B97F4A7C15)) >> (64 - MEMO_BITS);
	memo = &dict->memo[place];
	if (memo_matches(dict, memo, head, tail, text, length))
		return memo->number;
	other = &dict->memo[place ^ 1];
	if (memo_matches(dict, other, head, tail, text, length))
		return other->number;
	*other = *memo;
	memo->number = lookup(dict, text, length);
	memo->head = head;
	memo->tail = tail;
	memo->length = length;
	return memo->number;
}

static int
compare_names(const void *a, const void *b, void *arg)
{
	const ChannelDict *dict = arg;

	/* a million names take a second to sort, and pg's qsort holds nothing that an error would leak */
	CHECK_FOR_INTERRUPTS();
	/* strcmp is memcmp here: names hold no zero byte, and it compares unsigned bytes */
	return strcmp(dict->names[*(const uint32 *) a].text, dict->names[*(const uint32 *) b].text);
}

uint32 *
channel_dict_ranks(const ChannelDict *dict)
{
	uint32 *order = palloc_extended(Max(dict->size, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);
	uint32 *rank = palloc_extended(Max(dict->size, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);

	for (uint32 i = 0; i < dict->size; i++)
		order[i] = i;
	qsort_arg(order, dict->size, sizeof(uint32), compare_names, unconstify(ChannelDict *, dict));
	for (uint32 i = 0; i < dict->size; i++)
		rank[order[i]] = i;
	pfree(order);
	return rank;
}
