/*
 * Reading the paths of a flat summary, one after another or all of them, with every check that keeps equal content
 * equal bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "flat_reader.h"

static fixed128
get_amount(FlatReader *r)
{
	uint64_t whole = get_varint(r, UINT64_MAX);
	uint64_t fraction = 0;

	if ((whole & 1) && (fraction = get_little(r, 8)) == 0)
		reader_fail(r);
	return (fixed128) ((ufixed128) (whole >> 1) << 64 | fraction);
}

static void
get_wide(FlatReader *r, uint64_t *word, int nwords)
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
get_wide128(FlatReader *r)
{
	uint64_t word[2];

	get_wide(r, word, 2);
	if (word[1] >> 63)
		reader_fail(r);
	return (fixed128) ((ufixed128) word[1] << 64 | word[0]);
}

#define EVERY_BYTE UINT64_C(0x0101010101010101)

/*
 * The frequent path has a few touches of its own, in a byte each. Those are taken from one word. False, and nothing is
 * read, for any other.
 */
static inline bool
get_quick_head(PathReader *p, uint32_t *shared, uint32_t *added)
{
	FlatReader *r = p->r;
	uint64_t word;
	uint64_t channels;

	if (bytes_left(r) < 1 + QUICK_TOUCHES)
		return false;
	word = little_word(r->at);
	*shared = word & 0xf;
	*added = word >> 4 & 0xf;
	if (*shared == FLAT_HEAD_MORE || *added > 7)
		return false;
	channels = word >> 8 & ((UINT64_C(1) << (8 * *added)) - 1);
	if ((channels | (channels + p->beyond)) & EVERY_BYTE << 7)
		return false;
	r->at += 1 + *added;
	return true;
}

static uint32_t
get_head_part(FlatReader *r, uint32_t part)
{
	return part == FLAT_HEAD_MORE ? (uint32_t) (FLAT_HEAD_MORE + get_varint(r, INT32_MAX)) : part;
}

/* Any head. Its touches take a byte or more each. */
static void
get_head(FlatReader *r, uint32_t *shared, uint32_t *added)
{
	uint8_t head = get_byte(r);

	*shared = get_head_part(r, head & 0xf);
	*added = get_head_part(r, head >> 4);
	if (*added > bytes_left(r))
		reader_fail(r);
}

static void
get_channels(FlatReader *r, uint32_t nchannels, uint32_t *touches, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
	{
		uint64_t channel = get_varint(r, UINT32_MAX);

		touches[i] = (uint32_t) (channel < nchannels ? channel : reader_fail(r));
	}
}

static inline void
widen_touches(uint32_t *restrict touches, const uint8_t *restrict bytes)
{
	for (int i = 0; i < QUICK_TOUCHES; i++)
		touches[i] = bytes[i];
}

/* The touches, in strictly increasing order of paths. */
static inline void
get_touches(PathReader *p)
{
	uint32_t *before = p->touches;
	uint32_t *touches = before;
	uint32_t before_length = p->length;
	uint32_t shared;
	uint32_t added;
	uint32_t parted;
	bool quick = get_quick_head(p, &shared, &added);

	if (!quick)
		get_head(p->r, &shared, &added);
	if (p->keep)
	{
		size_t room = p->view->ntouches - p->ntouches;

		touches += before_length;
		p->longest = room < p->view->longest_path ? (uint32_t) room : p->view->longest_path;
	}
	if (p->r->failed || shared > before_length || (size_t) shared + added > p->longest)
	{
		reader_fail(p->r);
		return;
	}
	parted = before[shared]; /* or whatever stands behind its end */
	if (p->keep)
		memcpy(touches, before, shared * sizeof(uint32_t));
	if (quick)
		widen_touches(touches + shared, p->r->at - added);
	else
		get_channels(p->r, p->view->nchannels, touches + shared, added);
	if (p->seen)
		for (size_t i = shared; i < shared + added; i++)
			p->seen[touches[i]] = 1;
	/* the path before must end where they part, or be smaller there: else out of order or not all shared */
	if (p->number > 0 && ((added == 0) | ((shared < before_length) & (parted >= touches[shared]))))
		reader_fail(p->r);
	p->touches = touches;
	p->length = shared + added;
	p->shared = shared;
	p->number++;
	p->ntouches += p->length;
}

static void
get_counts(FlatReader *r, SummaryPath *path)
{
	uint8_t bits = get_byte(r);

	if (bits >= FLAT_PATH_FEW_LOST)
	{
		path->lost = bits - FLAT_PATH_FEW_LOST + 1;
		return;
	}
	if (bits == 0 || ((bits & FLAT_PATH_ONE) && (bits & FLAT_PATH_CONVERSIONS)) ||
		((bits & FLAT_PATH_CENTS) && !((bits & FLAT_PATH_ONE) && (bits & FLAT_PATH_VALUE))) ||
		((bits & (FLAT_PATH_VALUE | FLAT_PATH_MATURED)) && !(bits & (FLAT_PATH_ONE | FLAT_PATH_CONVERSIONS))))
		reader_fail(r);
	path->conversions = (bits & FLAT_PATH_ONE) != 0;
	if ((bits & FLAT_PATH_CONVERSIONS) && (path->conversions = (int64_t) get_varint(r, INT64_MAX)) < 2)
		reader_fail(r);
	if ((bits & FLAT_PATH_LOST) && (path->lost = (int64_t) get_varint(r, INT64_MAX)) == 0)
		reader_fail(r);
	if (bits == FLAT_PATH_LOST && path->lost <= UINT8_MAX - FLAT_PATH_FEW_LOST + 1)
		reader_fail(r);
	if ((bits & FLAT_PATH_OPEN) && (path->open = (int64_t) get_varint(r, INT64_MAX)) == 0)
		reader_fail(r);
	if (bits & FLAT_PATH_VALUE)
	{
		uint64_t cents = bits & FLAT_PATH_CENTS ? get_varint(r, FIXED_CENTS - 1) : 0;

		path->value = bits & FLAT_PATH_CENTS ? fixed_from_cents(cents) : get_amount(r);
		if (path->value == 0 || (path->conversions == 1 && fixed_cents(path->value) != cents))
			reader_fail(r);
		if (path->conversions > 1)
		{
			get_wide(r, path->squares.word, 3);
			if (!fixed_squares_possible(path->squares, path->value, path->conversions))
				reader_fail(r);
		}
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

/* The distinct channels of the path read last in ascending order, into p->distinct; returns how many there are. */
static uint32_t
distinct_channels(PathReader *p)
{
	uint32_t n = 0;
	bool sorted = true;

	if (p->distinct_of == p->number)
		return p->ndistinct;
	for (uint32_t i = 0; i < p->length; i++)
	{
		uint32_t channel = p->touches[i];

		if (p->stamp[channel] == p->number)
			continue;
		p->stamp[channel] = p->number;
		sorted = sorted && (n == 0 || p->distinct[n - 1] < channel);
		p->distinct[n++] = channel;
	}
	if (!sorted)
		qsort(p->distinct, n, sizeof(uint32_t), compare_channels);
	p->distinct_of = p->number;
	p->ndistinct = n;
	return n;
}

#define DECAY_BLOCK 1024

static void
get_decay(PathReader *p, SummaryPath *path, const CoreEnv *env)
{
	uint32_t n = distinct_channels(p);
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

bool
summary_add_totals(SummaryView *sum, const SummaryPath *path)
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

static void
get_counts_and_decay(PathReader *p, SummaryPath *path, const CoreEnv *env)
{
	summary_path_begin(path, p->touches, p->length);
	get_counts(p->r, path);
	if (p->view->has_decay && path->conversions > 0 && p->length > 1)
		get_decay(p, path, env);
}

bool
path_reader_next(PathReader *p, SummaryPath *path, const CoreEnv *env)
{
	get_touches(p);
	if (p->r->failed)
		return false;
	get_counts_and_decay(p, path, env);
	return !p->r->failed;
}

static void
skip_wide(FlatReader *r)
{
	size_t nbytes = get_byte(r);

	if (nbytes > bytes_left(r))
		reader_fail(r);
	else
		r->at += nbytes;
}

static void
skip_amount(FlatReader *r)
{
	if (get_varint(r, UINT64_MAX) & 1)
		(void) get_little(r, 8);
}

/* To the end of the counts, without asking whether they make sense: that is for who decodes them. */
static void
skip_counts(PathReader *p)
{
	FlatReader *r = p->r;
	uint8_t bits = get_byte(r);
	uint64_t conversions;

	if (bits >= FLAT_PATH_FEW_LOST)
		return;
	conversions = bits & FLAT_PATH_CONVERSIONS ? get_varint(r, INT64_MAX) : (bits & FLAT_PATH_ONE) != 0;
	if (bits & FLAT_PATH_LOST)
		(void) get_varint(r, INT64_MAX);
	if (bits & FLAT_PATH_OPEN)
		(void) get_varint(r, INT64_MAX);
	if (bits & FLAT_PATH_CENTS)
		(void) get_varint(r, UINT64_MAX);
	else if (bits & FLAT_PATH_VALUE)
		skip_amount(r);
	if ((bits & FLAT_PATH_VALUE) && conversions > 1)
		skip_wide(r);
	if (bits & FLAT_PATH_MATURED)
		(void) get_varint(r, INT64_MAX);
	if ((bits & FLAT_PATH_MATURED) && (bits & FLAT_PATH_VALUE))
		skip_amount(r);
	if (p->view->has_decay && conversions > 0 && p->length > 1)
		for (uint32_t i = 1; i < distinct_channels(p); i++)
		{
			skip_wide(r);
			if (bits & FLAT_PATH_VALUE)
				skip_wide(r);
		}
}

bool
path_reader_step(PathReader *p)
{
	get_touches(p);
	p->counts = p->r->at;
	skip_counts(p);
	return !p->r->failed;
}

bool
path_reader_counts(PathReader *p, SummaryPath *path, const CoreEnv *env)
{
	const uint8_t *end = p->r->at;

	p->r->at = p->counts;
	get_counts_and_decay(p, path, env);
	return !p->r->failed && p->r->at == end;
}

static void
get_paths(PathReader *p, SummaryView *view, SummaryView *sum, const CoreEnv *env)
{
	SummaryPath *paths = CORE_ALLOC(env, SummaryPath, view->npaths);

	for (size_t i = 0; i < view->npaths; i++)
	{
		if (!path_reader_next(p, &paths[i], env))
			return;
		if (!summary_add_totals(sum, &paths[i]))
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

void
path_reader_begin(PathReader *p, FlatReader *r, const SummaryView *view, bool keep, const CoreEnv *env)
{
	memset(p, 0, sizeof(*p));
	p->r = r;
	p->view = view;
	p->keep = keep;
	p->longest = view->longest_path;
	p->beyond = view->nchannels < 0x80 ? EVERY_BYTE * (0x80 - view->nchannels) : 0;
	p->touches = CORE_ALLOC(env, uint32_t, (keep ? view->ntouches : view->longest_path) + QUICK_TOUCHES);
	p->stamp = CORE_ALLOC_ZERO(env, uint64_t, view->nchannels);
	p->distinct = CORE_ALLOC(env, uint32_t, view->nchannels);
}

void
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
	FlatReader r = {bytes, bytes + nbytes, false};
	SummaryView sum = {0};
	PathReader p;
	CoreStatus status = flat_read_head(&r, check_text, check_name, env, view, meta);

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
