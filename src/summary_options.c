/*
 * The options a journey summary remembers, as JSON and back.
 */
#include "summary.h"

#include "journey_options.h"
#include "jsonb_options.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

static void
append_interval(StringInfo out, const char *key, bool present, int64 microseconds)
{
	if (present)
		appendStringInfo(out, "\"%s\":\"%s\",", key, interval_text(microseconds));
	else
		appendStringInfo(out, "\"%s\":null,", key);
}

void
summary_options_json(StringInfo out, const SummaryMeta *meta)
{
	if (!meta->has_options)
	{
		appendStringInfoString(out, "null");
		return;
	}
	appendStringInfoChar(out, '{');
	append_interval(out, "lookback", meta->has_lookback, meta->lookback);
	if (meta->has_max_touches)
		appendStringInfo(out, "\"max_touches\":%u,", meta->max_touches);
	else
		appendStringInfoString(out, "\"max_touches\":null,");
	appendStringInfo(out, "\"reuse_touches\":%s,", meta->reuse_touches ? "true" : "false");
	append_interval(out, "half_life", meta->has_half_life, meta->half_life);
	appendStringInfo(out, "\"channel_lookback\":%s,\"transforms\":%s}", meta->channel_lookback,
					 meta->transforms);
}

static char *
canonical_channel_lookback(Jsonb *windows, Node *escontext)
{
	JourneySpec spec = {0};

	channel_lookback_decode(&spec, windows, escontext);
	return unconstify(char *, spec.channel_lookback_json);
}

static char *
canonical_transforms(Jsonb *transforms, Node *escontext)
{
	NamedChain chain = transforms_decode(transforms, escontext);
	StringInfoData json;

	initStringInfo(&json);
	transforms_json(&json, &chain);
	return json.data;
}

static Jsonb *
jsonb_from_text(const char *text)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
}

bool
summary_options_parse(char *json, SummaryMeta *meta, Node *escontext)
{
	JsonbObjectIter it;
	Datum jsonb;

	meta->has_options = true;
	meta->reuse_touches = true;
	meta->channel_lookback = "{}";
	meta->transforms = "[]";
	if (!DirectInputFunctionCallSafe(jsonb_in, json, InvalidOid, -1, escontext, &jsonb))
		return false;
	jsonb_object_begin_input(&it, DatumGetJsonbP(jsonb), "options", escontext);
	while (jsonb_object_next(&it))
	{
		bool present = it.value.type != jbvNull;

		if (strcmp(it.key, "lookback") == 0)
		{
			meta->has_lookback = present;
			meta->lookback = present ? jsonb_option_interval(&it) : 0;
		}
		else if (strcmp(it.key, "half_life") == 0)
		{
			meta->has_half_life = present;
			meta->half_life = present ? jsonb_option_interval(&it) : 0;
		}
		else if (strcmp(it.key, "max_touches") == 0)
		{
			meta->has_max_touches = present;
			meta->max_touches = present ? (uint32) jsonb_option_int64(&it, 1, PG_INT32_MAX) : 0;
		}
		else if (strcmp(it.key, "reuse_touches") == 0)
			meta->reuse_touches = jsonb_option_bool(&it);
		else if (strcmp(it.key, "channel_lookback") == 0)
			meta->channel_lookback = canonical_channel_lookback(JsonbValueToJsonb(&it.value), escontext);
		else if (strcmp(it.key, "transforms") == 0)
			meta->transforms = canonical_transforms(JsonbValueToJsonb(&it.value), escontext);
		else
			jsonb_option_unknown(
				&it, "lookback, max_touches, reuse_touches, half_life, channel_lookback, transforms");
	}
	return !SOFT_ERROR_OCCURRED(escontext);
}

bool
summary_options_valid(const SummaryMeta *meta)
{
	if (!meta->has_options)
		return true;
	/* what is no JSON, or no option, raises by itself */
	return strcmp(meta->channel_lookback,
				  canonical_channel_lookback(jsonb_from_text(meta->channel_lookback), NULL)) == 0 &&
		   strcmp(meta->transforms, canonical_transforms(jsonb_from_text(meta->transforms), NULL)) == 0;
}
