/*
 * journey_summary as JSON text, exactly: text read back gives the same bytes.
 */
#include "summary.h"

#include "amount_text.h"
#include "core/summary_flat.h"
#include "miscadmin.h"
#include "utils/json.h"

PG_FUNCTION_INFO_V1(attrib_summary_out);

static void
append_decay(StringInfo out, const SummaryPath *path)
{
	appendStringInfoString(out, ",\"decay\":[");
	for (uint32 i = 0; i < path->ndecay; i++)
	{
		ufixed128 units = (ufixed128) path->decay[i].conversions;

		appendStringInfoString(out, i ? ",[" : "[");
		append_amount(out, units >> DECAY_FRACTION_BITS, (uint64) (units << (64 - DECAY_FRACTION_BITS)));
		appendStringInfoChar(out, ',');
		append_fixed(out, path->decay[i].value);
		appendStringInfoChar(out, ']');
	}
	appendStringInfoChar(out, ']');
}

static void
append_path(StringInfo out, const SummaryPath *path)
{
	appendStringInfoString(out, "{\"path\":[");
	for (uint32 i = 0; i < path->ntouches; i++)
		appendStringInfo(out, i ? ",%u" : "%u", path->touches[i]);
	appendStringInfoChar(out, ']');
	if (path->conversions)
		appendStringInfo(out, ",\"conversions\":" INT64_FORMAT, path->conversions);
	if (path->lost)
		appendStringInfo(out, ",\"lost\":" INT64_FORMAT, path->lost);
	if (path->open)
		appendStringInfo(out, ",\"open\":" INT64_FORMAT, path->open);
	if (path->value)
	{
		appendStringInfoString(out, ",\"value\":");
		append_fixed(out, path->value);
		if (path->conversions > 1)
		{
			appendStringInfoString(out, ",\"squares\":");
			append_amount(out, (ufixed128) path->squares.word[2] << 64 | path->squares.word[1],
						  path->squares.word[0]);
		}
	}
	if (path->matured_conversions != path->conversions)
		appendStringInfo(out, ",\"matured_conversions\":" INT64_FORMAT, path->matured_conversions);
	if (path->matured_value != path->value)
	{
		appendStringInfoString(out, ",\"matured_value\":");
		append_fixed(out, path->matured_value);
	}
	if (path->ndecay)
		append_decay(out, path);
	appendStringInfoChar(out, '}');
}

Datum
attrib_summary_out(PG_FUNCTION_ARGS)
{
	SummaryMeta meta;
	const SummaryView *view = summary_view_datum(PG_GETARG_DATUM(0), &meta);
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out, "{\"version\":%d,\"options\":", SUMMARY_FLAT_VERSION);
	summary_options_json(&out, &meta);
	appendStringInfo(
		&out, ",\"touches_seen\":" INT64_FORMAT ",\"anonymous_touches\":" INT64_FORMAT ",\"channels\":[",
		meta.touches_seen, meta.anonymous_touches);
	for (uint32 i = 0; i < view->nchannels; i++)
	{
		if (i)
			appendStringInfoChar(&out, ',');
		escape_json(&out, view->channels[i]);
	}
	appendStringInfoString(&out, "],\"paths\":[");
	for (size_t i = 0; i < view->npaths; i++)
	{
		if (i)
			appendStringInfoChar(&out, ',');
		append_path(&out, &view->paths[i]);
		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	appendStringInfoString(&out, "]}");
	PG_RETURN_CSTRING(out.data);
}
