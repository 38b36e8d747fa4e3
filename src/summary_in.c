/*
 * journey_summary from JSON text. Reading is like aggregating: channels and paths may come in any order, and a
 * path that comes twice adds up.
 */
#include "summary.h"

#include "amount_text.h"
#include "common/jsonapi.h"
#include "core/summary_flat.h"
#include "event_input.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "summary_state.h"
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

/* Where in the document we are. OPTIONS is kept as text and parsed by those who know options. */
typedef enum Place
{
	DOCUMENT,
	TOP,
	OPTIONS,
	CHANNELS,
	PATHS,
	PATH,
	TOUCHES,
	DECAY,
	DECAY_PAIR,
} Place;

#define MAX_NESTING 8

typedef struct SummaryReader
{
	JsonLexContext *lex;
	SummaryState *state;
	Place place[MAX_NESTING];
	int depth;
	int options_depth;
	const char *options_start;
	char *key; /* last field name at the top or in a path */
	bool versioned;
	SummaryMeta meta;
	uint32 *map; /* numbers in the text to numbers in the state */
	uint32 nchannels;
	uint32 channels_capacity;
	/* the path being read */
	SummaryPath path;
	bool matured_given;
	bool matured_value_given;
	bool squares_given;
	uint32 *touches;
	uint32 touches_capacity;
	DecayCredit *decay;
	uint32 ndecay;
	uint32 decay_capacity;
	int pair; /* numbers of the current decay pair read so far */
} SummaryReader;

pg_noreturn static void
invalid(const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					errmsg("invalid input syntax for type journey_summary"), errdetail("%s", detail)));
	pg_unreachable();
}

static Place
place_now(const SummaryReader *r)
{
	return r->place[r->depth];
}

static void
enter(SummaryReader *r, Place place)
{
	if (r->depth + 1 >= MAX_NESTING)
		invalid("Too deeply nested.");
	r->place[++r->depth] = place;
}

static bool
key_is(const SummaryReader *r, const char *key)
{
	return r->key && strcmp(r->key, key) == 0;
}

static int64
parse_count(const SummaryReader *r, const char *token)
{
	int64 count;
	char *end;

	errno = 0;
	count = strtoi64(token, &end, 10);
	if (errno != 0 || end == token || *end != '\0' || count < 0)
		invalid(psprintf("\"%s\" must be a whole number from 0 to " INT64_FORMAT ", not %s.",
						 r->key ? r->key : "path", PG_INT64_MAX, token));
	return count;
}

static fixed128
parse_fixed(const SummaryReader *r, const char *token)
{
	ufixed128 whole;
	uint64 fraction;

	if (!parse_amount(token, &whole, &fraction) || whole > PG_INT64_MAX)
		invalid(psprintf("\"%s\" must be a plain decimal of at least 0 with at most %d decimals, not %s.",
						 r->key, AMOUNT_DECIMALS, token));
	return (fixed128) (whole << 64 | fraction);
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
		invalid(psprintf("Channel \"%s\" occurs twice.", name));
}

static void
add_touch(SummaryReader *r, const char *token)
{
	int64 channel = parse_count(r, token);

	if (channel >= r->nchannels)
		invalid(psprintf("Touch %s is not the number of a channel; there are %u, counted from 0.", token,
						 r->nchannels));
	if (r->path.ntouches == r->touches_capacity)
	{
		r->touches_capacity = Max(16, r->touches_capacity * 2);
		r->touches = r->touches ? repalloc_huge(r->touches, r->touches_capacity * sizeof(uint32))
								: palloc(r->touches_capacity * sizeof(uint32));
	}
	r->touches[r->path.ntouches++] = (uint32) channel;
}

static void
add_decay_number(SummaryReader *r, const char *token)
{
	DecayCredit *credit;
	fixed128 amount;

	if (r->pair == 0)
	{
		if (r->ndecay == r->decay_capacity)
		{
			r->decay_capacity = Max(16, r->decay_capacity * 2);
			r->decay = r->decay ? repalloc_huge(r->decay, r->decay_capacity * sizeof(DecayCredit))
								: palloc(r->decay_capacity * sizeof(DecayCredit));
		}
		r->ndecay++;
	}
	else if (r->pair > 1)
		invalid("A decayed credit is a pair: conversions and value.");
	credit = &r->decay[r->ndecay - 1];
	amount = parse_fixed(r, token);
	if (r->pair++ == 0)
		credit->conversions = (fixed128) ((ufixed128) amount >> (64 - DECAY_FRACTION_BITS));
	else
		credit->value = amount;
}

static void
set_path_field(SummaryReader *r, const char *token)
{
	SummaryPath *path = &r->path;
	ufixed128 whole;

	if (key_is(r, "conversions"))
		path->conversions = parse_count(r, token);
	else if (key_is(r, "lost"))
		path->lost = parse_count(r, token);
	else if (key_is(r, "open"))
		path->open = parse_count(r, token);
	else if (key_is(r, "value"))
		path->value = parse_fixed(r, token);
	else if (key_is(r, "matured_conversions"))
	{
		path->matured_conversions = parse_count(r, token);
		r->matured_given = true;
	}
	else if (key_is(r, "matured_value"))
	{
		path->matured_value = parse_fixed(r, token);
		r->matured_value_given = true;
	}
	else if (key_is(r, "squares"))
	{
		if (!parse_amount(token, &whole, &path->squares.word[0]))
			invalid(psprintf("\"squares\" must be a plain decimal, not %s.", token));
		path->squares.word[1] = (uint64) whole;
		path->squares.word[2] = (uint64) (whole >> 64);
		r->squares_given = true;
	}
	else
		invalid(psprintf("Unknown key \"%s\" in a path.", r->key));
}

static void
set_top_field(SummaryReader *r, const char *token, JsonTokenType type)
{
	if (key_is(r, "version"))
	{
		if (type != JSON_TOKEN_NUMBER || strcmp(token, "1") != 0)
			invalid(psprintf("Version %s is not known; this is version %d.", token, SUMMARY_FLAT_VERSION));
		r->versioned = true;
	}
	else if (key_is(r, "options") && type == JSON_TOKEN_NULL)
		return;
	else if (type == JSON_TOKEN_NUMBER && key_is(r, "touches_seen"))
		r->meta.touches_seen = parse_count(r, token);
	else if (type == JSON_TOKEN_NUMBER && key_is(r, "anonymous_touches"))
		r->meta.anonymous_touches = parse_count(r, token);
	else
		invalid(psprintf("Unexpected value %s for key \"%s\".", token, r->key));
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
				invalid("\"channels\" must be an array of strings.");
			add_channel(r, token);
			break;
		case PATH:
			if (type != JSON_TOKEN_NUMBER)
				invalid(psprintf("\"%s\" must be a number, not %s.", r->key, token));
			set_path_field(r, token);
			break;
		case TOUCHES:
		case DECAY_PAIR:
			if (type != JSON_TOKEN_NUMBER)
				invalid(psprintf("Touches and decayed credits are numbers, not \"%s\".", token));
			if (place_now(r) == TOUCHES)
				add_touch(r, token);
			else
				add_decay_number(r, token);
			break;
		default:
			invalid(psprintf("Unexpected value %s.", token));
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
	else if (place_now(r) == TOP && key_is(r, "options"))
	{
		enter(r, OPTIONS);
		r->options_depth = 1;
	}
	else if (place_now(r) == PATHS)
	{
		enter(r, PATH);
		memset(&r->path, 0, sizeof(r->path));
		r->matured_given = r->matured_value_given = r->squares_given = false;
		r->ndecay = 0;
	}
	else
		invalid("Unexpected object.");
	JSON_ACTION_DONE;
}

static int
compare_numbers(const void *a, const void *b)
{
	uint32 x = *(const uint32 *) a;
	uint32 y = *(const uint32 *) b;

	CHECK_FOR_INTERRUPTS();
	return x < y ? -1 : x > y;
}

/* The credits of a path must belong to its channels, in ascending number, and add up to its totals. */
static void
check_decay(SummaryReader *r)
{
	SummaryPath *path = &r->path;
	fixed128 conversions = 0;
	fixed128 value = 0;
	uint32 *distinct;
	uint32 n = 0;

	distinct = palloc_extended(Max(path->ntouches, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);
	memcpy(distinct, path->touches, path->ntouches * sizeof(uint32));
	qsort(distinct, path->ntouches, sizeof(uint32), compare_numbers);
	for (uint32 i = 0; i < path->ntouches; i++)
		if (n == 0 || distinct[n - 1] != distinct[i])
			distinct[n++] = distinct[i];
	if (n != r->ndecay || path->conversions == 0)
		invalid(psprintf("A path with %u channels has %u decayed credits.", n, r->ndecay));
	for (uint32 i = 0; i < n; i++)
	{
		r->decay[i].channel = distinct[i];
		if (!fixed_add(&conversions, r->decay[i].conversions) || !fixed_add(&value, r->decay[i].value))
			invalid("Decayed credits are out of range.");
	}
	if (conversions != (fixed128) path->conversions << DECAY_FRACTION_BITS || value != path->value)
		invalid("The decayed credits of a path must add up to its conversions and value.");
	path->decay = r->decay;
	path->ndecay = n;
	pfree(distinct);
}

static void
finish_path(SummaryReader *r)
{
	SummaryPath *path = &r->path;
	uint32 *touches = summary_state_scratch(r->state, path->ntouches);
	bool several = false;
	PathCounts counts;

	if (!r->matured_given)
		path->matured_conversions = path->conversions;
	if (!r->matured_value_given)
		path->matured_value = path->value;
	if (path->matured_conversions > path->conversions || path->matured_value > path->value ||
		(path->value != 0 && path->conversions == 0) ||
		(path->matured_value != 0 && path->matured_conversions == 0))
		invalid("A path has value without conversions, or more matured than it has.");
	if (!r->squares_given && path->conversions > 0)
		path->squares = fixed_square_divide(fixed_square(path->value), (uint64) path->conversions);
	if (!fixed_squares_possible(path->squares, path->value, path->conversions))
		invalid("The squares of a path must lie between value^2 / conversions and value^2.");
	path->touches = r->touches;
	for (uint32 i = 0; i < path->ntouches; i++)
	{
		touches[i] = r->map[r->touches[i]];
		several = several || touches[i] != touches[0];
	}
	if (r->ndecay)
		check_decay(r);
	else if (several && path->conversions > 0 && r->meta.has_half_life)
		invalid("A converting path of several channels lacks its decayed credits.");
	if (r->ndecay && !r->meta.has_half_life)
		invalid("There are decayed credits, but the options before them have no half_life.");
	counts = (PathCounts){.conversions = path->conversions,
						  .lost = path->lost,
						  .open = path->open,
						  .matured_conversions = path->matured_conversions,
						  .value = path->value,
						  .matured_value = path->matured_value,
						  .squares = path->squares,
						  .from = path,
						  .from_channels = r->nchannels};
	summary_state_add(r->state, touches, path->ntouches, &counts);
	CHECK_FOR_INTERRUPTS();
}

JSON_ACTION
on_object_end(void *arg)
{
	SummaryReader *r = arg;

	if (place_now(r) == OPTIONS && --r->options_depth > 0)
		JSON_ACTION_DONE;
	if (place_now(r) == PATH)
		finish_path(r);
	r->depth--;
	JSON_ACTION_DONE;
}

JSON_ACTION
on_array_start(void *arg)
{
	SummaryReader *r = arg;

	if (place_now(r) == OPTIONS)
		JSON_ACTION_DONE;
	if (place_now(r) == TOP && key_is(r, "channels"))
		enter(r, CHANNELS);
	else if (place_now(r) == TOP && key_is(r, "paths"))
		enter(r, PATHS);
	else if (place_now(r) == PATH && key_is(r, "path") && r->path.ntouches == 0)
		enter(r, TOUCHES);
	else if (place_now(r) == PATH && key_is(r, "decay") && r->ndecay == 0)
		enter(r, DECAY);
	else if (place_now(r) == DECAY)
	{
		enter(r, DECAY_PAIR);
		r->pair = 0;
	}
	else
		invalid("Unexpected array.");
	JSON_ACTION_DONE;
}

JSON_ACTION
on_array_end(void *arg)
{
	SummaryReader *r = arg;

	if (place_now(r) == OPTIONS)
		JSON_ACTION_DONE;
	if (place_now(r) == DECAY_PAIR && r->pair != 2)
		invalid("A decayed credit is a pair: conversions and value.");
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
	if (place_now(r) == TOP && key_is(r, "options") && strcmp(name, "options") == 0 &&
		*r->options_start == '{')
	{
		size_t length = (size_t) (r->lex->prev_token_terminator - r->options_start);

		if (r->meta.has_options || r->state->nentries > 0)
			invalid("\"options\" must come once, before \"paths\".");
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
		invalid("Key \"version\" is missing.");
	if (r.meta.anonymous_touches > r.meta.touches_seen)
		invalid("There are more anonymous touches than touches.");
	summary_state_set_meta(r.state, &r.meta);
	PG_RETURN_POINTER(summary_state_flat(r.state));
}
