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

/* With `at` NULL it only counts, so that one routine both measures and writes. */
typedef struct Writer
{
	uint8_t *at;
	size_t size;
} Writer;

static inline void
put_byte(Writer *w, uint8_t byte)
{
	if (w->at)
		*w->at++ = byte;
	w->size++;
}

static void
put_bytes(Writer *w, const void *bytes, size_t n)
{
	if (w->at)
	{
		memcpy(w->at, bytes, n);
		w->at += n;
	}
	w->size += n;
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

	put_varint(w, length);
	put_bytes(w, text, length);
}

static void
put_header(Writer *w, const SummaryView *view, const SummaryMeta *meta)
{
	put_byte(w, SUMMARY_FLAT_VERSION);
	put_byte(w, (meta->has_options ? FLAT_HAS_OPTIONS : 0) | (view->has_decay ? FLAT_HAS_HALF_LIFE : 0));
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
	if (!meta->has_options)
		return;
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

static void
put_summary(Writer *w, const SummaryView *view, const SummaryMeta *meta)
{
	put_header(w, view, meta);
	for (uint32_t i = 0; i < view->nchannels; i++)
		put_text(w, view->channels[i]);
	for (size_t i = 0; i < view->npaths; i++)
		put_path(w, &view->paths[i], i > 0 ? &view->paths[i - 1] : NULL);
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
size_t
summary_text_bound(const SummaryView *view, const SummaryMeta *meta)
{
	size_t bound = 1024 + view->ntouches * (decimal_digits(view->nchannels) + 1);

	for (uint32_t i = 0; i < view->nchannels; i++)
		bound += 6 * strlen(view->channels[i]) + 3;
	if (meta->has_options)
		bound += 6 * (strlen(meta->channel_lookback) + strlen(meta->transforms));
	for (size_t i = 0; i < view->npaths; i++)
		bound += path_text_bound(&view->paths[i]);
	return bound;
}

CoreStatus
summary_flat_size(const SummaryView *view, const SummaryMeta *meta, size_t *size)
{
	Writer counter = {NULL, 0};

	if (view->npaths > UINT32_MAX || summary_text_bound(view, meta) > SUMMARY_MAX_TEXT)
		return CORE_TOO_LARGE;
	put_summary(&counter, view, meta);
	*size = counter.size;
	return CORE_OK;
}

void
summary_flat_encode(const SummaryView *view, const SummaryMeta *meta, uint8_t *bytes)
{
	Writer writer = {bytes, 0};

	put_summary(&writer, view, meta);
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
	SummaryView *view;
	uint32_t *touches; /* of all paths, end to end */
	size_t used;
	uint8_t *seen;		/* per channel: it occurs on some path */
	uint64_t *stamp;	/* per channel: the last path (number + 1) it was met on */
	uint32_t *distinct; /* scratch: the distinct channels of one path */
	DecayCredit *decay; /* current block of credits */
	size_t decay_left;
	SummaryView sum; /* running totals, to be compared with the header */
} PathReader;

/* The touches, in strictly increasing order of paths. */
static void
get_touches(PathReader *p, SummaryPath *path, const SummaryPath *before)
{
	Reader *r = p->r;
	uint32_t before_length = before ? before->ntouches : 0;
	uint32_t shared = (uint32_t) get_varint(r, before_length);
	size_t room = p->view->ntouches - p->used;
	size_t added = get_varint(r, bytes_left(r)); /* each takes a byte or more */
	uint32_t *touches = p->touches + p->used;

	if (shared > room || added > room - shared || shared + added > p->view->longest_path)
	{
		reader_fail(r);
		return;
	}
	if (shared)
		memcpy(touches, before->touches, shared * sizeof(uint32_t));
	for (size_t i = shared; i < shared + added; i++)
	{
		touches[i] = (uint32_t) get_varint(r, UINT32_MAX);
		if (touches[i] >= p->view->nchannels)
		{
			reader_fail(r);
			return;
		}
		p->seen[touches[i]] = 1;
	}
	/* the path before must end where they part, or be smaller there: else out of order or not all shared */
	if (before && (added == 0 || (shared < before_length && before->touches[shared] >= touches[shared])))
		reader_fail(r);
	path->touches = touches;
	path->ntouches = (uint32_t) (shared + added);
	p->used += path->ntouches;
	if (path->ntouches > p->sum.longest_path)
		p->sum.longest_path = path->ntouches;
}

static void
get_counts(PathReader *p, SummaryPath *path)
{
	Reader *r = p->r;
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
	p->decay += n;
	p->decay_left -= n;
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
	return !__builtin_add_overflow(sum->conversions, sum->lost, &all) &&
		   !__builtin_add_overflow(all, sum->open, &all) && fixed_add(&sum->value, path->value) &&
		   fixed_add(&sum->matured_value, path->matured_value);
}

static void
get_paths(PathReader *p, const CoreEnv *env)
{
	SummaryView *view = p->view;
	SummaryPath *paths = CORE_ALLOC(env, SummaryPath, view->npaths);

	for (size_t i = 0; i < view->npaths && !p->r->failed; i++)
	{
		SummaryPath *path = &paths[i];

		memset(path, 0, sizeof(*path));
		get_touches(p, path, i > 0 ? path - 1 : NULL);
		if (p->r->failed)
			return;
		get_counts(p, path);
		if (view->has_decay && path->conversions > 0 && path->ntouches > 1)
			get_decay(p, path, i + 1, env);
		if (!add_totals(&p->sum, path))
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
		   a->matured_value == b->matured_value && a->longest_path == b->longest_path;
}

CoreStatus
summary_flat_decode(const uint8_t *bytes, size_t nbytes, FlatTextFn check_text, FlatTextFn check_name,
					const CoreEnv *env, SummaryView *view, SummaryMeta *meta)
{
	Reader r = {bytes, bytes + nbytes, false};
	PathReader p = {.r = &r, .view = view};

	get_header(&r, check_text, env, view, meta);
	if (!r.failed)
		get_channels(&r, check_name, env, view);
	/* three bytes are the least a path can take; every touch takes two bytes or more of text */
	if (r.failed || view->npaths > bytes_left(&r) / 3 || view->longest_path > bytes_left(&r) ||
		view->ntouches > view->npaths * view->longest_path)
		return CORE_CORRUPT;
	if (view->ntouches > SUMMARY_MAX_TEXT / 2)
		return CORE_TOO_LARGE;
	p.touches = CORE_ALLOC(env, uint32_t, view->ntouches);
	p.seen = CORE_ALLOC_ZERO(env, uint8_t, view->nchannels);
	p.stamp = CORE_ALLOC_ZERO(env, uint64_t, view->nchannels);
	p.distinct = CORE_ALLOC(env, uint32_t, view->nchannels);
	get_paths(&p, env);
	if (r.failed || r.at != r.end || p.used != view->ntouches || !totals_match(&p.sum, view) ||
		memchr(p.seen, 0, view->nchannels))
		return CORE_CORRUPT;
	core_free(env, p.seen);
	core_free(env, p.stamp);
	core_free(env, p.distinct);
	return CORE_OK;
}
