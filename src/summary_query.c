/*
 * Questions to a journey summary that need no model: its paths, its channels, its totals, and the same summary
 * under other channel names.
 */
#include "summary.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "event_input.h"
#include "jsonb_options.h"
#include "miscadmin.h"
#include "summary_state.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(attrib_journeys);
PG_FUNCTION_INFO_V1(attrib_channels);
PG_FUNCTION_INFO_V1(attrib_summary_stats);
PG_FUNCTION_INFO_V1(attrib_map_channels);

/* journeys(s) -> (path text[], conversions, lost, open, value) */
Datum
attrib_journeys(PG_FUNCTION_ARGS)
{
	const SummaryView *view = summary_view_arg(fcinfo, 0);
	RowSink sink = row_sink_begin(fcinfo);
	Datum *names = palloc_extended(Max(view->nchannels, 1) * sizeof(Datum), MCXT_ALLOC_HUGE);
	Datum *elements = palloc_extended(Max(view->longest_path, 1) * sizeof(Datum), MCXT_ALLOC_HUGE);

	for (uint32 i = 0; i < view->nchannels; i++)
		names[i] = CStringGetTextDatum(view->channels[i]);
	for (size_t i = 0; i < view->npaths; i++)
	{
		const SummaryPath *path = &view->paths[i];
		Datum values[5];
		bool nulls[5] = {0};

		for (uint32 j = 0; j < path->ntouches; j++)
			elements[j] = names[path->touches[j]];
		values[0] = PointerGetDatum(
			construct_array(elements, (int) path->ntouches, TEXTOID, -1, false, TYPALIGN_INT));
		values[1] = Int64GetDatum(path->conversions);
		values[2] = Int64GetDatum(path->lost);
		values[3] = Int64GetDatum(path->open);
		values[4] = Float8GetDatum(fixed_to_double(path->value));
		row_sink_put(&sink, values, nulls);
		pfree(DatumGetPointer(values[0]));
	}
	return (Datum) 0;
}

/* Counts of one channel; journeys are converted and lost ones, as everywhere. */
typedef struct ChannelCounts
{
	int64 journeys;
	int64 touches;
	int64 conversions;
	int64 first_touches;
	int64 last_touches;
	size_t last_path; /* number + 1 of the last path counted */
} ChannelCounts;

static void
count_path(ChannelCounts *counts, const SummaryPath *path, size_t number)
{
	int64 journeys = path->conversions + path->lost; /* fits: all counts together do */

	if (path->ntouches == 0 || journeys == 0)
		return;
	counts[path->touches[0]].first_touches += journeys;
	counts[path->touches[path->ntouches - 1]].last_touches += journeys;
	for (uint32 i = 0; i < path->ntouches; i++)
	{
		ChannelCounts *channel = &counts[path->touches[i]];

		if (pg_add_s64_overflow(channel->touches, journeys, &channel->touches))
			ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
							errmsg("the number of touches is out of range for bigint")));
		if (channel->last_path == number + 1)
			continue;
		channel->last_path = number + 1;
		channel->journeys += journeys;
		channel->conversions += path->conversions;
	}
}

/* channels(s) -> (channel, journeys, touches, conversions, first_touches, last_touches) */
Datum
attrib_channels(PG_FUNCTION_ARGS)
{
	const SummaryView *view = summary_view_arg(fcinfo, 0);
	RowSink sink = row_sink_begin(fcinfo);
	ChannelCounts *counts =
		palloc_extended(Max(view->nchannels, 1) * sizeof(ChannelCounts), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (size_t i = 0; i < view->npaths; i++)
	{
		count_path(counts, &view->paths[i], i);
		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	for (uint32 i = 0; i < view->nchannels; i++)
	{
		Datum values[6] = {
			CStringGetTextDatum(view->channels[i]), Int64GetDatum(counts[i].journeys),
			Int64GetDatum(counts[i].touches),		Int64GetDatum(counts[i].conversions),
			Int64GetDatum(counts[i].first_touches), Int64GetDatum(counts[i].last_touches),
		};
		bool nulls[6] = {0};

		row_sink_put(&sink, values, nulls);
	}
	return (Datum) 0;
}

/* summary_stats(s) -> one row; reads the header and no more than the empty path. */
Datum
attrib_summary_stats(PG_FUNCTION_ARGS)
{
	Datum datum = PG_GETARG_DATUM(0);
	SummaryMeta meta;
	const SummaryView *view = summary_view_datum(datum, &meta);
	RowSink sink = row_sink_begin(fcinfo);
	int64 unattributed = view->npaths > 0 && view->paths[0].ntouches == 0 ? view->paths[0].conversions : 0;
	StringInfoData options;
	Datum values[14];
	bool nulls[14] = {0};

	values[0] = Int64GetDatum(view->conversions + view->lost);
	values[1] = Int64GetDatum(view->conversions);
	values[2] = Int64GetDatum(view->lost);
	values[3] = Int64GetDatum(view->open);
	values[4] = Int64GetDatum(view->matured_conversions + view->lost);
	values[5] = Float8GetDatum(fixed_to_double(view->value));
	values[6] = Int64GetDatum(view->nchannels);
	values[7] = Int64GetDatum((int64) view->npaths);
	values[8] = Int64GetDatum(view->longest_path);
	values[9] = Int64GetDatum(unattributed);
	values[10] = Int64GetDatum(meta.touches_seen);
	values[11] = Int64GetDatum(meta.anonymous_touches);
	values[12] = Int64GetDatum(summary_datum_size(datum));
	nulls[13] = !meta.has_options;
	if (meta.has_options)
	{
		initStringInfo(&options);
		summary_options_json(&options, &meta);
		values[13] = DirectFunctionCall1(jsonb_in, CStringGetDatum(options.data));
	}
	row_sink_put(&sink, values, nulls);
	return (Datum) 0;
}

/* map_channels(s, mapping jsonb): channels that the mapping does not name keep their names. */
Datum
attrib_map_channels(PG_FUNCTION_ARGS)
{
	SummaryMeta meta;
	const SummaryView *view = summary_view_datum(PG_GETARG_DATUM(0), &meta);
	SummaryState *state = summary_state_create(CurrentMemoryContext, NULL);
	uint32 *map = palloc_extended(Max(view->nchannels, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);
	const char **names = palloc_extended(Max(view->nchannels, 1) * sizeof(char *), MCXT_ALLOC_HUGE);
	JsonbObjectIter it;

	memcpy(names, view->channels, view->nchannels * sizeof(char *));
	jsonb_object_begin(&it, PG_GETARG_JSONB_P(1), "mapping");
	while (jsonb_object_next(&it))
	{
		const char *to = jsonb_option_text(&it);
		uint32 low = 0;
		uint32 high = view->nchannels;

		channel_validate(to, strlen(to));
		while (low < high)
		{
			uint32 middle = (low + high) / 2;

			if (strcmp(view->channels[middle], it.key) < 0)
				low = middle + 1;
			else
				high = middle;
		}
		if (low < view->nchannels && strcmp(view->channels[low], it.key) == 0)
			names[low] = to;
	}
	for (uint32 i = 0; i < view->nchannels; i++)
		map[i] = channel_dict_intern(state->channels, names[i], (uint32) strlen(names[i]));
	summary_state_merge(state, view, &meta, map);
	PG_RETURN_POINTER(summary_state_flat(state));
}
