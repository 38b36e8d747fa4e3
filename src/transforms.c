/*
 * Path transforms as users write them: a JSON array of names and {"name": ["channel", ...]}. Also the
 * translation of options from channel names to a caller's channel numbers.
 */
#include "journey_options.h"

#include "utils/builtins.h"
#include "utils/json.h"

#include "jsonb_options.h"

/* A chain runs for every journey; nobody needs more steps than there are things to say. */
#define MAX_STEPS 64

#define KNOWN_TRANSFORMS                                                                                     \
	"\"exposure\", \"first\", \"unique\", \"frequency\", {\"remove_if_not_all\": [\"channel\"]} and "        \
	"{\"remove_if_last_and_not_all\": [\"channel\"]}"

static const struct
{
	const char *name;
	TransformKind kind;
	bool has_list;
} transform_names[] = {
	{"exposure", TRANSFORM_EXPOSURE, false},
	{"first", TRANSFORM_FIRST, false},
	{"unique", TRANSFORM_UNIQUE, false},
	{"frequency", TRANSFORM_FREQUENCY, false},
	{"remove_if_not_all", TRANSFORM_REMOVE_IF_NOT_ALL, true},
	{"remove_if_last_and_not_all", TRANSFORM_REMOVE_IF_LAST_AND_NOT_ALL, true},
};

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* An error, and false. */
static bool
bad_transform(JsonbValue *shown, Node *escontext)
{
	ereturn(escontext, false,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg(shown->type == jbvString ? "transforms: unrecognized transform \"%s\""
											 : "transforms: unrecognized transform %s",
					jsonb_value_text(shown)),
			 errhint("Known transforms are " KNOWN_TRANSFORMS ".")));
}

static bool
kind_by_name(const char *name, bool has_list, TransformKind *kind)
{
	for (int i = 0; i < (int) lengthof(transform_names); i++)
		if (strcmp(transform_names[i].name, name) == 0 && transform_names[i].has_list == has_list)
		{
			*kind = transform_names[i].kind;
			return true;
		}
	return false;
}

/* {"remove_...": ["channel", ...]}: one key, as the order of several would be lost. */
static bool
decode_step_object(JsonbValue *value, NamedStep *step, Node *escontext)
{
	JsonbObjectIter it;
	int distinct = 0;

	jsonb_object_begin_input(&it, JsonbValueToJsonb(value), "transforms", escontext);
	if (JsonContainerSize(value->val.binary.data) != 1 || !jsonb_object_next(&it) ||
		!kind_by_name(it.key, true, &step->kind))
		return bad_transform(value, escontext);
	step->channels = jsonb_option_text_array(&it, &step->nchannels);
	qsort(step->channels, step->nchannels, sizeof(char *), by_bytes);
	for (int i = 0; i < step->nchannels; i++)
		if (i == 0 || strcmp(step->channels[i], step->channels[distinct - 1]) != 0)
			step->channels[distinct++] = step->channels[i];
	step->nchannels = distinct;
	return !SOFT_ERROR_OCCURRED(escontext);
}

static bool
decode_step(JsonbValue *value, NamedStep *step, Node *escontext)
{
	if (value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data))
		return decode_step_object(value, step, escontext);
	if (value->type != jbvString || !kind_by_name(jsonb_value_text(value), false, &step->kind))
		return bad_transform(value, escontext);
	return true;
}

NamedChain
transforms_decode(Jsonb *transforms, Node *escontext)
{
	NamedChain chain = {0};
	JsonbIterator *iter;
	JsonbValue value;

	if (!JB_ROOT_IS_ARRAY(transforms) || JB_ROOT_IS_SCALAR(transforms))
		ereturn(escontext, chain,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("transforms must be a JSON array, not %s",
						JsonbToCString(NULL, &transforms->root, VARSIZE(transforms))),
				 errhint("Known transforms are " KNOWN_TRANSFORMS ".")));
	if (JB_ROOT_COUNT(transforms) > MAX_STEPS)
		ereturn(escontext, chain,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("transforms must be at most %d, not %d", MAX_STEPS, (int) JB_ROOT_COUNT(transforms)),
				 errhint("Several channels to remove fit in one list.")));
	chain.steps = palloc0(sizeof(NamedStep) * Max(JB_ROOT_COUNT(transforms), 1));
	iter = JsonbIteratorInit(&transforms->root);
	(void) JsonbIteratorNext(&iter, &value, true); /* WJB_BEGIN_ARRAY */
	while (JsonbIteratorNext(&iter, &value, true) == WJB_ELEM &&
		   decode_step(&value, &chain.steps[chain.nsteps], escontext))
		chain.nsteps++;
	return chain;
}

void
transforms_json(StringInfo json, const NamedChain *chain)
{
	appendStringInfoChar(json, '[');
	for (int s = 0; s < chain->nsteps; s++)
	{
		const NamedStep *step = &chain->steps[s];
		const char *separator = s > 0 ? ", " : "";

		if (!transform_names[step->kind].has_list)
		{
			appendStringInfo(json, "%s\"%s\"", separator, transform_names[step->kind].name);
			continue;
		}
		appendStringInfo(json, "%s{\"%s\": [", separator, transform_names[step->kind].name);
		for (int i = 0; i < step->nchannels; i++)
		{
			if (i > 0)
				appendStringInfoString(json, ", ");
			escape_json(json, step->channels[i]);
		}
		appendStringInfoString(json, "]}");
	}
	appendStringInfoChar(json, ']');
}

/*
 * Names of frequencies met lately, so that a journey seldom pays for printing and looking one up. Direct
 * mapped: a channel and count have one place.
 */
#define FREQUENCY_CACHE 256

struct FrequencyCache
{
	struct
	{
		uint64 count; /* 0: empty */
		uint32 channel;
		uint32 renamed;
	} entry[FREQUENCY_CACHE];
};

static uint32_t
frequency_channel(void *arg, uint32_t channel, uint64_t count)
{
	ChannelNaming *naming = arg;
	uint64 place = (channel * UINT64CONST(31) + count) % FREQUENCY_CACHE;

	if (naming->cache->entry[place].count != count || naming->cache->entry[place].channel != channel)
	{
		char suffix[32];
		size_t length;
		const char *name = naming->name(naming->arg, channel, &length);
		int added = snprintf(suffix, sizeof(suffix), "(" UINT64_FORMAT ")", count);
		char *renamed = palloc(length + added);

		memcpy(renamed, name, length);
		memcpy(renamed + length, suffix, added);
		naming->cache->entry[place].renamed = naming->intern(naming->arg, renamed, length + added);
		naming->cache->entry[place].channel = channel;
		naming->cache->entry[place].count = count;
		pfree(renamed);
	}
	return naming->cache->entry[place].renamed;
}

static int
by_number(const void *a, const void *b)
{
	uint32 x = *(const uint32 *) a;
	uint32 y = *(const uint32 *) b;

	return x < y ? -1 : x > y;
}

void
transforms_bind(const NamedChain *named, ChannelNaming *naming, TransformChain *chain)
{
	TransformStep *steps = palloc0(sizeof(TransformStep) * Max(named->nsteps, 1));

	for (int s = 0; s < named->nsteps; s++)
	{
		const NamedStep *step = &named->steps[s];
		uint32 *channels = palloc(sizeof(uint32) * Max(step->nchannels, 1));

		for (int i = 0; i < step->nchannels; i++)
			channels[i] = naming->intern(naming->arg, step->channels[i], strlen(step->channels[i]));
		qsort(channels, step->nchannels, sizeof(uint32), by_number);
		steps[s] = (TransformStep){step->kind, channels, step->nchannels};
		if (step->kind == TRANSFORM_FREQUENCY && naming->cache == NULL)
			naming->cache = palloc0(sizeof(struct FrequencyCache));
	}
	*chain = (TransformChain){steps, named->nsteps, frequency_channel, naming};
}

void
journey_options_bind(const JourneySpec *spec, ChannelNaming *naming, JourneyOptions *walk)
{
	uint32 *channels = palloc(sizeof(uint32) * Max(spec->nwindows, 1));
	uint32 top = 0;
	int64 *lookback;

	*walk = spec->walk;
	transforms_bind(&spec->transforms, naming, &walk->transforms);
	if (spec->nwindows == 0)
		return;
	for (int i = 0; i < spec->nwindows; i++)
	{
		channels[i] = naming->intern(naming->arg, spec->windows[i].channel, strlen(spec->windows[i].channel));
		top = Max(top, channels[i]);
	}
	lookback = MemoryContextAllocExtended(CurrentMemoryContext, sizeof(int64) * ((Size) top + 1),
										  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int i = 0; i < spec->nwindows; i++)
		lookback[channels[i]] = spec->windows[i].lookback;
	walk->channel_lookback = lookback;
	walk->nchannel_lookback = (size_t) top + 1;
}
