#include "key_index.h"

#include <string.h>

#define FIRST_CAPACITY 256u
#define STEPS_PER_CHECK 65536u
#define RADIX_BITS 8
#define RADIX (1u << RADIX_BITS)

/* The finalizer of MurmurHash3: every input bit reaches every output bit. */
static inline uint64_t
mix(uint64_t key)
{
	key ^= key >> 33;
	key *= UINT64_C(0xff51afd7ed558ccd);
	key ^= key >> 33;
	key *= UINT64_C(0xc4ceb9fe1a85ec53);
	key ^= key >> 33;
	return key;
}

void
key_index_init(KeyIndex *index, const CoreEnv *env)
{
	index->env = env;
	index->count = 0;
	index->capacity = FIRST_CAPACITY;
	index->mask = 2 * (uint64_t) FIRST_CAPACITY - 1;
	index->key = CORE_ALLOC(env, uint64_t, index->capacity);
	index->slot = CORE_ALLOC_ZERO(env, uint32_t, index->mask + 1);
}

/* Twice the room; the table is never more than half full, so probes stay short. */
static void
grow(KeyIndex *index)
{
	const CoreEnv *env = index->env;
	uint32_t capacity = index->capacity > UINT32_MAX / 2 ? UINT32_MAX : 2 * index->capacity;
	uint64_t *key = CORE_ALLOC(env, uint64_t, capacity);

	memcpy(key, index->key, index->count * sizeof(uint64_t));
	core_free(env, index->key);
	index->key = key;
	index->capacity = capacity;
	core_free(env, index->slot);
	index->slot = NULL;
	index->mask = 2 * index->mask + 1;
	index->slot = CORE_ALLOC_ZERO(env, uint32_t, index->mask + 1);
	for (uint32_t i = 0; i < index->count; i++)
	{
		uint64_t at = mix(key[i]) & index->mask;

		while (index->slot[at])
			at = (at + 1) & index->mask;
		index->slot[at] = i + 1;
		if (i % STEPS_PER_CHECK == 0)
			core_check(env);
	}
}

uint32_t
key_index_put(KeyIndex *index, uint64_t key)
{
	uint64_t at = mix(key) & index->mask;

	for (; index->slot[at]; at = (at + 1) & index->mask)
	{
		if (index->key[index->slot[at] - 1] == key)
			return index->slot[at] - 1;
	}
	if (index->count == index->capacity)
	{
		grow(index);
		return key_index_put(index, key);
	}
	index->key[index->count] = key;
	index->slot[at] = ++index->count;
	return index->count - 1;
}

uint32_t
key_index_find(const KeyIndex *index, uint64_t key)
{
	for (uint64_t at = mix(key) & index->mask; index->slot[at]; at = (at + 1) & index->mask)
	{
		if (index->key[index->slot[at] - 1] == key)
			return index->slot[at] - 1;
	}
	return UINT32_MAX;
}

/* One stable pass of the radix sort by the digit at `shift`; false if all keys agree in it. */
static bool
radix_pass(const KeyIndex *index, const uint64_t *key, const uint32_t *number, uint64_t *key_out,
		   uint32_t *number_out, int shift)
{
	uint32_t begin[RADIX] = {0};
	uint32_t sum = 0;

	for (uint32_t i = 0; i < index->count; i++)
		begin[(key[i] >> shift) & (RADIX - 1)]++;
	for (uint32_t digit = 0; digit < RADIX; digit++)
	{
		uint32_t size = begin[digit];

		if (size == index->count)
			return false;
		begin[digit] = sum;
		sum += size;
	}
	core_check(index->env);
	for (uint32_t i = 0; i < index->count; i++)
	{
		uint32_t to = begin[(key[i] >> shift) & (RADIX - 1)]++;

		key_out[to] = key[i];
		number_out[to] = number[i];
		if (i % STEPS_PER_CHECK == 0)
			core_check(index->env);
	}
	return true;
}

uint32_t *
key_index_ranks(KeyIndex *index)
{
	const CoreEnv *env = index->env;
	uint64_t *spare_key;
	uint32_t *number;
	uint32_t *spare;

	core_free(env, index->slot);
	index->slot = NULL;
	spare_key = CORE_ALLOC(env, uint64_t, index->count);
	number = CORE_ALLOC(env, uint32_t, index->count);
	spare = CORE_ALLOC(env, uint32_t, index->count);
	for (uint32_t i = 0; i < index->count; i++)
		number[i] = i;
	for (int shift = 0; shift < 64; shift += RADIX_BITS)
	{
		if (radix_pass(index, index->key, number, spare_key, spare, shift))
		{
			uint64_t *swapped_key = index->key;
			uint32_t *swapped = number;

			index->key = spare_key;
			spare_key = swapped_key;
			number = spare;
			spare = swapped;
		}
	}
	core_free(env, spare_key);
	for (uint32_t i = 0; i < index->count; i++)
		spare[number[i]] = i;
	core_free(env, number);
	return spare;
}

void
key_index_free(KeyIndex *index)
{
	core_free(index->env, index->key);
	core_free(index->env, index->slot);
	index->key = NULL;
	index->slot = NULL;
}
