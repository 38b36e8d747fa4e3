#include "flat_writer.h"

#include <string.h>

void
flat_writer_grow(FlatWriter *w, size_t size)
{
	size_t used = (size_t) (w->at - w->bytes);
	size_t capacity = 2 * (size_t) (w->end - w->bytes) + size;
	uint8_t *larger = CORE_ALLOC(w->env, uint8_t, capacity);

	memcpy(larger, w->bytes, used);
	core_free(w->env, w->bytes);
	w->bytes = larger;
	w->at = larger + used;
	w->end = larger + capacity;
}

static inline uint8_t *
put_little(uint8_t *at, uint64_t value, int nbytes)
{
	if (nbytes == 8)
		put_little_word(at, value);
	else
		for (int i = 0; i < nbytes; i++)
			at[i] = (uint8_t) (value >> (8 * i));
	return at + nbytes;
}

static uint8_t *
put_fixed(uint8_t *at, fixed128 value)
{
	at = put_little(at, (uint64_t) value, 8);
	return put_little(at, (uint64_t) (value >> 64), 8);
}

/* A non-negative amount: whole part doubled, its low bit telling whether eight bytes of fraction follow. */
static inline uint8_t *
put_amount(uint8_t *at, fixed128 value)
{
	uint64_t fraction = (uint64_t) value;

	at = put_varint(at, (uint64_t) (value >> 64) << 1 | (fraction != 0));
	return fraction ? put_little(at, fraction, 8) : at;
}

/* A non-negative integer of up to three words: number of bytes, then the bytes. */
static uint8_t *
put_wide(uint8_t *at, const uint64_t *word, int nwords)
{
	int nbytes = nwords * 8;

	while (nbytes > 0 && (uint8_t) (word[(nbytes - 1) / 8] >> ((nbytes - 1) % 8 * 8)) == 0)
		nbytes--;
	*at++ = (uint8_t) nbytes;
	for (int i = 0; i < nbytes; i++)
		*at++ = (uint8_t) (word[i / 8] >> (i % 8 * 8));
	return at;
}

static uint8_t *
put_wide128(uint8_t *at, fixed128 value)
{
	uint64_t word[2] = {(uint64_t) value, (uint64_t) (value >> 64)};

	return put_wide(at, word, 2);
}

static void
put_text(FlatWriter *w, const char *text)
{
	size_t length = strlen(text);
	uint8_t *at = put_varint(make_room(w, length), length);

	memcpy(at, text, length);
	w->at = at + length;
}

static void
put_header(uint8_t *at, const SummaryView *view, const SummaryMeta *meta)
{
	*at++ = SUMMARY_FLAT_VERSION;
	*at++ = (meta->has_options ? FLAT_HAS_OPTIONS : 0) | (meta->has_half_life ? FLAT_HAS_HALF_LIFE : 0);
	at = put_little(at, 0, 2);
	at = put_little(at, view->nchannels, 4);
	at = put_little(at, view->npaths, 4);
	at = put_little(at, view->longest_path, 4);
	at = put_little(at, view->ntouches, 8);
	at = put_little(at, (uint64_t) view->conversions, 8);
	at = put_little(at, (uint64_t) view->lost, 8);
	at = put_little(at, (uint64_t) view->open, 8);
	at = put_little(at, (uint64_t) view->matured_conversions, 8);
	at = put_fixed(at, view->value);
	at = put_fixed(at, view->matured_value);
	at = put_little(at, (uint64_t) meta->touches_seen, 8);
	(void) put_little(at, (uint64_t) meta->anonymous_touches, 8);
}

static void
put_options(FlatWriter *w, const SummaryMeta *meta)
{
	uint8_t *at = make_room(w, 0);

	if (!meta->has_options)
		return;
	*at++ = (meta->has_lookback ? FLAT_OPTION_LOOKBACK : 0) |
			(meta->has_max_touches ? FLAT_OPTION_MAX_TOUCHES : 0) |
			(meta->reuse_touches ? FLAT_OPTION_REUSE : 0);
	if (meta->has_lookback)
		at = put_varint(at, (uint64_t) meta->lookback);
	if (meta->has_max_touches)
		at = put_varint(at, meta->max_touches);
	if (meta->has_half_life)
		at = put_varint(at, (uint64_t) meta->half_life);
	w->at = at;
	put_text(w, meta->channel_lookback);
	put_text(w, meta->transforms);
}

/* What bits of FLAT_PATH_* announce. */
static uint8_t *
put_counts(uint8_t *at, const SummaryPath *path)
{
	bool matured_differs =
		path->matured_conversions != path->conversions || path->matured_value != path->value;
	uint64_t cents = path->conversions == 1 ? fixed_cents(path->value) : 0;

	*at++ = (path->conversions == 1 ? FLAT_PATH_ONE
			 : path->conversions	? FLAT_PATH_CONVERSIONS
									: 0) |
			(path->lost ? FLAT_PATH_LOST : 0) | (path->open ? FLAT_PATH_OPEN : 0) |
			(path->value ? FLAT_PATH_VALUE : 0) | (matured_differs ? FLAT_PATH_MATURED : 0) |
			(cents ? FLAT_PATH_CENTS : 0);
	if (path->conversions > 1)
		at = put_varint(at, (uint64_t) path->conversions);
	if (path->lost)
		at = put_varint(at, (uint64_t) path->lost);
	if (path->open)
		at = put_varint(at, (uint64_t) path->open);
	if (cents)
		at = put_varint(at, cents);
	else if (path->value)
	{
		at = put_amount(at, path->value);
		if (path->conversions > 1)
			at = put_wide(at, path->squares.word, 3);
	}
	if (matured_differs)
	{
		at = put_varint(at, (uint64_t) path->matured_conversions);
		if (path->value)
			at = put_amount(at, path->matured_value);
	}
	for (uint32_t i = 0; i + 1 < path->ndecay; i++)
	{
		at = put_wide128(at, path->decay[i].conversions);
		if (path->value)
			at = put_wide128(at, path->decay[i].value);
	}
	return at;
}

void
flat_writer_counts(FlatWriter *w, const SummaryPath *path)
{
	uint8_t *at = make_room(w, (size_t) path->ndecay * 34);

	if (path->conversions == 0 && path->open == 0 && path->lost <= UINT8_MAX - FLAT_PATH_FEW_LOST + 1)
		*at++ = (uint8_t) (FLAT_PATH_FEW_LOST - 1 + path->lost);
	else
		at = put_counts(at, path);
	w->at = at;
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

/* The credits of a path with so many conversions and so much value, each. */
static size_t
credit_text_bound(int64_t conversions, fixed128 value)
{
	return decimal_digits((uint64_t) conversions) + amount_text_bound(value) + 28;
}

size_t
summary_path_text(const SummaryPath *path)
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
		bound += sizeof(",\"decay\":[]") + path->ndecay * credit_text_bound(path->conversions, path->value);
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
		bound += summary_path_text(&view->paths[i]);
	return bound;
}

/* No path has more of anything than all together, and no more paths have conversions than there are conversions. */
size_t
summary_most_text(const SummaryView *totals)
{
	size_t converted = totals->npaths;
	SummaryPath lost = {.lost = totals->lost, .open = totals->open};
	SummaryPath most = {.conversions = totals->conversions,
						.matured_conversions = totals->matured_conversions,
						.value = totals->value};
	size_t bound =
		totals->npaths * summary_path_text(&lost) + touches_text_bound(totals->ntouches, totals->nchannels);

	if ((uint64_t) totals->conversions < converted)
		converted = (size_t) totals->conversions;
	bound += converted * (summary_path_text(&most) + sizeof(",\"decay\":[]"));
	if (totals->has_decay)
		bound += totals->ntouches * credit_text_bound(totals->conversions, totals->value);
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
	w->bytes = CORE_ALLOC(env, uint8_t, room + expected + 4096);
	w->end = w->bytes + room + expected + 4096;
	w->at = w->bytes + room + SUMMARY_FLAT_HEADER; /* which is written last, when the totals are known */
	put_options(w, meta);
	for (uint32_t i = 0; i < nchannels; i++)
		put_text(w, channels[i]);
	w->text = names_text_bound(channels, nchannels, meta);
}

CoreStatus
flat_writer_put(FlatWriter *w, const SummaryPath *path)
{
	uint32_t limit = w->nbefore < path->ntouches ? w->nbefore : path->ntouches;
	uint32_t shared = 0;

	while (shared < limit && path->touches[shared] == w->before[shared])
		shared++;
	w->at = put_touches(make_room(w, (size_t) (path->ntouches - shared) * 5), w->totals.nchannels,
						path->touches, path->ntouches, shared);
	w->before = path->touches;
	w->nbefore = path->ntouches;
	flat_writer_counts(w, path);
	w->totals.npaths++;
	w->text += summary_path_text(path);
	if (!summary_add_totals(&w->totals, path))
		return CORE_OVERFLOW;
	if (w->text > SUMMARY_MAX_TEXT)
		return CORE_TOO_LARGE;
	if (w->totals.npaths % CHECK_EVERY == 0)
		core_check(w->env);
	return CORE_OK;
}

CoreStatus
flat_writer_end(FlatWriter *w, FlatBytes *flat)
{
	if (w->text + touches_text_bound(w->totals.ntouches, w->totals.nchannels) > SUMMARY_MAX_TEXT)
		return CORE_TOO_LARGE;
	put_header(w->bytes + w->room, &w->totals, w->meta);
	flat->bytes = w->bytes;
	flat->size = (size_t) (w->at - w->bytes);
	return CORE_OK;
}
