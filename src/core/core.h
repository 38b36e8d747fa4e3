/*
 * What every file of src/core shares: how it gets memory, how it lets itself be interrupted, and how it
 * reports trouble. Nothing here or below src/core knows PostgreSQL.
 */
#ifndef ATTRIB_CORE_H
#define ATTRIB_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The caller's services. Core code owns nothing: it asks the caller for memory and gives scratch memory
 * back, but a longjmp out of any of these calls (PostgreSQL raises errors that way) must leave nothing
 * behind, so core holds no other resource across them and never calls them from inside a library's frame.
 */
typedef struct CoreEnv
{
	void *(*alloc)(void *arg, size_t size); /* never returns NULL: it raises or aborts instead */
	void (*release)(void *arg, void *ptr);
	void (*check)(void *arg); /* called every few thousand steps of a long loop; may not return */
	void *arg;
} CoreEnv;

typedef enum CoreStatus
{
	CORE_OK = 0,
	CORE_OVERFLOW,	  /* a sum or count does not fit its type */
	CORE_TOO_LARGE,	  /* a size beyond a stated limit */
	CORE_BAD_INPUT,	  /* an argument outside its range */
	CORE_CORRUPT,	  /* serialized bytes that break the format */
	CORE_NO_CONVERGE, /* an iteration that did not reach its tolerance */
	CORE_NUMERIC,	  /* a library reported a numerical failure */
} CoreStatus;

/* count * size bytes, uninitialised; the product saturates, and the allocator refuses SIZE_MAX by itself. */
static inline void *
core_alloc_array(const CoreEnv *env, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		bytes = SIZE_MAX;
	return env->alloc(env->arg, bytes ? bytes : 1);
}

/* The same, zeroed. */
static inline void *
core_alloc_zero(const CoreEnv *env, size_t count, size_t size)
{
	char *ptr = core_alloc_array(env, count, size);

	__builtin_memset(ptr, 0, count * size);
	return ptr;
}

static inline void
core_free(const CoreEnv *env, void *ptr)
{
	if (ptr)
		env->release(env->arg, ptr);
}

static inline void
core_check(const CoreEnv *env)
{
	env->check(env->arg);
}

#define CORE_ALLOC(env, type, count) ((type *) core_alloc_array(env, count, sizeof(type)))
#define CORE_ALLOC_ZERO(env, type, count) ((type *) core_alloc_zero(env, count, sizeof(type)))

#endif
