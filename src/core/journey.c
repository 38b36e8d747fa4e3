#include "journey.h"

#include <string.h>

/* Steps between two core_check calls: well under a millisecond of them. */
#define CHECK_EVERY ((size_t) 1 << 16)

/*
 * The touches seen and still of use lie in ws->at etc. at [start, end), in order; those of the current run at
 * [run, end), while start..run holds what conversions before them have used and a later one may use again.
 */
typedef struct Walk
{
	const JourneyOptions *options;
	JourneyWorkspace *ws;
	const CoreEnv *env;
	JourneyFn emit;
	void *arg;
	int64_t mature_until; /* the fate of a last touch up to here is known */
	size_t start;
	size_t run;
	size_t end;
} Walk;

/* at - window; times can be so far apart that the difference does not fit, but then all is within. */
static inline int64_t
window_begin(int64_t at, int64_t window)
{
	int64_t begin;

	return __builtin_sub_overflow(at, window, &begin) ? INT64_MIN : begin;
}

static inline bool
is_counted(const JourneyOptions *options, int64_t date)
{
	return !(options->has_counted_from && date < options->counted_from) &&
		   !(options->has_counted_until && date >= options->counted_until);
}

static inline void
note_work(Walk *walk, size_t steps)
{
	walk->ws->work += steps;
	if (__builtin_expect(walk->ws->work >= CHECK_EVERY, 0))
	{
		walk->ws->work = 0;
		core_check(walk->env);
	}
}

/* Room for n touches; what the arrays hold is not kept. */
static void
arrays_reserve(const CoreEnv *env, int64_t **at, uint32_t **channels, uint32_t **refs, size_t *capacity,
			   size_t n)
{
	size_t size = *capacity > SIZE_MAX / 2 || *capacity * 2 < n ? n : *capacity * 2;

	core_free(env, *at);
	core_free(env, *channels);
	core_free(env, *refs);
	*at = NULL;
	*channels = NULL;
	*refs = NULL;
	*capacity = 0;
	if (size < 64)
		size = 64;
	*at = CORE_ALLOC(env, int64_t, size);
	*channels = CORE_ALLOC(env, uint32_t, size);
	*refs = CORE_ALLOC(env, uint32_t, size);
	*capacity = size;
}

/*
 * Leaves behind `from` the latest `cap` touches that their channel's own lookback lets reach `date`, and
 * returns where they begin. A touch passed over here is out of reach of every later date too, so it is
 * squeezed out for good: however many journeys look at it, each touch is dropped once.
 */
static size_t
drop_unreachable(Walk *walk, size_t from, int64_t date, size_t cap)
{
	const JourneyOptions *options = walk->options;
	JourneyWorkspace *ws = walk->ws;
	size_t seen = walk->end;
	size_t to = walk->end;
	size_t kept;

	while (seen > from && walk->end - to < cap)
	{
		uint32_t channel = ws->channels[--seen];
		int64_t window = channel < options->nchannel_lookback ? options->channel_lookback[channel] : 0;

		if (window > 0 && ws->at[seen] < window_begin(date, window))
			note_work(walk, 1);
		else if (--to != seen)
		{
			ws->at[to] = ws->at[seen];
			ws->channels[to] = channel;
			ws->refs[to] = ws->refs[seen];
		}
	}
	kept = walk->end - to;
	if (seen != to)
	{
		memmove(ws->at + seen, ws->at + to, kept * sizeof(*ws->at));
		memmove(ws->channels + seen, ws->channels + to, kept * sizeof(*ws->channels));
		memmove(ws->refs + seen, ws->refs + to, kept * sizeof(*ws->refs));
		walk->end = seen + kept;
	}
	return seen;
}

static void
apply_transforms(Walk *walk, Journey *journey)
{
	JourneyWorkspace *ws = walk->ws;
	size_t n = journey->ntouches;

	if (n > ws->path_capacity)
		arrays_reserve(walk->env, &ws->path_at, &ws->path_channels, &ws->path_refs, &ws->path_capacity, n);
	memcpy(ws->path_at, journey->at, n * sizeof(*ws->path_at));
	memcpy(ws->path_channels, journey->channels, n * sizeof(*ws->path_channels));
	memcpy(ws->path_refs, journey->refs, n * sizeof(*ws->path_refs));
	journey->ntouches = transform_apply(&walk->options->transforms, &ws->transform, walk->env,
										ws->path_channels, ws->path_at, ws->path_refs, n);
	journey->at = ws->path_at;
	journey->channels = ws->path_channels;
	journey->refs = ws->path_refs;
}

/* Fills in the path of a journey dated `date` from the touches at [start, end), all within lookback. */
static void
take_path(Walk *walk, Journey *journey)
{
	const JourneyOptions *options = walk->options;
	JourneyWorkspace *ws = walk->ws;
	size_t cap = options->max_touches ? options->max_touches : SIZE_MAX;
	size_t from = walk->start;

	if (options->channel_lookback)
		from = drop_unreachable(walk, from, journey->date, cap);
	else if (walk->end - from > cap)
		from = walk->end - cap;
	journey->at = ws->at + from;
	journey->channels = ws->channels + from;
	journey->refs = ws->refs + from;
	journey->ntouches = walk->end - from;
	journey->has_touches = journey->ntouches > 0;
	journey->last_touch = journey->has_touches ? ws->at[walk->end - 1] : 0;
	journey->matured = !journey->has_touches || journey->last_touch <= walk->mature_until;
	if (options->transforms.nsteps > 0 && journey->has_touches)
		apply_transforms(walk, journey);
}

/* Forgets the touches before `begin`; dates only grow, so no later journey can want them. */
static inline void
leave_behind(Walk *walk, int64_t begin)
{
	const int64_t *at = walk->ws->at;

	while (walk->start < walk->end && at[walk->start] < begin)
		walk->start++;
}

/*
 * The current run, if any, ends in silence at `last`. A conversion that comes later comes after the lookback
 * of all its touches, so they are done with.
 */
static void
end_run(Walk *walk, const JourneyEvent *last)
{
	const JourneyOptions *options = walk->options;
	Journey journey = {.date = last->at, .event = last};

	if (is_counted(options, last->at))
	{
		walk->start = walk->start > walk->run ? walk->start : walk->run;
		if (options->has_lookback)
			leave_behind(walk, window_begin(last->at, options->lookback));
		take_path(walk, &journey);
		journey.open = !journey.matured;
		note_work(walk, journey.ntouches);
		walk->emit(walk->arg, &journey);
	}
	walk->start = walk->run = walk->end = 0;
}

/* The conversions [first, last) of one instant: they see the same touches. */
static void
convert(Walk *walk, const JourneyEvent *first, const JourneyEvent *last)
{
	const JourneyOptions *options = walk->options;
	Journey journey = {.converted = true, .date = first->at};

	if (is_counted(options, first->at))
	{
		if (options->has_lookback)
			leave_behind(walk, window_begin(first->at, options->lookback));
		take_path(walk, &journey);
		for (journey.event = first; journey.event < last; journey.event++)
		{
			note_work(walk, journey.ntouches + 1);
			walk->emit(walk->arg, &journey);
		}
	}
	if (!options->reuse_touches)
		walk->start = walk->end = 0;
	walk->run = walk->end;
}

void
journeys_walk(const JourneyEvent *events, size_t n, const JourneyOptions *options, JourneyWorkspace *ws,
			  const CoreEnv *env, JourneyFn emit, void *arg)
{
	Walk walk = {.options = options, .ws = ws, .env = env, .emit = emit, .arg = arg};
	const JourneyEvent *last_touch = NULL;
	int64_t observed_until = options->has_observed_until ? options->observed_until : INT64_MAX;
	size_t i = 0;

	walk.mature_until = options->has_observed_until && options->has_lookback
							? window_begin(observed_until, options->lookback)
							: INT64_MAX;
	if (n > ws->capacity)
		arrays_reserve(env, &ws->at, &ws->channels, &ws->refs, &ws->capacity, n);
	while (i < n && events[i].at <= observed_until)
	{
		const JourneyEvent *event = &events[i];

		note_work(&walk, 1);
		if (walk.run < walk.end && options->has_lookback &&
			last_touch->at < window_begin(event->at, options->lookback))
			end_run(&walk, last_touch);
		if (event->channel == JOURNEY_CONVERSION)
		{
			while (i < n && events[i].at == event->at && events[i].channel == JOURNEY_CONVERSION)
				i++;
			convert(&walk, event, &events[i]);
		}
		else
		{
			ws->at[walk.end] = event->at;
			ws->channels[walk.end] = event->channel;
			ws->refs[walk.end] = event->ref;
			walk.end++;
			last_touch = event;
			i++;
		}
	}
	if (walk.run < walk.end)
		end_run(&walk, last_touch);
}

void
journey_workspace_free(JourneyWorkspace *ws, const CoreEnv *env)
{
	core_free(env, ws->at);
	core_free(env, ws->channels);
	core_free(env, ws->refs);
	core_free(env, ws->path_at);
	core_free(env, ws->path_channels);
	core_free(env, ws->path_refs);
	transform_workspace_free(&ws->transform, env);
	memset(ws, 0, sizeof(*ws));
}
