/*
 * Bytes and numbers from a FlatReader, for the files that read flat summaries.
 */
#ifndef ATTRIB_FLAT_READER_H
#define ATTRIB_FLAT_READER_H

#include "flat_stream.h"

static inline size_t
bytes_left(const FlatReader *r)
{
	return (size_t) (r->end - r->at);
}

static inline uint64_t
reader_fail(FlatReader *r)
{
	r->failed = true;
	r->at = r->end;
	return 0;
}

static inline uint8_t
get_byte(FlatReader *r)
{
	return r->at < r->end ? *r->at++ : (uint8_t) reader_fail(r);
}

/* At most `max`, in its shortest form: equal content must be equal bytes. */
static inline uint64_t
get_varint(FlatReader *r, uint64_t max)
{
	uint64_t value = 0;

	/* nearly all are a single byte */
	if (r->at < r->end && *r->at < 0x80 && *r->at <= max)
		return *r->at++;
	for (int shift = 0; shift < 64; shift += 7)
	{
		uint8_t byte = get_byte(r);

		if (shift == 63 && byte > 1)
			break;
		value |= (uint64_t) (byte & 0x7f) << shift;
		if (byte < 0x80)
			return (byte == 0 && shift > 0) || value > max ? reader_fail(r) : value;
	}
	return reader_fail(r);
}

static inline uint64_t
get_little(FlatReader *r, int nbytes)
{
	uint64_t value = 0;

	if (bytes_left(r) < (size_t) nbytes)
		return reader_fail(r);
	if (nbytes == 8)
		value = little_word(r->at);
	else
		for (int i = 0; i < nbytes; i++)
			value |= (uint64_t) r->at[i] << (8 * i);
	r->at += nbytes;
	return value;
}

#endif
