#include "jsonb_options.h"

#include <math.h>

#include "common/int.h"
#include "datatype/timestamp.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#define BAD_OPTION ERRCODE_INVALID_PARAMETER_VALUE
#define NUMBER_HINT "Write a number, without quotes."

/* Bytes of an unsuitable value that a message shows. */
#define LONGEST_SHOWN 100

char *
jsonb_value_text(JsonbValue *value)
{
	StringInfoData text;
	Jsonb *jsonb = JsonbValueToJsonb(value);

	if (value->type == jbvString)
		return pnstrdup(value->val.string.val, value->val.string.len);
	initStringInfo(&text);
	return JsonbToCString(&text, &jsonb->root, VARSIZE(jsonb));
}

void
jsonb_object_begin_input(JsonbObjectIter *it, Jsonb *object, const char *what, Node *escontext)
{
	JsonbValue skipped;

	it->what = what;
	it->key = NULL;
	it->escontext = escontext;
	if (!JB_ROOT_IS_OBJECT(object))
	{
		errsave(escontext, (errcode(BAD_OPTION),
							errmsg("%s must be a JSON object, not %s", what,
								   JsonbToCString(NULL, &object->root, VARSIZE(object))),
							errhint("Write it as '{\"key\": value}'.")));
		return;
	}
	it->iter = JsonbIteratorInit(&object->root);
	(void) JsonbIteratorNext(&it->iter, &skipped, true); /* WJB_BEGIN_OBJECT */
}

void
jsonb_object_begin(JsonbObjectIter *it, Jsonb *object, const char *what)
{
	jsonb_object_begin_input(it, object, what, NULL);
}

void
jsonb_object_begin_value(JsonbObjectIter *it, JsonbValue *value, const char *what)
{
	jsonb_object_begin(it, JsonbValueToJsonb(value), what);
}

bool
jsonb_object_next(JsonbObjectIter *it)
{
	JsonbValue key;

	if (SOFT_ERROR_OCCURRED(it->escontext) || JsonbIteratorNext(&it->iter, &key, true) != WJB_KEY)
		return false;
	it->key = pnstrdup(key.val.string.val, key.val.string.len);
	(void) JsonbIteratorNext(&it->iter, &it->value, true); /* WJB_VALUE, nested ones as jbvBinary */
	return true;
}

/*
 * "what: \"key\" must be ..., not ...": the value as JSON, so that "1" does not look like 1, and its beginning only.
 * `hint` is how to write a value of the right type.
 */
static void
bad_value(JsonbObjectIter *it, const char *must, const char *hint)
{
	Jsonb *jsonb = JsonbValueToJsonb(&it->value);
	char *text = JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb));
	int length = strlen(text);
	int shown = length <= LONGEST_SHOWN ? length : pg_mbcliplen(text, length, LONGEST_SHOWN);

	errsave(it->escontext, (errcode(BAD_OPTION),
							errmsg("%s: \"%s\" must be %s, not %.*s%s", it->what, it->key, must, shown, text,
								   shown < length ? "..." : ""),
							hint ? errhint("%s", hint) : 0));
}

static double
numeric_to_float8(Numeric number)
{
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(number)));
}

double
jsonb_option_float8(JsonbObjectIter *it, double min, double max)
{
	double number;

	if (it->value.type != jbvNumeric)
	{
		bad_value(it, "a number", NUMBER_HINT);
		return min;
	}
	number = numeric_to_float8(it->value.val.numeric);
	if (number >= min && number <= max)
		return number;
	bad_value(it, psprintf("between %g and %g", min, max), NULL);
	return min;
}

static bool
numeric_is_whole_between(Numeric numeric, int64 min, int64 max)
{
	Datum number = NumericGetDatum(numeric);
	Datum low = NumericGetDatum(int64_to_numeric(min));
	Datum high = NumericGetDatum(int64_to_numeric(max));

	return !numeric_is_nan(numeric) && !numeric_is_inf(numeric) &&
		   !DatumGetBool(DirectFunctionCall2(numeric_lt, number, low)) &&
		   !DatumGetBool(DirectFunctionCall2(numeric_gt, number, high)) &&
		   DatumGetBool(DirectFunctionCall2(numeric_eq, number,
											DirectFunctionCall2(numeric_trunc, number, Int32GetDatum(0))));
}

int64
jsonb_option_int64(JsonbObjectIter *it, int64 min, int64 max)
{
	if (it->value.type == jbvNumeric && numeric_is_whole_between(it->value.val.numeric, min, max))
		return DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(it->value.val.numeric)));
	bad_value(it, psprintf("a whole number between " INT64_FORMAT " and " INT64_FORMAT, min, max),
			  it->value.type == jbvNumeric ? NULL : NUMBER_HINT);
	return min;
}

bool
jsonb_option_bool(JsonbObjectIter *it)
{
	if (it->value.type == jbvBool)
		return it->value.val.boolean;
	bad_value(it, "true or false", "Write one of them, without quotes.");
	return false;
}

char *
jsonb_option_text(JsonbObjectIter *it)
{
	if (it->value.type == jbvString)
		return jsonb_value_text(&it->value);
	bad_value(it, "a string", "Write a string, in double quotes.");
	return pstrdup("");
}

static bool
fixed_interval(Interval *interval, const char *what, Node *escontext, int64 *microseconds)
{
	const char *text;
	int64 days;
	bool fits = !pg_mul_s64_overflow(interval->day, USECS_PER_DAY, &days) &&
				!pg_add_s64_overflow(days, interval->time, microseconds);

	if (interval->month == 0 && fits && *microseconds > 0)
		return true;
	text = DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(interval)));
	if (interval->month == 0 && !fits && interval->day > 0)
		ereturn(
			escontext, false,
			(errcode(BAD_OPTION),
			 errmsg("%s must be at most %d days, not %s", what, (int) (PG_INT64_MAX / USECS_PER_DAY), text),
			 errhint("Intervals are kept in 64 bits as microseconds.")));
	ereturn(escontext, false,
			(errcode(BAD_OPTION),
			 errmsg("%s must be a positive interval of days or smaller units, not %s", what, text),
			 errhint("Months and years have no fixed length; write '30 days' rather than '1 month'.")));
}

int64
jsonb_option_interval(JsonbObjectIter *it)
{
	char *text = jsonb_option_text(it);
	Datum interval;
	int64 microseconds;

	if (SOFT_ERROR_OCCURRED(it->escontext) ||
		!DirectInputFunctionCallSafe(interval_in, text, InvalidOid, -1, it->escontext, &interval) ||
		!fixed_interval(DatumGetIntervalP(interval), psprintf("%s: \"%s\"", it->what, it->key), it->escontext,
						&microseconds))
		return 1;
	return microseconds;
}

/* Opens the current value as an array and returns an iterator past its start; NULL if it is none. */
static JsonbIterator *
array_begin(JsonbObjectIter *it, const char *must, const char *hint, int *count)
{
	JsonbIterator *iter;
	JsonbValue skipped;

	*count = 0;
	if (it->value.type != jbvBinary || !JsonContainerIsArray(it->value.val.binary.data) ||
		JsonContainerIsScalar(it->value.val.binary.data))
	{
		bad_value(it, must, hint);
		return NULL;
	}
	*count = JsonContainerSize(it->value.val.binary.data);
	iter = JsonbIteratorInit(it->value.val.binary.data);
	(void) JsonbIteratorNext(&iter, &skipped, true);
	return iter;
}

char **
jsonb_option_text_array(JsonbObjectIter *it, int *count)
{
	const char *must = "an array of strings";
	const char *hint = "Write it as [\"email\", \"search\"].";
	JsonbIterator *iter = array_begin(it, must, hint, count);
	char **result = palloc(sizeof(char *) * Max(*count, 1));
	JsonbValue element;

	for (int i = 0; i < *count; i++)
	{
		(void) JsonbIteratorNext(&iter, &element, true);
		if (element.type != jbvString)
		{
			bad_value(it, must, hint);
			*count = 0;
			break;
		}
		result[i] = pnstrdup(element.val.string.val, element.val.string.len);
	}
	return result;
}

double *
jsonb_option_float8_array(JsonbObjectIter *it, int *count)
{
	const char *must = "an array of numbers";
	const char *hint = "Write it as [1, 2.5].";
	JsonbIterator *iter = array_begin(it, must, hint, count);
	double *result = palloc(sizeof(double) * Max(*count, 1));
	JsonbValue element;

	for (int i = 0; i < *count; i++)
	{
		(void) JsonbIteratorNext(&iter, &element, true);
		if (element.type == jbvNumeric)
			result[i] = numeric_to_float8(element.val.numeric);
		if (element.type != jbvNumeric || !isfinite(result[i]))
		{
			bad_value(it, must, hint);
			*count = 0;
			break;
		}
	}
	return result;
}

void
jsonb_option_unknown(JsonbObjectIter *it, const char *known)
{
	errsave(it->escontext, (errcode(BAD_OPTION), errmsg("%s: unrecognized key \"%s\"", it->what, it->key),
							known[0] ? errhint("Known keys are %s.", known) : errhint("No keys are known.")));
}

int64
interval_microseconds(Interval *interval, const char *what)
{
	int64 microseconds = 0;

	(void) fixed_interval(interval, what, NULL, &microseconds);
	return microseconds;
}
