#include "flat_stream.h"

#include <string.h>

/* One input of a merge, standing at a path. */
typedef struct Cursor
{
	FlatReader r;
	SummaryView view; /* header and channels */
	PathReader paths;
	uint32_t *map;	  /* its channels' numbers in the result; they ascend, so its order of paths stays */
	SummaryPath path; /* in its own numbers, */
	uint32_t *mapped; /* and its touches in the result's, the same array where the numbers are the same */
	size_t number;	  /* paths read */
	uint32_t common;  /* touches it shares with the path it was last compared to, see beats() */
	bool ended;
} Cursor;

/* Steps to the next path, if there is one. */
static CoreStatus
cursor_next(Cursor *c, const CoreEnv *env)
{
	c->ended = c->number == c->view.npaths;
	if (c->ended)
		return CORE_OK;
	if (!path_reader_next(&c->paths, &c->path, c->number > 0 ? &c->path : NULL, c->number + 1, env))
		return CORE_CORRUPT;
	c->number++;
	c->common = c->paths.shared;
	if (c->mapped != c->paths.touches)
		for (uint32_t i = c->paths.shared; i < c->path.ntouches; i++)
			c->mapped[i] = c->map[c->path.touches[i]];
	return CORE_OK;
}

/*
 * Inputs meet in a tournament whose losers stay at the node where they lost (Knuth 1998, 5.4.1), with the number of
 * touches that they share with the winner there. The path that won it all is written, its input steps on and plays
 * its way up again: on that way every loser lost to the path just written. So of two that meet, the one that shares
 * more with that path comes first, and touches are compared only behind what both share with it (Ng and Kakehi
 * 2008); the winner of all knows what it shares with the path written before it.
 */
static bool
beats(Cursor *a, Cursor *b)
{
	uint32_t n = a->path.ntouches < b->path.ntouches ? a->path.ntouches : b->path.ntouches;
	uint32_t i = a->common;
	bool first;

	if (a->ended || b->ended)
		return !a->ended;
	if (a->common != b->common)
		return a->common > b->common;
	while (i < n && a->mapped[i] == b->mapped[i])
		i++;
	first = i == n ? a->path.ntouches <= b->path.ntouches : a->mapped[i] < b->mapped[i];
	(first ? b : a)->common = i;
	return first;
}

typedef struct Tournament
{
	size_t n;
	Cursor **loser; /* at nodes 1 .. n - 1; cursor i comes in below node n + i */
	Cursor *winner;
} Tournament;

/* The winner of all below a node. */
static Cursor *
play(Tournament *t, Cursor *cursors, size_t node)
{
	Cursor *a;
	Cursor *b;
	bool first;

	if (node >= t->n)
		return &cursors[node - t->n];
	a = play(t, cursors, 2 * node);
	b = play(t, cursors, 2 * node + 1);
	first = beats(a, b);
	t->loser[node] = first ? b : a;
	return first ? a : b;
}

/* The winner has stepped on: who wins now? */
static void
replay(Tournament *t, const Cursor *cursors)
{
	Cursor *c = t->winner;

	for (size_t node = (t->n + (size_t) (c - cursors)) / 2; node > 0; node /= 2)
		if (!beats(c, t->loser[node]))
		{
			Cursor *winner = t->loser[node];

			t->loser[node] = c;
			c = winner;
		}
	t->winner = c;
}

/* Merges two sorted lists of names, each name once; returns how many there are. */
static size_t
merge_names(const char *const *a, size_t na, const char *const *b, size_t nb, const char **into)
{
	size_t n = 0;
	size_t i = 0;
	size_t j = 0;

	while (i < na && j < nb)
	{
		int order = strcmp(a[i], b[j]);

		into[n++] = order <= 0 ? a[i] : b[j];
		i += order <= 0;
		j += order >= 0;
	}
	while (i < na)
		into[n++] = a[i++];
	while (j < nb)
		into[n++] = b[j++];
	return n;
}

/*
 * All inputs' channels, each once, sorted. Each input's are sorted already; merged two by two, the many that have
 * the same few channels shrink by half at every step, and no step is longer than all of them.
 */
static void
unite_channels(Cursor *cursors, size_t ncursors, const CoreEnv *env, SummaryView *out)
{
	size_t total = 0;
	size_t since_check = 0;
	size_t *sizes = CORE_ALLOC(env, size_t, ncursors);
	const char **names;
	const char **merged;

	for (size_t i = 0; i < ncursors; i++)
		total += cursors[i].view.nchannels;
	names = CORE_ALLOC(env, const char *, total);
	merged = CORE_ALLOC(env, const char *, total);
	for (size_t i = 0, n = 0; i < ncursors; n += sizes[i++])
	{
		sizes[i] = cursors[i].view.nchannels;
		for (size_t j = 0; j < sizes[i]; j++)
			names[n + j] = cursors[i].view.channels[j];
	}
	for (size_t lists = ncursors; lists > 1; lists = (lists + 1) / 2)
	{
		const char **from = names;
		const char **into = merged;

		for (size_t i = 0; i < lists; i += 2)
		{
			size_t second = i + 1 < lists ? sizes[i + 1] : 0;
			size_t n = merge_names(from, sizes[i], from + sizes[i], second, into);

			from += sizes[i] + second;
			into += n;
			since_check += sizes[i] + second + 1;
			sizes[i / 2] = n;
			if (since_check >= CHECK_EVERY)
			{
				since_check = 0;
				core_check(env);
			}
		}
		from = names;
		names = merged;
		merged = from;
	}
	out->nchannels = ncursors > 0 ? (uint32_t) sizes[0] : 0;
	out->channels = names;
}

/* The place of a name among sorted ones, where it is, at or after `from`: in steps that double, then by halves. */
static uint32_t
find_name(const char *const *names, uint32_t n, uint32_t from, const char *name)
{
	uint32_t low = from;
	uint32_t step = 1;
	uint32_t high;

	while (step < n - low && strcmp(names[low + step], name) <= 0)
	{
		low += step;
		step *= 2;
	}
	high = step < n - low ? low + step : n;
	while (low + 1 < high)
	{
		uint32_t middle = low + (high - low) / 2;

		if (strcmp(names[middle], name) <= 0)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Where each input's channels are among all. */
static void
map_channels(Cursor *cursors, size_t ncursors, const CoreEnv *env, const SummaryView *all)
{
	size_t since_check = 0;

	for (size_t i = 0; i < ncursors; i++)
	{
		uint32_t n = cursors[i].view.nchannels;
		uint32_t place = 0;

		cursors[i].map = CORE_ALLOC(env, uint32_t, n);
		for (uint32_t j = 0; j < n; j++)
		{
			place = find_name(all->channels, all->nchannels, place, cursors[i].view.channels[j]);
			cursors[i].map[j] = place;
		}
		/* as many as there are: the same */
		cursors[i].mapped = n == all->nchannels ? cursors[i].paths.touches
												: CORE_ALLOC(env, uint32_t, cursors[i].view.longest_path);
		since_check += n + 1;
		if (since_check >= CHECK_EVERY)
		{
			since_check = 0;
			core_check(env);
		}
	}
}

/* The counts of equal paths, put together. */
typedef struct MergedPath
{
	SummaryPath path;
	DecayCredit *decay;
	const uint8_t *bytes; /* as they stand in the only input that has it; else NULL */
	size_t nbytes;
} MergedPath;

static void
start_path(MergedPath *merged, const Cursor *c)
{
	merged->path = c->path;
	if (c->path.ndecay)
		memcpy(merged->decay, c->path.decay, c->path.ndecay * sizeof(DecayCredit));
	merged->path.decay = merged->decay;
	merged->bytes = c->paths.counts;
	merged->nbytes = (size_t) (c->r.at - c->paths.counts);
}

static bool
add_path(MergedPath *merged, const SummaryPath *path)
{
	SummaryPath *sum = &merged->path;

	merged->bytes = NULL;
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

/* Writes all paths of the cursors in order. */
static CoreStatus
merge_paths(Cursor *cursors, size_t n, uint32_t nchannels, const CoreEnv *env, FlatWriter *w)
{
	Tournament t = {.n = n, .loser = CORE_ALLOC(env, Cursor *, n)};
	MergedPath merged = {.decay = CORE_ALLOC(env, DecayCredit, nchannels)};
	CoreStatus status = CORE_OK;
	size_t steps = 0;

	t.winner = play(&t, cursors, 1);
	while (status == CORE_OK && !t.winner->ended)
	{
		uint32_t ntouches = t.winner->path.ntouches;

		flat_writer_touches(w, t.winner->mapped, ntouches, t.winner->common);
		start_path(&merged, t.winner);
		for (;;)
		{
			/* the writer checks too, but a million equal paths are one to it */
			if (++steps % CHECK_EVERY == 0)
				core_check(env);
			status = cursor_next(t.winner, env);
			if (status != CORE_OK)
				return status;
			replay(&t, cursors);
			if (t.winner->ended || t.winner->common != ntouches || t.winner->path.ntouches != ntouches)
				break;
			if (!add_path(&merged, &t.winner->path))
				return CORE_OVERFLOW;
		}
		status = flat_writer_counts(w, &merged.path, merged.bytes, merged.nbytes);
	}
	return status;
}

CoreStatus
summary_flat_merge(const FlatBytes *inputs, size_t ninputs, const SummaryMeta *meta, size_t room,
				   const CoreEnv *env, FlatBytes *flat)
{
	Cursor *cursors = CORE_ALLOC_ZERO(env, Cursor, ninputs);
	SummaryView out = {0};
	CoreStatus status = CORE_OK;
	size_t total = 0;
	FlatWriter w;

	for (size_t i = 0; i < ninputs; i++)
	{
		Cursor *c = &cursors[i];
		SummaryMeta ignored;

		total += inputs[i].size;
		c->r = (FlatReader){inputs[i].bytes, inputs[i].bytes + inputs[i].size, false};
		status = flat_read_head(&c->r, NULL, NULL, env, &c->view, &ignored);
		if (status != CORE_OK)
			return status;
		path_reader_begin(&c->paths, &c->r, &c->view, false, env);
		if (i % 1024 == 0)
			core_check(env);
	}
	unite_channels(cursors, ninputs, env, &out);
	map_channels(cursors, ninputs, env, &out);
	flat_writer_begin(&w, out.channels, out.nchannels, meta, room, total, env);
	for (size_t i = 0; i < ninputs && status == CORE_OK; i++)
		status = cursor_next(&cursors[i], env);
	if (status == CORE_OK && ninputs > 0)
		status = merge_paths(cursors, ninputs, out.nchannels, env, &w);
	return status == CORE_OK ? flat_writer_end(&w, flat) : status;
}
