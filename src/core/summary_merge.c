#include "flat_writer.h"

/* One input of a merge, standing at a path. */
typedef struct Cursor
{
	FlatReader r;
	SummaryView view; /* header and channels */
	PathReader paths;
	uint32_t *map;	  /* its channels' numbers in the result; they ascend, so its order of paths stays */
	uint32_t *mapped; /* its path's touches in the result's; NULL where the numbers are the same, */
	const uint32_t *touches; /* and where they are then */
	size_t leaf;			 /* its place below the tournament */
	uint32_t common;		 /* touches it shares with the path it was last compared to, see beats() */
	bool ended;
} Cursor;

/* The path of an input that has ended loses to all: no channel has this number. */
static const uint32_t after_all[QUICK_TOUCHES] = {UINT32_MAX};

/* Steps to the next path, if there is one. */
static CoreStatus
cursor_next(Cursor *c)
{
	if (c->paths.number == c->view.npaths)
	{
		c->touches = after_all;
		c->paths.length = 1;
		c->common = 0;
		c->ended = true;
		return CORE_OK;
	}
	if (!path_reader_step(&c->paths))
		return CORE_CORRUPT;
	c->common = c->paths.shared;
	if (c->mapped)
		for (uint32_t i = c->paths.shared; i < c->paths.length; i++)
			c->mapped[i] = c->map[c->paths.touches[i]];
	return CORE_OK;
}

/* The place, from a common one on, where two arrays of touches begin to differ; n, if that comes before. */
static inline uint32_t
first_difference(const uint32_t *a, const uint32_t *b, uint32_t from, uint32_t n)
{
	for (; from < n; from += 2)
	{
		uint64_t differ =
			little_word((const uint8_t *) (a + from)) ^ little_word((const uint8_t *) (b + from));

		if (differ)
		{
			from += (uint32_t) differ == 0; /* the lower half is the first of the two */
			break;
		}
	}
	return from < n ? from : n;
}

/*
 * Inputs meet in a tournament whose losers stay at the node where they lost (Knuth 1998, 5.4.1), with the number of
 * touches that they share with the winner there. The path that won it all is written, its input steps on and plays
 * its way up again: on that way every loser lost to the path just written. So of two that meet, what both share with
 * that path need not be compared (Ng and Kakehi 2008): if one shares less, they differ right there. The winner of all
 * knows what it shares with the path written before it.
 */
static inline bool
beats(Cursor *a, Cursor *b)
{
	uint32_t n = a->paths.length < b->paths.length ? a->paths.length : b->paths.length;
	uint32_t i = first_difference(a->touches, b->touches, a->common < b->common ? a->common : b->common, n);
	bool shorter = a->paths.length <= b->paths.length;
	bool smaller = a->touches[i] < b->touches[i];
	bool first = i == n ? shorter : smaller;
	Cursor *loser = first ? b : a;

	loser->common = i;
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
	{
		cursors[node - t->n].leaf = node;
		return &cursors[node - t->n];
	}
	a = play(t, cursors, 2 * node);
	b = play(t, cursors, 2 * node + 1);
	first = beats(a, b);
	t->loser[node] = first ? b : a;
	return first ? a : b;
}

/* The winner has stepped on: who wins now? */
static void
replay(Tournament *t)
{
	Cursor *c = t->winner;

	for (size_t node = c->leaf / 2; node > 0; node /= 2)
	{
		Cursor *other = t->loser[node];
		bool first = beats(c, other);

		t->loser[node] = first ? other : c;
		c = first ? c : other;
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
		if (n != all->nchannels) /* else they are the same */
			cursors[i].mapped = CORE_ALLOC(env, uint32_t, cursors[i].view.longest_path + QUICK_TOUCHES);
		cursors[i].touches = cursors[i].mapped ? cursors[i].mapped : cursors[i].paths.touches;
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
	SummaryPath sum;
	DecayCredit *decay;
	SummaryPath part;
} MergedPath;

static CoreStatus
start_sum(MergedPath *merged, Cursor *c, const CoreEnv *env)
{
	if (!path_reader_counts(&c->paths, &merged->sum, env))
		return CORE_CORRUPT;
	if (merged->sum.ndecay)
		memcpy(merged->decay, merged->sum.decay, merged->sum.ndecay * sizeof(DecayCredit));
	merged->sum.decay = merged->decay;
	return CORE_OK;
}

static CoreStatus
add_to_sum(MergedPath *merged, Cursor *c, const CoreEnv *env)
{
	SummaryPath *sum = &merged->sum;
	SummaryPath *path = &merged->part;

	if (!path_reader_counts(&c->paths, path, env))
		return CORE_CORRUPT;
	if (__builtin_add_overflow(sum->conversions, path->conversions, &sum->conversions) ||
		__builtin_add_overflow(sum->lost, path->lost, &sum->lost) ||
		__builtin_add_overflow(sum->open, path->open, &sum->open) || !fixed_add(&sum->value, path->value) ||
		!fixed_square_add(&sum->squares, path->squares))
		return CORE_OVERFLOW;
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
	return CORE_OK;
}

/* Does some other input stand at the winner's path? It, or one that is equal to it, lost to the winner itself. */
static bool
has_equal(const Tournament *t)
{
	uint32_t n = t->winner->paths.length;

	for (size_t node = t->winner->leaf / 2; node > 0; node /= 2)
	{
		const Cursor *c = t->loser[node];

		if (c->common == n && c->paths.length == n)
			return true;
	}
	return false;
}

/* The path that the cursor stands at, as it is. */
static inline void
write_path(FlatWriter *w, const Cursor *c)
{
	uint32_t shared = c->common;
	size_t ncounts = (size_t) (c->r.at - c->paths.counts);
	uint8_t *at = make_room(w, (size_t) (c->paths.length - shared) * 5 + ncounts);

	at = put_touches(at, w->totals.nchannels, c->touches, c->paths.length, shared);
	w->at = put_bytes(at, c->paths.counts, ncounts, (size_t) (c->r.end - c->paths.counts));
}

static CoreStatus
advance(Tournament *t)
{
	CoreStatus status = cursor_next(t->winner);

	replay(t);
	return status;
}

/* Writes all paths of the cursors in order. Nearly all are in one of them alone: their bytes are copied. */
static CoreStatus
merge_paths(Cursor *cursors, size_t n, bool measure, const CoreEnv *env, FlatWriter *w)
{
	Tournament t = {.n = n, .loser = CORE_ALLOC(env, Cursor *, n)};
	MergedPath merged = {.decay = CORE_ALLOC(env, DecayCredit, w->totals.nchannels)};
	CoreStatus status = CORE_OK;
	size_t steps = 0;

	t.winner = play(&t, cursors, 1);
	while (status == CORE_OK && !t.winner->ended)
	{
		Cursor *c = t.winner;
		uint32_t ntouches = c->paths.length;

		w->totals.npaths++;
		w->totals.ntouches += ntouches;
		if (ntouches > w->totals.longest_path)
			w->totals.longest_path = ntouches;
		if (++steps % CHECK_EVERY == 0)
			core_check(env);
		if (!measure && !has_equal(&t))
		{
			write_path(w, c);
			status = advance(&t);
			continue;
		}
		w->at = put_touches(make_room(w, (size_t) ntouches * 5), w->totals.nchannels, c->touches, ntouches,
							c->common);
		status = start_sum(&merged, c, env);
		while (status == CORE_OK && (status = advance(&t)) == CORE_OK && t.winner->common == ntouches &&
			   t.winner->paths.length == ntouches)
		{
			/* a million equal paths are one to the loop around */
			if (++steps % CHECK_EVERY == 0)
				core_check(env);
			status = add_to_sum(&merged, t.winner, env);
		}
		flat_writer_counts(w, &merged.sum);
		w->text += measure ? summary_path_text(&merged.sum) : 0;
		if (w->text > SUMMARY_MAX_TEXT)
			return CORE_TOO_LARGE;
	}
	return status;
}

/* Adds what a summary says of itself to the totals of all. */
static bool
add_header(SummaryView *sum, const SummaryView *header)
{
	SummaryPath path = {.conversions = header->conversions,
						.lost = header->lost,
						.open = header->open,
						.matured_conversions = header->matured_conversions,
						.value = header->value,
						.matured_value = header->matured_value};

	sum->npaths += header->npaths;
	sum->ntouches += header->ntouches;
	sum->has_decay |= header->has_decay;
	return summary_add_totals(sum, &path);
}

CoreStatus
summary_flat_merge(const FlatBytes *inputs, size_t ninputs, const SummaryMeta *meta, size_t room,
				   const CoreEnv *env, FlatBytes *flat)
{
	Cursor *cursors = CORE_ALLOC_ZERO(env, Cursor, ninputs);
	SummaryView all = {0};
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
		if (!add_header(&all, &c->view))
			return CORE_OVERFLOW;
		if (i % 1024 == 0)
			core_check(env);
	}
	unite_channels(cursors, ninputs, env, &all);
	map_channels(cursors, ninputs, env, &all);
	flat_writer_begin(&w, all.channels, all.nchannels, meta, room, total, env);
	for (size_t i = 0; i < ninputs && status == CORE_OK; i++)
		status = cursor_next(&cursors[i]);
	if (status == CORE_OK && ninputs > 0)
	{
		/* the sums stand in the headers; how long the text can be must be added up only where it may be too long */
		bool measure = w.text + summary_most_text(&all) > SUMMARY_MAX_TEXT;

		w.totals = all;
		w.totals.npaths = 0;
		w.totals.ntouches = 0;
		status = merge_paths(cursors, ninputs, measure, env, &w);
	}
	return status == CORE_OK ? flat_writer_end(&w, flat) : status;
}
