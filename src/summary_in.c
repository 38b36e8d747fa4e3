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

void
summary_in_invalid(const SummaryReader *r, const char *detail)
{
	errsave(r->escontext, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
						   errmsg("invalid input syntax for type journey_summary"), errdetail("%s", detail)));
}

bool
summary_in_count(const SummaryReader *r, const char *token, int64 *count)
{
	char *end;

	errno = 0;
	*count = strtoi64(token, &end, 10);
	if (errno == 0 && end != token && *end == '\0' && *count >= 0)
		return true;
	summary_in_invalid(r, psprintf("\"%s\" must be a whole number from 0 to " INT64_FORMAT ", not %s.",
								   r->key ? r->key : "path", PG_INT64_MAX, token));
	return false;
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
		summary_in_invalid(r, "Too deeply nested.");
	else
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
	if (channel_is_reserved(name, strlen(name)))
	{
		channel_reject(name, strlen(name), r->escontext);
		return;
	}
	r->map[r->nchannels++] = channel_dict_intern(r->state->channels, name, (uint32) strlen(name));
	if (r->state->channels->size == before)
		summary_in_invalid(r, psprintf("Channel \"%s\" occurs twice.", name));
}

static void
set_top_field(SummaryReader *r, const char *token, JsonTokenType type)
{
	if (summary_in_key_is(r, "version"))
	{
		if (type != JSON_TOKEN_NUMBER || strcmp(token, "1") != 0)
			summary_in_invalid(
				r, psprintf("Version %s is not known; this is version %d.", token, SUMMARY_FLAT_VERSION));
		r->versioned = true;
	}
	else if (summary_in_key_is(r, "options") && type == JSON_TOKEN_NULL)
		return;
	else if (type == JSON_TOKEN_NUMBER && summary_in_key_is(r, "touches_seen"))
		(void) summary_in_count(r, token, &r->meta.touches_seen);
	else if (type == JSON_TOKEN_NUMBER && summary_in_key_is(r, "anonymous_touches"))
		(void) summary_in_count(r, token, &r->meta.anonymous_touches);
	else
		summary_in_invalid(r, psprintf("Unexpected value %s for key \"%s\".", token, r->key));
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
			if (type == JSON_TOKEN_STRING)
				add_channel(r, token);
			else
				summary_in_invalid(r, "\"channels\" must be an array of strings.");
			break;
		case PATH:
			if (type == JSON_TOKEN_NUMBER)
				summary_in_path_field(r, token);
			else
				summary_in_invalid(r, psprintf("\"%s\" must be a number, not %s.", r->key, token));
			break;
		case TOUCHES:
		case DECAY_PAIR:
			if (type != JSON_TOKEN_NUMBER)
				summary_in_invalid(r,
								   psprintf("Touches and decayed credits are numbers, not \"%s\".", token));
			else if (place_now(r) == TOUCHES)
				summary_in_touch(r, token);
			else
				summary_in_decay(r, token);
			break;
		default:
			summary_in_invalid(r, psprintf("Unexpected value %s.", token));
	}
	pfree(token);
	JSON_ACTION_DONE(r->escontext);
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
		summary_in_invalid(r, "Unexpected object.");
	JSON_ACTION_DONE(r->escontext);
}

JSON_ACTION
on_object_end(void *arg)
{
	SummaryReader *r = arg;

	if (place_now(r) == OPTIONS && --r->options_depth > 0)
		JSON_ACTION_DONE(r->escontext);
	if (place_now(r) == PATH)
		summary_in_path_end(r);
	r->depth--;
	JSON_ACTION_DONE(r->escontext);
}

JSON_ACTION
on_array_start(void *arg)
{
	SummaryReader *r = arg;

	if (place_now(r) == OPTIONS)
		JSON_ACTION_DONE(r->escontext);
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
		summary_in_invalid(r, "Unexpected array.");
	JSON_ACTION_DONE(r->escontext);
}

JSON_ACTION
on_array_end(void *arg)
{
	SummaryReader *r = arg;

	if (place_now(r) == OPTIONS)
		JSON_ACTION_DONE(r->escontext);
	if (place_now(r) == DECAY_PAIR && r->pair != 2)
		summary_in_invalid(r, "A decayed credit is a pair: conversions and value.");
	r->depth--;
	JSON_ACTION_DONE(r->escontext);
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
	JSON_ACTION_DONE(r->escontext);
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
			summary_in_invalid(r, "\"options\" must come once, before \"paths\".");
		else
			(void) summary_options_parse(pnstrdup(r->options_start, length), &r->meta, r->escontext);
	}
	JSON_ACTION_DONE(r->escontext);
}

Datum
attrib_summary_in(PG_FUNCTION_ARGS)
{
	char *text = PG_GETARG_CSTRING(0);
	SummaryReader r = {.state = summary_state_create(CurrentMemoryContext, NULL),
					   .escontext = fcinfo->context};
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
	r.lex = attrib_json_lex(text);
	if (!pg_parse_json_or_errsave(r.lex, &actions, r.escontext))
		PG_RETURN_NULL();
	if (!r.versioned)
		summary_in_invalid(&r, "Key \"version\" is missing.");
	else if (r.meta.anonymous_touches > r.meta.touches_seen)
		summary_in_invalid(&r, "There are more anonymous touches than touches.");
	if (SOFT_ERROR_OCCURRED(r.escontext))
		PG_RETURN_NULL();
	summary_state_set_meta(r.state, &r.meta);
	PG_RETURN_POINTER(summary_state_flat(r.state));
}
