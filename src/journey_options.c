/*
 * The journey_options composite: its constructor and its decoder.
 */
#include "journey_options.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "datatype/timestamp.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/json.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "jsonb_options.h"

#define DEFAULT_LOOKBACK (30 * USECS_PER_DAY)
#define DEFAULT_HALF_LIFE (7 * USECS_PER_DAY)
#define DEFAULT_TIME_ZONE "UTC"

/* The attributes of the composite, which are the constructor's arguments. */
enum
{
	OPT_LOOKBACK,
	OPT_MAX_TOUCHES,
	OPT_REUSE_TOUCHES,
	OPT_OBSERVED_UNTIL,
	OPT_COUNTED_FROM,
	OPT_COUNTED_UNTIL,
	OPT_HALF_LIFE,
	OPT_CHANNEL_LOOKBACK,
	OPT_TRANSFORMS,
	OPT_TIME_ZONE,
	OPT_EXTRA,
	OPT_COUNT
};

static const Oid option_types[OPT_COUNT] = {
	INTERVALOID, INT4OID,  BOOLOID,	 TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID,
	INTERVALOID, JSONBOID, JSONBOID, TEXTOID,		 JSONBOID,
};

PG_FUNCTION_INFO_V1(journey_options);

static int
by_channel(const void *a, const void *b)
{
	return strcmp(((const ChannelWindow *) a)->channel, ((const ChannelWindow *) b)->channel);
}

/*
 * A number of microseconds as an interval, in one spelling: interval_out's depends on the session. The
 * longest, 106751991 days, fits easily.
 */
char *
interval_text(int64 microseconds)
{
	int64 days = microseconds / USECS_PER_DAY;
	int64 rest = microseconds % USECS_PER_DAY;
	char *clock = psprintf("%02d:%02d:%02d", (int) (rest / USECS_PER_HOUR),
						   (int) (rest / USECS_PER_MINUTE % MINS_PER_HOUR),
						   (int) (rest / USECS_PER_SEC % SECS_PER_MINUTE));

	if (rest % USECS_PER_SEC != 0)
		clock = psprintf("%s.%06d", clock, (int) (rest % USECS_PER_SEC));
	if (days == 0)
		return clock;
	return psprintf(INT64_FORMAT " day%s%s%s", days, days == 1 ? "" : "s", rest ? " " : "",
					rest ? clock : "");
}

void
channel_lookback_decode(JourneySpec *spec, Jsonb *object, Node *escontext)
{
	JsonbObjectIter it;
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	if (object)
	{
		jsonb_object_begin_input(&it, object, "channel_lookback", escontext);
		spec->windows = palloc(sizeof(ChannelWindow) * Max(JB_ROOT_COUNT(object), 1));
		while (jsonb_object_next(&it))
			spec->windows[spec->nwindows++] = (ChannelWindow){it.key, jsonb_option_interval(&it)};
		qsort(spec->windows, spec->nwindows, sizeof(ChannelWindow), by_channel);
	}
	for (int i = 0; i < spec->nwindows; i++)
	{
		if (i > 0)
			appendStringInfoString(&json, ", ");
		escape_json(&json, spec->windows[i].channel);
		appendStringInfo(&json, ": \"%s\"", interval_text(spec->windows[i].lookback));
	}
	appendStringInfoChar(&json, '}');
	spec->channel_lookback_json = json.data;
}

static void
decode_time_zone(JourneySpec *spec, const char *name)
{
	spec->time_zone = name;
	spec->zone = pg_tzset(name);
	if (spec->zone == NULL || !pg_tz_acceptable(spec->zone))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("time zone \"%s\" not recognized", name),
				 errhint("pg_timezone_names lists the known time zones.")));
}

static void
decode_extra(Jsonb *extra)
{
	JsonbObjectIter it;

	jsonb_object_begin(&it, extra, "extra");
	if (jsonb_object_next(&it))
		jsonb_option_unknown(&it, "");
}

static void
decode_window(JourneySpec *spec, const Datum *values, const bool *nulls)
{
	JourneyOptions *walk = &spec->walk;

	/* infinity is as good as NULL where it means no limit, and a limit that nothing passes elsewhere */
	walk->observed_until =
		nulls[OPT_OBSERVED_UNTIL] ? DT_NOEND : DatumGetTimestampTz(values[OPT_OBSERVED_UNTIL]);
	walk->counted_from = nulls[OPT_COUNTED_FROM] ? DT_NOBEGIN : DatumGetTimestampTz(values[OPT_COUNTED_FROM]);
	walk->counted_until =
		nulls[OPT_COUNTED_UNTIL] ? DT_NOEND : DatumGetTimestampTz(values[OPT_COUNTED_UNTIL]);
	walk->has_observed_until = !TIMESTAMP_IS_NOEND(walk->observed_until);
	walk->has_counted_from = !TIMESTAMP_IS_NOBEGIN(walk->counted_from);
	walk->has_counted_until = !TIMESTAMP_IS_NOEND(walk->counted_until);
	if (TIMESTAMP_IS_NOBEGIN(walk->observed_until))
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("observed_until must not be -infinity"),
			 errhint(
				 "It is the time up to which events have been collected; NULL if that does not matter.")));
	if (walk->counted_from > walk->counted_until)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("counted_from %s is after counted_until %s",
							   pstrdup(timestamptz_to_str(walk->counted_from)),
							   pstrdup(timestamptz_to_str(walk->counted_until))),
						errhint("Journeys are counted that are dated from counted_from on and before "
								"counted_until.")));
}

static JourneySpec *
decode_fields(const Datum *values, const bool *nulls)
{
	JourneySpec *spec = palloc0(sizeof(JourneySpec));
	JourneyOptions *walk = &spec->walk;
	int32 max_touches = nulls[OPT_MAX_TOUCHES] ? 0 : DatumGetInt32(values[OPT_MAX_TOUCHES]);
	StringInfoData json;

	walk->has_lookback = !nulls[OPT_LOOKBACK];
	if (walk->has_lookback)
		walk->lookback = interval_microseconds(DatumGetIntervalP(values[OPT_LOOKBACK]), "lookback");
	if (!nulls[OPT_MAX_TOUCHES] && max_touches < 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("max_touches must be at least 1, not %d", max_touches),
						errhint("NULL keeps all touches.")));
	walk->max_touches = max_touches;
	walk->reuse_touches = nulls[OPT_REUSE_TOUCHES] || DatumGetBool(values[OPT_REUSE_TOUCHES]);
	decode_window(spec, values, nulls);
	spec->has_half_life = !nulls[OPT_HALF_LIFE];
	if (spec->has_half_life)
		spec->half_life = interval_microseconds(DatumGetIntervalP(values[OPT_HALF_LIFE]), "half_life");
	channel_lookback_decode(
		spec, nulls[OPT_CHANNEL_LOOKBACK] ? NULL : DatumGetJsonbP(values[OPT_CHANNEL_LOOKBACK]), NULL);
	if (!nulls[OPT_TRANSFORMS])
		spec->transforms = transforms_decode(DatumGetJsonbP(values[OPT_TRANSFORMS]), NULL);
	initStringInfo(&json);
	transforms_json(&json, &spec->transforms);
	spec->transforms_json = json.data;
	decode_time_zone(spec,
					 nulls[OPT_TIME_ZONE] ? DEFAULT_TIME_ZONE : TextDatumGetCString(values[OPT_TIME_ZONE]));
	if (!nulls[OPT_EXTRA])
		decode_extra(DatumGetJsonbP(values[OPT_EXTRA]));
	return spec;
}

static JourneySpec *
default_spec(void)
{
	Datum values[OPT_COUNT] = {0};
	bool nulls[OPT_COUNT];
	JourneySpec *spec;

	memset(nulls, true, sizeof(nulls));
	spec = decode_fields(values, nulls);
	spec->walk.has_lookback = true;
	spec->walk.lookback = DEFAULT_LOOKBACK;
	spec->has_half_life = true;
	spec->half_life = DEFAULT_HALF_LIFE;
	return spec;
}

/* The composite's shape is ours, unless its owner altered the type. */
static void
check_shape(TupleDesc desc)
{
	bool right = desc->natts == OPT_COUNT;

	for (int i = 0; i < OPT_COUNT && right; i++)
		right = TupleDescAttr(desc, i)->atttypid == option_types[i];
	if (!right)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("options are not of type journey_options"),
						errhint("Build them with the function journey_options().")));
}

const JourneySpec *
journey_spec_decode(HeapTupleHeader options)
{
	HeapTupleData tuple = {0};
	Datum values[OPT_COUNT];
	bool nulls[OPT_COUNT];
	TupleDesc desc;
	JourneySpec *spec;
	HeapTupleHeader copy;

	if (options == NULL)
		return default_spec();
	copy = palloc(HeapTupleHeaderGetDatumLength(options));
	memcpy(copy, options, HeapTupleHeaderGetDatumLength(options));
	tuple.t_len = HeapTupleHeaderGetDatumLength(copy);
	tuple.t_data = copy;
	desc = lookup_rowtype_tupdesc_copy(HeapTupleHeaderGetTypeId(copy), HeapTupleHeaderGetTypMod(copy));
	check_shape(desc);
	heap_deform_tuple(&tuple, desc, values, nulls);
	spec = decode_fields(values, nulls);
	spec->source = copy;
	return spec;
}

void
journey_spec_require_equal(const JourneySpec *a, const JourneySpec *b)
{
	const JourneyOptions *x = &a->walk;
	const JourneyOptions *y = &b->walk;

	if (a == b || (x->has_lookback == y->has_lookback && x->lookback == y->lookback &&
				   x->max_touches == y->max_touches && x->reuse_touches == y->reuse_touches &&
				   x->observed_until == y->observed_until && x->counted_from == y->counted_from &&
				   x->counted_until == y->counted_until && a->has_half_life == b->has_half_life &&
				   a->half_life == b->half_life && a->zone == b->zone &&
				   strcmp(a->channel_lookback_json, b->channel_lookback_json) == 0 &&
				   strcmp(a->transforms_json, b->transforms_json) == 0))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("options must be the same for every row"),
			 errhint("Make them of constants, or of now() rather than clock_timestamp(); GROUP BY what they "
					 "depend on.")));
}

/* What the constructor remembers of its last call: options that vary little, as now(), cost little. */
typedef struct LastCall
{
	MemoryContext context; /* holds what is below */
	bool nulls[OPT_COUNT];
	Datum values[OPT_COUNT];
	Datum result;
	Size result_size;
} LastCall;

static inline bool
option_byval(int i)
{
	return i == OPT_MAX_TOUCHES || i == OPT_REUSE_TOUCHES || i == OPT_OBSERVED_UNTIL ||
		   i == OPT_COUNTED_FROM || i == OPT_COUNTED_UNTIL;
}

static inline Size
option_size(int i, Datum value)
{
	return option_types[i] == INTERVALOID ? sizeof(Interval) : VARSIZE_ANY(DatumGetPointer(value));
}

static bool
same_call(FunctionCallInfo fcinfo, const LastCall *last)
{
	for (int i = 0; i < OPT_COUNT; i++)
	{
		Datum value = PG_GETARG_DATUM(i);

		if (PG_ARGISNULL(i) != last->nulls[i])
			return false;
		if (last->nulls[i])
			continue;
		if (option_byval(i))
		{
			if (value != last->values[i])
				return false;
		}
		else
		{
			Size size = option_size(i, value);

			if (size != option_size(i, last->values[i]) ||
				memcmp(DatumGetPointer(value), DatumGetPointer(last->values[i]), size) != 0)
				return false;
		}
	}
	return true;
}

/* Builds the composite, validates it by decoding it, and remembers the call. */
static void
new_call(FunctionCallInfo fcinfo, LastCall *last)
{
	MemoryContext previous = MemoryContextSwitchTo(last->context);
	TupleDesc desc;
	HeapTuple tuple;

	last->result_size = 0;
	MemoryContextReset(last->context);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("journey_options must return its own type")));
	desc = BlessTupleDesc(desc);
	check_shape(desc);
	for (int i = 0; i < OPT_COUNT; i++)
	{
		Datum value = PG_GETARG_DATUM(i);

		last->nulls[i] = PG_ARGISNULL(i);
		if (last->nulls[i])
			last->values[i] = (Datum) 0;
		else if (option_byval(i))
			last->values[i] = value;
		else
			last->values[i] =
				datumCopy(value, false, option_types[i] == INTERVALOID ? (int) sizeof(Interval) : -1);
	}
	tuple = heap_form_tuple(desc, last->values, last->nulls);
	last->result = heap_copy_tuple_as_datum(tuple, desc);
	(void) journey_spec_decode(DatumGetHeapTupleHeader(last->result));
	last->result_size = HeapTupleHeaderGetDatumLength(DatumGetHeapTupleHeader(last->result));
	MemoryContextSwitchTo(previous);
}

Datum
journey_options(PG_FUNCTION_ARGS)
{
	LastCall *last = fcinfo->flinfo->fn_extra;
	HeapTupleHeader result;

	if (last == NULL)
	{
		last = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(LastCall));
		last->context =
			AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "journey_options", ALLOCSET_SMALL_SIZES);
		fcinfo->flinfo->fn_extra = last;
	}
	if (last->result_size == 0 || !same_call(fcinfo, last))
		new_call(fcinfo, last);
	result = palloc(last->result_size);
	memcpy(result, DatumGetPointer(last->result), last->result_size);
	PG_RETURN_HEAPTUPLEHEADER(result);
}
