#include "transform.h"

#include <string.h>

/* What one path knows about one channel. */
typedef struct TransformMark
{
	uint64_t epoch; /* the path and step it belongs to */
	uint64_t count; /* touches of the channel, for frequency */
} TransformMark;

/* The arrays of a path as one thing to move touches in. */
typedef struct Path
{
	uint32_t *channels;
	int64_t *at;
	uint32_t *refs;
	size_t n;
} Path;

#define CHECK_EVERY ((size_t) 1 << 18)

static inline void
path_move(Path *path, size_t to, size_t from)
{
	path->channels[to] = path->channels[from];
	if (path->at)
		path->at[to] = path->at[from];
	if (path->refs)
		path->refs[to] = path->refs[from];
}

static inline void
check_step(const CoreEnv *env, size_t i)
{
	if ((i & (CHECK_EVERY - 1)) == CHECK_EVERY - 1)
		core_check(env);
}

static void
marks_grow(TransformWorkspace *ws, const CoreEnv *env, uint32_t channel)
{
	size_t size = ws->nmarks ? ws->nmarks : 32;
	TransformMark *marks;

	while (size <= channel)
		size *= 2;
	marks = CORE_ALLOC(env, TransformMark, size);
	if (ws->nmarks)
		memcpy(marks, ws->marks, ws->nmarks * sizeof(TransformMark));
	memset(marks + ws->nmarks, 0, (size - ws->nmarks) * sizeof(TransformMark));
	core_free(env, ws->marks);
	ws->marks = marks;
	ws->nmarks = size;
}

static inline TransformMark *
mark_of(TransformWorkspace *ws, const CoreEnv *env, uint32_t channel)
{
	if (channel >= ws->nmarks)
		marks_grow(ws, env, channel);
	return &ws->marks[channel];
}

static void
keep_changes(Path *path, const CoreEnv *env)
{
	size_t kept = 1;

	for (size_t i = 1; i < path->n; i++)
	{
		check_step(env, i);
		if (path->channels[i] != path->channels[kept - 1])
			path_move(path, kept++, i);
	}
	path->n = kept;
}

/* Keeps the first touch of each channel and leaves in the marks how many there were. */
static void
keep_first(Path *path, TransformWorkspace *ws, const CoreEnv *env)
{
	size_t kept = 0;

	ws->epoch++;
	for (size_t i = 0; i < path->n; i++)
	{
		TransformMark *mark = mark_of(ws, env, path->channels[i]);

		check_step(env, i);
		if (mark->epoch == ws->epoch)
			mark->count++;
		else
		{
			mark->epoch = ws->epoch;
			mark->count = 1;
			path_move(path, kept++, i);
		}
	}
	path->n = kept;
}

static void
rename_by_frequency(Path *path, const TransformChain *chain, TransformWorkspace *ws, const CoreEnv *env)
{
	keep_first(path, ws, env);
	for (size_t i = 0; i < path->n; i++)
	{
		uint32_t channel = path->channels[i];

		check_step(env, i);
		path->channels[i] = chain->intern_frequency(chain->intern_arg, channel, ws->marks[channel].count);
	}
}

static inline bool
step_lists(const TransformStep *step, uint32_t channel)
{
	size_t low = 0;
	size_t high = step->nchannels;

	while (low < high)
	{
		size_t middle = low + (high - low) / 2;

		if (step->channels[middle] < channel)
			low = middle + 1;
		else
			high = middle;
	}
	return low < step->nchannels && step->channels[low] == channel;
}

/* The touch before `end` that a list does not name, counted from 1; 0 if it names all of them. */
static size_t
last_unlisted(const Path *path, const TransformStep *step, const CoreEnv *env)
{
	size_t end = path->n;

	while (end > 0 && step_lists(step, path->channels[end - 1]))
		check_step(env, end--);
	return end;
}

static void
drop_listed(Path *path, const TransformStep *step, const CoreEnv *env)
{
	size_t end = last_unlisted(path, step, env);
	size_t kept = 0;

	if (end == 0)
		return;
	for (size_t i = 0; i < end; i++)
	{
		check_step(env, i);
		if (!step_lists(step, path->channels[i]))
			path_move(path, kept++, i);
	}
	path->n = kept;
}

static void
strip_listed(Path *path, const TransformStep *step, const CoreEnv *env)
{
	size_t end = last_unlisted(path, step, env);

	if (end > 0)
		path->n = end;
}

size_t
transform_apply(const TransformChain *chain, TransformWorkspace *ws, const CoreEnv *env, uint32_t *channels,
				int64_t *at, uint32_t *refs, size_t n)
{
	Path path = {channels, at, refs, n};

	if (n == 0)
		return 0;
	for (size_t s = 0; s < chain->nsteps; s++)
	{
		const TransformStep *step = &chain->steps[s];

		switch (step->kind)
		{
			case TRANSFORM_EXPOSURE:
				keep_changes(&path, env);
				break;
			case TRANSFORM_FIRST:
				keep_first(&path, ws, env);
				break;
			case TRANSFORM_UNIQUE:
				break;
			case TRANSFORM_FREQUENCY:
				rename_by_frequency(&path, chain, ws, env);
				break;
			case TRANSFORM_REMOVE_IF_NOT_ALL:
				drop_listed(&path, step, env);
				break;
			case TRANSFORM_REMOVE_IF_LAST_AND_NOT_ALL:
				strip_listed(&path, step, env);
				break;
		}
	}
	return path.n;
}

void
transform_workspace_free(TransformWorkspace *ws, const CoreEnv *env)
{
	core_free(env, ws->marks);
	ws->marks = NULL;
	ws->nmarks = 0;
}
