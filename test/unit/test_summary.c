/*
 * The flat bytes of journey summaries: what is written is read, parts merge to the whole, and no bytes whatever
 * get past the reader that the writer would not have written.
 */
#include <string.h>

#include "core/summary_flat.h"
#include "unit.h"

#define MAX_PATHS 60
#define MAX_CHANNELS 300
#define MAX_LENGTH 12

static uint64_t random_state = 1;

static uint32_t
random_below(uint32_t n)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t) (random_state >> 33) % n;
}

/* One path with everything that can happen on it, by channel numbers of a fixed dictionary. */
typedef struct TestPath
{
	uint32_t touches[MAX_LENGTH + QUICK_TOUCHES];
	SummaryPath counts;
	DecayCredit decay[MAX_LENGTH];
} TestPath;

static char names[MAX_CHANNELS][16];

static int
compare_paths(const void *a, const void *b)
{
	const TestPath *x = a;
	const TestPath *y = b;
	uint32_t n = x->counts.ntouches < y->counts.ntouches ? x->counts.ntouches : y->counts.ntouches;

	for (uint32_t i = 0; i < n; i++)
		if (x->touches[i] != y->touches[i])
			return x->touches[i] < y->touches[i] ? -1 : 1;
	return (x->counts.ntouches > n) - (y->counts.ntouches > n);
}

static int
compare_credits(const void *a, const void *b)
{
	uint32_t x = ((const DecayCredit *) a)->channel;
	uint32_t y = ((const DecayCredit *) b)->channel;

	return (x > y) - (x < y);
}

static fixed128
random_amount(void)
{
	switch (random_below(4))
	{
		case 0:
			return 0;
		case 1:
			return (fixed128) (1 + random_below(1000)) << 64;
		case 2:
			return fixed_from_double(random_below(100000) / 100.0 + 0.01);
		default:
			return fixed_from_double(1e15 * (1 + random_below(1000)) / 1000);
	}
}

static void
random_counts(TestPath *path, bool decay)
{
	SummaryPath *c = &path->counts;
	fixed128 conversions_left;
	fixed128 value_left;

	c->lost = random_below(3) ? random_below(5) : 0;
	c->open = random_below(4) ? 0 : random_below(300);
	c->conversions = random_below(2) ? random_below(4) : 0;
	if (c->conversions == 0)
	{
		if (c->lost == 0 && c->open == 0)
			c->lost = 1;
		return;
	}
	c->value = random_amount();
	c->squares = c->conversions == 1 ? fixed_square(c->value)
									 : fixed_square_divide(fixed_square(c->value), (uint64_t) c->conversions);
	c->matured_conversions = random_below(3) ? c->conversions : random_below((uint32_t) c->conversions + 1);
	c->matured_value = c->matured_conversions == c->conversions ? c->value
					   : c->matured_conversions == 0			? 0
																: c->value / 2;
	if (!decay)
		return;
	for (uint32_t i = 0; i < c->ntouches; i++)
	{
		uint32_t j = 0;

		while (j < c->ndecay && path->decay[j].channel != path->touches[i])
			j++;
		if (j == c->ndecay)
			path->decay[c->ndecay++].channel = path->touches[i];
	}
	if (c->ndecay < 2)
		c->ndecay = 0;
	qsort(path->decay, c->ndecay, sizeof(DecayCredit), compare_credits);
	conversions_left = (fixed128) c->conversions << DECAY_FRACTION_BITS;
	value_left = c->value;
	for (uint32_t i = 0; i < c->ndecay; i++)
	{
		bool last = i + 1 == c->ndecay;

		path->decay[i].conversions = last ? conversions_left : conversions_left / (2 + random_below(3));
		path->decay[i].value = last ? value_left : value_left / (2 + random_below(3));
		conversions_left -= path->decay[i].conversions;
		value_left -= path->decay[i].value;
	}
}

/* Sorted, distinct paths. */
static size_t
random_paths(TestPath *paths, uint32_t nchannels, bool decay)
{
	size_t n = random_below(MAX_PATHS);
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
	{
		memset(&paths[i], 0, sizeof(paths[i]));
		paths[i].counts.ntouches = random_below(MAX_LENGTH + 1);
		for (uint32_t j = 0; j < paths[i].counts.ntouches; j++)
			paths[i].touches[j] = random_below(nchannels);
		random_counts(&paths[i], decay);
	}
	if (n > 0)
		qsort(paths, n, sizeof(*paths), compare_paths);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || compare_paths(&paths[kept - 1], &paths[i]) != 0)
			paths[kept++] = paths[i];
	return kept;
}

/* Writes the paths for which `chosen` says so, with only the channels they use. */
static FlatBytes
write_paths(const TestPath *paths, size_t n, const uint8_t *chosen, uint8_t choice, const SummaryMeta *meta)
{
	const CoreEnv *env = unit_env();
	uint32_t map[MAX_CHANNELS];
	const char *used[MAX_CHANNELS];
	bool occurs[MAX_CHANNELS] = {false};
	uint32_t nused = 0;
	FlatWriter writer;
	FlatBytes flat = {0};
	uint32_t touches[2][MAX_LENGTH + QUICK_TOUCHES];
	int turn = 0;

	for (size_t i = 0; i < n; i++)
		for (uint32_t j = 0; j < paths[i].counts.ntouches; j++)
			if (!chosen || chosen[i] == choice)
				occurs[paths[i].touches[j]] = true;
	for (uint32_t c = 0; c < MAX_CHANNELS; c++)
		if (occurs[c])
		{
			map[c] = nused;
			used[nused++] = names[c];
		}
	flat_writer_begin(&writer, used, nused, meta, 3, 0, env);
	for (size_t i = 0; i < n; i++)
	{
		SummaryPath path = paths[i].counts;

		if (chosen && chosen[i] != choice)
			continue;
		for (uint32_t j = 0; j < path.ntouches; j++)
			touches[turn][j] = map[paths[i].touches[j]];
		path.touches = touches[turn];
		path.decay = paths[i].decay;
		if (flat_writer_put(&writer, &path) != CORE_OK)
			return flat;
		turn = 1 - turn;
	}
	(void) flat_writer_end(&writer, &flat);
	flat.bytes += 3; /* the caller's room */
	flat.size -= 3;
	return flat;
}

static bool
same_bytes(FlatBytes a, FlatBytes b)
{
	return a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0;
}

static bool
same_path(const SummaryView *view, const SummaryPath *read, const TestPath *written)
{
	const SummaryPath *c = &written->counts;

	if (read->ntouches != c->ntouches || read->conversions != c->conversions || read->lost != c->lost ||
		read->open != c->open || read->matured_conversions != c->matured_conversions ||
		read->value != c->value || read->matured_value != c->matured_value || read->ndecay != c->ndecay ||
		memcmp(&read->squares, &c->squares, sizeof(c->squares)) != 0)
		return false;
	for (uint32_t i = 0; i < c->ntouches; i++)
		if (strcmp(view->channels[read->touches[i]], names[written->touches[i]]) != 0)
			return false;
	for (uint32_t i = 0; i < c->ndecay; i++)
		if (strcmp(view->channels[read->decay[i].channel], names[written->decay[i].channel]) != 0 ||
			read->decay[i].conversions != written->decay[i].conversions ||
			read->decay[i].value != written->decay[i].value)
			return false;
	return true;
}

static SummaryMeta
random_meta(bool decay)
{
	SummaryMeta meta = {.touches_seen = 100, .anonymous_touches = random_below(100)};

	meta.has_options = decay || random_below(2);
	meta.channel_lookback = "{}";
	meta.transforms = "[\"exposure\"]";
	if (!meta.has_options)
		return meta;
	meta.has_half_life = decay;
	meta.half_life = decay ? 1 + random_below(1000) : 0;
	meta.has_lookback = random_below(2);
	meta.lookback = meta.has_lookback ? INT64_C(86400000000) * (1 + random_below(90)) : 0;
	meta.has_max_touches = random_below(2);
	meta.max_touches = meta.has_max_touches ? 1 + random_below(20) : 0;
	meta.reuse_touches = random_below(2);
	return meta;
}

/* Writes what was read. */
static FlatBytes
rewrite(const SummaryView *view, const SummaryMeta *meta)
{
	const CoreEnv *env = unit_env();
	FlatWriter writer;
	FlatBytes flat = {0};

	flat_writer_begin(&writer, view->channels, view->nchannels, meta, 0, 0, env);
	for (size_t i = 0; i < view->npaths; i++)
		if (flat_writer_put(&writer, &view->paths[i]) != CORE_OK)
			return flat;
	(void) flat_writer_end(&writer, &flat);
	return flat;
}

static void
test_round_trip_and_merge(void)
{
	const CoreEnv *env = unit_env();
	static TestPath paths[MAX_PATHS];
	int read_wrong = 0;
	int merged_wrong = 0;
	int reread_wrong = 0;

	for (int round = 0; round < 3000; round++)
	{
		bool decay = random_below(2);
		size_t n = random_paths(paths, 1 + random_below(round % 2 ? 6 : MAX_CHANNELS), decay);
		SummaryMeta meta = random_meta(decay);
		FlatBytes whole = write_paths(paths, n, NULL, 0, &meta);
		FlatBytes parts[5];
		FlatBytes merged = {0};
		uint8_t chosen[MAX_PATHS];
		int nparts = 1 + (int) random_below(5);
		SummaryView view;
		SummaryMeta read;

		if (summary_flat_decode(whole.bytes, whole.size, NULL, NULL, env, &view, &read) != CORE_OK ||
			view.npaths != n || read.touches_seen != meta.touches_seen || read.lookback != meta.lookback)
			read_wrong++;
		else
			for (size_t i = 0; i < n; i++)
				read_wrong += !same_path(&view, &view.paths[i], &paths[i]);
		reread_wrong += !same_bytes(rewrite(&view, &read), whole);

		for (size_t i = 0; i < n; i++)
			chosen[i] = (uint8_t) random_below((uint32_t) nparts);
		for (int i = 0; i < nparts; i++)
			parts[i] = write_paths(paths, n, chosen, (uint8_t) i, &meta);
		if (summary_flat_merge(parts, (size_t) nparts, &meta, 0, env, &merged) != CORE_OK ||
			!same_bytes(merged, whole))
			merged_wrong++;
	}
	ok(read_wrong == 0, "what is written is read (%d wrong)", read_wrong);
	ok(reread_wrong == 0, "and written again to the same bytes (%d wrong)", reread_wrong);
	ok(merged_wrong == 0, "any split into parts merges to the bytes of the whole (%d wrong)", merged_wrong);
}

/* Equal paths in several parts: their counts add up, like the same path written with the sums. */
static void
test_merge_adds(void)
{
	const CoreEnv *env = unit_env();
	static TestPath paths[MAX_PATHS];
	int wrong = 0;

	for (int round = 0; round < 500; round++)
	{
		bool decay = random_below(2);
		size_t n = random_paths(paths, 1 + random_below(20), decay);
		SummaryMeta meta = random_meta(decay);
		FlatBytes once = write_paths(paths, n, NULL, 0, &meta);
		FlatBytes three[3] = {once, once, once};
		FlatBytes merged = {0};
		FlatBytes expected;

		for (size_t i = 0; i < n; i++)
		{
			SummaryPath *c = &paths[i].counts;
			FixedSquare square = c->squares;

			c->conversions *= 3;
			c->lost *= 3;
			c->open *= 3;
			c->matured_conversions *= 3;
			c->value *= 3;
			c->matured_value *= 3;
			(void) fixed_square_add(&c->squares, square);
			(void) fixed_square_add(&c->squares, square);
			for (uint32_t j = 0; j < c->ndecay; j++)
			{
				paths[i].decay[j].conversions *= 3;
				paths[i].decay[j].value *= 3;
			}
		}
		expected = write_paths(paths, n, NULL, 0, &meta);
		wrong +=
			summary_flat_merge(three, 3, &meta, 0, env, &merged) != CORE_OK || !same_bytes(merged, expected);
	}
	ok(wrong == 0, "equal paths add up (%d wrong)", wrong);
}

/* Whatever the reader accepts is what the writer writes: so no other bytes can claim to be a summary. */
static void
test_broken_bytes(void)
{
	const CoreEnv *env = unit_env();
	static TestPath paths[MAX_PATHS];
	int accepted = 0;
	int refused = 0;
	int wrong = 0;

	for (int round = 0; round < 40000; round++)
	{
		bool decay = random_below(2);
		size_t n = random_paths(paths, 1 + random_below(8), decay);
		SummaryMeta meta = random_meta(decay);
		FlatBytes whole = write_paths(paths, n, NULL, 0, &meta);
		size_t size = random_below(4) ? whole.size : random_below((uint32_t) whole.size + 1);
		uint8_t *bytes = malloc(size ? size : 1); /* exactly so large, for the sanitizer to see its end */
		int flips = (int) random_below(4);
		SummaryView view;
		SummaryMeta read;
		CoreStatus status;

		memcpy(bytes, whole.bytes, size);
		for (int i = 0; i < flips && size > 0; i++)
			bytes[random_below((uint32_t) size)] ^= (uint8_t) (1u << random_below(8));
		status = summary_flat_decode(bytes, size, NULL, NULL, env, &view, &read);
		if (status == CORE_OK)
		{
			FlatBytes again = rewrite(&view, &read);

			accepted++;
			wrong += again.size != size || memcmp(again.bytes, bytes, size) != 0;
		}
		else
			refused++;
		free(bytes);
	}
	ok(wrong == 0, "bytes that are read are the bytes that would be written (%d wrong)", wrong);
	ok(accepted > 1000 && refused > 1000, "both kinds were met: %d accepted, %d refused", accepted, refused);
}

static void
test_limits(void)
{
	const CoreEnv *env = unit_env();
	SummaryMeta meta = {0};
	const char *channels[] = {"a"};
	uint32_t touch[1 + QUICK_TOUCHES] = {0};
	SummaryPath path = {.lost = INT64_MAX, .touches = touch, .ntouches = 1};
	uint32_t two[2 + QUICK_TOUCHES] = {0};
	SummaryPath next = {.lost = 1, .touches = two, .ntouches = 2};
	FlatWriter writer;
	FlatBytes flat;
	FlatBytes twice[2];
	SummaryView view;

	flat_writer_begin(&writer, channels, 1, &meta, 0, 0, env);
	ok(flat_writer_put(&writer, &path) == CORE_OK && flat_writer_put(&writer, &next) == CORE_OVERFLOW,
	   "counts of all paths must fit int64");
	flat_writer_begin(&writer, channels, 1, &meta, 0, 0, env);
	ok(flat_writer_put(&writer, &path) == CORE_OK && flat_writer_end(&writer, &flat) == CORE_OK,
	   "the largest count is written");
	twice[0] = twice[1] = flat;
	ok(summary_flat_merge(twice, 2, &meta, 0, env, &flat) == CORE_OVERFLOW, "and does not merge with itself");
	ok(summary_flat_decode(NULL, 0, NULL, NULL, env, &view, &meta) == CORE_CORRUPT,
	   "no bytes are no summary");
	meta = (SummaryMeta){0};
	ok(summary_flat_merge(NULL, 0, &meta, 0, env, &flat) == CORE_OK &&
		   summary_flat_decode(flat.bytes, flat.size, NULL, NULL, env, &view, &meta) == CORE_OK &&
		   view.npaths == 0,
	   "nothing merged is an empty summary");
}

/* A sum of squares that no values have: the bootstrap would draw from a negative variance. */
static void
test_impossible_squares(void)
{
	const CoreEnv *env = unit_env();
	const char *channels[] = {"a"};
	uint32_t touch[1 + QUICK_TOUCHES] = {0};
	SummaryPath path = {.conversions = 2, .matured_conversions = 2, .touches = touch, .ntouches = 1};
	double sums[] = {50, 100, 49, 101};

	path.value = path.matured_value = fixed_from_double(10);
	for (int i = 0; i < 4; i++)
	{
		SummaryMeta meta = {0};
		FlatWriter writer;
		FlatBytes flat;
		SummaryView view;

		path.squares = (FixedSquare){{0, (uint64_t) sums[i], 0}};
		flat_writer_begin(&writer, channels, 1, &meta, 0, 0, env);
		ok(flat_writer_put(&writer, &path) == CORE_OK && flat_writer_end(&writer, &flat) == CORE_OK,
		   "two conversions of 10 in all are written");
		ok(summary_flat_decode(flat.bytes, flat.size, NULL, NULL, env, &view, &meta) ==
			   (i < 2 ? CORE_OK : CORE_CORRUPT),
		   "squares of %g are %s", sums[i], i < 2 ? "read" : "refused");
	}
}

int
main(void)
{
	for (int i = 0; i < MAX_CHANNELS; i++)
		snprintf(names[i], sizeof(names[i]), "c%03d", i);
	test_round_trip_and_merge();
	test_merge_adds();
	test_broken_bytes();
	test_limits();
	test_impossible_squares();
	return done();
}
