/*
 * Dense numbering of 64-bit keys: an open-addressing hash that hands out 0, 1, 2, ... in order of first
 * sight, and afterwards renames those numbers to the rank of their key, so that the result does not depend
 * on the order in which keys arrived.
 */
#ifndef ATTRIB_KEY_INDEX_H
#define ATTRIB_KEY_INDEX_H

#include "core.h"

typedef struct KeyIndex
{
	const CoreEnv *env;
	uint64_t *key;	   /* by number */
	uint32_t *slot;	   /* number + 1, 0 for a free slot */
	uint32_t count;	   /* never beyond UINT32_MAX - 1: callers number no more things than that */
	uint32_t capacity; /* of key */
	uint64_t mask;	   /* slots - 1, a power of two minus one */
} KeyIndex;

extern void key_index_init(KeyIndex *index, const CoreEnv *env);
extern uint32_t key_index_put(KeyIndex *index, uint64_t key);

/* The number of a key that was put; UINT32_MAX for any other. Not after key_index_ranks(). */
extern uint32_t key_index_find(const KeyIndex *index, uint64_t key);

/* Sorts index->key ascending and returns rank[number]; the index takes no more keys after that. */
extern uint32_t *key_index_ranks(KeyIndex *index);
extern void key_index_free(KeyIndex *index);

#endif
