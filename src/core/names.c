#include "names.h"

#include <string.h>

#define FIRST_SLOTS 32
#define BLOCK_SIZE ((size_t) 1024)
#define MULTIPLIER UINT64_C(0x9E3779B97F4A7C15)

/* Multiply and fold, eight bytes at a time. Seedless: numbers must not depend on the process. */
static uint64_t
name_hash(const char *bytes, size_t length)
{
	uint64_t hash = length * MULTIPLIER;

	while (length > 0)
	{
		uint64_t word = 0;
		size_t take = length < 8 ? length : 8;

		memcpy(&word, bytes, take);
		hash = (hash ^ word) * MULTIPLIER;
		hash ^= hash >> 32;
		bytes += take;
		length -= take;
	}
	return hash * MULTIPLIER >> 16;
}

/* The slot that holds the name, or the empty one where it belongs. */
static uint32_t *
name_slot(const NameTable *table, const char *bytes, size_t length, uint64_t hash)
{
	size_t at = hash & (table->nslots - 1);

	for (;; at = (at + 1) & (table->nslots - 1))
	{
		const Name *name;

		if (table->slots[at] == 0)
			return &table->slots[at];
		name = &table->names[table->slots[at] - 1];
		if (name->hash == hash && name->length == length && memcmp(name->bytes, bytes, length) == 0)
			return &table->slots[at];
	}
}

static void
slots_grow(NameTable *table, const CoreEnv *env)
{
	size_t nslots = table->nslots ? table->nslots * 2 : FIRST_SLOTS;
	uint32_t *slots = CORE_ALLOC_ZERO(env, uint32_t, nslots);

	core_free(env, table->slots);
	table->slots = slots;
	table->nslots = nslots;
	for (uint32_t i = 0; i < table->nnames; i++)
	{
		size_t at = table->names[i].hash & (nslots - 1);

		while (slots[at] != 0)
			at = (at + 1) & (nslots - 1);
		slots[at] = i + 1;
	}
}

static void
names_grow(NameTable *table, const CoreEnv *env)
{
	uint32_t capacity = table->capacity ? table->capacity * 2 : FIRST_SLOTS / 2;
	Name *names = CORE_ALLOC(env, Name, capacity);

	if (table->nnames)
		memcpy(names, table->names, table->nnames * sizeof(Name));
	core_free(env, table->names);
	table->names = names;
	table->capacity = capacity;
}

static const char *
bytes_copy(NameTable *table, const CoreEnv *env, const char *bytes, size_t length)
{
	char *copy;

	if (length >= table->block_left)
	{
		size_t size = length >= BLOCK_SIZE / 4 ? length + 1 : BLOCK_SIZE;

		copy = CORE_ALLOC(env, char, size);
		if (size == BLOCK_SIZE)
		{
			table->block = copy + length + 1;
			table->block_left = size - length - 1;
		}
	}
	else
	{
		copy = table->block;
		table->block += length + 1;
		table->block_left -= length + 1;
	}
	memcpy(copy, bytes, length);
	copy[length] = '\0';
	return copy;
}

uint32_t
names_find(const NameTable *table, const char *bytes, size_t length)
{
	uint32_t found = table->nslots ? *name_slot(table, bytes, length, name_hash(bytes, length)) : 0;

	return found ? found - 1 : NAME_UNKNOWN;
}

uint32_t
names_intern(NameTable *table, const CoreEnv *env, const char *bytes, size_t length)
{
	uint64_t hash = name_hash(bytes, length);
	uint32_t *slot;

	if ((size_t) table->nnames * 2 >= table->nslots)
		slots_grow(table, env);
	slot = name_slot(table, bytes, length, hash);
	if (*slot == 0)
	{
		if (table->nnames == table->capacity)
			names_grow(table, env);
		table->names[table->nnames] = (Name){bytes_copy(table, env, bytes, length), length, hash};
		*slot = ++table->nnames;
	}
	return *slot - 1;
}
