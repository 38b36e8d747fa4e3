#include "flat_stream.h"

#include <stdlib.h>
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

/* Writes all paths of the heap's cursors in order. */
static CoreStatus
merge_paths(Cursor **heap, size_t n, uint32_t nchannels, const CoreEnv *env, FlatWriter *w)
{
	MergedPath rooms[2]; /* the path being merged, and the one before, which the writer still looks at */
	uint32_t longest = 0;
	CoreStatus status = CORE_OK;

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
	}
	unite_channels(cursors, ninputs, env, &out);
	flat_writer_begin(&w, out.channels, out.nchannels, meta, room, env);
	for (size_t i = 0; i < ninputs; i++)
		if (cursor_next(&cursors[i], env))
			heap[n++] = &cursors[i];
	status = merge_paths(heap, n, out.nchannels, env, &w);
	return status == CORE_OK ? flat_writer_end(&w, flat) : status;
}
