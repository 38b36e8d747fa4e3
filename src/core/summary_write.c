#include "flat_stream.h"

#include <string.h>

/* Every put below a text or a path's touches is within the room that was made before. */
#define WRITER_SLACK 512

static inline void
make_room(FlatWriter *w, size_t size)
{
	uint8_t *larger;

	if (w->capacity - w->size >= size + WRITER_SLACK)
		return;
	w->capacity = 2 * w->capacity + size + WRITER_SLACK;
	larger = CORE_ALLOC(w->env, uint8_t, w->capacity);
	memcpy(larger, w->bytes, w->size);
	core_free(w->env, w->bytes);
	w->bytes = larger;
}

static inline void
put_byte(FlatWriter *w, uint8_t byte)
{
	w->bytes[w->size++] = byte;
}

static inline void
put_varint(FlatWriter *w, uint64_t value)
{
	while (value >= 0x80)
	{
		put_byte(w, (uint8_t) value | 0x80);
		value >>= 7;
	}
	put_byte(w, (uint8_t) value);
}

static void
put_little(FlatWriter *w, uint64_t value, int nbytes)
{
	for (int i = 0; i < nbytes; i++)
		put_byte(w, (uint8_t) (value >> (8 * i)));
}

static void
put_fixed(FlatWriter *w, fixed128 value)
{
	put_little(w, (uint64_t) value, 8);
	put_little(w, (uint64_t) (value >> 64), 8);
}

/* A non-negative amount: whole part doubled, its low bit telling whether eight bytes of fraction follow. */
static void
put_amount(FlatWriter *w, fixed128 value)
{
	uint64_t fraction = (uint64_t) value;

	put_varint(w, (uint64_t) (value >> 64) << 1 | (fraction != 0));
	if (fraction)
		put_little(w, fraction, 8);
}

/* A non-negative integer of up to three words: number of bytes, then the bytes. */
static void
put_wide(FlatWriter *w, const uint64_t *word, int nwords)
{
	int nbytes = nwords * 8;

	while (nbytes > 0 && (uint8_t) (word[(nbytes - 1) / 8] >> ((nbytes - 1) % 8 * 8)) == 0)
		nbytes--;
	put_byte(w, (uint8_t) nbytes);
	for (int i = 0; i < nbytes; i++)
		put_byte(w, (uint8_t) (word[i / 8] >> (i % 8 * 8)));
}

static void
put_wide128(FlatWriter *w, fixed128 value)
{
	uint64_t word[2] = {(uint64_t) value, (uint64_t) (value >> 64)};

	put_wide(w, word, 2);
}

static void
put_text(FlatWriter *w, const char *text)
{
	size_t length = strlen(text);

	make_room(w, length);
	put_varint(w, length);
	memcpy(w->bytes + w->size, text, length);
	w->size += length;
}

static void
put_header(FlatWriter *w, const SummaryView *view, const SummaryMeta *meta)
{
	put_byte(w, SUMMARY_FLAT_VERSION);
	put_byte(w, (meta->has_options ? FLAT_HAS_OPTIONS : 0) | (meta->has_half_life ? FLAT_HAS_HALF_LIFE : 0));
	put_little(w, 0, 2);
	put_little(w, view->nchannels, 4);
	put_little(w, view->npaths, 4);
	put_little(w, view->longest_path, 4);
	put_little(w, view->ntouches, 8);
	put_little(w, (uint64_t) view->conversions, 8);
	put_little(w, (uint64_t) view->lost, 8);
	put_little(w, (uint64_t) view->open, 8);
	put_little(w, (uint64_t) view->matured_conversions, 8);
	put_fixed(w, view->value);
	put_fixed(w, view->matured_value);
	put_little(w, (uint64_t) meta->touches_seen, 8);
	put_little(w, (uint64_t) meta->anonymous_touches, 8);
}

static void
put_options(FlatWriter *w, const SummaryMeta *meta)
{
	if (!meta->has_options)
		return;
	make_room(w, 0);
	put_byte(w, (meta->has_lookback ? FLAT_OPTION_LOOKBACK : 0) |
					(meta->has_max_touches ? FLAT_OPTION_MAX_TOUCHES : 0) |
					(meta->reuse_touches ? FLAT_OPTION_REUSE : 0));
	if (meta->has_lookback)
		put_varint(w, (uint64_t) meta->lookback);
	if (meta->has_max_touches)
		put_varint(w, meta->max_touches);
	if (meta->has_half_life)
		put_varint(w, (uint64_t) meta->half_life);
	put_text(w, meta->channel_lookback);
	put_text(w, meta->transforms);
}

/* What bits of FLAT_PATH_* announce. */
static void
put_counts(FlatWriter *w, const SummaryPath *path)
{
	bool matured_differs =
		path->matured_conversions != path->conversions || path->matured_value != path->value;

	make_room(w, (size_t) path->ndecay * 34);
	put_byte(w, (path->conversions ? FLAT_PATH_CONVERSIONS : 0) | (path->lost ? FLAT_PATH_LOST : 0) |
					(path->open ? FLAT_PATH_OPEN : 0) | (path->value ? FLAT_PATH_VALUE : 0) |
					(matured_differs ? FLAT_PATH_MATURED : 0));
	if (path->conversions)
		put_varint(w, (uint64_t) path->conversions);
	if (path->lost)
		put_varint(w, (uint64_t) path->lost);
	if (path->open)
		put_varint(w, (uint64_t) path->open);
	if (path->value)
	{
		put_amount(w, path->value);
		if (path->conversions > 1)
			put_wide(w, path->squares.word, 3);
	}
	if (matured_differs)
	{
		put_varint(w, (uint64_t) path->matured_conversions);
		if (path->value)
			put_amount(w, path->matured_value);
	}
	for (uint32_t i = 0; i + 1 < path->ndecay; i++)
	{
		put_wide128(w, path->decay[i].conversions);
		if (path->value)
			put_wide128(w, path->decay[i].value);
	}
}

/* At least the decimal digits of n, from its binary ones. */
static inline size_t
decimal_digits(uint64_t n)
{
	return (size_t) ((64 - __builtin_clzll(n | 1)) * 1233 >> 12) + 1;
}

/* An amount is printed with up to 20 decimals, which tell multiples of 2^-64 apart. */
static size_t
amount_text_bound(fixed128 value)
{
	return decimal_digits((uint64_t) (value >> 64)) + 21;
}

static size_t
path_text_bound(const SummaryPath *path)
{
	size_t bound = sizeof("{\"path\":[]},");

	if (path->conversions)
		bound += sizeof(",\"conversions\":") + decimal_digits((uint64_t) path->conversions);
	if (path->lost)
		bound += sizeof(",\"lost\":") + decimal_digits((uint64_t) path->lost);
	if (path->open)
		bound += sizeof(",\"open\":") + decimal_digits((uint64_t) path->open);
	if (path->value)
		bound += sizeof(",\"value\":") + amount_text_bound(path->value) + sizeof(",\"squares\":") + 60;
	if (path->matured_conversions != path->conversions)
		bound += sizeof(",\"matured_conversions\":,\"matured_value\":") + 60;
	if (path->ndecay)
		bound += sizeof(",\"decay\":[]") + path->ndecay * (decimal_digits((uint64_t) path->conversions) +
														   amount_text_bound(path->value) + 28);
	return bound;
}

/* A name or option text may be escaped to six times its length (\u0001). */
static size_t
names_text_bound(const char *const *channels, uint32_t nchannels, const SummaryMeta *meta)
{
	size_t bound = 1024;

	for (uint32_t i = 0; i < nchannels; i++)
		bound += 6 * strlen(channels[i]) + 3;
	if (meta->has_options)
		bound += 6 * (strlen(meta->channel_lookback) + strlen(meta->transforms));
	return bound;
}

static size_t
touches_text_bound(size_t ntouches, uint32_t nchannels)
{
	return ntouches * (decimal_digits(nchannels) + 1);
}

size_t
summary_text_bound(const SummaryView *view, const SummaryMeta *meta)
{
	size_t bound = names_text_bound(view->channels, view->nchannels, meta) +
				   touches_text_bound(view->ntouches, view->nchannels);

	for (size_t i = 0; i < view->npaths; i++)
		bound += path_text_bound(&view->paths[i]);
	return bound;
}

void
flat_writer_begin(FlatWriter *w, const char *const *channels, uint32_t nchannels, const SummaryMeta *meta,
				  size_t room, size_t expected, const CoreEnv *env)
{
	memset(w, 0, sizeof(*w));
	w->env = env;
	w->meta = meta;
	w->room = room;
	w->totals.nchannels = nchannels;
	w->capacity = room + expected + 4096;
	w->bytes = CORE_ALLOC(env, uint8_t, w->capacity);
	w->size = room;
	put_header(w, &w->totals, meta); /* for its place; the totals are known at the end */
	put_options(w, meta);
	for (uint32_t i = 0; i < nchannels; i++)
		put_text(w, channels[i]);
	w->text = names_text_bound(channels, nchannels, meta);
}

void
flat_writer_touches(FlatWriter *w, const uint32_t *touches, uint32_t ntouches, uint32_t shared)
{
	make_room(w, (size_t) (ntouches - shared) * 5);
	put_varint(w, shared);
	put_varint(w, ntouches - shared);
	for (uint32_t i = shared; i < ntouches; i++)
		put_varint(w, touches[i]);
}

CoreStatus
flat_writer_counts(FlatWriter *w, const SummaryPath *path, const uint8_t *bytes, size_t nbytes)
{
	if (bytes)
	{
		make_room(w, nbytes);
		if (nbytes == 2) /* of a path that was lost a few times: nearly all */
			memcpy(w->bytes + w->size, bytes, 2);
		else
			memcpy(w->bytes + w->size, bytes, nbytes);
		w->size += nbytes;
	}
	else
		put_counts(w, path);
	w->text += path_text_bound(path);
	w->totals.npaths++;
	if (!summary_add_totals(&w->totals, path))
		return CORE_OVERFLOW;
	if (w->text > SUMMARY_MAX_TEXT)
		return CORE_TOO_LARGE;
	if (w->totals.npaths % CHECK_EVERY == 0)
		core_check(w->env);
	return CORE_OK;
}

CoreStatus
flat_writer_put(FlatWriter *w, const SummaryPath *path)
{
	uint32_t limit = w->nbefore < path->ntouches ? w->nbefore : path->ntouches;
	uint32_t shared = 0;

	while (shared < limit && path->touches[shared] == w->before[shared])
		shared++;
	flat_writer_touches(w, path->touches, path->ntouches, shared);
	w->before = path->touches;
	w->nbefore = path->ntouches;
	return flat_writer_counts(w, path, NULL, 0);
}

CoreStatus
flat_writer_end(FlatWriter *w, FlatBytes *flat)
{
	size_t size = w->size;

	if (w->text + touches_text_bound(w->totals.ntouches, w->totals.nchannels) > SUMMARY_MAX_TEXT)
		return CORE_TOO_LARGE;
	w->size = w->room;
	put_header(w, &w->totals, w->meta);
	flat->bytes = w->bytes;
	flat->size = size;
	return CORE_OK;
}
