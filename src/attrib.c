/*
 * attrib: marketing measurement inside PostgreSQL. The module's entry, and the services it lends to src/core.
 */
#include "attrib.h"

#include <gsl/gsl_errno.h>

#include "common/shortest_dec.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/memutils.h"

ATTRIB_MODULE_MAGIC;

/* Exported by name: the server looks it up. Debian's 15 hides other symbols by default. */
extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	/* GSL's default handler calls abort(), which would take the server down. */
	gsl_set_error_handler_off();

	DefineCustomBoolVariable("attrib.progress", "Lets media mix models that take long say how far they are.",
							 NULL, &attrib_progress, true, PGC_USERSET, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("attrib");
}

static void *
env_alloc(void *arg, size_t size)
{
	(void) arg;
	if (!AllocHugeSizeIsValid(size))
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("the computation needs more memory than the server can address")));
	return MemoryContextAllocExtended(CurrentMemoryContext, size, MCXT_ALLOC_HUGE);
}

static void
env_release(void *arg, void *ptr)
{
	(void) arg;
	pfree(ptr);
}

static void
env_check(void *arg)
{
	(void) arg;
	CHECK_FOR_INTERRUPTS();
}

const CoreEnv *
attrib_env(void)
{
	static const CoreEnv env = {env_alloc, env_release, env_check, NULL};

	return &env;
}

void
attrib_check_status(CoreStatus status, const char *what)
{
	static const struct
	{
		int code;
		const char *message;
	} errors[] = {
		[CORE_OVERFLOW] = {ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
						   "a sum is out of range: counts must fit bigint, values a total of 9.2e18"},
		[CORE_TOO_LARGE] = {ERRCODE_PROGRAM_LIMIT_EXCEEDED, "the problem is too large"},
		[CORE_BAD_INPUT] = {ERRCODE_INVALID_PARAMETER_VALUE, "an argument is out of range"},
		[CORE_CORRUPT] = {ERRCODE_INVALID_BINARY_REPRESENTATION, "invalid bytes"},
		[CORE_NO_CONVERGE] = {ERRCODE_PROGRAM_LIMIT_EXCEEDED, "no convergence to the tolerance"},
		[CORE_NUMERIC] = {ERRCODE_FLOATING_POINT_EXCEPTION, "numerical failure"},
	};

	if (status != CORE_OK)
		ereport(ERROR, (errcode(errors[status].code), errmsg("%s: %s", what, errors[status].message)));
}

char *
exact_float8(double value)
{
	char *text = palloc(DOUBLE_SHORTEST_DECIMAL_LEN);

	(void) double_to_shortest_decimal_buf(value, text);
	return text;
}

#if PG_VERSION_NUM < 150000
/* What 15 and later provide: the result set as a tuplestore of the caller's expected row type. */
void
InitMaterializedSRF(FunctionCallInfo fcinfo, bits32 flags)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext previous;
	TupleDesc desc;

	(void) flags;
	if (result == NULL || !IsA(result, ReturnSetInfo) || !(result->allowedModes & SFRM_Materialize))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("set-valued function called in context that cannot accept a set")));
	previous = MemoryContextSwitchTo(result->econtext->ecxt_per_query_memory);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("function result type must be a row type")));
	result->returnMode = SFRM_Materialize;
	result->setDesc = BlessTupleDesc(desc);
	result->setResult =
		tuplestore_begin_heap((result->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
	MemoryContextSwitchTo(previous);
}
#endif
