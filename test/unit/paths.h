/*
 * Summary views for tests, built a path at a time.
 */
#ifndef ATTRIB_TEST_PATHS_H
#define ATTRIB_TEST_PATHS_H

#include <string.h>

#include "core/summary_view.h"
#include "unit.h"

typedef struct PathsBuilder
{
	SummaryView view;
	SummaryPath *paths;
	size_t capacity;
} PathsBuilder;

/* An empty path must come first, as in every view. */
__attribute__((unused)) static void
add_path(PathsBuilder *builder, const uint32_t *touches, uint32_t ntouches, int64_t conversions, int64_t lost,
		 double value)
{
	SummaryView *view = &builder->view;
	uint32_t *copy = malloc((ntouches + 1) * sizeof(uint32_t));
	SummaryPath *path;

	if (view->npaths == builder->capacity)
	{
		builder->capacity = builder->capacity ? 2 * builder->capacity : 16;
		builder->paths = realloc(builder->paths, builder->capacity * sizeof(SummaryPath));
		view->paths = builder->paths;
	}
	for (uint32_t j = 0; j < ntouches; j++)
	{
		copy[j] = touches[j];
		if (touches[j] >= view->nchannels)
			view->nchannels = touches[j] + 1;
	}
	path = &builder->paths[view->npaths++];
	*path = (SummaryPath){.value = fixed_from_double(value),
						  .matured_value = fixed_from_double(value),
						  .conversions = conversions,
						  .matured_conversions = conversions,
						  .lost = lost,
						  .touches = copy,
						  .ntouches = ntouches};
	view->ntouches += ntouches;
	if (ntouches > view->longest_path)
		view->longest_path = ntouches;
	view->conversions += conversions;
	view->matured_conversions += conversions;
	view->lost += lost;
	view->value += path->value;
	view->matured_value += path->value;
}

/* "ABA" is the path of channels 0, 1, 0. */
__attribute__((unused)) static void
add_letters(PathsBuilder *builder, const char *letters, int64_t conversions, int64_t lost, double value)
{
	uint32_t touches[64];
	uint32_t n = (uint32_t) strlen(letters);

	for (uint32_t j = 0; j < n; j++)
		touches[j] = (uint32_t) (letters[j] - 'A');
	add_path(builder, touches, n, conversions, lost, value);
}

/* Makes `conversions` of the last path too young to count as matured. */
__attribute__((unused)) static void
unripen(PathsBuilder *builder, int64_t conversions)
{
	builder->paths[builder->view.npaths - 1].matured_conversions -= conversions;
	builder->view.matured_conversions -= conversions;
}

/* The worked example that the project's expected answers are computed from. */
__attribute__((unused)) static PathsBuilder
worked_paths(void)
{
	PathsBuilder builder = {0};

	add_letters(&builder, "ABAC", 3, 2, 90);
	add_letters(&builder, "A", 2, 8, 20);
	add_letters(&builder, "AAAB", 4, 1, 100);
	add_letters(&builder, "BC", 1, 4, 75);
	add_letters(&builder, "CC", 0, 5, 0);
	add_letters(&builder, "CBBA", 2, 3, 60);
	add_letters(&builder, "DAD", 1, 0, 12);
	add_letters(&builder, "BABAB", 5, 5, 250);
	add_letters(&builder, "D", 0, 7, 0);
	return builder;
}

/* A small generator of its own, so that the tests' inputs depend on no library. */
static uint64_t test_state = 1;

__attribute__((unused)) static uint64_t
test_random(uint64_t below)
{
	uint64_t x;

	test_state += UINT64_C(0x9e3779b97f4a7c15);
	x = (test_state ^ (test_state >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (x ^ (x >> 31)) % below;
}

/* Some paths of up to maxlen touches over nchannels; every third conversion may be young, some paths open. */
__attribute__((unused)) static PathsBuilder
random_paths(uint32_t nchannels, uint32_t npaths, uint32_t maxlen)
{
	PathsBuilder builder = {0};

	builder.view.nchannels = nchannels;
	if (test_random(2))
		add_path(&builder, NULL, 0, (int64_t) test_random(5), 0, (double) test_random(100));
	for (uint32_t i = 0; i < npaths; i++)
	{
		uint32_t touches[64];
		uint32_t n = 1 + (uint32_t) test_random(maxlen);
		int64_t conversions = (int64_t) test_random(5);
		bool open = test_random(5) == 0;

		for (uint32_t j = 0; j < n; j++)
			touches[j] = (uint32_t) test_random(nchannels);
		add_path(&builder, touches, n, conversions, open ? 0 : (int64_t) test_random(6),
				 conversions ? (double) test_random(100000) / 100 : 0);
		if (open)
			unripen(&builder, conversions);
		else if (conversions > 0 && test_random(3) == 0)
			unripen(&builder, 1);
	}
	return builder;
}

__attribute__((unused)) static void
free_paths(PathsBuilder *builder)
{
	for (size_t i = 0; i < builder->view.npaths; i++)
		free((void *) builder->paths[i].touches);
	free(builder->paths);
}

#endif
