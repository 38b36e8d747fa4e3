/*
 * Journeys as rows: the final of journey_agg, and transform_path.
 */
#include "journey_agg.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "channel_dict.h"
#include "event_input.h"

PG_FUNCTION_INFO_V1(journey_agg_final);
PG_FUNCTION_INFO_V1(transform_path);

/* The attributes of journey_row. */
enum
{
	ROW_PATH,
	ROW_TOUCHED_AT,
	ROW_TOUCH_IDS,
	ROW_CONVERTED_AT,
	ROW_CONVERSION_ID,
	ROW_ENDED_AT,
	ROW_VALUE,
	ROW_IS_OPEN,
	ROW_COUNT
};

/* Channel numbers and, where a text[] is to be built, each channel's text Datum. */
typedef struct ChannelTexts
{
	ChannelDict dict;
	Datum *texts; /* by number; 0 where not yet made */
	uint32 ntexts;
} ChannelTexts;

static uint32
texts_intern(void *arg, const char *name, size_t length)
{
	return channel_dict_intern(&((ChannelTexts *) arg)->dict, name, (uint32) length);
}

static const char *
texts_name(void *arg, uint32 channel, size_t *length)
{
	const DictName *name = &((ChannelTexts *) arg)->dict.names[channel];

	*length = name->length;
	return name->text;
}

static Datum
texts_datum(ChannelTexts *texts, uint32 channel)
{
	const DictName *name = &texts->dict.names[channel];

	if (channel >= texts->ntexts)
	{
		Datum *larger = MemoryContextAllocExtended(CurrentMemoryContext, sizeof(Datum) * texts->dict.capacity,
												   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

		if (texts->ntexts > 0)
		{
			memcpy(larger, texts->texts, sizeof(Datum) * texts->ntexts);
			pfree(texts->texts);
		}
		texts->texts = larger;
		texts->ntexts = texts->dict.capacity;
	}
	if (texts->texts[channel] == (Datum) 0)
		texts->texts[channel] = PointerGetDatum(cstring_to_text_with_len(name->text, (int) name->length));
	return texts->texts[channel];
}

/* An array of one dimension; one that is too large is 54000, from within or from here. */
static ArrayType *
vector(Datum *elements, bool *nulls, Size n, Oid type)
{
	int dims[1] = {(int) n};
	int lower[1] = {1};

	if (n == 0)
		return construct_empty_array(type);
	if (n > MaxArraySize)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("a path of %zu touches is too long", n), errhint("Set max_touches.")));
	if (type == TEXTOID)
		return construct_md_array(elements, nulls, 1, dims, lower, TEXTOID, -1, false, TYPALIGN_INT);
	return construct_md_array(elements, nulls, 1, dims, lower, TIMESTAMPTZOID, sizeof(int64), FLOAT8PASSBYVAL,
							  TYPALIGN_DOUBLE);
}

/* An event on its way into the total order: a row, or one of the two parts of a row that is both. */
typedef struct OrderedPart
{
	int64 at;
	uint32 row;
	bool conversion;
} OrderedPart;

/* NULL (a length of -1) first, then by bytes. */
static int
compare_bytes(const char *a, int32 a_length, const char *b, int32 b_length)
{
	int order = memcmp(a, b, Max(Min(a_length, b_length), 0));

	return order != 0 ? order : (a_length > b_length) - (a_length < b_length);
}

/* (at, touch before conversion, channel, value, event_id) */
static int
compare_parts(const void *x, const void *y, void *arg)
{
	const OrderedPart *a = x;
	const OrderedPart *b = y;
	const JourneyAggState *state = arg;
	const AggRow *row_a = &state->rows[a->row];
	const AggRow *row_b = &state->rows[b->row];
	int order;

	CHECK_FOR_INTERRUPTS();
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	if (a->conversion != b->conversion)
		return a->conversion ? 1 : -1;
	order = compare_bytes(agg_row_channel(state, row_a), row_a->channel_length, agg_row_channel(state, row_b),
						  row_b->channel_length);
	if (order != 0)
		return order;
	if (row_a->value != row_b->value)
		return row_a->value < row_b->value ? -1 : 1;
	return compare_bytes(agg_row_id(state, row_a), row_a->id_length, agg_row_id(state, row_b),
						 row_b->id_length);
}

/* The state's rows as the decoder wants them; a ref is a row's number. */
static JourneyEvent *
order_events(const JourneyAggState *state, ChannelTexts *texts, Size *nevents)
{
	const CoreEnv *env = attrib_env();
	OrderedPart *parts = CORE_ALLOC(env, OrderedPart, state->nrows * 2);
	JourneyEvent *events;
	Size n = 0;

	for (Size i = 0; i < state->nrows; i++)
	{
		const AggRow *row = &state->rows[i];

		if (row->channel_length >= 0)
			parts[n++] = (OrderedPart){row->at, (uint32) i, false};
		if (row->converted)
			parts[n++] = (OrderedPart){row->at, (uint32) i, true};
	}
	qsort_arg(parts, n, sizeof(OrderedPart), compare_parts, unconstify(JourneyAggState *, state));
	events = CORE_ALLOC(env, JourneyEvent, n);
	for (Size i = 0; i < n; i++)
	{
		const AggRow *row = &state->rows[parts[i].row];
		uint32 channel = JOURNEY_CONVERSION;

		if (!parts[i].conversion)
			channel = texts_intern(texts, agg_row_channel(state, row), row->channel_length);
		events[i] = (JourneyEvent){parts[i].at, channel, parts[i].row};
	}
	pfree(parts);
	*nevents = n;
	return events;
}

/* Where the walk's journeys become rows. */
typedef struct RowBuilder
{
	const JourneyAggState *state;
	TupleDesc desc;
	ChannelTexts texts;
	Datum *elements; /* scratch for an array's elements */
	bool *nulls;
	Size scratch;
	Datum *rows;
	Size nrows;
	Size capacity;
	Size bytes; /* of all rows */
} RowBuilder;

static void
reserve_scratch(RowBuilder *builder, Size n)
{
	const CoreEnv *env = attrib_env();

	if (n <= builder->scratch)
		return;
	core_free(env, builder->elements);
	core_free(env, builder->nulls);
	builder->scratch = Max(n, builder->scratch * 2);
	builder->elements = CORE_ALLOC(env, Datum, builder->scratch);
	builder->nulls = CORE_ALLOC(env, bool, builder->scratch);
}

static ArrayType *
path_array(RowBuilder *builder, const Journey *journey)
{
	for (Size i = 0; i < journey->ntouches; i++)
		builder->elements[i] = texts_datum(&builder->texts, journey->channels[i]);
	return vector(builder->elements, NULL, journey->ntouches, TEXTOID);
}

static ArrayType *
times_array(RowBuilder *builder, const Journey *journey)
{
	for (Size i = 0; i < journey->ntouches; i++)
		builder->elements[i] = TimestampTzGetDatum(journey->at[i]);
	return vector(builder->elements, NULL, journey->ntouches, TIMESTAMPTZOID);
}

/* false for a row without event_id */
static bool
row_id(const RowBuilder *builder, uint32 ref, Datum *id)
{
	const AggRow *row = &builder->state->rows[ref];

	if (row->id_length < 0)
		return false;
	*id = PointerGetDatum(cstring_to_text_with_len(agg_row_id(builder->state, row), row->id_length));
	return true;
}

static ArrayType *
ids_array(RowBuilder *builder, const Journey *journey)
{
	ArrayType *array;

	for (Size i = 0; i < journey->ntouches; i++)
		builder->nulls[i] = !row_id(builder, journey->refs[i], &builder->elements[i]);
	array = vector(builder->elements, builder->nulls, journey->ntouches, TEXTOID);
	for (Size i = 0; i < journey->ntouches; i++)
		if (!builder->nulls[i])
			pfree(DatumGetPointer(builder->elements[i]));
	return array;
}

static void
too_large(void)
{
	ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					errmsg("the journeys of one group take more than %zu bytes", MaxAllocSize),
					errhint("GROUP BY user, and set max_touches or a shorter lookback.")));
}

static void
append_journey(RowBuilder *builder, HeapTuple tuple)
{
	if (builder->nrows == builder->capacity)
	{
		builder->capacity = builder->capacity ? builder->capacity * 2 : 8;
		builder->rows = builder->rows ? repalloc_huge(builder->rows, sizeof(Datum) * builder->capacity)
									  : palloc(sizeof(Datum) * builder->capacity);
	}
	builder->bytes += MAXALIGN(tuple->t_len);
	if (builder->bytes > MaxAllocSize)
		too_large();
	builder->rows[builder->nrows++] = HeapTupleGetDatum(tuple);
}

static void
emit_row(void *arg, const Journey *journey)
{
	RowBuilder *builder = arg;
	ArrayType *arrays[3];
	Datum values[ROW_COUNT];
	bool nulls[ROW_COUNT] = {false};
	Size size = 0;

	reserve_scratch(builder, journey->ntouches);
	arrays[0] = path_array(builder, journey);
	arrays[1] = times_array(builder, journey);
	arrays[2] = ids_array(builder, journey);
	for (int i = 0; i < 3; i++)
		size += VARSIZE(arrays[i]);
	if (size > MaxAllocSize / 2)
		too_large();
	values[ROW_PATH] = PointerGetDatum(arrays[0]);
	values[ROW_TOUCHED_AT] = PointerGetDatum(arrays[1]);
	values[ROW_TOUCH_IDS] = PointerGetDatum(arrays[2]);
	values[ROW_CONVERTED_AT] = TimestampTzGetDatum(journey->date);
	nulls[ROW_CONVERTED_AT] = !journey->converted;
	nulls[ROW_CONVERSION_ID] =
		!journey->converted || !row_id(builder, journey->event->ref, &values[ROW_CONVERSION_ID]);
	values[ROW_ENDED_AT] = TimestampTzGetDatum(journey->last_touch);
	nulls[ROW_ENDED_AT] = !journey->has_touches;
	values[ROW_VALUE] =
		Float8GetDatum(journey->converted ? builder->state->rows[journey->event->ref].value : 0);
	values[ROW_IS_OPEN] = BoolGetDatum(journey->open);
	append_journey(builder, heap_form_tuple(builder->desc, values, nulls));
	for (int i = 0; i < 3; i++)
		pfree(arrays[i]);
}

/* journey_row as our final function's result type names it, looked up once a query. */
static TupleDesc
journey_row_desc(FunctionCallInfo fcinfo)
{
	TupleDesc desc = fcinfo->flinfo->fn_extra;

	if (desc == NULL)
	{
		Oid type = get_element_type(get_func_rettype(fcinfo->flinfo->fn_oid));
		MemoryContext previous = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		desc = lookup_rowtype_tupdesc_copy(type, -1);
		MemoryContextSwitchTo(previous);
		if (desc->natts != ROW_COUNT)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("journey_row is not as attrib made it")));
		fcinfo->flinfo->fn_extra = desc;
	}
	return desc;
}

/* Reads the state only, so it may also run for each row of a window. */
Datum
journey_agg_final(PG_FUNCTION_ARGS)
{
	JourneyAggState *state;
	RowBuilder builder = {0};
	ChannelNaming naming = {texts_intern, texts_name, &builder.texts, NULL};
	JourneyWorkspace workspace = {0};
	JourneyOptions options;
	JourneyEvent *events;
	Size nevents;
	int dims[1];
	int lower[1] = {1};

	if (!AggCheckCallContext(fcinfo, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("journey_agg_final must be called as an aggregate"), errhint("Call journey_agg.")));
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (JourneyAggState *) PG_GETARG_POINTER(0);
	builder.state = state;
	channel_dict_init(&builder.texts.dict, CurrentMemoryContext);
	builder.desc = journey_row_desc(fcinfo);
	journey_options_bind(state->spec, &naming, &options);
	events = order_events(state, &builder.texts, &nevents);
	journeys_walk(events, nevents, &options, &workspace, attrib_env(), emit_row, &builder);
	if (builder.nrows == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(builder.desc->tdtypeid));
	if (builder.nrows > MaxArraySize)
		too_large();
	dims[0] = (int) builder.nrows;
	PG_RETURN_ARRAYTYPE_P(construct_md_array(builder.rows, NULL, 1, dims, lower, builder.desc->tdtypeid, -1,
											 false, TYPALIGN_DOUBLE));
}

/* transform_path's last decoded chain, as it is almost always a constant. */
typedef struct LastChain
{
	MemoryContext context;
	Jsonb *source;
	NamedChain chain;
} LastChain;

static const NamedChain *
cached_chain(FunctionCallInfo fcinfo, Jsonb *transforms)
{
	LastChain *last = fcinfo->flinfo->fn_extra;
	MemoryContext previous;
	Jsonb *source;

	if (last == NULL)
	{
		last = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(LastChain));
		last->context =
			AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "transform_path", ALLOCSET_SMALL_SIZES);
		fcinfo->flinfo->fn_extra = last;
	}
	if (last->source && VARSIZE(last->source) == VARSIZE(transforms) &&
		memcmp(last->source, transforms, VARSIZE(transforms)) == 0)
		return &last->chain;
	last->source = NULL;
	MemoryContextReset(last->context);
	previous = MemoryContextSwitchTo(last->context);
	source = palloc(VARSIZE(transforms));
	memcpy(source, transforms, VARSIZE(transforms));
	last->chain = transforms_decode(source, NULL);
	last->source = source;
	MemoryContextSwitchTo(previous);
	return &last->chain;
}

/* The path in channel numbers. */
static uint32 *
path_channels(ArrayType *path, ChannelTexts *texts, Size *length)
{
	Datum *elements;
	bool *nulls;
	int n;
	uint32 *channels;

	if (ARR_NDIM(path) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("path must be a one-dimensional array, not one of %d dimensions", ARR_NDIM(path)),
				 errhint("Write it as ARRAY['email', 'search'].")));
	deconstruct_array(path, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	channels = CORE_ALLOC(attrib_env(), uint32, n);
	for (int i = 0; i < n; i++)
	{
		text *channel;

		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("touch %d of a path is NULL", i + 1),
					 errhint("Remove it with array_remove(path, NULL), or name it.")));
		channel = DatumGetTextPP(elements[i]);
		channel_validate(VARDATA_ANY(channel), VARSIZE_ANY_EXHDR(channel));
		channels[i] = texts_intern(texts, VARDATA_ANY(channel), VARSIZE_ANY_EXHDR(channel));
	}
	*length = n;
	return channels;
}

Datum
transform_path(PG_FUNCTION_ARGS)
{
	ChannelTexts texts = {0};
	ChannelNaming naming = {texts_intern, texts_name, &texts, NULL};
	TransformWorkspace workspace = {0};
	TransformChain chain = {0};
	uint32 *channels;
	Datum *elements;
	Size n;

	channel_dict_init(&texts.dict, CurrentMemoryContext);
	if (!PG_ARGISNULL(1))
		transforms_bind(cached_chain(fcinfo, PG_GETARG_JSONB_P(1)), &naming, &chain);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	channels = path_channels(PG_GETARG_ARRAYTYPE_P(0), &texts, &n);
	n = transform_apply(&chain, &workspace, attrib_env(), channels, NULL, NULL, n);
	elements = CORE_ALLOC(attrib_env(), Datum, n);
	for (Size i = 0; i < n; i++)
		elements[i] = texts_datum(&texts, channels[i]);
	PG_RETURN_ARRAYTYPE_P(vector(elements, NULL, n, TEXTOID));
}
