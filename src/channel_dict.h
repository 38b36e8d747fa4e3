/*
 * Numbers for names. The one dictionary of channels (and of segments): the aggregates turn each name into a
 * number once, on reading, and everything behind works on numbers.
 */
#ifndef ATTRIB_CHANNEL_DICT_H
#define ATTRIB_CHANNEL_DICT_H

#include "compat.h"

typedef struct DictName
{
	const char *text; /* NUL-terminated */
	uint32 length;
} DictName;

/* Longer names than this are no channel names but an accident. */
#define CHANNEL_NAME_MAX 65535

typedef struct ChannelDict
{
	MemoryContext context;
	DictName *names; /* by number, in order of first appearance */
	uint32 size;
	uint32 capacity;
	struct dictslot_hash *slots;
	/*
	 * Most logs have a dozen channels and millions of rows, so the last number seen for a cheap hash of the
	 * name saves the real lookup nearly always. Made only once the dictionary is used a lot: a state per
	 * group should stay small.
	 */
	struct DictMemo *memo;
	uint32 lookups;
} ChannelDict;

extern void channel_dict_init(ChannelDict *dict, MemoryContext context);

/* The name's number, a new one if it was not there. */
extern uint32 channel_dict_intern(ChannelDict *dict, const char *text, uint32 length);

/* rank[number] = place in the byte order of all names; result in the current context. */
extern uint32 *channel_dict_ranks(const ChannelDict *dict);

#endif
