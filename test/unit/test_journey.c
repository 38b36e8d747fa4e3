/*
 * The decoder of journeys against the definitions, each written again as a search over all events.
 */
#include <string.h>

#include "core/journey.h"
#include "unit.h"

#define MAX_EVENTS 14
#define NCHANNELS 4
#define MAX_JOURNEYS (2 * MAX_EVENTS)

typedef struct Found
{
	bool converted, open, matured, has_touches;
	int64_t date, last_touch;
	const JourneyEvent *event;
	uint32_t channels[MAX_EVENTS];
	int64_t at[MAX_EVENTS];
	uint32_t refs[MAX_EVENTS];
	size_t n;
} Found;

typedef struct Journeys
{
	Found found[MAX_JOURNEYS];
	size_t n;
} Journeys;

typedef struct Log
{
	JourneyEvent events[MAX_EVENTS];
	size_t n;
	JourneyOptions options;
	int64_t channel_lookback[NCHANNELS];
	TransformStep steps[2];
	uint32_t listed[2];
} Log;

static uint32_t
draw(uint32_t below)
{
	static uint64_t state = 7;

	state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t) (state >> 33) % below;
}

static uint32_t
renamed(void *arg, uint32_t channel, uint64_t count)
{
	(void) arg;
	return channel + 100 * (uint32_t) count;
}

static void
collect(void *arg, const Journey *journey)
{
	Journeys *all = arg;
	Found *found = &all->found[all->n++];

	*found = (Found){.converted = journey->converted,
					 .open = journey->open,
					 .matured = journey->matured,
					 .has_touches = journey->has_touches,
					 .date = journey->date,
					 .last_touch = journey->last_touch,
					 .event = journey->event,
					 .n = journey->ntouches};
	if (journey->ntouches > 0)
	{
		memcpy(found->channels, journey->channels, journey->ntouches * sizeof(found->channels[0]));
		memcpy(found->at, journey->at, journey->ntouches * sizeof(found->at[0]));
		memcpy(found->refs, journey->refs, journey->ntouches * sizeof(found->refs[0]));
	}
}

static bool
is_conversion(const JourneyEvent *event)
{
	return event->channel == JOURNEY_CONVERSION;
}

/* Differences of the test's times fit __int128 whatever the times. */
static bool
within(int64_t earlier, int64_t later, bool limited, int64_t window)
{
	return !limited || (__int128) later - earlier <= window;
}

/* May touch i be part of a journey dated `date`? */
static bool
reaches(const Log *log, size_t i, int64_t date)
{
	int64_t own = log->options.channel_lookback ? log->channel_lookback[log->events[i].channel] : 0;

	return within(log->events[i].at, date, log->options.has_lookback, log->options.lookback) &&
		   within(log->events[i].at, date, own > 0, own);
}

/* The touches of [from, to) that reach the date, the latest max_touches of them, transformed. */
static void
reference_path(const Log *log, size_t from, size_t to, Found *found)
{
	const JourneyOptions *options = &log->options;
	TransformWorkspace ws = {0};
	size_t reaching = 0;
	size_t skip;

	for (size_t i = from; i < to; i++)
		reaching += !is_conversion(&log->events[i]) && reaches(log, i, found->date);
	skip = options->max_touches && reaching > options->max_touches ? reaching - options->max_touches : 0;
	for (size_t i = from; i < to; i++)
	{
		if (is_conversion(&log->events[i]) || !reaches(log, i, found->date))
			continue;
		found->last_touch = log->events[i].at;
		found->has_touches = true;
		if (skip > 0)
			skip--;
		else
		{
			found->channels[found->n] = log->events[i].channel;
			found->at[found->n] = log->events[i].at;
			found->refs[found->n++] = log->events[i].ref;
		}
	}
	found->matured = !found->has_touches || !options->has_observed_until || !options->has_lookback ||
					 (__int128) found->last_touch <= (__int128) options->observed_until - options->lookback;
	found->n = transform_apply(&options->transforms, &ws, unit_env(), found->channels, found->at, found->refs,
							   found->n);
	transform_workspace_free(&ws, unit_env());
}

static void
reference_put(const Log *log, Journeys *all, Found *found, size_t from, size_t to)
{
	const JourneyOptions *options = &log->options;

	if ((options->has_counted_from && found->date < options->counted_from) ||
		(options->has_counted_until && found->date >= options->counted_until))
		return;
	reference_path(log, from, to, found);
	all->found[all->n++] = *found;
}

/* A conversion: what it may use starts after the previous instant with a conversion, or anywhere. */
static void
reference_conversion(const Log *log, size_t i, Journeys *all)
{
	Found found = {.converted = true, .date = log->events[i].at, .event = &log->events[i]};
	size_t from = 0;

	for (size_t j = 0; j < i && !log->options.reuse_touches; j++)
		if (is_conversion(&log->events[j]) && log->events[j].at < found.date)
			from = j + 1;
	reference_put(log, all, &found, from, i);
}

/* A touch ends a lost journey if neither a touch nor a conversion follows within lookback. */
static void
reference_lost(const Log *log, size_t i, size_t seen, Journeys *all)
{
	const JourneyOptions *options = &log->options;
	Found found = {.date = log->events[i].at, .event = &log->events[i]};
	size_t from = i;

	if (i + 1 < seen && within(found.date, log->events[i + 1].at, options->has_lookback, options->lookback))
		return;
	while (from > 0 && !is_conversion(&log->events[from - 1]) &&
		   within(log->events[from - 1].at, log->events[from].at, options->has_lookback, options->lookback))
		from--;
	found.open = options->has_lookback && options->has_observed_until &&
				 (__int128) found.date > (__int128) options->observed_until - options->lookback;
	reference_put(log, all, &found, from, i + 1);
}

static void
reference_walk(const Log *log, Journeys *all)
{
	size_t seen = log->n;

	while (seen > 0 && log->options.has_observed_until &&
		   log->events[seen - 1].at > log->options.observed_until)
		seen--;
	for (size_t i = 0; i < seen; i++)
	{
		if (is_conversion(&log->events[i]))
			reference_conversion(log, i, all);
		else
			reference_lost(log, i, seen, all);
	}
}

static int
by_order(const void *a, const void *b)
{
	const JourneyEvent *x = a;
	const JourneyEvent *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	if (x->channel != y->channel)
		return x->channel < y->channel ? -1 : 1;
	return 0;
}

static void
draw_options(Log *log)
{
	JourneyOptions *options = &log->options;
	TransformChain chain = {.steps = log->steps, .nsteps = draw(3), .intern_frequency = renamed};

	*options = (JourneyOptions){.has_lookback = draw(5) > 0,
								.has_observed_until = draw(2),
								.has_counted_from = draw(4) == 0,
								.has_counted_until = draw(4) == 0,
								.reuse_touches = draw(2),
								.lookback = 1 + draw(8),
								.observed_until = draw(32),
								.counted_from = draw(24),
								.counted_until = draw(32),
								.max_touches = draw(3) ? 0 : 1 + draw(4)};
	if (draw(2))
	{
		for (int c = 0; c < NCHANNELS; c++)
			log->channel_lookback[c] = draw(2) ? 1 + draw(8) : 0;
		options->channel_lookback = log->channel_lookback;
		options->nchannel_lookback = NCHANNELS;
	}
	for (size_t s = 0; s < chain.nsteps; s++)
	{
		log->listed[s] = draw(NCHANNELS);
		log->steps[s] =
			(TransformStep){.kind = (TransformKind) draw(6), .channels = &log->listed[s], .nchannels = 1};
	}
	if (draw(2))
		options->transforms = chain;
}

static void
draw_log(Log *log)
{
	uint32_t span = 1 + draw(30);

	draw_options(log);
	log->n = draw(MAX_EVENTS + 1);
	for (size_t i = 0; i < log->n; i++)
		log->events[i] =
			(JourneyEvent){.at = draw(span), .channel = draw(4) ? draw(NCHANNELS) : JOURNEY_CONVERSION};
	qsort(log->events, log->n, sizeof(JourneyEvent), by_order);
	for (size_t i = 0; i < log->n; i++)
		log->events[i].ref = (uint32_t) i;
}

static bool
same(const Found *a, const Found *b)
{
	return a->converted == b->converted && a->open == b->open && a->matured == b->matured &&
		   a->has_touches == b->has_touches && a->date == b->date &&
		   (!a->has_touches || a->last_touch == b->last_touch) && a->event == b->event && a->n == b->n &&
		   memcmp(a->channels, b->channels, a->n * sizeof(a->channels[0])) == 0 &&
		   memcmp(a->at, b->at, a->n * sizeof(a->at[0])) == 0 &&
		   memcmp(a->refs, b->refs, a->n * sizeof(a->refs[0])) == 0;
}

static bool
agrees(const Log *log, JourneyWorkspace *ws)
{
	Journeys walked = {.n = 0};
	Journeys expected = {.n = 0};
	bool equal;

	journeys_walk(log->events, log->n, &log->options, ws, unit_env(), collect, &walked);
	reference_walk(log, &expected);
	equal = walked.n == expected.n;
	for (size_t i = 0; i < walked.n && equal; i++)
		equal = same(&walked.found[i], &expected.found[i]);
	return equal;
}

static void
random_logs(JourneyWorkspace *ws)
{
	bool right = true;

	for (int i = 0; i < 200000 && right; i++)
	{
		Log log;

		draw_log(&log);
		right = agrees(&log, ws);
	}
	ok(right, "200 000 random logs with random options equal the definitions");
}

/* Times whose differences do not fit int64, and lookbacks as long. */
static void
far_apart(JourneyWorkspace *ws)
{
	static const int64_t times[] = {INT64_MIN + 1, INT64_MIN / 2, -1, 0, 5, INT64_MAX / 2, INT64_MAX - 1};
	static const int64_t windows[] = {1, 6, INT64_MAX / 2, INT64_MAX};
	bool right = true;

	for (int i = 0; i < 50000 && right; i++)
	{
		Log log;

		draw_log(&log);
		for (size_t e = 0; e < log.n; e++)
			log.events[e].at = times[draw(7)];
		qsort(log.events, log.n, sizeof(JourneyEvent), by_order);
		log.options.lookback = windows[draw(4)];
		log.options.observed_until = times[draw(7)];
		log.options.counted_from = times[draw(7)];
		log.options.counted_until = times[draw(7)];
		for (int c = 0; c < NCHANNELS; c++)
			log.channel_lookback[c] = draw(2) ? windows[draw(4)] : 0;
		right = agrees(&log, ws);
	}
	ok(right, "50 000 logs with times at the ends of int64");
}

typedef struct Totals
{
	size_t journeys;
	size_t touches;
} Totals;

static void
count(void *arg, const Journey *journey)
{
	Totals *totals = arg;

	totals->journeys++;
	totals->touches += journey->ntouches;
}

/*
 * Half a million touches, each followed by a conversion, all within lookback: with a cap the work must follow
 * what is emitted, not the window, even when the channel's own lookback rules most of the window out.
 */
static void
long_log(JourneyWorkspace *ws)
{
	size_t n = 1000000;
	JourneyEvent *events = malloc(n * sizeof(JourneyEvent));
	int64_t own[] = {0, 10};
	JourneyOptions options = {.has_lookback = true,
							  .lookback = 100000000,
							  .reuse_touches = true,
							  .max_touches = 3,
							  .channel_lookback = own,
							  .nchannel_lookback = 2};
	Totals totals = {0};

	for (size_t i = 0; i < n; i++)
		events[i] = (JourneyEvent){.at = (int64_t) i, .channel = i % 2 ? JOURNEY_CONVERSION : i > 0};
	journeys_walk(events, n, &options, ws, unit_env(), count, &totals);
	ok(totals.journeys == n / 2 && totals.touches == 3 * (n / 2) - 3, "a million events of one user, capped");
	own[1] = 1;
	totals = (Totals){0};
	journeys_walk(events, n, &options, ws, unit_env(), count, &totals);
	ok(totals.journeys == n / 2 && totals.touches == 2 * (n / 2) - 1,
	   "the same where a channel's lookback leaves little to find");
	free(events);
}

int
main(void)
{
	JourneyWorkspace ws = {0};

	random_logs(&ws);
	far_apart(&ws);
	long_log(&ws);
	journey_workspace_free(&ws, unit_env());
	return done();
}
