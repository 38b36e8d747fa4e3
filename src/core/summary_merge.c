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
	uint32_t *mapped; /* and its touches in the result's */
	size_t number;	  /* paths read */
} Cursor;

/* Steps to the next path; false at the end. */
static bool
cursor_next(Cursor *c, const CoreEnv *env)
{
	if (c->number == c->view.npaths)
		return false;
	if (!path_reader_next(&c->paths, &c->path, c->number > 0 ? &c->path : NULL, c->number + 1, env))
		return false;
	c->number++;
	for (uint32_t i = c->paths.shared; i < c->path.ntouches; i++)
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
		since_check += n + 1;
		if (since_check >= CHECK_EVERY)
		{
			since_check = 0;
			core_check(env);
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

/* Writes all paths of the heap's cursors in order. */
static CoreStatus
merge_paths(Cursor **heap, size_t n, uint32_t nchannels, const CoreEnv *env, FlatWriter *w)
{
	MergedPath rooms[2]; /* the path being merged, and the one before, which the writer still looks at */
	uint32_t longest = 0;
	CoreStatus status = CORE_OK;
	size_t steps = 0;

	for (size_t i = 0; i < n; i++)
		if (heap[i]->view.longest_path > longest)
			longest = heap[i]->view.longest_path;
	for (int i = 0; i < 2; i++)
	{
		rooms[i].touches = CORE_ALLOC(env, uint32_t, longest);
		rooms[i].decay = CORE_ALLOC(env, DecayCredit, nchannels);
	}
	for (size_t i = n / 2; i-- > 0;)
		sift_down(heap, n, i);
	for (int turn = 0; n > 0 && status == CORE_OK; turn = 1 - turn)
	{
		MergedPath *merged = &rooms[turn];
		bool same;

		start_path(merged, heap[0]);
		do
		{
			/* the writer checks too, but a million equal paths are one to it */
			if (++steps % CHECK_EVERY == 0)
				core_check(env);
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
		status = flat_writer_put(w, &merged->path);
	}
	return status;
}

CoreStatus
summary_flat_merge(const FlatBytes *inputs, size_t ninputs, const SummaryMeta *meta, size_t room,
				   const CoreEnv *env, FlatBytes *flat)
{
	Cursor *cursors = CORE_ALLOC_ZERO(env, Cursor, ninputs);
	Cursor **heap = CORE_ALLOC(env, Cursor *, ninputs);
	SummaryView out = {0};
	CoreStatus status;
	size_t n = 0;
	FlatWriter w;

	for (size_t i = 0; i < ninputs; i++)
	{
		Cursor *c = &cursors[i];
		SummaryMeta ignored;

		c->r = (FlatReader){inputs[i].bytes, inputs[i].bytes + inputs[i].size, false};
		status = flat_read_head(&c->r, NULL, NULL, env, &c->view, &ignored);
		if (status != CORE_OK)
			return status;
		path_reader_begin(&c->paths, &c->r, &c->view, false, env);
		c->mapped = CORE_ALLOC(env, uint32_t, c->view.longest_path);
		if (i % 1024 == 0)
			core_check(env);
	}
	unite_channels(cursors, ninputs, env, &out);
	map_channels(cursors, ninputs, env, &out);
	flat_writer_begin(&w, out.channels, out.nchannels, meta, room, env);
	for (size_t i = 0; i < ninputs; i++)
		if (cursor_next(&cursors[i], env))
			heap[n++] = &cursors[i];
	status = merge_paths(heap, n, out.nchannels, env, &w);
	return status == CORE_OK ? flat_writer_end(&w, flat) : status;
}
