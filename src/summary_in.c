/*
 * journey_summary from JSON text. Reading is like aggregating: channels and paths may come in any order, and a
 * path that comes twice adds up.
 */
#include "summary_in.h"

#include "core/summary_flat.h"
#include "event_input.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonfuncs.h"

PG_FUNCTION_INFO_V1(attrib_summary_in);

/* 16 lets the actions report errors; ours raise them. */
#if PG_VERSION_NUM >= 160000
#define JSON_ACTION static JsonParseErrorType
#define JSON_ACTION_DONE return JSON_SUCCESS
#else
#define JSON_ACTION static void
#define JSON_ACTION_DONE return
#endif

void
summary_in_invalid(const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					errmsg("invalid input syntax for type journey_summary"), errdetail("%s", detail)));
	pg_unreachable();
}

int64
summary_in_count(const SummaryReader *r, const char *token)
{
	int64 count;
	char *end;

	errno = 0;
	count = strtoi64(token, &end, 10);
	if (errno != 0 || end == token || *end != '\0' || count < 0)
		summary_in_invalid(psprintf("\"%s\" must be a whole number from 0 to " INT64_FORMAT ", not %s.",
									r->key ? r->key : "path", PG_INT64_MAX, token));
	return count;
}

static SummaryPlace
place_now(const SummaryReader *r)
{
	return r->place[r->depth];
}

static void
enter(SummaryReader *r, SummaryPlace place)
{
	if (r->depth + 1 >= SUMMARY_IN_NESTING)
		summary_in_invalid("Too deeply nested.");
	r->place[++r->depth] = place;
}

static void
add_channel(SummaryReader *r, const char *name)
{
	uint32 before = r->state->channels->size;

	if (r->nchannels == r->channels_capacity)
	{
		r->channels_capacity = Max(16, r->channels_capacity * 2);
		r->map = r->map ? repalloc_huge(r->map, r->channels_capacity * sizeof(uint32))
						: palloc(r->channels_capacity * sizeof(uint32));
	}
	channel_validate(name, strlen(name));
	r->map[r->nchannels++] = channel_dict_intern(r->state->channels, name, (uint32) strlen(name));
	if (r->state->channels->size == before)
		summary_in_invalid(psprintf("Channel \"%s\" occurs twice.", name));
}

static void
set_top_field(SummaryReader *r, const char *token, JsonTokenType type)
{
	if (summary_in_key_is(r, "version"))
	{
		if (type != JSON_TOKEN_NUMBER || strcmp(token, "1") != 0)
			summary_in_invalid(
				psprintf("Version %s is not known; this is version %d.", token, SUMMARY_FLAT_VERSION));
		r->versioned = true;
	}
	else if (summary_in_key_is(r, "options") && type == JSON_TOKEN_NULL)
		return;
	else if (type == JSON_TOKEN_NUMBER && summary_in_key_is(r, "touches_seen"))
		r->meta.touches_seen = summary_in_count(r, token);
	else if (type == JSON_TOKEN_NUMBER && summary_in_key_is(r, "anonymous_touches"))
		r->meta.anonymous_touches = summary_in_count(r, token);
	else
		summary_in_invalid(psprintf("Unexpected value %s for key \"%s\".", token, r->key));
}

JSON_ACTION
on_scalar(void *arg, char *token, JsonTokenType type)
{
	SummaryReader *r = arg;

	/* here, not just once a path: a single path may have millions of touches */
	CHECK_FOR_INTERRUPTS();
	switch (place_now(r))
	{
		case OPTIONS:
			break;
		case TOP:
			set_top_field(r, token, type);
			break;
		case CHANNELS:
			if (type != JSON_TOKEN_STRING)
				summary_in_invalid("\"channels\" must be an array of strings.");
			add_channel(r, token);
			break;
		case PATH:
			if (type != JSON_TOKEN_NUMBER)
				summary_in_invalid(psprintf("\"%s\" must be a number, not %s.", r->key, token));
			summary_in_path_field(r, token);
			break;
		case TOUCHES:
		case DECAY_PAIR:
			if (type != JSON_TOKEN_NUMBER)
				summary_in_invalid(psprintf("Touches and decayed credits are numbers, not \"%s\".", token));
			if (place_now(r) == TOUCHES)
				summary_in_touch(r, token);
			else
				summary_in_decay(r, token);
			break;
		default:
			summary_in_invalid(psprintf("Unexpected value %s.", token));
	}
	pfree(token);
	JSON_ACTION_DONE;
}

JSON_ACTION
on_object_start(void *arg)
{
	SummaryReader *r = arg;

	if (place_now(r) == DOCUMENT)
		enter(r, TOP);
	else if (place_now(r) == OPTIONS)
		r->options_depth++;
	else if (place_now(r) == TOP && summary_in_key_is(r, "options"))
	{
		enter(r, OPTIONS);
		r->options_depth = 1;
	}
	else if (place_now(r) == PATHS)
	{
		enter(r, PATH);
		summary_in_path_begin(r);
	}
	else
		summary_in_invalid("Unexpected object.");
	JSON_ACTION_DONE;
}

JSON_ACTION
on_object_end(void *arg)
{
	SummaryReader *r = arg;

	if (place_now(r) == OPTIONS && --r->options_depth > 0)
		JSON_ACTION_DONE;
	if (place_now(r) == PATH)
		summary_in_path_end(r);
	r->depth--;
	JSON_ACTION_DONE;
}

JSON_ACTION
on_array_start(void *arg)
{
	SummaryReader *r = arg;

	if (place_now(r) == OPTIONS)
		JSON_ACTION_DONE;
	if (place_now(r) == TOP && summary_in_key_is(r, "channels"))
		enter(r, CHANNELS);
	else if (place_now(r) == TOP && summary_in_key_is(r, "paths"))
		enter(r, PATHS);
	else if (place_now(r) == PATH && summary_in_key_is(r, "path") && r->path.ntouches == 0)
		enter(r, TOUCHES);
	else if (place_now(r) == PATH && summary_in_key_is(r, "decay") && r->ndecay == 0)
		enter(r, DECAY);
	else if (place_now(r) == DECAY)
	{
		enter(r, DECAY_PAIR);
		r->pair = 0;
	}
	else
		summary_in_invalid("Unexpected array.");
	JSON_ACTION_DONE;
}

JSON_ACTION
on_array_end(void *arg)
{
	SummaryReader *r = arg;

	if (place_now(r) == OPTIONS)
		JSON_ACTION_DONE;
	if (place_now(r) == DECAY_PAIR && r->pair != 2)
		summary_in_invalid("A decayed credit is a pair: conversions and value.");
	r->depth--;
	JSON_ACTION_DONE;
}

JSON_ACTION
on_field_start(void *arg, char *name, bool isnull)
{
	SummaryReader *r = arg;

	(void) isnull;
	if (place_now(r) != OPTIONS)
	{
		if (r->key)
			pfree(r->key);
		r->key = pstrdup(name);
		r->options_start = r->lex->token_start;
	}
	JSON_ACTION_DONE;
}

JSON_ACTION
on_field_end(void *arg, char *name, bool isnull)
{
	SummaryReader *r = arg;

	(void) isnull;
	if (place_now(r) == TOP && summary_in_key_is(r, "options") && strcmp(name, "options") == 0 &&
		*r->options_start == '{')
	{
		size_t length = (size_t) (r->lex->prev_token_terminator - r->options_start);

		if (r->meta.has_options || r->state->nentries > 0)
			summary_in_invalid("\"options\" must come once, before \"paths\".");
		summary_options_parse(pnstrdup(r->options_start, length), &r->meta);
	}
	JSON_ACTION_DONE;
}

Datum
attrib_summary_in(PG_FUNCTION_ARGS)
{
	char *text = PG_GETARG_CSTRING(0);
	SummaryReader r = {.state = summary_state_create(CurrentMemoryContext, NULL)};
	JsonSemAction actions = {
		.semstate = &r,
		.object_start = on_object_start,
		.object_end = on_object_end,
		.array_start = on_array_start,
		.array_end = on_array_end,
		.object_field_start = on_field_start,
		.object_field_end = on_field_end,
		.scalar = on_scalar,
	};

	r.meta.channel_lookback = r.meta.transforms = "";
#if PG_VERSION_NUM >= 170000
	r.lex = makeJsonLexContextCstringLen(NULL, text, strlen(text), GetDatabaseEncoding(), true);
#else
	r.lex = makeJsonLexContextCstringLen(text, (int) strlen(text), GetDatabaseEncoding(), true);
#endif
	pg_parse_json_or_ereport(r.lex, &actions);
	if (!r.versioned)
		summary_in_invalid("Key \"version\" is missing.");
	if (r.meta.anonymous_touches > r.meta.touches_seen)
		summary_in_invalid("There are more anonymous touches than touches.");
	summary_state_set_meta(r.state, &r.meta);
	PG_RETURN_POINTER(summary_state_flat(r.state));
}
