/*
 * Unit tests of src/core: each test/unit/test_*.c is a program that prints TAP.
 */
#ifndef ATTRIB_UNIT_H
#define ATTRIB_UNIT_H

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core.h"

/*
 * Core leaves results and, after an error, scratch to its caller's memory context. malloc knows no
 * contexts, so what a test program still holds at its end is not a leak.
 */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "detect_leaks=0";
}

static int unit_run;
static int unit_failures;
static long unit_checks; /* how often core let itself be interrupted */

__attribute__((format(printf, 2, 3), unused)) static bool
ok(bool condition, const char *name, ...)
{
	va_list args;

	printf("%sok %d - ", condition ? "" : "not ", ++unit_run);
	va_start(args, name);
	vprintf(name, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	if (!condition)
		unit_failures++;
	return condition;
}

/* |actual - expected| <= relative * max(1, |expected|); equal infinities and two NaNs are close too. */
__attribute__((unused)) static bool
is_close(double actual, double expected, double relative, const char *name)
{
	double scale = fabs(expected) > 1 ? fabs(expected) : 1;
	bool close = actual == expected || (isnan(actual) && isnan(expected)) ||
				 fabs(actual - expected) <= relative * scale;

	if (!ok(close, "%s", name))
		printf("# got %.17g, expected %.17g within %g\n", actual, expected, relative);
	return close;
}

/* The plan, last; return its value from main. */
__attribute__((unused)) static int
done(void)
{
	printf("1..%d\n", unit_run);
	return unit_failures > 0;
}

static void *
unit_alloc(void *arg, size_t size)
{
	void *ptr = size <= SIZE_MAX / 4 ? malloc(size) : NULL;

	(void) arg;
	if (!ptr)
	{
		printf("Bail out! cannot allocate %zu bytes\n", size);
		exit(1);
	}
	return ptr;
}

static void
unit_release(void *arg, void *ptr)
{
	(void) arg;
	free(ptr);
}

static void
unit_check(void *arg)
{
	(void) arg;
	unit_checks++;
}

/* The caller's services over malloc. */
__attribute__((unused)) static const CoreEnv *
unit_env(void)
{
	static const CoreEnv env = {unit_alloc, unit_release, unit_check, NULL};

	return &env;
}

#endif
