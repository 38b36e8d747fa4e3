#include "arguments.h"

#include "miscadmin.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

void
argument_not_null(FunctionCallInfo fcinfo, int argno, const char *name)
{
	if (PG_ARGISNULL(argno))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be NULL", name),
						errhint("Leave the argument out to get its default.")));
}

double
argument_float8(FunctionCallInfo fcinfo, int argno, const char *name)
{
	argument_not_null(fcinfo, argno, name);
	return PG_GETARG_FLOAT8(argno);
}

bool
argument_bool(FunctionCallInfo fcinfo, int argno, const char *name)
{
	argument_not_null(fcinfo, argno, name);
	return PG_GETARG_BOOL(argno);
}

char *
argument_text(FunctionCallInfo fcinfo, int argno, const char *name)
{
	argument_not_null(fcinfo, argno, name);
	return text_to_cstring(PG_GETARG_TEXT_PP(argno));
}

int32
argument_int32(FunctionCallInfo fcinfo, int argno, const char *name, int32 min, int32 max)
{
	int32 value;

	argument_not_null(fcinfo, argno, name);
	value = PG_GETARG_INT32(argno);
	if (value < min || value > max)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s must be between %d and %d, not %d", name, min, max, value),
						errhint("Leave the argument out to get its default.")));
	return value;
}

NameList
argument_names(FunctionCallInfo fcinfo, int argno, const char *name)
{
	NameList list = {0, NULL};
	ArrayType *array;
	Datum *elements;
	bool *nulls;

	if (PG_ARGISNULL(argno))
		return list;
	array = PG_GETARG_ARRAYTYPE_P(argno);
	if (ARR_NDIM(array) > 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s must be a one-dimensional array, not one of %d dimensions", name,
							   ARR_NDIM(array)),
						errhint("Write it as ARRAY['email', 'search'].")));
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &list.count);
	list.names = palloc_extended(sizeof(char *) * Max(list.count, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < list.count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("%s must not contain NULL, but element %d is", name, i + 1),
							errhint("Remove it, for instance by array_remove(array, NULL).")));
		list.names[i] = TextDatumGetCString(elements[i]);
	}
	return list;
}
