/*
 * journey_options, the composite that says how journeys are cut from events, as plain C.
 */
#ifndef ATTRIB_JOURNEY_OPTIONS_H
#define ATTRIB_JOURNEY_OPTIONS_H

#include "attrib.h"

#include "access/htup_details.h"
#include "pgtime.h"
#include "utils/jsonb.h"

#include "core/journey.h"

typedef struct ChannelWindow
{
	const char *channel;
	int64 lookback; /* microseconds */
} ChannelWindow;

/* A transform as the user wrote it: channels by name, sorted and distinct. */
typedef struct NamedStep
{
	TransformKind kind;
	int nchannels;
	char **channels;
} NamedStep;

typedef struct NamedChain
{
	int nsteps;
	NamedStep *steps;
} NamedChain;

/*
 * Decoded options. `walk` holds what needs no channel numbers; journey_options_bind() adds the rest. The
 * JSON texts are canonical (sorted, intervals in one spelling), so that equal options are equal texts
 * whatever the user's spelling.
 */
typedef struct JourneySpec
{
	JourneyOptions walk;
	bool has_half_life;
	int64 half_life; /* microseconds */
	int nwindows;
	ChannelWindow *windows; /* sorted by channel bytes */
	NamedChain transforms;
	const char *channel_lookback_json; /* "{}" for none */
	const char *transforms_json;	   /* "[]" for none */
	const char *time_zone;
	pg_tz *zone;
	HeapTupleHeader source; /* the composite it was decoded from; NULL: the defaults */
} JourneySpec;

/*
 * Decodes and validates a composite, which a user may have built without the constructor; NULL stands for
 * the defaults. Lives in CurrentMemoryContext.
 */
extern const JourneySpec *journey_spec_decode(HeapTupleHeader options);

/* Fills windows, nwindows and channel_lookback_json; NULL is none. Errors go to `escontext`. */
extern void channel_lookback_decode(JourneySpec *spec, Jsonb *object, Node *escontext);

/* A number of microseconds as an interval, in the one spelling used in canonical texts. */
extern char *interval_text(int64 microseconds);

/* 22023 to `escontext` if it is no chain of known transforms. Lives in CurrentMemoryContext. */
extern NamedChain transforms_decode(Jsonb *transforms, Node *escontext);
extern void transforms_json(StringInfo json, const NamedChain *chain);

/* 22023 "options must be the same for every row" unless both mean the same. */
extern void journey_spec_require_equal(const JourneySpec *a, const JourneySpec *b);

/* The check of one more row, for a few nanoseconds where the bytes are those of the rows before. */
static inline bool
journey_spec_same_bytes(const JourneySpec *spec, HeapTupleHeader options)
{
	if (spec->source == NULL || options == NULL)
		return spec->source == options;
	return HeapTupleHeaderGetDatumLength(spec->source) == HeapTupleHeaderGetDatumLength(options) &&
		   memcmp(spec->source, options, HeapTupleHeaderGetDatumLength(options)) == 0;
}

static inline void
journey_spec_check_row(const JourneySpec *spec, HeapTupleHeader options)
{
	if (unlikely(!journey_spec_same_bytes(spec, options)))
		journey_spec_require_equal(spec, journey_spec_decode(options));
}

/* The caller's dictionary of channels. */
typedef struct ChannelNaming
{
	uint32 (*intern)(void *arg, const char *name, size_t length);
	const char *(*name)(void *arg, uint32 channel, size_t *length);
	void *arg;
	struct FrequencyCache *cache; /* owned by binding; zero-initialise */
} ChannelNaming;

/*
 * The options in the caller's channel numbers, in CurrentMemoryContext. Interns the names that the options
 * mention; `naming` must live as long as `walk`.
 */
extern void journey_options_bind(const JourneySpec *spec, ChannelNaming *naming, JourneyOptions *walk);
extern void transforms_bind(const NamedChain *named, ChannelNaming *naming, TransformChain *chain);

#endif
