/*
 * journey_agg: gathering the events of a group, alone or in parallel.
 */
#include "journey_agg.h"

#include "aggregate.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "event_input.h"

PG_FUNCTION_INFO_V1(journey_agg_transfn);
PG_FUNCTION_INFO_V1(journey_agg_combine);
PG_FUNCTION_INFO_V1(journey_agg_serialize);
PG_FUNCTION_INFO_V1(journey_agg_deserialize);

#define FIRST_ROWS 6
#define FIRST_TEXT 64

/* The decoder numbers events by uint32, and a row can be two of them. */
#define MAX_ROWS ((Size) PG_UINT32_MAX / 2)

/* What a state looks like on its way between processes, before rows, texts and the options composite. */
typedef struct AggWire
{
	Size nrows;
	Size ntext;
	Size options; /* bytes; 0: no options argument */
} AggWire;

static void *
grow(MemoryContext context, void *array, Size *capacity, Size needed, Size first, Size element)
{
	Size size = *capacity ? *capacity * 2 : first;

	while (size < needed)
		size *= 2;
	if (size > MaxAllocHugeSize / element)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many events in one group"),
						errhint("journey_agg is meant for GROUP BY user.")));
	*capacity = size;
	return array ? repalloc_huge(array, size * element)
				 : MemoryContextAllocExtended(context, size * element, MCXT_ALLOC_HUGE);
}

static void
reserve(JourneyAggState *state, Size rows, Size text)
{
	if (unlikely(rows > MAX_ROWS - state->nrows))
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("more than %zu events in one group", MAX_ROWS),
						errhint("journey_agg is meant for GROUP BY user.")));
	if (state->nrows + rows > state->capacity)
		state->rows = grow(state->context, state->rows, &state->capacity, state->nrows + rows, FIRST_ROWS,
						   sizeof(AggRow));
	if (state->ntext + text > state->text_capacity)
		state->text =
			grow(state->context, state->text, &state->text_capacity, state->ntext + text, FIRST_TEXT, 1);
}

static JourneyAggState *
new_state(MemoryContext context, const JourneySpec *spec)
{
	JourneyAggState *state = MemoryContextAllocZero(context, sizeof(JourneyAggState));

	state->context = context;
	state->spec = spec;
	return state;
}

static text *
text_argument(FunctionCallInfo fcinfo, int argno)
{
	return PG_ARGISNULL(argno) ? NULL : PG_GETARG_TEXT_PP(argno);
}

static void
append_row(JourneyAggState *state, AggRow row, const text *channel, const text *id)
{
	row.channel_length = channel ? (int32) VARSIZE_ANY_EXHDR(channel) : -1;
	row.id_length = id ? (int32) VARSIZE_ANY_EXHDR(id) : -1;
	reserve(state, 1, (Size) Max(row.channel_length, 0) + Max(row.id_length, 0));
	row.text = state->ntext;
	state->rows[state->nrows++] = row;
	if (row.channel_length > 0)
		memcpy(state->text + state->ntext, VARDATA_ANY(channel), row.channel_length);
	state->ntext += Max(row.channel_length, 0);
	if (row.id_length > 0)
		memcpy(state->text + state->ntext, VARDATA_ANY(id), row.id_length);
	state->ntext += Max(row.id_length, 0);
}

/* (state, at, channel, converted, value, event_id [, options]) */
Datum
journey_agg_transfn(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	JourneyAggState *state = PG_ARGISNULL(0) ? NULL : (JourneyAggState *) PG_GETARG_POINTER(0);
	HeapTupleHeader options = PG_NARGS() > 6 && !PG_ARGISNULL(6) ? PG_GETARG_HEAPTUPLEHEADER(6) : NULL;
	text *channel = text_argument(fcinfo, 2);
	AggRow row = {0};

	if (state == NULL)
		state = new_state(context, aggregate_options(aggregate_node(context), options));
	else
		journey_spec_check_row(state->spec, options);
	row.at = PG_ARGISNULL(1) ? 0 : PG_GETARG_TIMESTAMPTZ(1);
	row.converted = !PG_ARGISNULL(3) && PG_GETARG_BOOL(3);
	row.value = PG_ARGISNULL(4) ? 0 : PG_GETARG_FLOAT8(4) + 0.0; /* -0 is 0 */
	if (event_validate(row.at, PG_ARGISNULL(1), channel ? VARDATA_ANY(channel) : NULL,
					   channel ? VARSIZE_ANY_EXHDR(channel) : 0, channel == NULL, row.converted, row.value))
		append_row(state, row, channel, text_argument(fcinfo, 5));
	PG_RETURN_POINTER(state);
}

/* The second state belongs to another's memory: its rows are copied, never adopted. */
Datum
journey_agg_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	JourneyAggState *state = PG_ARGISNULL(0) ? NULL : (JourneyAggState *) PG_GETARG_POINTER(0);
	JourneyAggState *other = PG_ARGISNULL(1) ? NULL : (JourneyAggState *) PG_GETARG_POINTER(1);

	if (other == NULL)
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state == NULL)
		state = new_state(context, aggregate_options(aggregate_node(context), other->spec->source));
	else
		journey_spec_require_equal(state->spec, other->spec);
	reserve(state, other->nrows, other->ntext);
	for (Size i = 0; i < other->nrows; i++)
	{
		state->rows[state->nrows] = other->rows[i];
		state->rows[state->nrows++].text += state->ntext;
	}
	if (other->ntext > 0)
		memcpy(state->text + state->ntext, other->text, other->ntext);
	state->ntext += other->ntext;
	PG_RETURN_POINTER(state);
}

Datum
journey_agg_serialize(PG_FUNCTION_ARGS)
{
	const JourneyAggState *state;
	AggWire wire;
	Size size;
	bytea *result;
	char *to;

	(void) aggregate_context(fcinfo);
	state = (const JourneyAggState *) PG_GETARG_POINTER(0);
	wire = (AggWire){state->nrows, state->ntext,
					 state->spec->source ? HeapTupleHeaderGetDatumLength(state->spec->source) : 0};
	size = VARHDRSZ + sizeof(wire) + wire.nrows * sizeof(AggRow) + wire.ntext + wire.options;
	if (size > MaxAllocSize)
		ereport(
			ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg(
				 "the events of one group take %zu bytes, more than the %zu that parallel workers can ship",
				 size, MaxAllocSize),
			 errhint("GROUP BY user, or set max_parallel_workers_per_gather = 0.")));
	result = palloc(size);
	SET_VARSIZE(result, size);
	to = VARDATA(result);
	memcpy(to, &wire, sizeof(wire));
	to += sizeof(wire);
	if (wire.nrows > 0)
		memcpy(to, state->rows, wire.nrows * sizeof(AggRow));
	to += wire.nrows * sizeof(AggRow);
	if (wire.ntext > 0)
		memcpy(to, state->text, wire.ntext);
	if (wire.options > 0)
		memcpy(to + wire.ntext, state->spec->source, wire.options);
	PG_RETURN_BYTEA_P(result);
}

Datum
journey_agg_deserialize(PG_FUNCTION_ARGS)
{
	bytea *bytes;
	const char *from;
	AggWire wire;
	JourneyAggState *state;
	HeapTupleHeader options = NULL;

	(void) aggregate_context(fcinfo);
	bytes = PG_GETARG_BYTEA_PP(0);
	from = VARDATA_ANY(bytes);
	memcpy(&wire, from, sizeof(wire));
	from += sizeof(wire);
	if (wire.options > 0)
	{
		options = palloc(wire.options); /* for its alignment */
		memcpy(options, from + wire.nrows * sizeof(AggRow) + wire.ntext, wire.options);
	}
	state = new_state(CurrentMemoryContext,
					  aggregate_options(aggregate_node(aggregate_context(fcinfo)), options));
	reserve(state, wire.nrows, wire.ntext);
	if (wire.nrows > 0)
		memcpy(state->rows, from, wire.nrows * sizeof(AggRow));
	if (wire.ntext > 0)
		memcpy(state->text, from + wire.nrows * sizeof(AggRow), wire.ntext);
	state->nrows = wire.nrows;
	state->ntext = wire.ntext;
	PG_RETURN_POINTER(state);
}
