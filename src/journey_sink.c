#include "journey_sink.h"

#include "common/hashfn.h"
#include "common/int.h"
#include "core/decay.h"
#include "core/summary_flat.h"
#include "miscadmin.h"
#include "summary.h"
#include "utils/datetime.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

typedef struct PartKey
{
	DateADT day;
	uint32 segment;
} PartKey;

typedef struct PartSlot
{
	PartKey key;
	SummaryState *summary;
	uint32 status;
} PartSlot;

#define SH_PREFIX partslot
#define SH_ELEMENT_TYPE PartSlot
#define SH_KEY_TYPE PartKey
#define SH_KEY key
#define SH_HASH_KEY(tb, key) ((uint32) murmurhash64((uint64) (uint32) (key).day << 32 | (key).segment))
#define SH_EQUAL(tb, a, b) ((a).day == (b).day && (a).segment == (b).segment)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* A part takes a kilobyte or more while it is built. */
#define MAX_PARTS 1000000

/*
 * The local day of an instant costs a search in the zone's table, and events come by the million but from few
 * hundred days: so the start and end of a day are kept, at a place that the instant's hour chooses.
 */
#define DAY_SLOTS 4096

typedef struct DayCache
{
	struct
	{
		int64 start; /* [start, end) is one day of uniform offset */
		int64 end;
		DateADT day;
	} slots[DAY_SLOTS];
} DayCache;

SummaryMeta
journey_spec_meta(const JourneySpec *spec)
{
	SummaryMeta meta = {
		.has_options = true,
		.has_lookback = spec->walk.has_lookback,
		.has_max_touches = spec->walk.max_touches > 0,
		.has_half_life = spec->has_half_life,
		.reuse_touches = spec->walk.reuse_touches,
		.max_touches = spec->walk.max_touches,
		.lookback = spec->walk.has_lookback ? spec->walk.lookback : 0,
		.half_life = spec->has_half_life ? spec->half_life : 0,
		.channel_lookback = spec->channel_lookback_json,
		.transforms = spec->transforms_json,
	};

	return meta;
}

bool
journey_matured(const JourneyOptions *walk, int64 last_touch)
{
	int64 horizon;

	if (!walk->has_lookback || !walk->has_observed_until)
		return true;
	if (pg_sub_s64_overflow(walk->observed_until, walk->lookback, &horizon))
		return false;
	return last_touch <= horizon;
}

void
journey_sink_init(JourneySink *sink, MemoryContext context, const JourneySpec *spec, ChannelDict *channels,
				  ChannelDict *segments, bool by_part)
{
	memset(sink, 0, sizeof(*sink));
	sink->context = context;
	sink->spec = spec;
	sink->meta = journey_spec_meta(spec);
	sink->channels = channels;
	sink->segments = segments;
	if (by_part)
	{
		sink->parts = partslot_create(context, 16, NULL);
		return;
	}
	sink->whole = summary_state_create(context, channels);
	summary_state_set_meta(sink->whole, &sink->meta);
}

/* ---------------------------------------------------------------- days */

/* West of UTC the first timestamp falls on a day before the first date, which could not be read back. */
static DateADT
check_day(int64 day)
{
	if (!IS_VALID_DATE(day))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("the day of a journey is out of range"),
				 errhint("Dates begin in 4714 BC; such an event has a wrong time.")));
	return (DateADT) day;
}

static DateADT
local_day(int64 at, pg_tz *zone, int64 *since_midnight)
{
	struct pg_tm tm;
	fsec_t fsec;
	int offset;

	if (timestamp2tm(at, &offset, &tm, &fsec, NULL, zone) != 0)
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range")));
	*since_midnight =
		((tm.tm_hour * MINS_PER_HOUR + tm.tm_min) * (int64) SECS_PER_MINUTE + tm.tm_sec) * USECS_PER_SEC +
		fsec;
	return check_day(date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE);
}

static int64
floor_div(int64 a, int64 b)
{
	return a / b - (a % b < 0);
}

static DateADT
day_of(JourneySink *sink, int64 at)
{
	pg_tz *zone = sink->spec->zone;
	long offset;
	uint32 place;
	int64 since_midnight;
	int64 ignored;
	int64 start;
	int64 end;
	DateADT day;

	if (pg_get_timezone_offset(zone, &offset))
		return check_day(floor_div(at + offset * USECS_PER_SEC, USECS_PER_DAY));
	if (sink->days == NULL)
		sink->days = MemoryContextAllocZero(sink->context, sizeof(DayCache));
	place = (uint32) (uint64) floor_div(at, USECS_PER_HOUR) % DAY_SLOTS;
	if (at >= sink->days->slots[place].start && at < sink->days->slots[place].end)
		return sink->days->slots[place].day;
	day = local_day(at, zone, &since_midnight);
	start = at - since_midnight;
	end = start + USECS_PER_DAY;
	/* not so on days of 23 or 25 hours: these are looked up each time */
	if (IS_VALID_TIMESTAMP(start - 1) && IS_VALID_TIMESTAMP(end) && local_day(start, zone, &ignored) == day &&
		local_day(start - 1, zone, &ignored) != day && local_day(end - 1, zone, &ignored) == day &&
		local_day(end, zone, &ignored) != day)
	{
		sink->days->slots[place].start = start;
		sink->days->slots[place].end = end;
		sink->days->slots[place].day = day;
	}
	return day;
}

/* ---------------------------------------------------------------- parts */

SummaryState *
journey_sink_summary(JourneySink *sink, DateADT day, uint32 segment)
{
	PartSlot *slot;
	bool found;

	if (sink->whole)
		return sink->whole;
	slot = partslot_insert(sink->parts, (PartKey){day, segment}, &found);
	if (!found)
	{
		if (sink->parts->members > MAX_PARTS)
			ereport(
				ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %d combinations of day and segment", MAX_PARTS),
				 errhint("Use coarser segments, or build the parts of a year at a time with counted_from and "
						 "counted_until.")));
		slot->summary = summary_state_create(sink->context, sink->channels);
		summary_state_set_meta(slot->summary, &sink->meta);
	}
	return slot->summary;
}

SummaryState *
journey_sink_part(JourneySink *sink, int64 at, uint32 segment)
{
	return journey_sink_summary(sink, day_of(sink, at), segment);
}

static inline SummaryState *
summary_for(JourneySink *sink, int64 date, uint32 segment)
{
	return sink->whole ? sink->whole : journey_sink_part(sink, date, segment);
}

static int
compare_parts(const void *a, const void *b, void *arg)
{
	const SummaryPart *x = a;
	const SummaryPart *y = b;
	const ChannelDict *segments = arg;

	CHECK_FOR_INTERRUPTS();
	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	if (x->segment == y->segment)
		return 0;
	if (x->segment == NO_SEGMENT || y->segment == NO_SEGMENT)
		return x->segment == NO_SEGMENT ? -1 : 1;
	return strcmp(segments->names[x->segment - 1].text, segments->names[y->segment - 1].text);
}

SummaryPart *
journey_sink_parts(JourneySink *sink, uint32 *nparts)
{
	partslot_iterator iterator;
	PartSlot *slot;
	SummaryPart *parts = palloc_extended(Max(sink->parts->members, 1) * sizeof(SummaryPart), MCXT_ALLOC_HUGE);
	uint32 n = 0;

	partslot_start_iterate(sink->parts, &iterator);
	while ((slot = partslot_iterate(sink->parts, &iterator)) != NULL)
		parts[n++] = (SummaryPart){slot->key.day, slot->key.segment, slot->summary};
	qsort_arg(parts, n, sizeof(SummaryPart), compare_parts, sink->segments);
	*nparts = n;
	return parts;
}

static void
merge_summary(SummaryState *into, SummaryState *from)
{
	summary_state_add_flat(into, summary_state_flat(from));
}

void
journey_sink_merge(JourneySink *sink, JourneySink *from, const uint32 *segment_map)
{
	SummaryPart *parts;
	uint32 nparts;

	if (sink->whole)
	{
		merge_summary(sink->whole, from->whole);
		return;
	}
	parts = journey_sink_parts(from, &nparts);
	for (uint32 i = 0; i < nparts; i++)
	{
		uint32 segment = parts[i].segment;

		CHECK_FOR_INTERRUPTS();
		if (segment_map && segment != NO_SEGMENT)
			segment = segment_map[segment - 1] + 1;
		merge_summary(journey_sink_summary(sink, parts[i].day, segment), parts[i].summary);
	}
	pfree(parts);
}

/* ---------------------------------------------------------------- events */

static void
set_value(PathCounts *counts, double value, bool matured)
{
	counts->conversions = 1;
	counts->matured_conversions = matured;
	if (value != 0)
	{
		counts->value = fixed_from_double(value);
		counts->squares = fixed_square(counts->value);
		if (matured)
			counts->matured_value = counts->value;
	}
}

void
journey_sink_add_anonymous(JourneySink *sink, int64 at, double value, uint32 segment)
{
	PathCounts counts = {0};

	set_value(&counts, value, true);
	summary_state_add(summary_for(sink, at, segment), NULL, 0, &counts);
}

static const uint64 *
weights_of(JourneySink *sink, const Journey *journey)
{
	if (sink->weights_capacity < journey->ntouches)
	{
		if (sink->weights)
			pfree(sink->weights);
		sink->weights_capacity = journey->ntouches * 2;
		sink->weights = MemoryContextAllocHuge(sink->context, sink->weights_capacity * sizeof(uint64));
	}
	decay_weights(journey->at, journey->ntouches, sink->spec->half_life, sink->weights);
	return sink->weights;
}

static pg_noinline void
add_open_journey(SummaryState *summary, const Journey *journey)
{
	PathCounts counts = {.open = 1};

	summary_state_add(summary, journey->channels, (uint32) journey->ntouches, &counts);
}

/* A conversion that is still young, or whose decayed credit is kept. */
static pg_noinline void
add_particular_conversion(JourneySink *sink, const Journey *journey, const ConversionDetail *detail)
{
	PathCounts counts = {0};

	set_value(&counts, detail->value, journey->matured);
	if (sink->spec->has_half_life && journey->ntouches > 1)
		counts.weights = weights_of(sink, journey);
	summary_state_add(summary_for(sink, journey->date, detail->segment), journey->channels,
					  (uint32) journey->ntouches, &counts);
}

static void
add_conversion(JourneySink *sink, const Journey *journey)
{
	const ConversionDetail *detail = &sink->details[journey->event->ref];

	if (journey->matured && !(sink->spec->has_half_life && journey->ntouches > 1))
		summary_state_add_converted(summary_for(sink, journey->date, detail->segment), journey->channels,
									(uint32) journey->ntouches, fixed_from_double(detail->value));
	else
		add_particular_conversion(sink, journey, detail);
}

static void
add_journey(void *arg, const Journey *journey)
{
	JourneySink *sink = arg;

	if (journey->converted)
		add_conversion(sink, journey);
	else if (journey->open)
		add_open_journey(summary_for(sink, journey->date, journey->event->ref), journey);
	else
		summary_state_add_lost(summary_for(sink, journey->date, journey->event->ref), journey->channels,
							   (uint32) journey->ntouches);
}

static uint32
intern_channel(void *arg, const char *name, size_t length)
{
	return channel_dict_intern(arg, name, (uint32) length);
}

static const char *
channel_name(void *arg, uint32 channel, size_t *length)
{
	const ChannelDict *channels = arg;

	*length = channels->names[channel].length;
	return channels->names[channel].text;
}

static void
bind(JourneySink *sink)
{
	sink->naming = (ChannelNaming){.intern = intern_channel, .name = channel_name, .arg = sink->channels};
	journey_options_bind(sink->spec, &sink->naming, &sink->walk);
	sink->bound = true;
}

void
journey_sink_add_user(JourneySink *sink, const UserEvents *user)
{
	/* the workspace grows from the current context */
	MemoryContext previous = MemoryContextSwitchTo(sink->context);

	if (!sink->bound)
		bind(sink);
	sink->details = user->details;
	journeys_walk(user->events, user->size, &sink->walk, &sink->workspace, attrib_env(), add_journey, sink);
	MemoryContextSwitchTo(previous);
}
