/*
 * Aggregates whose input is paths or summaries: journey_summary_agg over path rows and counted paths, and
 * rollup. Their state type is journey_summary itself.
 */
#include "aggregate.h"
#include "summary.h"

#include "catalog/pg_type.h"
#include "event_input.h"
#include "miscadmin.h"
#include "summary_state.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(attrib_path_trans);
PG_FUNCTION_INFO_V1(attrib_counted_path_trans);
PG_FUNCTION_INFO_V1(attrib_summary_combine);

SummaryState *
summary_state_arg(FunctionCallInfo fcinfo)
{
	/* asked on each call: with grouping sets each may have its own */
	MemoryContext context = aggregate_context(fcinfo);
	SummaryState *state;

	if (PG_ARGISNULL(0))
		return summary_state_create(context, NULL);
	state = summary_state_of(PG_GETARG_DATUM(0));
	if (state == NULL)
	{
		/* flattened on its way here, by a spilled group or a foreign node */
		state = summary_state_create(context, NULL);
		summary_state_add_flat(state, PG_GETARG_VARLENA_P(0));
	}
	return state;
}

#define RETURN_STATE(state) return EOHPGetRWDatum(&(state)->hdr)

/*
 * Where the elements of a text[] lie. A path in a table mostly has a header of one byte, behind which nothing is
 * aligned; making it an ArrayType would copy it. So fields are copied out one by one instead.
 */
typedef struct TextElements
{
	const char *start; /* as if a header of four bytes lay there: offsets from it are aligned */
	size_t at;		   /* offset of the next element */
	uint32 n;
} TextElements;

static inline int32
int_at(const char *address)
{
	int32 value;

	memcpy(&value, address, sizeof(value));
	return value;
}

/* False for what has to be unpacked, or looked at for an error. */
static inline bool
packed_elements(const void *datum, TextElements *elements)
{
	const char *body = VARDATA_ANY(datum);
	int32 ndim;

	if (VARATT_IS_EXTERNAL(datum) || VARATT_IS_COMPRESSED(datum))
		return false;
	elements->start = body - VARHDRSZ;
	ndim = int_at(elements->start + offsetof(ArrayType, ndim));
	if (ndim != 1 || int_at(elements->start + offsetof(ArrayType, dataoffset)) != 0)
		return false;
	elements->at = ARR_OVERHEAD_NONULLS(1);
	elements->n = (uint32) int_at(elements->start + sizeof(ArrayType));
	return elements->n <= MaxArraySize;
}

/* The next element's bytes. */
static inline const char *
next_text(TextElements *elements, uint32 *length)
{
	const char *element = elements->start + elements->at;
	size_t size;

	if (VARATT_IS_1B(element))
	{
		size = VARSIZE_1B(element);
		*length = (uint32) (size - VARHDRSZ_SHORT);
		element += VARHDRSZ_SHORT;
	}
	else
	{
		int32 header = int_at(element);

		size = VARSIZE_4B(&header);
		*length = (uint32) (size - VARHDRSZ);
		element += VARHDRSZ;
	}
	elements->at = INTALIGN(elements->at + size);
	return element;
}

/* An array in whatever form, which is to be freed unless it is the datum itself. */
static pg_noinline ArrayType *
unpack_elements(Datum path, TextElements *elements)
{
	ArrayType *array = DatumGetArrayTypeP(path);

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("path must be a one-dimensional array, not one of %d dimensions", ARR_NDIM(array)),
				 errhint("Write it as ARRAY['email', 'search'].")));
	if (array_contains_nulls(array))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("path must not contain NULL"),
						errhint("Use array_remove(path, NULL), or name the unknown channel.")));
	elements->start = (const char *) array;
	elements->at = (size_t) (ARR_DATA_PTR(array) - (char *) array);
	elements->n = (uint32) ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	return array;
}

uint32
summary_state_path(SummaryState *state, Datum path, bool isnull, uint32 **touches)
{
	TextElements elements;
	ArrayType *array = NULL;

	if (isnull)
		return 0;
	if (unlikely(!packed_elements(DatumGetPointer(path), &elements)))
		array = unpack_elements(path, &elements);
	*touches = summary_state_scratch(state, elements.n);
	for (uint32 i = 0; i < elements.n; i++)
	{
		uint32 length;
		const char *name = next_text(&elements, &length);

		channel_validate(name, length);
		(*touches)[i] = channel_dict_intern(state->channels, name, length);
	}
	if (array && (Pointer) array != DatumGetPointer(path))
		pfree(array);
	return elements.n;
}

static const SummaryMeta bare_paths;

/* (state, path text[], converted boolean [, value float8]) */
Datum
attrib_path_trans(PG_FUNCTION_ARGS)
{
	SummaryState *state = summary_state_arg(fcinfo);
	bool converted = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
	double value = PG_NARGS() > 3 && !PG_ARGISNULL(3) ? PG_GETARG_FLOAT8(3) : 0;
	uint32 *touches = NULL;
	uint32 ntouches = summary_state_path(state, PG_GETARG_DATUM(1), PG_ARGISNULL(1), &touches);

	value_validate(value, converted);
	if (!state->meta_set || state->meta.has_options)
		summary_state_set_meta(state, &bare_paths);
	if (converted)
		summary_state_add_converted(state, touches, ntouches, fixed_from_double(value));
	else
		summary_state_add_lost(state, touches, ntouches);
	RETURN_STATE(state);
}

/* A whole number >= 0 that fits a bigint; NULL is 0. */
static int64
count_arg(FunctionCallInfo fcinfo, int argno, const char *what)
{
	Numeric number;
	Numeric limit;
	Datum whole;

	if (PG_ARGISNULL(argno))
		return 0;
	number = PG_GETARG_NUMERIC(argno);
	limit = int64_to_numeric(0);
	if (numeric_is_nan(number) || numeric_is_inf(number) ||
		DatumGetBool(DirectFunctionCall2(numeric_lt, NumericGetDatum(number), NumericGetDatum(limit))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a whole number of at least 0, not %s", what, numeric_normalize(number)),
				 errhint("Counted paths take numbers of journeys that converted and that were lost.")));
	whole = DirectFunctionCall2(numeric_trunc, NumericGetDatum(number), Int32GetDatum(0));
	if (!DatumGetBool(DirectFunctionCall2(numeric_eq, NumericGetDatum(number), whole)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a whole number of at least 0, not %s", what, numeric_normalize(number)),
				 errhint("Counted paths take numbers of journeys; fractions of credit are not counts.")));
	limit = int64_to_numeric(PG_INT64_MAX);
	if (DatumGetBool(DirectFunctionCall2(numeric_gt, whole, NumericGetDatum(limit))))
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("%s must fit a bigint, not %s", what, numeric_normalize(number))));
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, whole));
}

/* (state, path text[], conversions numeric, lost numeric, value float8) */
Datum
attrib_counted_path_trans(PG_FUNCTION_ARGS)
{
	SummaryState *state = summary_state_arg(fcinfo);
	double value = PG_ARGISNULL(4) ? 0 : PG_GETARG_FLOAT8(4);
	uint32 *touches = NULL;
	uint32 ntouches = summary_state_path(state, PG_GETARG_DATUM(1), PG_ARGISNULL(1), &touches);
	PathCounts counts = {0};

	counts.conversions = counts.matured_conversions = count_arg(fcinfo, 2, "conversions");
	counts.lost = count_arg(fcinfo, 3, "lost");
	/* each conversion may be worth as much as one given by itself; the sum has its own limit */
	if (value > FIXED_MAX_INPUT && value <= FIXED_MAX_INPUT * (double) counts.conversions)
	{
		if (value >= FIXED_MAX_SUM)
			ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
							errmsg("the value of a path is out of range: %g", value),
							errdetail("The sum of values must stay below %g.", FIXED_MAX_SUM)));
	}
	else
		value_validate(value, counts.conversions > 0);
	counts.value = counts.matured_value = fixed_from_double(value);
	/* how the value is spread over the conversions is not told; evenly is the least it can vary */
	if (counts.conversions > 0)
		counts.squares = fixed_square_divide(fixed_square(counts.value), (uint64) counts.conversions);
	if (!state->meta_set || state->meta.has_options)
		summary_state_set_meta(state, &bare_paths);
	summary_state_add(state, touches, ntouches, &counts);
	RETURN_STATE(state);
}

/*
 * Both the combine function of the path aggregates and rollup's transition. Always copies its second
 * argument: adopting it would leave two states sharing memory of different lifetimes.
 */
Datum
attrib_summary_combine(PG_FUNCTION_ARGS)
{
	SummaryState *state;

	if (PG_ARGISNULL(0) && PG_ARGISNULL(1))
		PG_RETURN_NULL();
	state = summary_state_arg(fcinfo);
	if (!PG_ARGISNULL(1))
	{
		struct varlena *flat = PG_GETARG_VARLENA_P(1);

		summary_state_add_flat(state, flat);
		PG_FREE_IF_COPY(flat, 1);
	}
	RETURN_STATE(state);
}
