/*
 * Path transforms against their definitions, written again in the slowest obvious way.
 */
#include <string.h>

#include "core/transform.h"
#include "unit.h"

#define MAX_PATH 12
#define NCHANNELS 5

typedef struct Touches
{
	uint32_t channels[MAX_PATH];
	int64_t at[MAX_PATH];
	uint32_t refs[MAX_PATH];
	size_t n;
} Touches;

static uint32_t
renamed(void *arg, uint32_t channel, uint64_t count)
{
	(void) arg;
	return channel + 100 * (uint32_t) count;
}

static uint32_t
draw(uint32_t below)
{
	static uint64_t state = 1;

	state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t) (state >> 33) % below;
}

static bool
lists(const TransformStep *step, uint32_t channel)
{
	for (size_t i = 0; i < step->nchannels; i++)
		if (step->channels[i] == channel)
			return true;
	return false;
}

/* Whether touch i of the path stays, straight from the definition of each step. */
static bool
stays(const Touches *path, size_t i, const TransformStep *step)
{
	bool all = true;
	bool rest = true;
	bool before = false;

	for (size_t j = 0; j < path->n; j++)
	{
		all = all && lists(step, path->channels[j]);
		rest = rest && (j < i || lists(step, path->channels[j]));
		before = before || (j < i && path->channels[j] == path->channels[i]);
	}
	switch (step->kind)
	{
		case TRANSFORM_EXPOSURE:
			return i == 0 || path->channels[i] != path->channels[i - 1];
		case TRANSFORM_FIRST:
		case TRANSFORM_FREQUENCY:
			return !before;
		case TRANSFORM_UNIQUE:
			return true;
		case TRANSFORM_REMOVE_IF_NOT_ALL:
			return all || !lists(step, path->channels[i]);
		case TRANSFORM_REMOVE_IF_LAST_AND_NOT_ALL:
			return all || !rest;
	}
	return false;
}

static Touches
reference_step(const Touches *path, const TransformStep *step)
{
	Touches result = {.n = 0};

	for (size_t i = 0; i < path->n; i++)
	{
		uint32_t channel = path->channels[i];
		uint64_t count = 0;

		if (!stays(path, i, step))
			continue;
		for (size_t j = 0; j < path->n; j++)
			count += path->channels[j] == channel;
		result.channels[result.n] =
			step->kind == TRANSFORM_FREQUENCY ? renamed(NULL, channel, count) : channel;
		result.at[result.n] = path->at[i];
		result.refs[result.n] = path->refs[i];
		result.n++;
	}
	return result;
}

static bool
same(const Touches *a, const Touches *b)
{
	return a->n == b->n && memcmp(a->channels, b->channels, a->n * sizeof(a->channels[0])) == 0 &&
		   memcmp(a->at, b->at, a->n * sizeof(a->at[0])) == 0 &&
		   memcmp(a->refs, b->refs, a->n * sizeof(a->refs[0])) == 0;
}

static bool
random_case(TransformWorkspace *ws)
{
	TransformStep steps[4];
	uint32_t listed[4][NCHANNELS];
	TransformChain chain = {.steps = steps, .nsteps = draw(4), .intern_frequency = renamed};
	uint32_t channels = 1 + draw(NCHANNELS);
	Touches path = {.n = draw(MAX_PATH + 1)};
	Touches expected;

	for (size_t s = 0; s < chain.nsteps; s++)
	{
		steps[s] = (TransformStep){.kind = (TransformKind) draw(6), .channels = listed[s]};
		for (uint32_t c = 0; c < NCHANNELS; c++)
			if (draw(3) == 0)
				listed[s][steps[s].nchannels++] = c;
	}
	for (size_t i = 0; i < path.n; i++)
	{
		path.channels[i] = draw(channels);
		path.at[i] = (int64_t) i * 10;
		path.refs[i] = (uint32_t) i;
	}
	expected = path;
	for (size_t s = 0; s < chain.nsteps; s++)
		expected = reference_step(&expected, &steps[s]);
	if (path.n > 0 && expected.n == 0)
		return false;
	path.n = transform_apply(&chain, ws, unit_env(), path.channels, path.at, path.refs, path.n);
	return same(&path, &expected);
}

/* The field's common example, with D, A, B, C numbered 3, 0, 1, 2. */
static void
example(TransformWorkspace *ws, TransformKind kind, const char *name, const uint32_t *expected, size_t n)
{
	uint32_t path[] = {3, 0, 1, 1, 2, 3, 2, 2};
	TransformStep step = {.kind = kind};
	TransformChain chain = {.steps = &step, .nsteps = 1, .intern_frequency = renamed};
	size_t length = transform_apply(&chain, ws, unit_env(), path, NULL, NULL, 8);

	ok(length == n && memcmp(path, expected, n * sizeof(path[0])) == 0, "%s on the common example", name);
}

static void
large(TransformWorkspace *ws)
{
	size_t n = 200000;
	uint32_t *path = malloc(n * sizeof(uint32_t));
	TransformStep step = {.kind = TRANSFORM_FREQUENCY};
	TransformChain chain = {.steps = &step, .nsteps = 1, .intern_frequency = renamed};
	size_t length;
	bool right = true;

	for (size_t i = 0; i < n; i++)
		path[i] = (uint32_t) (i * 7919 % 100000);
	length = transform_apply(&chain, ws, unit_env(), path, NULL, NULL, n);
	for (size_t i = 0; i < length; i++)
		right = right && path[i] == (uint32_t) (i * 7919 % 100000) + 200;
	ok(length == 100000 && right, "200 000 touches of 100 000 channels");
	free(path);
}

int
main(void)
{
	TransformWorkspace ws = {0};
	bool right = true;

	example(&ws, TRANSFORM_UNIQUE, "unique", (uint32_t[]){3, 0, 1, 1, 2, 3, 2, 2}, 8);
	example(&ws, TRANSFORM_EXPOSURE, "exposure", (uint32_t[]){3, 0, 1, 2, 3, 2}, 6);
	example(&ws, TRANSFORM_FIRST, "first", (uint32_t[]){3, 0, 1, 2}, 4);
	example(&ws, TRANSFORM_FREQUENCY, "frequency", (uint32_t[]){203, 100, 201, 302}, 4);
	for (int i = 0; i < 50000 && right; i++)
		right = random_case(&ws);
	ok(right, "50 000 random chains equal the definitions, and none empties a path");
	large(&ws);
	transform_workspace_free(&ws, unit_env());
	return done();
}
