/*
 * Aggregates over raw events: journey_summary_agg(user_id, at, channel, converted, value [, options]) and
 * journey_parts_agg(user_id, at, channel, converted, value, segment, options).
 *
 * They need no GROUP BY user_id and no ORDER BY: events are collected packed, sorted once by user and time,
 * and cut into journeys at the end.
 */
#include "event_state.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "core/summary_flat.h"
#include "event_input.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "summary.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(attrib_events_trans_int8);
PG_FUNCTION_INFO_V1(attrib_events_trans_uuid);
PG_FUNCTION_INFO_V1(attrib_events_trans_text);
PG_FUNCTION_INFO_V1(attrib_parts_trans_int8);
PG_FUNCTION_INFO_V1(attrib_parts_trans_uuid);
PG_FUNCTION_INFO_V1(attrib_parts_trans_text);
PG_FUNCTION_INFO_V1(attrib_events_combine);
PG_FUNCTION_INFO_V1(attrib_events_serialize);
PG_FUNCTION_INFO_V1(attrib_events_deserialize);
PG_FUNCTION_INFO_V1(attrib_events_final);
PG_FUNCTION_INFO_V1(attrib_parts_final);

/* Arguments of the transition functions; by part, the segment comes before the options. */
enum
{
	ARG_STATE,
	ARG_USER,
	ARG_AT,
	ARG_CHANNEL,
	ARG_CONVERTED,
	ARG_VALUE,
	ARG_SEGMENT
};

/* ---------------------------------------------------------------- transition */

/* A bijection, so different users have different keys. */
static inline UserKey
int8_key(int64 user_id)
{
	return (UserKey){{murmurhash64((uint64) user_id), 0}};
}

/* A bijection too: word[1] is the second half, and the first can be had back from it and word[0]. */
static inline UserKey
uuid_key(const pg_uuid_t *user_id)
{
	uint64 half[2];

	memcpy(half, user_id->data, sizeof(half));
	return (UserKey){{murmurhash64(half[0] ^ murmurhash64(half[1])), half[1]}};
}

/* 128 bits: with a billion users the chance that any two share a key is about 1 in 10^21. */
static inline UserKey
text_key(const text *user_id)
{
	const unsigned char *bytes = (const unsigned char *) VARDATA_ANY(user_id);
	int length = (int) VARSIZE_ANY_EXHDR(user_id);

	return (UserKey){{hash_bytes_extended(bytes, length, 0),
					  hash_bytes_extended(bytes, length, UINT64CONST(0x9E3779B97F4A7C15))}};
}

/* Is an argument of the aggregate the same for all rows? Unknown, and so false, for a window function. */
static bool
constant_argument(FunctionCallInfo fcinfo, int argno)
{
	const Aggref *aggregate = AggGetAggref(fcinfo);
	const Expr *argument;

	if (aggregate == NULL || argno > list_length(aggregate->args))
		return false;
	argument =
		((const TargetEntry *) list_nth(aggregate->args, argno - 1))->expr; /* argument 0 is the state */
	return IsA(argument, Const) ||
		   (IsA(argument, Param) && ((const Param *) argument)->paramkind == PARAM_EXTERN);
}

static EventState *
new_state(FunctionCallInfo fcinfo, int options_argno, bool wide_keys, bool by_part)
{
	MemoryContext context = aggregate_context(fcinfo);
	AggregateNode *node = aggregate_node(context);
	HeapTupleHeader options = NULL;
	EventState *state;

	/* only nodeAgg tells when to close files, so as a window function everything stays in memory */
	if (AggCheckCallContext(fcinfo, NULL) == AGG_CONTEXT_WINDOW)
		node->limit = SIZE_MAX;
	if (options_argno < PG_NARGS() && !PG_ARGISNULL(options_argno))
		options = PG_GETARG_HEAPTUPLEHEADER(options_argno);
	state = event_state_create(context, node, aggregate_options(node, options), wide_keys, by_part);
	state->same_spec = options_argno >= PG_NARGS() || constant_argument(fcinfo, options_argno);
	return state;
}

static inline bool
in_counting_window(const JourneyOptions *walk, int64 at)
{
	return (!walk->has_counted_from || at >= walk->counted_from) &&
		   (!walk->has_counted_until || at < walk->counted_until);
}

static inline void
add_event(EventState *state, FunctionCallInfo fcinfo, bool anonymous, UserKey user, int64 at,
		  const text *channel, int kind, double value, uint32 segment)
{
	const JourneyOptions *walk = &state->spec->walk;

	if (at < state->keep_from || at > state->keep_until)
		return;
	if (kind & EVENT_TOUCH)
	{
		if (in_counting_window(walk, at))
			journey_sink_count_touch(&state->direct, at, segment, anonymous);
		if (!anonymous)
			event_buffer_add_touch(&state->buffer, user, at,
								   channel_dict_intern(&state->channels, VARDATA_ANY(channel),
													   (uint32) VARSIZE_ANY_EXHDR(channel)),
								   segment);
	}
	if (kind & EVENT_CONVERSION)
	{
		if (!anonymous)
			event_buffer_add_conversion(&state->buffer, user, at, value, segment);
		else if (in_counting_window(walk, at))
			journey_sink_add_anonymous(&state->direct, at, value, segment);
	}
	event_state_account(state, fcinfo);
}

static pg_attribute_always_inline Datum
events_trans(FunctionCallInfo fcinfo, UserKey user, bool wide_keys, bool by_part)
{
	int options_argno = by_part ? ARG_SEGMENT + 1 : ARG_SEGMENT;
	EventState *state = PG_ARGISNULL(ARG_STATE) ? NULL : (EventState *) PG_GETARG_POINTER(ARG_STATE);
	bool no_channel = PG_ARGISNULL(ARG_CHANNEL);
	const text *channel = no_channel ? NULL : PG_GETARG_TEXT_PP(ARG_CHANNEL);
	bool converted = !PG_ARGISNULL(ARG_CONVERTED) && PG_GETARG_BOOL(ARG_CONVERTED);
	double value = PG_ARGISNULL(ARG_VALUE) ? 0 : PG_GETARG_FLOAT8(ARG_VALUE);
	int64 at = PG_ARGISNULL(ARG_AT) ? 0 : PG_GETARG_TIMESTAMPTZ(ARG_AT);
	uint32 segment = NO_SEGMENT;
	int kind;

	if (state == NULL)
		state = new_state(fcinfo, options_argno, wide_keys, by_part);
	else if (!state->same_spec)
		journey_spec_check_row(state->spec,
							   PG_ARGISNULL(options_argno) ? NULL : PG_GETARG_HEAPTUPLEHEADER(options_argno));
	kind = event_validate(at, PG_ARGISNULL(ARG_AT), no_channel ? NULL : VARDATA_ANY(channel),
						  no_channel ? 0 : VARSIZE_ANY_EXHDR(channel), no_channel, converted, value);
	if (kind == 0)
		PG_RETURN_POINTER(state);
	if (by_part && !PG_ARGISNULL(ARG_SEGMENT))
	{
		const text *name = PG_GETARG_TEXT_PP(ARG_SEGMENT);

		segment =
			channel_dict_intern(&state->segments, VARDATA_ANY(name), (uint32) VARSIZE_ANY_EXHDR(name)) + 1;
	}
	add_event(state, fcinfo, PG_ARGISNULL(ARG_USER), user, at, channel, kind, value, segment);
	PG_RETURN_POINTER(state);
}

#define INT8_USER (PG_ARGISNULL(ARG_USER) ? (UserKey){{0}} : int8_key(PG_GETARG_INT64(ARG_USER)))
#define UUID_USER (PG_ARGISNULL(ARG_USER) ? (UserKey){{0}} : uuid_key(PG_GETARG_UUID_P(ARG_USER)))
#define TEXT_USER (PG_ARGISNULL(ARG_USER) ? (UserKey){{0}} : text_key(PG_GETARG_TEXT_PP(ARG_USER)))

Datum
attrib_events_trans_int8(PG_FUNCTION_ARGS)
{
	return events_trans(fcinfo, INT8_USER, false, false);
}

Datum
attrib_events_trans_uuid(PG_FUNCTION_ARGS)
{
	return events_trans(fcinfo, UUID_USER, true, false);
}

Datum
attrib_events_trans_text(PG_FUNCTION_ARGS)
{
	return events_trans(fcinfo, TEXT_USER, true, false);
}

Datum
attrib_parts_trans_int8(PG_FUNCTION_ARGS)
{
	return events_trans(fcinfo, INT8_USER, false, true);
}

Datum
attrib_parts_trans_uuid(PG_FUNCTION_ARGS)
{
	return events_trans(fcinfo, UUID_USER, true, true);
}

Datum
attrib_parts_trans_text(PG_FUNCTION_ARGS)
{
	return events_trans(fcinfo, TEXT_USER, true, true);
}

/* ---------------------------------------------------------------- combining and shipping */

static uint32 *
map_names(MemoryContext context, ChannelDict *into, const ChannelDict *from)
{
	uint32 *map = MemoryContextAllocHuge(context, Max(from->size, 1) * sizeof(uint32));

	for (uint32 i = 0; i < from->size; i++)
	{
		map[i] = channel_dict_intern(into, from->names[i].text, from->names[i].length);
		if (i % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	return map;
}

/* All of another state's events as one run of its own numbering, in the current context. */
static void
copy_events(const EventState *other, EventRun *run)
{
	if (other->nruns == 1 && other->runs[0].bytes && other->buffer.size == 0 && !other->runs[0].channel_map)
	{
		/* just shipped: sorted and packed already */
		*run = other->runs[0];
		run->bytes = MemoryContextAllocHuge(CurrentMemoryContext, Max(run->size, 1));
		memcpy(run->bytes, other->runs[0].bytes, run->size);
	}
	else
	{
		RunWriter writer;

		run_writer_begin(&writer, other->format, NULL);
		event_state_pack(other, &writer, run);
	}
}

/* The second state is another's and may soon be gone: everything is copied. */
Datum
attrib_events_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	EventState *state = PG_ARGISNULL(0) ? NULL : (EventState *) PG_GETARG_POINTER(0);
	EventState *other = PG_ARGISNULL(1) ? NULL : (EventState *) PG_GETARG_POINTER(1);
	MemoryContext previous;
	EventRun run;

	if (other == NULL)
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state == NULL)
	{
		AggregateNode *node = aggregate_node(context);

		state = event_state_create(context, node, aggregate_options(node, other->spec->source),
								   other->format.wide_keys, other->by_part);
	}
	else
		journey_spec_require_equal(state->spec, other->spec);
	previous = MemoryContextSwitchTo(state->context);
	copy_events(other, &run);
	run.channel_map = map_names(state->context, &state->channels, &other->channels);
	run.segment_map = map_names(state->context, &state->segments, &other->segments);
	MemoryContextSwitchTo(previous);
	journey_sink_merge(&state->direct, &other->direct, run.segment_map);
	if (run.size > 0)
		event_state_add_run(state, &run, fcinfo);
	PG_RETURN_POINTER(state);
}

static void
send_names(StringInfo message, const ChannelDict *dict)
{
	pq_sendint32(message, dict->size);
	for (uint32 i = 0; i < dict->size; i++)
	{
		pq_sendint32(message, dict->names[i].length);
		pq_sendbytes(message, dict->names[i].text, (int) dict->names[i].length);
	}
}

static void
receive_names(StringInfo message, ChannelDict *dict)
{
	uint32 size = pq_getmsgint(message, 4);

	for (uint32 i = 0; i < size; i++)
	{
		uint32 length = pq_getmsgint(message, 4);

		(void) channel_dict_intern(dict, pq_getmsgbytes(message, (int) length), length);
	}
}

static void
send_summary(StringInfo message, DateADT day, uint32 segment, SummaryState *summary)
{
	struct varlena *flat = summary_state_flat(summary);

	pq_sendint32(message, (uint32) day);
	pq_sendint32(message, segment);
	pq_sendint32(message, VARSIZE(flat));
	pq_sendbytes(message, (char *) flat, (int) VARSIZE(flat));
}

static void
send_sink(StringInfo message, JourneySink *sink)
{
	SummaryPart *parts;
	uint32 nparts;

	if (sink->whole)
	{
		pq_sendint32(message, 1);
		send_summary(message, 0, NO_SEGMENT, sink->whole);
		return;
	}
	parts = journey_sink_parts(sink, &nparts);
	pq_sendint32(message, nparts);
	for (uint32 i = 0; i < nparts; i++)
		send_summary(message, parts[i].day, parts[i].segment, parts[i].summary);
	pfree(parts);
}

static void
receive_sink(StringInfo message, JourneySink *sink)
{
	uint32 nparts = pq_getmsgint(message, 4);

	for (uint32 i = 0; i < nparts; i++)
	{
		DateADT day = (DateADT) pq_getmsgint(message, 4);
		uint32 segment = pq_getmsgint(message, 4);
		uint32 size = pq_getmsgint(message, 4);
		struct varlena *flat = palloc(size); /* for its alignment */

		memcpy(flat, pq_getmsgbytes(message, (int) size), size);
		summary_state_add_flat(journey_sink_summary(sink, day, segment), flat);
		pfree(flat);
	}
}

/* What one message may hold beside the events: names and summaries of what needs no user. */
#define MESSAGE_ROOM ((Size) 128 * 1024 * 1024)

Datum
attrib_events_serialize(PG_FUNCTION_ARGS)
{
	EventState *state;
	StringInfoData message;
	HeapTupleHeader options;
	RunWriter writer;
	EventRun run;

	(void) aggregate_context(fcinfo);
	state = (EventState *) PG_GETARG_POINTER(0);
	options = state->spec->source;
	run_writer_begin(&writer, state->format, NULL);
	writer.limit = MaxAllocSize - MESSAGE_ROOM;
	event_state_pack(state, &writer, &run);
	pq_begintypsend(&message);
	pq_sendbyte(&message, state->by_part);
	pq_sendbyte(&message, state->format.wide_keys);
	pq_sendint32(&message, options ? HeapTupleHeaderGetDatumLength(options) : 0);
	if (options)
		pq_sendbytes(&message, (char *) options, (int) HeapTupleHeaderGetDatumLength(options));
	send_names(&message, &state->channels);
	send_names(&message, &state->segments);
	send_sink(&message, &state->direct);
	pq_sendint64(&message, run.size);
	pq_sendbytes(&message, run.bytes, (int) run.size);
	run_free(&run);
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

Datum
attrib_events_deserialize(PG_FUNCTION_ARGS)
{
	bytea *bytes;
	StringInfoData message;
	AggregateNode *node = aggregate_node(aggregate_context(fcinfo));
	HeapTupleHeader options = NULL;
	EventState *state;
	EventRun run = {0};
	bool by_part;
	bool wide_keys;
	uint32 options_size;

	bytes = PG_GETARG_BYTEA_PP(0);
	message = (StringInfoData){.data = VARDATA_ANY(bytes), .len = (int) VARSIZE_ANY_EXHDR(bytes)};
	by_part = pq_getmsgbyte(&message);
	wide_keys = pq_getmsgbyte(&message);
	options_size = pq_getmsgint(&message, 4);
	if (options_size > 0)
	{
		options = palloc(options_size);
		memcpy(options, pq_getmsgbytes(&message, (int) options_size), options_size);
	}
	state =
		event_state_create(CurrentMemoryContext, node, aggregate_options(node, options), wide_keys, by_part);
	receive_names(&message, &state->channels);
	receive_names(&message, &state->segments);
	receive_sink(&message, &state->direct);
	run.size = (Size) pq_getmsgint64(&message);
	run.bytes = unconstify(char *, pq_getmsgbytes(&message, (int) run.size));
	state->runs = palloc(sizeof(EventRun));
	state->runs[0] = run;
	state->nruns = 1;
	PG_RETURN_POINTER(state);
}

/* ---------------------------------------------------------------- final */

static void
add_user(void *arg, const UserEvents *user)
{
	journey_sink_add_user(arg, user);
}

/* Cuts all journeys. The state stays as it is, since windows ask again after more rows. */
static void
cut_journeys(EventState *state, JourneySink *sink)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "journeys of raw events", ALLOCSET_DEFAULT_SIZES);
	MemoryContext previous = MemoryContextSwitchTo(context);

	journey_sink_init(sink, context, state->spec, &state->channels, &state->segments, state->by_part);
	event_state_walk(state, add_user, sink);
	journey_sink_merge(sink, &state->direct, NULL);
	MemoryContextSwitchTo(previous);
}

Datum
attrib_events_final(PG_FUNCTION_ARGS)
{
	JourneySink sink;

	(void) aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	cut_journeys((EventState *) PG_GETARG_POINTER(0), &sink);
	PG_RETURN_POINTER(summary_state_flat(sink.whole));
}

static void
put_part(RowSink *sink, const SummaryPart *part, const ChannelDict *segments)
{
	Datum values[3];
	bool nulls[3] = {0};

	values[0] = DateADTGetDatum(part->day);
	nulls[1] = part->segment == NO_SEGMENT;
	values[1] = nulls[1] ? (Datum) 0 : CStringGetTextDatum(segments->names[part->segment - 1].text);
	values[2] = PointerGetDatum(summary_state_flat(part->summary));
	row_sink_put(sink, values, nulls);
}

Datum
attrib_parts_final(PG_FUNCTION_ARGS)
{
	EventState *state;
	JourneySink journeys;
	RowSink sink;
	SummaryPart *parts;
	uint32 nparts;

	(void) aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (EventState *) PG_GETARG_POINTER(0);
	cut_journeys(state, &journeys);
	parts = journey_sink_parts(&journeys, &nparts);
	sink = row_sink_begin_array(fcinfo);
	for (uint32 i = 0; i < nparts; i++)
	{
		put_part(&sink, &parts[i], &state->segments);
		CHECK_FOR_INTERRUPTS();
	}
	return row_sink_array(&sink);
}
