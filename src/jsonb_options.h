/*
 * Reading options from jsonb objects: every function that takes {"key": value} uses these, so that an
 * unknown key, a wrong type or a value out of range gets the same kind of error everywhere.
 */
#ifndef ATTRIB_JSONB_OPTIONS_H
#define ATTRIB_JSONB_OPTIONS_H

#include "compat.h"
#include "utils/jsonb.h"

/* A position in an object; keys come NUL-terminated, in jsonb's order. */
typedef struct JsonbObjectIter
{
	JsonbIterator *iter;
	const char *what; /* names the argument in messages, e.g. "transforms" */
	const char *key;  /* current key */
	JsonbValue value; /* current value */
	Node *escontext;  /* where errors go; NULL raises them */
} JsonbObjectIter;

/* Errors 22023 unless the jsonb is an object; `what` names the argument in messages. */
extern void jsonb_object_begin(JsonbObjectIter *it, Jsonb *object, const char *what);
extern bool jsonb_object_next(JsonbObjectIter *it);

/* The same over a value found inside another (a JsonbValue of type jbvBinary that holds an object). */
extern void jsonb_object_begin_value(JsonbObjectIter *it, JsonbValue *value, const char *what);

/*
 * The same for input functions, whose errors go to `escontext`. As with a stdio stream, the error stays: the loop over
 * jsonb_object_next() ends, and behind it the caller asks SOFT_ERROR_OCCURRED(escontext). What is read meanwhile is
 * the least allowed number, false, "" or an empty array.
 */
extern void jsonb_object_begin_input(JsonbObjectIter *it, Jsonb *object, const char *what, Node *escontext);

/* The current value as a type; 22023 naming the key and the value when it is another or out of range. */
extern double jsonb_option_float8(JsonbObjectIter *it, double min, double max);
extern int64 jsonb_option_int64(JsonbObjectIter *it, int64 min, int64 max);
extern bool jsonb_option_bool(JsonbObjectIter *it);
extern char *jsonb_option_text(JsonbObjectIter *it);
extern int64 jsonb_option_interval(JsonbObjectIter *it); /* a positive interval in microseconds */
extern char **jsonb_option_text_array(JsonbObjectIter *it, int *count);
extern double *jsonb_option_float8_array(JsonbObjectIter *it, int *count);

/* 22023 "unrecognized key ..." with a HINT that lists the known ones. */
extern void jsonb_option_unknown(JsonbObjectIter *it, const char *known);

/* A jsonb value as text for messages. */
extern char *jsonb_value_text(JsonbValue *value);

/* Fixed-length units only: months, zero, negative and infinite are 22023. `what` names the argument. */
extern int64 interval_microseconds(Interval *interval, const char *what);

#endif
