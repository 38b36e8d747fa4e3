#include "summary_flat.h"

#include <stdlib.h>
#include <string.h>

#define FLAT_HAS_OPTIONS 1
#define FLAT_HAS_HALF_LIFE 2

#define FLAT_OPTION_LOOKBACK 1
#define FLAT_OPTION_MAX_TOUCHES 2
#define FLAT_OPTION_REUSE 4

#define FLAT_PATH_CONVERSIONS 1
#define FLAT_PATH_LOST 2
#define FLAT_PATH_OPEN 4
#define FLAT_PATH_VALUE 8
#define FLAT_PATH_MATURED 16 /* matured conversions and value differ from all of them */

/* Paths between two looks at the interrupt flag. */
#define CHECK_EVERY 4096

/* ---------------------------------------------------------------- writing */

typedef struct Writer
{
	const CoreEnv *env;
	uint8_t *bytes;
	size_t size;
	size_t capacity;
} Writer;

/* Every put below a text or a path's touches is within the room that was made before. */
#define WRITER_SLACK 512

static void
writer_begin(Writer *w, const CoreEnv *env, size_t room)
{
	w->env = env;
	w->capacity = room + 4096;
	w->bytes = CORE_ALLOC(env, uint8_t, w->capacity);
	w->size = room;
}

static inline void
make_room(Writer *w, size_t size)
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
put_byte(Writer *w, uint8_t byte)
{
	w->bytes[w->size++] = byte;
}

static inline void
put_varint(Writer *w, uint64_t value)
{
	while (value >= 0x80)
	{
		put_byte(w, (uint8_t) value | 0x80);
		value >>= 7;
	}
	put_byte(w, (uint8_t) value);
}

static void
put_little(Writer *w, uint64_t value, int nbytes)
{
	for (int i = 0; i < nbytes; i++)
		put_byte(w, (uint8_t) (value >> (8 * i)));
}

static void
put_fixed(Writer *w, fixed128 value)
{
	put_little(w, (uint64_t) value, 8);
	put_little(w, (uint64_t) (value >> 64), 8);
}

/* A non-negative amount: whole part doubled, its low bit telling whether eight bytes of fraction follow. */
static void
put_amount(Writer *w, fixed128 value)
{
	uint64_t fraction = (uint64_t) value;

	put_varint(w, (uint64_t) (value >> 64) << 1 | (fraction != 0));
	if (fraction)
		put_little(w, fraction, 8);
}

/* A non-negative integer of up to three words: number of bytes, then the bytes. */
static void
put_wide(Writer *w, const uint64_t *word, int nwords)
{
	int nbytes = nwords * 8;

	while (nbytes > 0 && (uint8_t) (word[(nbytes - 1) / 8] >> ((nbytes - 1) % 8 * 8)) == 0)
		nbytes--;
	put_byte(w, (uint8_t) nbytes);
	for (int i = 0; i < nbytes; i++)
		put_byte(w, (uint8_t) (word[i / 8] >> (i % 8 * 8)));
}

static void
put_wide128(Writer *w, fixed128 value)
{
	uint64_t word[2] = {(uint64_t) value, (uint64_t) (value >> 64)};

	put_wide(w, word, 2);
}

static void
put_text(Writer *w, const char *text)
{
	size_t length = strlen(text);

	make_room(w, length);
	put_varint(w, length);
	memcpy(w->bytes + w->size, text, length);
	w->size += length;
}

static void
put_header(Writer *w, const SummaryView *view, const SummaryMeta *meta)
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
put_options(Writer *w, const SummaryMeta *meta)
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

static void
put_path(Writer *w, const SummaryPath *path, const SummaryPath *before)
{
	uint32_t limit = before && before->ntouches < path->ntouches ? before->ntouches : path->ntouches;
	uint32_t shared = 0;
	bool matured_differs =
		path->matured_conversions != path->conversions || path->matured_value != path->value;

	while (before && shared < limit && path->touches[shared] == before->touches[shared])
		shared++;
	make_room(w, (size_t) (path->ntouches - shared) * 5 + (size_t) path->ndecay * 34);
	put_varint(w, shared);
	put_varint(w, path->ntouches - shared);
	for (uint32_t i = shared; i < path->ntouches; i++)
		put_varint(w, path->touches[i]);
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

static size_t
decimal_digits(uint64_t n)
{
	size_t digits = 1;

	while (n >= 10)
	{
		n /= 10;
		digits++;
	}
	return digits;
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

CoreStatus
summary_flat_encode(const SummaryView *view, const SummaryMeta *meta, size_t room, const CoreEnv *env,
					FlatBytes *flat)
{
	Writer w;

	if (view->npaths > UINT32_MAX || summary_text_bound(view, meta) > SUMMARY_MAX_TEXT)
		return CORE_TOO_LARGE;
	writer_begin(&w, env, room);
	put_header(&w, view, meta);
	put_options(&w, meta);
	for (uint32_t i = 0; i < view->nchannels; i++)
		put_text(&w, view->channels[i]);
	for (size_t i = 0; i < view->npaths; i++)
	{
		put_path(&w, &view->paths[i], i > 0 ? &view->paths[i - 1] : NULL);
		if (i % CHECK_EVERY == 0)
			core_check(env);
	}
	flat->bytes = w.bytes;
	flat->size = w.size;
	return CORE_OK;
}

/* ---------------------------------------------------------------- reading */

/* Reads never pass `end`; the first failure sticks and makes all later reads return 0. */
typedef struct Reader
{
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
} Reader;

static inline size_t
bytes_left(const Reader *r)
{
	return (size_t) (r->end - r->at);
}

static uint64_t
reader_fail(Reader *r)
{
	r->failed = true;
	r->at = r->end;
	return 0;
}

static inline uint8_t
get_byte(Reader *r)
{
	return r->at < r->end ? *r->at++ : (uint8_t) reader_fail(r);
}

/* At most `max`, in its shortest form: equal content must be equal bytes. */
static inline uint64_t
get_varint(Reader *r, uint64_t max)
{
	uint64_t value = 0;

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

static uint64_t
get_little(Reader *r, int nbytes)
{
	uint64_t value = 0;

	if (bytes_left(r) < (size_t) nbytes)
		return reader_fail(r);
	for (int i = 0; i < nbytes; i++)
		value |= (uint64_t) r->at[i] << (8 * i);
	r->at += nbytes;
	return value;
}

static int64_t
get_count(Reader *r)
{
	return (int64_t) get_little(r, 8);
}

static fixed128
get_fixed(Reader *r)
{
	uint64_t low = get_little(r, 8);

	return (fixed128) ((ufixed128) get_little(r, 8) << 64 | low);
}

static fixed128
get_amount(Reader *r)
{
	uint64_t whole = get_varint(r, UINT64_MAX);
	uint64_t fraction = 0;

	if ((whole & 1) && (fraction = get_little(r, 8)) == 0)
		reader_fail(r);
	return (fixed128) ((ufixed128) (whole >> 1) << 64 | fraction);
}

static void
get_wide(Reader *r, uint64_t *word, int nwords)
{
	size_t nbytes = get_byte(r);

	memset(word, 0, (size_t) nwords * 8);
	if (nbytes > (size_t) nwords * 8 || nbytes > bytes_left(r) || (nbytes > 0 && r->at[nbytes - 1] == 0))
	{
		reader_fail(r);
		return;
	}
	for (size_t i = 0; i < nbytes; i++)
		word[i / 8] |= (uint64_t) r->at[i] << (i % 8 * 8);
	r->at += nbytes;
}

static fixed128
get_wide128(Reader *r)
{
	uint64_t word[2];

	get_wide(r, word, 2);
	if (word[1] >> 63)
		reader_fail(r);
	return (fixed128) ((ufixed128) word[1] << 64 | word[0]);
}

static const char *
get_text(Reader *r, FlatTextFn check, const CoreEnv *env)
{
	size_t length = get_varint(r, bytes_left(r));
	const char *text = (const char *) r->at;
	char *copy;

	/* the varint itself took bytes, so look again */
	if (r->failed || length > bytes_left(r) || memchr(text, 0, length) || (check && !check(text, length)))
	{
		reader_fail(r);
		return "";
	}
	copy = CORE_ALLOC(env, char, length + 1);
	memcpy(copy, text, length);
	copy[length] = '\0';
	r->at += length;
	return copy;
}

static void
get_options(Reader *r, FlatTextFn check, const CoreEnv *env, SummaryMeta *meta)
{
	uint8_t bits = get_byte(r);

	if (bits > (FLAT_OPTION_LOOKBACK | FLAT_OPTION_MAX_TOUCHES | FLAT_OPTION_REUSE))
		reader_fail(r);
	meta->has_lookback = bits & FLAT_OPTION_LOOKBACK;
	meta->has_max_touches = bits & FLAT_OPTION_MAX_TOUCHES;
	meta->reuse_touches = bits & FLAT_OPTION_REUSE;
	if (meta->has_lookback && (meta->lookback = (int64_t) get_varint(r, INT64_MAX)) == 0)
		reader_fail(r);
	if (meta->has_max_touches && (meta->max_touches = (uint32_t) get_varint(r, INT32_MAX)) == 0)
		reader_fail(r);
	if (meta->has_half_life && (meta->half_life = (int64_t) get_varint(r, INT64_MAX)) == 0)
		reader_fail(r);
	meta->channel_lookback = get_text(r, check, env);
	meta->transforms = get_text(r, check, env);
}

static void
get_header(Reader *r, FlatTextFn check, const CoreEnv *env, SummaryView *view, SummaryMeta *meta)
{
	uint8_t flags;

	memset(view, 0, sizeof(*view));
	memset(meta, 0, sizeof(*meta));
	meta->channel_lookback = meta->transforms = "";
	if (get_byte(r) != SUMMARY_FLAT_VERSION)
		reader_fail(r);
	flags = get_byte(r);
	meta->has_options = flags & FLAT_HAS_OPTIONS;
	meta->has_half_life = view->has_decay = flags & FLAT_HAS_HALF_LIFE;
	if (flags > (FLAT_HAS_OPTIONS | FLAT_HAS_HALF_LIFE) || flags == FLAT_HAS_HALF_LIFE ||
		get_little(r, 2) != 0)
		reader_fail(r);
	view->nchannels = (uint32_t) get_little(r, 4);
	view->npaths = get_little(r, 4);
	view->longest_path = (uint32_t) get_little(r, 4);
	view->ntouches = get_little(r, 8);
	view->conversions = get_count(r);
	view->lost = get_count(r);
	view->open = get_count(r);
	view->matured_conversions = get_count(r);
	view->value = get_fixed(r);
	view->matured_value = get_fixed(r);
	meta->touches_seen = get_count(r);
	meta->anonymous_touches = get_count(r);
	if (meta->touches_seen < meta->anonymous_touches || meta->anonymous_touches < 0)
		reader_fail(r);
	if (meta->has_options)
		get_options(r, check, env, meta);
}

CoreStatus
summary_flat_decode_header(const uint8_t *bytes, size_t nbytes, const CoreEnv *env, SummaryView *view,
						   SummaryMeta *meta)
{
	Reader r = {bytes, bytes + nbytes, false};

	get_header(&r, NULL, env, view, meta);
	return r.failed ? CORE_CORRUPT : CORE_OK;
}

static void
get_channels(Reader *r, FlatTextFn check_name, const CoreEnv *env, SummaryView *view)
{
	const char **names;

	if (view->nchannels > bytes_left(r))
	{
		reader_fail(r);
		return;
	}
	names = CORE_ALLOC(env, const char *, view->nchannels);
	for (uint32_t i = 0; i < view->nchannels && !r->failed; i++)
	{
		names[i] = get_text(r, check_name, env);
		/* strcmp compares unsigned bytes and no name holds a zero byte */
		if (i > 0 && strcmp(names[i - 1], names[i]) >= 0)
			reader_fail(r);
		if (i % CHECK_EVERY == 0)
			core_check(env);
	}
	view->channels = names;
}

/* Everything that reading one path after another needs. */
typedef struct PathReader
{
	Reader *r;
	const SummaryView *view; /* the header's */
	bool keep;				 /* touches and decay of each path stay; else the next path's overwrite them */
	uint32_t *touches;		 /* where the next path's go */
	size_t ntouches;		 /* of all paths so far */
	uint8_t *seen;			 /* per channel: it occurs on some path; NULL where nobody asks */
	uint64_t *stamp;		 /* per channel: the last path (number + 1) it was met on */
	uint32_t *distinct;		 /* scratch: the distinct channels of one path */
	DecayCredit *decay;		 /* current block of credits */
	size_t decay_left;
} PathReader;

/* The touches, in strictly increasing order of paths. */
static void
get_touches(PathReader *p, SummaryPath *path, const SummaryPath *before)
{
	Reader *r = p->r;
	uint32_t before_length = before ? before->ntouches : 0;
	uint32_t shared = (uint32_t) get_varint(r, before_length);
	uint32_t parted = shared < before_length ? before->touches[shared] : 0;
	size_t room = p->view->ntouches - p->ntouches;
	size_t added = get_varint(r, bytes_left(r)); /* each takes a byte or more */
	uint32_t *touches = p->touches;

	if (shared > room || added > room - shared || shared + added > p->view->longest_path)
	{
		reader_fail(r);
		return;
	}
	if (shared && touches != before->touches)
		memcpy(touches, before->touches, shared * sizeof(uint32_t));
	for (size_t i = shared; i < shared + added; i++)
	{
		touches[i] = (uint32_t) get_varint(r, UINT32_MAX);
		if (touches[i] >= p->view->nchannels)
		{
			reader_fail(r);
			return;
		}
		if (p->seen)
			p->seen[touches[i]] = 1;
	}
	/* the path before must end where they part, or be smaller there: else out of order or not all shared */
	if (before && (added == 0 || (shared < before_length && parted >= touches[shared])))
		reader_fail(r);
	path->touches = touches;
	path->ntouches = (uint32_t) (shared + added);
	p->ntouches += path->ntouches;
	if (p->keep)
		p->touches += path->ntouches;
}

static void
get_counts(Reader *r, SummaryPath *path)
{
	uint8_t bits = get_byte(r);

	if (bits >= FLAT_PATH_MATURED * 2 ||
		(bits & (FLAT_PATH_CONVERSIONS | FLAT_PATH_LOST | FLAT_PATH_OPEN)) == 0 ||
		((bits & (FLAT_PATH_VALUE | FLAT_PATH_MATURED)) && !(bits & FLAT_PATH_CONVERSIONS)))
		reader_fail(r);
	if ((bits & FLAT_PATH_CONVERSIONS) && (path->conversions = (int64_t) get_varint(r, INT64_MAX)) == 0)
		reader_fail(r);
	if ((bits & FLAT_PATH_LOST) && (path->lost = (int64_t) get_varint(r, INT64_MAX)) == 0)
		reader_fail(r);
	if ((bits & FLAT_PATH_OPEN) && (path->open = (int64_t) get_varint(r, INT64_MAX)) == 0)
		reader_fail(r);
	if (bits & FLAT_PATH_VALUE)
	{
		if ((path->value = get_amount(r)) == 0)
			reader_fail(r);
		if (path->conversions > 1)
			get_wide(r, path->squares.word, 3);
		else
			path->squares = fixed_square(path->value);
	}
	path->matured_conversions = path->conversions;
	path->matured_value = path->value;
	if (bits & FLAT_PATH_MATURED)
	{
		path->matured_conversions = (int64_t) get_varint(r, (uint64_t) path->conversions);
		if (path->value)
			path->matured_value = get_amount(r);
		if (path->matured_value > path->value ||
			(path->matured_conversions == path->conversions && path->matured_value == path->value) ||
			(path->matured_conversions == 0 && path->matured_value != 0))
			reader_fail(r);
	}
}

static int
compare_channels(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *) a;
	uint32_t y = *(const uint32_t *) b;

	return (x > y) - (x < y);
}

/* The distinct channels of a path in ascending order, into p->distinct. */
static uint32_t
distinct_channels(PathReader *p, const SummaryPath *path, uint64_t number)
{
	uint32_t n = 0;
	bool sorted = true;

	for (uint32_t i = 0; i < path->ntouches; i++)
	{
		uint32_t channel = path->touches[i];

		if (p->stamp[channel] == number)
			continue;
		p->stamp[channel] = number;
		sorted = sorted && (n == 0 || p->distinct[n - 1] < channel);
		p->distinct[n++] = channel;
	}
	if (!sorted)
		qsort(p->distinct, n, sizeof(uint32_t), compare_channels);
	return n;
}

#define DECAY_BLOCK 1024

static void
get_decay(PathReader *p, SummaryPath *path, uint64_t number, const CoreEnv *env)
{
	uint32_t n = distinct_channels(p, path, number);
	fixed128 conversions_left = (fixed128) path->conversions << DECAY_FRACTION_BITS;
	fixed128 value_left = path->value;
	DecayCredit *decay;

	if (n < 2)
		return;
	/* every stored credit takes at least a byte, so a lie about n is found before it costs memory */
	if (n - 1 > bytes_left(p->r))
	{
		reader_fail(p->r);
		return;
	}
	if (p->decay_left < n)
	{
		p->decay_left = n > DECAY_BLOCK ? n : DECAY_BLOCK;
		p->decay = CORE_ALLOC(env, DecayCredit, p->decay_left);
	}
	decay = p->decay;
	if (p->keep)
	{
		p->decay += n;
		p->decay_left -= n;
	}
	for (uint32_t i = 0; i < n; i++)
	{
		decay[i].channel = p->distinct[i];
		decay[i].conversions = i + 1 < n ? get_wide128(p->r) : conversions_left;
		decay[i].value = i + 1 == n ? value_left : path->value ? get_wide128(p->r) : 0;
		if (decay[i].conversions > conversions_left || decay[i].value > value_left)
		{
			reader_fail(p->r);
			return;
		}
		conversions_left -= decay[i].conversions;
		value_left -= decay[i].value;
	}
	path->decay = decay;
	path->ndecay = n;
}

/* Adds a path to the running totals; false when a sum does not fit. */
static bool
add_totals(SummaryView *sum, const SummaryPath *path)
{
	int64_t all;

	if (__builtin_add_overflow(sum->conversions, path->conversions, &sum->conversions) ||
		__builtin_add_overflow(sum->lost, path->lost, &sum->lost) ||
		__builtin_add_overflow(sum->open, path->open, &sum->open))
		return false;
	sum->matured_conversions += path->matured_conversions; /* <= conversions */
	sum->ntouches += path->ntouches;
	if (path->ntouches > sum->longest_path)
		sum->longest_path = path->ntouches;
	return !__builtin_add_overflow(sum->conversions, sum->lost, &all) &&
		   !__builtin_add_overflow(all, sum->open, &all) && fixed_add(&sum->value, path->value) &&
		   fixed_add(&sum->matured_value, path->matured_value);
}

/* The path behind `before` (NULL: the first one), which is the number'th. False when the bytes are broken. */
static bool
get_path(PathReader *p, SummaryPath *path, const SummaryPath *before, uint64_t number, const CoreEnv *env)
{
	SummaryPath read = {0};

	get_touches(p, &read, before);
	if (p->r->failed)
		return false;
	get_counts(p->r, &read);
	if (p->view->has_decay && read.conversions > 0 && read.ntouches > 1)
		get_decay(p, &read, number, env);
	*path = read;
	return !p->r->failed;
}

static void
get_paths(PathReader *p, SummaryView *view, SummaryView *sum, const CoreEnv *env)
{
	SummaryPath *paths = CORE_ALLOC(env, SummaryPath, view->npaths);

	for (size_t i = 0; i < view->npaths; i++)
	{
		if (!get_path(p, &paths[i], i > 0 ? &paths[i - 1] : NULL, i + 1, env))
			return;
		if (!add_totals(sum, &paths[i]))
			reader_fail(p->r);
		if (i % CHECK_EVERY == 0)
			core_check(env);
	}
	view->paths = paths;
}

static bool
totals_match(const SummaryView *a, const SummaryView *b)
{
	return a->conversions == b->conversions && a->lost == b->lost && a->open == b->open &&
		   a->matured_conversions == b->matured_conversions && a->value == b->value &&
		   a->matured_value == b->matured_value && a->ntouches == b->ntouches &&
		   a->longest_path == b->longest_path;
}

/* Header, options and channels, and the checks that keep what follows from asking for absurd memory. */
static CoreStatus
get_head(Reader *r, FlatTextFn check_text, FlatTextFn check_name, const CoreEnv *env, SummaryView *view,
		 SummaryMeta *meta)
{
	get_header(r, check_text, env, view, meta);
	if (!r->failed)
		get_channels(r, check_name, env, view);
	/* three bytes are the least a path can take; every touch takes two bytes or more of text */
	if (r->failed || view->npaths > bytes_left(r) / 3 || view->longest_path > bytes_left(r) ||
		view->ntouches > view->npaths * view->longest_path)
		return CORE_CORRUPT;
	return view->ntouches > SUMMARY_MAX_TEXT / 2 ? CORE_TOO_LARGE : CORE_OK;
}

static void
path_reader_begin(PathReader *p, Reader *r, const SummaryView *view, bool keep, const CoreEnv *env)
{
	memset(p, 0, sizeof(*p));
	p->r = r;
	p->view = view;
	p->keep = keep;
	p->touches = CORE_ALLOC(env, uint32_t, keep ? view->ntouches : view->longest_path);
	p->stamp = CORE_ALLOC_ZERO(env, uint64_t, view->nchannels);
	p->distinct = CORE_ALLOC(env, uint32_t, view->nchannels);
}

static void
path_reader_end(PathReader *p, const CoreEnv *env)
{
	core_free(env, p->seen);
	core_free(env, p->stamp);
	core_free(env, p->distinct);
}

CoreStatus
summary_flat_decode(const uint8_t *bytes, size_t nbytes, FlatTextFn check_text, FlatTextFn check_name,
					const CoreEnv *env, SummaryView *view, SummaryMeta *meta)
{
	Reader r = {bytes, bytes + nbytes, false};
	SummaryView sum = {0};
	PathReader p;
	CoreStatus status = get_head(&r, check_text, check_name, env, view, meta);

	if (status != CORE_OK)
		return status;
	path_reader_begin(&p, &r, view, true, env);
	p.seen = CORE_ALLOC_ZERO(env, uint8_t, view->nchannels);
	get_paths(&p, view, &sum, env);
	if (r.failed || r.at != r.end || !totals_match(&sum, view) || memchr(p.seen, 0, view->nchannels))
		return CORE_CORRUPT;
	path_reader_end(&p, env);
	return CORE_OK;
}

/* ---------------------------------------------------------------- merging */

/* One input of a merge, standing at a path. */
typedef struct Cursor
{
	Reader r;
	SummaryView view; /* header and channels */
	PathReader paths;
	uint32_t *map;	  /* its channels' numbers in the result; they ascend, so its order of paths stays */
	SummaryPath path; /* in its own numbers, */
	uint32_t *mapped; /* and its touches in the result's */
	size_t number;	  /* paths read */
} Cursor;

/* Steps to the next path; false at the end. */
static bool
cursor_next(Cursor *c, const CoreEnv *env)
{
	SummaryPath before = c->path;

	if (c->number == c->view.npaths)
		return false;
	if (!get_path(&c->paths, &c->path, c->number > 0 ? &before : NULL, c->number + 1, env))
		return false;
	c->number++;
	for (uint32_t i = 0; i < c->path.ntouches; i++)
		c->mapped[i] = c->map[c->path.touches[i]];
	return true;
}

static int
compare_cursors(const Cursor *a, const Cursor *b)
{
	uint32_t n = a->path.ntouches < b->path.ntouches ? a->path.ntouches : b->path.ntouches;

	for (uint32_t i = 0; i < n; i++)
		if (a->mapped[i] != b->mapped[i])
			return a->mapped[i] < b->mapped[i] ? -1 : 1;
	return (a->path.ntouches > n) - (b->path.ntouches > n);
}

/* Restores the heap (least path first) below place i. */
static void
sift_down(Cursor **heap, size_t n, size_t i)
{
	Cursor *moving = heap[i];

	for (;;)
	{
		size_t child = 2 * i + 1;

		if (child >= n)
			break;
		if (child + 1 < n && compare_cursors(heap[child + 1], heap[child]) < 0)
			child++;
		if (compare_cursors(heap[child], moving) >= 0)
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = moving;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* All inputs' channels, each once, sorted; and where each input's are among them. */
static void
unite_channels(Cursor *cursors, size_t ncursors, const CoreEnv *env, SummaryView *out)
{
	size_t total = 0;
	size_t n = 0;
	const char **names;

	for (size_t i = 0; i < ncursors; i++)
		total += cursors[i].view.nchannels;
	names = CORE_ALLOC(env, const char *, total);
	for (size_t i = 0; i < ncursors; i++)
		for (uint32_t j = 0; j < cursors[i].view.nchannels; j++)
			names[n++] = cursors[i].view.channels[j];
	if (n > 0)
		qsort(names, n, sizeof(*names), compare_names);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || strcmp(names[out->nchannels - 1], names[i]) != 0)
			names[out->nchannels++] = names[i];
	out->channels = names;
	for (size_t i = 0; i < ncursors; i++)
	{
		uint32_t place = 0;

		cursors[i].map = CORE_ALLOC(env, uint32_t, cursors[i].view.nchannels);
		for (uint32_t j = 0; j < cursors[i].view.nchannels; j++)
		{
			while (strcmp(names[place], cursors[i].view.channels[j]) != 0)
				place++;
			cursors[i].map[j] = place;
		}
	}
}

/* The path being put together from equal ones, with room of its own. */
typedef struct MergedPath
{
	SummaryPath path;
	uint32_t *touches;
	DecayCredit *decay;
} MergedPath;

static void
start_path(MergedPath *merged, const Cursor *c)
{
	merged->path = c->path;
	if (c->path.ntouches)
		memcpy(merged->touches, c->mapped, c->path.ntouches * sizeof(uint32_t));
	if (c->path.ndecay)
		memcpy(merged->decay, c->path.decay, c->path.ndecay * sizeof(DecayCredit));
	merged->path.touches = merged->touches;
	merged->path.decay = merged->decay;
}

static bool
add_path(MergedPath *merged, const SummaryPath *path)
{
	SummaryPath *sum = &merged->path;

	if (__builtin_add_overflow(sum->conversions, path->conversions, &sum->conversions) ||
		__builtin_add_overflow(sum->lost, path->lost, &sum->lost) ||
		__builtin_add_overflow(sum->open, path->open, &sum->open) || !fixed_add(&sum->value, path->value) ||
		!fixed_square_add(&sum->squares, path->squares))
		return false;
	sum->matured_conversions += path->matured_conversions;
	sum->matured_value += path->matured_value;
	for (uint32_t i = 0; i < path->ndecay; i++)
	{
		if (sum->ndecay == 0)
			merged->decay[i] = path->decay[i];
		else
		{
			merged->decay[i].conversions += path->decay[i].conversions;
			merged->decay[i].value += path->decay[i].value;
		}
	}
	if (path->ndecay)
		sum->ndecay = path->ndecay;
	return true;
}

/* Writes all paths of the heap's cursors in order, and their totals into `out`. */
static CoreStatus
merge_paths(Cursor **heap, size_t n, const CoreEnv *env, SummaryView *out, Writer *w, size_t *text)
{
	MergedPath rooms[2];
	uint32_t longest = 0;

	for (size_t i = 0; i < n; i++)
		if (heap[i]->view.longest_path > longest)
			longest = heap[i]->view.longest_path;
	for (int i = 0; i < 2; i++)
	{
		rooms[i].touches = CORE_ALLOC(env, uint32_t, longest);
		rooms[i].decay = CORE_ALLOC(env, DecayCredit, out->nchannels);
	}
	for (size_t i = n / 2; i-- > 0;)
		sift_down(heap, n, i);
	while (n > 0)
	{
		MergedPath *merged = &rooms[out->npaths % 2]; /* the other one is the path before */
		bool same;

		start_path(merged, heap[0]);
		do
		{
			if (!cursor_next(heap[0], env))
			{
				if (heap[0]->r.failed)
					return CORE_CORRUPT;
				heap[0] = heap[--n];
			}
			if (n == 0)
				break;
			sift_down(heap, n, 0);
			same = heap[0]->path.ntouches == merged->path.ntouches &&
				   memcmp(heap[0]->mapped, merged->touches, merged->path.ntouches * sizeof(uint32_t)) == 0;
			if (same && !add_path(merged, &heap[0]->path))
				return CORE_OVERFLOW;
		} while (same);
		put_path(w, &merged->path, out->npaths > 0 ? &rooms[(out->npaths + 1) % 2].path : NULL);
		*text += path_text_bound(&merged->path);
		out->npaths++;
		if (!add_totals(out, &merged->path))
			return CORE_OVERFLOW;
		if (*text > SUMMARY_MAX_TEXT || out->npaths > UINT32_MAX)
			return CORE_TOO_LARGE;
		if (out->npaths % CHECK_EVERY == 0)
			core_check(env);
	}
	return CORE_OK;
}

CoreStatus
summary_flat_merge(const FlatBytes *inputs, size_t ninputs, const SummaryMeta *meta, size_t room,
				   const CoreEnv *env, FlatBytes *flat)
{
	Cursor *cursors = CORE_ALLOC_ZERO(env, Cursor, ninputs);
	Cursor **heap = CORE_ALLOC(env, Cursor *, ninputs);
	SummaryView out = {.has_decay = meta->has_half_life};
	CoreStatus status;
	size_t n = 0;
	size_t text;
	Writer w;
	Writer head;

	for (size_t i = 0; i < ninputs; i++)
	{
		Cursor *c = &cursors[i];
		SummaryMeta ignored;

		c->r = (Reader){inputs[i].bytes, inputs[i].bytes + inputs[i].size, false};
		status = get_head(&c->r, NULL, NULL, env, &c->view, &ignored);
		if (status != CORE_OK)
			return status;
		path_reader_begin(&c->paths, &c->r, &c->view, false, env);
		c->mapped = CORE_ALLOC(env, uint32_t, c->view.longest_path);
	}
	unite_channels(cursors, ninputs, env, &out);
	writer_begin(&w, env, room);
	put_header(&w, &out, meta); /* for its place; the totals are known at the end */
	put_options(&w, meta);
	for (uint32_t i = 0; i < out.nchannels; i++)
		put_text(&w, out.channels[i]);
	text = names_text_bound(out.channels, out.nchannels, meta);
	for (size_t i = 0; i < ninputs; i++)
		if (cursor_next(&cursors[i], env))
			heap[n++] = &cursors[i];
	status = merge_paths(heap, n, env, &out, &w, &text);
	if (status != CORE_OK)
		return status;
	if (text + touches_text_bound(out.ntouches, out.nchannels) > SUMMARY_MAX_TEXT)
		return CORE_TOO_LARGE;
	head = w;
	head.size = room;
	put_header(&head, &out, meta);
	flat->bytes = w.bytes;
	flat->size = w.size;
	return CORE_OK;
}
