/*
 * Channel names and their numbers, in the order they were first met.
 */
#ifndef ATTRIB_NAMES_H
#define ATTRIB_NAMES_H

#include "core.h"

#define NAME_UNKNOWN UINT32_MAX

typedef struct Name
{
	const char *bytes; /* NUL-terminated for convenience, but may hold any byte */
	size_t length;
	uint64_t hash;
} Name;

/* Zero-initialise. Grows from env, so env must allocate where the table lives. */
typedef struct NameTable
{
	Name *names; /* by number */
	uint32_t nnames;
	uint32_t capacity;
	uint32_t *slots; /* open addressing, number + 1; a power of two of them, at most half full */
	size_t nslots;
	char *block; /* where the next name's bytes go */
	size_t block_left;
} NameTable;

/* The name's number, NAME_UNKNOWN if it has none. */
extern uint32_t names_find(const NameTable *table, const char *bytes, size_t length);

/* The same, numbering the name if it is new. */
extern uint32_t names_intern(NameTable *table, const CoreEnv *env, const char *bytes, size_t length);

#endif
