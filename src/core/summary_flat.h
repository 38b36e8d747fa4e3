/*
 * The flat bytes of a journey summary, version 1.
 *
 * One summary has one byte string: equal content is equal bytes, so = is memcmp and a rollup can be compared
 * with the whole. The bytes are the same on every machine: fixed fields are little-endian, the rest is
 * LEB128 varints without padding.
 *
 *     offset  0  version (1), flags (1 options, 2 half_life), 2 zero bytes
 *             4  nchannels uint32
 *             8  npaths uint32, longest_path uint32
 *            16  ntouches uint64
 *            24  conversions, lost, open, matured_conversions int64 (totals over all paths)
 *            56  value, matured_value fixed128 (totals)
 *            88  touches_seen, anonymous_touches int64
 *           104  options, if flagged; channel names; paths
 *
 *     options  byte of FLAT_OPTION_* bits; lookback, max_touches, half_life as varints where present;
 *              channel_lookback and transforms as length and bytes
 *     channel  length, bytes; sorted, distinct, each on some path
 *     path     a byte with the touches shared with the path before it (as many as there are) and, in its upper
 *              half, the number of further touches, 15 meaning that the rest follows as a varint; the further
 *              touches' channel numbers; a byte of FLAT_PATH_* bits, then what the bits announce
 *
 * Paths are sorted, so neighbours share most of their touches and a summary of long paths stays small.
 * The value of a single conversion is mostly a number of cents, and is stored as that if it is.
 * What follows from the rest is not stored: the squares of a single conversion, the decayed credit of a
 * path with one channel, and that of a path's last channel (the credits of a path add up to its totals).
 */
#ifndef ATTRIB_SUMMARY_FLAT_H
#define ATTRIB_SUMMARY_FLAT_H

#include "summary_view.h"

#define SUMMARY_FLAT_VERSION 1
#define SUMMARY_FLAT_HEADER 104

/*
 * A summary must be dumpable, and its text form is the largest: PostgreSQL moves at most 1 GB in a field, and
 * a client encoding may need more bytes than ours. summary_text_bound() is at most this.
 */
#define SUMMARY_MAX_TEXT ((size_t) 512 * 1024 * 1024)

/*
 * Touches that are read and written together, without a branch for each: a loop that ends somewhere else for each
 * path costs more than all else. Arrays of touches have room for so many behind their end.
 */
#define QUICK_TOUCHES 8

/* An upper bound of the JSON text of a summary of this shape. */
extern size_t summary_text_bound(const SummaryView *view, const SummaryMeta *meta);

/* A flat value, or room before it that the caller asked for (a length word, say) and the value behind. */
typedef struct FlatBytes
{
	uint8_t *bytes;
	size_t size; /* room included */
} FlatBytes;

/*
 * Writes a flat summary path by path. The paths must come in canonical order, each of the touches of one put
 * stay until the next (with room for QUICK_TOUCHES behind them), and each of the channels on some path. Bytes
 * come from env; the first `room` of them are the caller's. `expected` is a guess of how many there will be.
 */
typedef struct FlatWriter
{
	const CoreEnv *env;
	const SummaryMeta *meta;
	uint8_t *bytes;
	uint8_t *at;  /* where the next one goes */
	uint8_t *end; /* of what is allocated */
	size_t room;
	size_t text;			/* bound of the text form so far, without the touches */
	SummaryView totals;		/* for the header, which is written last */
	const uint32_t *before; /* the touches of the last path put */
	uint32_t nbefore;
} FlatWriter;

extern void flat_writer_begin(FlatWriter *w, const char *const *channels, uint32_t nchannels,
							  const SummaryMeta *meta, size_t room, size_t expected, const CoreEnv *env);
extern CoreStatus flat_writer_put(FlatWriter *w, const SummaryPath *path); /* CORE_OVERFLOW, CORE_TOO_LARGE */
extern CoreStatus flat_writer_end(FlatWriter *w,
								  FlatBytes *flat); /* CORE_TOO_LARGE beyond SUMMARY_MAX_TEXT */

/*
 * The summary of all journeys of several flat summaries, without taking any of them apart: they are sorted, so
 * they merge as streams. Only their options are ignored: `meta` has those of the result, and its counters.
 */
extern CoreStatus summary_flat_merge(const FlatBytes *inputs, size_t ninputs, const SummaryMeta *meta,
									 size_t room, const CoreEnv *env, FlatBytes *flat);

/* Is this text acceptable in the caller's encoding (and, for a channel, as a name)? */
typedef bool (*FlatTextFn)(const char *text, size_t length);

/*
 * The only reader of flat bytes. Trusts nothing: whatever the bytes are, it answers CORE_OK with arrays that
 * keep every promise of summary_view.h, or CORE_CORRUPT (CORE_TOO_LARGE) without having read past the end.
 * Arrays come from env; the view borrows nothing from `bytes`. check_* may be NULL for bytes that were
 * checked before.
 */
extern CoreStatus summary_flat_decode(const uint8_t *bytes, size_t nbytes, FlatTextFn check_text,
									  FlatTextFn check_name, const CoreEnv *env, SummaryView *view,
									  SummaryMeta *meta);

/* Just the header and options, for accessors that need no paths. Trusts the same little. */
extern CoreStatus summary_flat_decode_header(const uint8_t *bytes, size_t nbytes, const CoreEnv *env,
											 SummaryView *view, SummaryMeta *meta);

#endif
