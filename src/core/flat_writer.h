/*
 * Putting bytes at the end of a flat summary, for the files that write them: inline, because a path is a few bytes.
 */
#ifndef ATTRIB_FLAT_WRITER_H
#define ATTRIB_FLAT_WRITER_H

#include <string.h>

#include "flat_stream.h"

/* Room that is there for every put that does not ask for more. */
#define WRITER_SLACK 512

extern void flat_writer_grow(FlatWriter *w, size_t size);

/* Where the next byte goes, with room for so many and some more. Who puts bytes there moves w->at behind them. */
static inline uint8_t *
make_room(FlatWriter *w, size_t size)
{
	if ((size_t) (w->end - w->at) < size + WRITER_SLACK)
		flat_writer_grow(w, size + WRITER_SLACK);
	return w->at;
}

/* Each puts something at `at` and returns the place behind it. */

static inline uint8_t *
put_varint(uint8_t *at, uint64_t value)
{
	while (value >= 0x80)
	{
		*at++ = (uint8_t) value | 0x80;
		value >>= 7;
	}
	*at++ = (uint8_t) value;
	return at;
}

static inline uint32_t
head_part(uint32_t n)
{
	return n < FLAT_HEAD_MORE ? n : FLAT_HEAD_MORE;
}

static inline void
narrow_touches(uint8_t *restrict at, const uint32_t *restrict touches)
{
	for (int i = 0; i < QUICK_TOUCHES; i++)
		at[i] = (uint8_t) touches[i];
}

/* The touches that a path does not share with the one before it, five bytes at most each. */
static inline uint8_t *
put_touches(uint8_t *at, uint32_t nchannels, const uint32_t *touches, uint32_t ntouches, uint32_t shared)
{
	uint32_t added = ntouches - shared;

	if (nchannels <= 0x80 && shared < FLAT_HEAD_MORE && added <= QUICK_TOUCHES)
	{
		*at++ = (uint8_t) (added << 4 | shared);
		narrow_touches(at, touches + shared);
		return at + added;
	}
	*at++ = (uint8_t) (head_part(added) << 4 | head_part(shared));
	if (shared >= FLAT_HEAD_MORE)
		at = put_varint(at, shared - FLAT_HEAD_MORE);
	if (added >= FLAT_HEAD_MORE)
		at = put_varint(at, added - FLAT_HEAD_MORE);
	for (uint32_t i = shared; i < ntouches; i++)
		at = put_varint(at, touches[i]);
	return at;
}

/* Bytes that were written before; of so many behind them, whatever they are, any may be copied too. */
static inline uint8_t *
put_bytes(uint8_t *at, const uint8_t *bytes, size_t nbytes, size_t readable)
{
	if (nbytes <= 16 && readable >= 16)
		memcpy(at, bytes, 16);
	else
		memcpy(at, bytes, nbytes);
	return at + nbytes;
}

#endif
