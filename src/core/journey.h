/*
 * The one decoder of journeys: from a user's events to what converted, what was lost and what is still open.
 *
 * A run is a maximal sequence of touches with gaps of at most `lookback` and no conversion in between. It
 * converts if a conversion follows within `lookback` of its last touch, else it is a lost journey (open while
 * it may still convert). Every conversion has a journey, made of the touches in its window.
 */
#ifndef ATTRIB_JOURNEY_H
#define ATTRIB_JOURNEY_H

#include "transform.h"

#define JOURNEY_CONVERSION UINT32_MAX

/*
 * One event of a user. A row that is both a touch and a conversion is two events. `ref` is the caller's, e.g.
 * an index to the row's value and segment.
 */
typedef struct JourneyEvent
{
	int64_t at;		  /* microseconds */
	uint32_t channel; /* JOURNEY_CONVERSION marks a conversion */
	uint32_t ref;
} JourneyEvent;

typedef struct JourneyOptions
{
	bool has_lookback; /* false: no limit, nothing is ever open */
	bool has_observed_until;
	bool has_counted_from;
	bool has_counted_until;
	bool reuse_touches;
	int64_t lookback;		/* microseconds, > 0 */
	int64_t observed_until; /* events after it are not seen */
	int64_t counted_from;	/* journeys dated in [from, until) are emitted */
	int64_t counted_until;
	uint32_t max_touches; /* 0: no cap */

	/* By channel number, 0 for none; channels beyond the array have none. It can only shorten lookback. */
	const int64_t *channel_lookback; /* NULL when there is none */
	size_t nchannel_lookback;

	TransformChain transforms;
} JourneyOptions;

typedef struct Journey
{
	bool converted;
	bool open;			/* not converted, but may still convert */
	bool matured;		/* its fate was known by observed_until: lookback passed since its last touch */
	bool has_touches;	/* false only for conversions */
	int64_t date;		/* the conversion's time, or that of the last touch */
	int64_t last_touch; /* before transforms; undefined without touches */
	const JourneyEvent *event; /* the conversion, or the last touch: gives segment and value */

	/* The path, after channel_lookback, max_touches and transforms; valid until emit returns. */
	const uint32_t *channels;
	const int64_t *at;
	const uint32_t *refs;
	size_t ntouches;
} Journey;

/* May allocate and raise. Must not walk with the same workspace. */
typedef void (*JourneyFn)(void *arg, const Journey *journey);

/*
 * Buffers reused from user to user, so that a user costs no allocation. Zero-initialise. They grow from env,
 * so env must allocate where the workspace lives.
 */
typedef struct JourneyWorkspace
{
	int64_t *at; /* touches that a later journey may still use, as parallel arrays */
	uint32_t *channels;
	uint32_t *refs;
	size_t capacity;
	int64_t *path_at; /* the path being transformed */
	uint32_t *path_channels;
	uint32_t *path_refs;
	size_t path_capacity;
	size_t work; /* steps since the last core_check */
	TransformWorkspace transform;
} JourneyWorkspace;

/*
 * Emits the journeys of one user in the order of their dates. Events are in the total order; what the walk
 * relies on is: by time, touches before conversions at one instant.
 */
extern void journeys_walk(const JourneyEvent *events, size_t n, const JourneyOptions *options,
						  JourneyWorkspace *ws, const CoreEnv *env, JourneyFn emit, void *arg);

extern void journey_workspace_free(JourneyWorkspace *ws, const CoreEnv *env);

#endif
