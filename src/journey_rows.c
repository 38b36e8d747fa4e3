/*
 * journey_summary_agg(journey_row [, options]): journeys that were cut before, by journey_agg or by hand.
 */
#include "aggregate.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "core/decay.h"
#include "event_input.h"
#include "journey_sink.h"
#include "summary.h"
#include "summary_state.h"
#include "utils/array.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(attrib_journey_row_trans);

/* The attributes of journey_row that a summary needs. */
enum
{
	ROW_PATH = 0,
	ROW_TOUCHED_AT = 1,
	ROW_CONVERTED_AT = 3,
	ROW_ENDED_AT = 5,
	ROW_VALUE = 6,
	ROW_IS_OPEN = 7,
	ROW_COUNT = 8
};

static void
read_row(HeapTupleHeader row, Datum *values, bool *nulls)
{
	TupleDesc desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(row), HeapTupleHeaderGetTypMod(row));
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(row), .t_data = row};

	ItemPointerSetInvalid(&tuple.t_self);
	if (desc->natts != ROW_COUNT)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("a journey_row has %d columns, not %d", ROW_COUNT, desc->natts)));
	heap_deform_tuple(&tuple, desc, values, nulls);
	ReleaseTupleDesc(desc);
}

/* Times of the touches as an array beside the path; NULL where there are none. */
static const int64 *
touch_times(Datum value, bool isnull, uint32 ntouches)
{
	ArrayType *array;

	if (isnull)
		return NULL;
	array = DatumGetArrayTypeP(value);
	if (ARR_NDIM(array) > 1 || (uint32) ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) != ntouches)
		ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
						errmsg("touched_at of a journey_row has %d elements, its path %u",
							   ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)), ntouches),
						errhint("The arrays of a journey_row are parallel.")));
	if (array_contains_nulls(array))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("touched_at must not contain NULL")));
	return (const int64 *) ARR_DATA_PTR(array);
}

static void
check_times(const int64 *at, uint32 ntouches)
{
	for (uint32 i = 0; i < ntouches; i++)
	{
		if (TIMESTAMP_NOT_FINITE(at[i]))
			event_reject_time(at[i], false);
		if (i > 0 && at[i] < at[i - 1])
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("touched_at of a journey_row must ascend"),
							errhint("Build the path with array_agg(... ORDER BY at), or with journey_agg.")));
	}
}

static bool
several_channels(const uint32 *touches, uint32 ntouches)
{
	for (uint32 i = 1; i < ntouches; i++)
		if (touches[i] != touches[0])
			return true;
	return false;
}

static uint64 *
row_weights(const uint32 *touches, uint32 ntouches, const int64 *at, const JourneySpec *spec)
{
	uint64 *weights;

	if (!spec->has_half_life || !several_channels(touches, ntouches))
		return NULL;
	if (at == NULL)
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("time decay needs touched_at in each converted journey_row"),
						errhint("Set half_life => NULL in journey_options() to go without time decay.")));
	weights = palloc_extended(ntouches * sizeof(uint64), MCXT_ALLOC_HUGE);
	decay_weights(at, ntouches, spec->half_life, weights);
	return weights;
}

/* (state, journey journey_row [, options]) */
Datum
attrib_journey_row_trans(PG_FUNCTION_ARGS)
{
	AggregateNode *node = aggregate_node(aggregate_context(fcinfo));
	HeapTupleHeader options = PG_NARGS() > 2 && !PG_ARGISNULL(2) ? PG_GETARG_HEAPTUPLEHEADER(2) : NULL;
	const JourneySpec *spec = aggregate_options_of_row(node, options);
	SummaryState *state = summary_state_arg(fcinfo);
	SummaryMeta meta = journey_spec_meta(spec);
	PathCounts counts = {0};
	Datum values[ROW_COUNT];
	bool nulls[ROW_COUNT];
	uint32 *touches = NULL;
	uint32 ntouches;
	const int64 *at;
	bool converted;
	bool matured = true;
	double value;

	summary_state_set_meta(state, &meta);
	if (PG_ARGISNULL(1))
		return EOHPGetRWDatum(&state->hdr);
	read_row(PG_GETARG_HEAPTUPLEHEADER(1), values, nulls);
	ntouches = summary_state_path(state, values[ROW_PATH], nulls[ROW_PATH], &touches);
	at = touch_times(values[ROW_TOUCHED_AT], nulls[ROW_TOUCHED_AT], ntouches);
	if (at)
		check_times(at, ntouches);
	converted = !nulls[ROW_CONVERTED_AT];
	value = nulls[ROW_VALUE] ? 0 : DatumGetFloat8(values[ROW_VALUE]);
	value_validate(value, converted);
	/* the last touch before transforms, where it is told */
	if (!nulls[ROW_ENDED_AT])
		matured = journey_matured(&spec->walk, DatumGetTimestampTz(values[ROW_ENDED_AT]));
	else if (at && ntouches > 0)
		matured = journey_matured(&spec->walk, at[ntouches - 1]);
	if (converted)
	{
		counts.conversions = 1;
		counts.matured_conversions = matured;
		counts.value = fixed_from_double(value);
		counts.squares = fixed_square(counts.value);
		counts.matured_value = matured ? counts.value : 0;
		counts.weights = row_weights(touches, ntouches, at, spec);
	}
	else if (!nulls[ROW_IS_OPEN] && DatumGetBool(values[ROW_IS_OPEN]))
		counts.open = 1;
	else
		counts.lost = 1;
	summary_state_add(state, touches, ntouches, &counts);
	return EOHPGetRWDatum(&state->hdr);
}
