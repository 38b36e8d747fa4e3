/*
 * Checked reading of SQL arguments. Functions with defaulted arguments cannot be STRICT without NULL
 * silently giving no rows, so each argument is read by one of these.
 */
#ifndef ATTRIB_ARGUMENTS_H
#define ATTRIB_ARGUMENTS_H

#include "compat.h"

/* Names given in an array; NUL-terminated, in the array's order. */
typedef struct NameList
{
	int count;
	char **names;
} NameList;

/* 22004 for NULL; `name` is the argument's. */
extern void argument_not_null(FunctionCallInfo fcinfo, int argno, const char *name);
extern double argument_float8(FunctionCallInfo fcinfo, int argno, const char *name);
extern bool argument_bool(FunctionCallInfo fcinfo, int argno, const char *name);
extern char *argument_text(FunctionCallInfo fcinfo, int argno, const char *name);

/* 22023 outside [min, max]. */
extern int32 argument_int32(FunctionCallInfo fcinfo, int argno, const char *name, int32 min, int32 max);

/* A text[] without NULL elements; NULL is an empty list. */
extern NameList argument_names(FunctionCallInfo fcinfo, int argno, const char *name);

#endif
