/*
 * The generator against the model it claims to draw from: the closed-form truth against Shapley values by
 * enumeration over drawn journeys, the chances against what happened, the log's shape.
 */
#include <string.h>

#include "core/generator.h"
#include "unit.h"

static Generator *
make(const char *regime, int channels, int days, double baseline)
{
	GeneratorOptions options = {generator_regime_by_name(regime), channels, days, baseline};
	Generator *g = NULL;

	if (generator_create(unit_env(), &options, &g) != CORE_OK)
		printf("Bail out! %s was refused\n", regime);
	return g;
}

/* ------------------------------------------------------------------------------------------------
 * Truth
 * ------------------------------------------------------------------------------------------------ */

/* v(S): the response to the touches of the channels in `members` (a set of positions in `channel`) alone. */
static double
coalition_chance(const Generator *g, const GeneratorJourney *journey, const int *channel, int n,
				 unsigned members)
{
	GeneratorJourney part = {.touches = 0};

	for (int i = 0; i < journey->touches; i++)
		for (int c = 0; c < n; c++)
			if (channel[c] == journey->touch[i].channel && (members >> c & 1))
				part.touch[part.touches++] = journey->touch[i];
	return generator_chance(g, &part);
}

/* Adds the journey's Shapley values by the textbook sum over coalitions. */
static void
add_shapley(const Generator *g, const GeneratorJourney *journey, double *phi)
{
	static const double factorial[] = {1,	 1,		2,		6,		 24,	   120,		 720,
									   5040, 40320, 362880, 3628800, 39916800, 479001600};
	int channel[12];
	double v[1 << 12];
	int n = 0;

	for (int i = 0; i < journey->touches; i++)
	{
		int c = 0;

		while (c < n && channel[c] != journey->touch[i].channel)
			c++;
		if (c == n)
			channel[n++] = journey->touch[i].channel;
	}
	for (unsigned s = 0; s < 1U << n; s++)
		v[s] = coalition_chance(g, journey, channel, n, s);
	for (int c = 0; c < n; c++)
		for (unsigned s = 0; s < 1U << n; s++)
			if (!(s >> c & 1))
			{
				int size = __builtin_popcount(s);

				phi[channel[c]] +=
					factorial[size] * factorial[n - 1 - size] / factorial[n] * (v[s | 1U << c] - v[s]);
			}
}

static void
test_truth(const char *regime, int channels, double baseline, int journeys)
{
	Generator *g = make(regime, channels, 90, baseline);
	GeneratorStream stream = generator_stream(7, 0);
	double share[12];
	double phi[12] = {0};
	double total = 0;
	double sum = 0;
	double worst = 0;

	generator_truth(unit_env(), g, share);
	for (int i = 0; i < journeys; i++)
	{
		GeneratorJourney journey;

		generator_draw_journey(g, &stream, &journey);
		add_shapley(g, &journey, phi);
	}
	for (int c = 0; c < channels; c++)
	{
		sum += share[c];
		total += phi[c];
	}
	for (int c = 0; c < channels; c++)
		worst = fmax(worst, fabs(phi[c] / total - share[c]));
	is_close(sum, 1, 1e-12, "causal shares sum to 1");
	if (!ok(worst < 0.0025, "%s, %d channels: closed form = enumeration", regime, channels))
		printf("# largest difference %g\n", worst);
}

/* A pair that alone makes all the difference shares it equally, whatever the channels' popularity. */
static void
test_exact_truths(void)
{
	Generator *g = make("synergy", 12, 90, 0);
	GeneratorOptions options = {NULL, 12, 90, -1};
	GeneratorRegime pure = *generator_regime_by_name("synergy");
	double share[12];

	generator_truth(unit_env(), g, share);
	is_close(share[0], share[1], 1e-13, "symmetric players of the synergy earn the same");

	pure.effect = 0;
	options.regime = &pure;
	generator_create(unit_env(), &options, &g);
	generator_truth(unit_env(), g, share);
	is_close(share[0], 0.5, 1e-13, "nothing but a pair: half to each");

	generator_truth(unit_env(), make("free_riding", 12, 90, -1), share);
	ok(share[4] == 0, "a rider's causal share is exactly 0");
	generator_truth(unit_env(), make("realistic", 12, 90, -1), share);
	ok(share[4] == 0, "also in the realistic regime");
}

static void
test_many_channels(void)
{
	Generator *g = make("realistic", GENERATOR_MAX_CHANNELS, 90, -1);
	double *share = malloc(sizeof(double) * GENERATOR_MAX_CHANNELS);
	double sum = 0;
	bool positive = true;

	generator_truth(unit_env(), g, share);
	for (int c = 0; c < GENERATOR_MAX_CHANNELS; c++)
	{
		sum += share[c];
		positive = positive && (c == g->regime.rider ? share[c] == 0 : share[c] > 0);
	}
	is_close(sum, 1, 1e-10, "10000 channels: shares sum to 1");
	ok(positive, "10000 channels: every channel that acts has a share");
	free(share);
}

/* ------------------------------------------------------------------------------------------------
 * The log
 * ------------------------------------------------------------------------------------------------ */

/* One user's cycles are further apart than anything within one. */
#define CYCLE_GAP ((int64_t) (GENERATOR_SPAN_DAYS + 1) * GENERATOR_DAY_USEC)

static int
by_time(const void *a, const void *b)
{
	const GeneratorEvent *x = a;
	const GeneratorEvent *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return (x->channel < 0) - (y->channel < 0); /* the touch first */
}

typedef struct LogFacts
{
	long users, converters, cycles, bought, lost, touches;
	long rider_last_bought, rider_last_lost, rider_elsewhere;
	bool in_window, apart, revenue, ends;
} LogFacts;

/* The cycle of sorted events [from, to). */
static void
add_cycle(const Generator *g, const GeneratorEvent *events, int from, int to, LogFacts *f)
{
	bool bought = events[to - 1].channel < 0;
	int last = bought ? to - 2 : to - 1;

	f->cycles++;
	f->bought += bought;
	f->lost += !bought;
	f->touches += last - from + 1;
	f->ends = f->ends && last >= from;
	f->revenue = f->revenue && (!bought || events[to - 1].cents > 0);
	for (int i = from; i <= last; i++)
	{
		f->ends = f->ends && events[i].channel >= 0;
		if (events[i].channel != g->regime.rider)
			continue;
		f->rider_last_bought += i == last && bought;
		f->rider_last_lost += i == last && !bought;
		f->rider_elsewhere += i != last;
	}
	f->apart = f->apart && events[to - 1].at - events[from].at <= GENERATOR_SPAN_DAYS * GENERATOR_DAY_USEC;
}

static LogFacts
log_facts(const Generator *g, long users)
{
	LogFacts f = {.in_window = true, .apart = true, .revenue = true, .ends = true};
	GeneratorEvent events[GENERATOR_MAX_EVENTS];

	for (long user = 1; user <= users; user++)
	{
		double probability;
		int n = generator_user(g, 1, user, events, &probability);
		int from = 0;
		long bought = f.bought;

		qsort(events, n, sizeof(GeneratorEvent), by_time);
		f.in_window = f.in_window && events[0].at >= 0 && events[n - 1].at < g->days * GENERATOR_DAY_USEC;
		for (int i = 1; i <= n; i++)
			if (i == n || events[i].at - events[i - 1].at > CYCLE_GAP)
			{
				f.apart = f.apart && (i == n || events[i].at - events[i - 1].at > 30 * GENERATOR_DAY_USEC);
				add_cycle(g, events, from, i, &f);
				from = i;
			}
		f.users++;
		f.converters += f.bought > bought;
	}
	return f;
}

static void
test_log(const char *regime, int days)
{
	Generator *g = make(regime, 12, days, -1);
	LogFacts f = log_facts(g, 100000);
	double per_cycle = (double) f.touches / f.cycles;

	ok(f.in_window, "%s, %d days: every event lies in the window", regime, days);
	ok(f.apart, "cycles last at most 25 days and lie more than 30 days apart");
	ok(f.ends, "a conversion ends its cycle and follows at least one touch");
	ok(f.revenue, "a conversion has revenue");
	ok(f.converters > 0.02 * f.users && f.converters < 0.2 * f.users, "most users never convert: %.3f do",
	   (double) f.converters / f.users);
	ok(per_cycle > 3.5 && per_cycle < 4, "several touches a journey: %.2f", per_cycle);
	ok(f.rider_elsewhere == 0 || g->regime.rider < 0, "a rider is always the last touch");
	if (days == 30)
		ok(f.cycles == f.users, "a short window has room for one cycle");
	else
		ok(f.cycles > 1.15 * f.users && f.cycles < 1.3 * f.users, "some users come back: %.2f cycles",
		   (double) f.cycles / f.users);
	if (g->regime.rider >= 0)
	{
		double rode_bought = (double) f.rider_last_bought / f.bought;
		double rode_lost = (double) f.rider_last_lost / f.lost;

		/* Four standard errors of some ten thousand converting journeys. */
		is_close(rode_bought, g->regime.rider_bought, 0.022, "share of converting journeys the rider ends");
		is_close(rode_lost, g->regime.rider_lost, 0.006, "share of the others the rider ends");
	}
}

/* Chances are honest: in every band of them, as many users convert as they say, within four sigmas. */
static void
test_calibration(const char *regime, int days)
{
	enum
	{
		BANDS = 8
	};
	Generator *g = make(regime, 12, days, -1);
	GeneratorEvent events[GENERATOR_MAX_EVENTS];
	double expected[BANDS] = {0};
	double variance[BANDS] = {0};
	double seen[BANDS] = {0};
	bool calibrated = true;

	for (int user = 1; user <= 100000; user++)
	{
		double p;
		int n = generator_user(g, 11, user, events, &p);
		int band = (int) fmin(BANDS - 1, fmax(0, 6 + log2(p)));
		bool converted = false;

		for (int i = 0; i < n; i++)
			converted = converted || events[i].channel < 0;
		expected[band] += p;
		variance[band] += p * (1 - p);
		seen[band] += converted;
	}
	for (int b = 0; b < BANDS; b++)
		if (fabs(seen[b] - expected[b]) > 4 * sqrt(variance[b]) + 1)
		{
			calibrated = false;
			printf("# band %d: %g converted, %g expected\n", b, seen[b], expected[b]);
		}
	ok(calibrated, "%s, %d days: chances are calibrated", regime, days);
}

/* ------------------------------------------------------------------------------------------------
 * Blocks
 * ------------------------------------------------------------------------------------------------ */

static int
by_user_and_time(const void *a, const void *b)
{
	const GeneratorEvent *x = a;
	const GeneratorEvent *y = b;

	if (x->user_id != y->user_id)
		return x->user_id < y->user_id ? -1 : 1;
	return by_time(a, b);
}

static bool
same_event(const GeneratorEvent *a, const GeneratorEvent *b)
{
	return a->user_id == b->user_id && a->at == b->at && a->channel == b->channel && a->cents == b->cents;
}

static void
test_blocks(void)
{
	const int users = 20000;
	Generator *g = make("realistic", 12, 90, -1);
	GeneratorEvent *one, *two, *other, *part;
	size_t n = generator_block(unit_env(), g, 1, 1, users, &one);
	size_t again = generator_block(unit_env(), g, 1, 1, users, &two);
	size_t differs = generator_block(unit_env(), g, 2, 1, users, &other);
	size_t few = generator_block(unit_env(), g, 1, 1, users / 2, &part);
	bool same = n == again;
	bool prefix = true;
	bool complete = true;
	size_t neighbours = 0;
	size_t same_as_other = 0;
	double rising = 0;

	for (size_t i = 0; same && i < n; i++)
		same = same_event(&one[i], &two[i]);
	ok(same, "one seed, one log, row by row");
	for (size_t i = 0; i < n && i < differs; i++)
		same_as_other += same_event(&one[i], &other[i]);
	ok(same_as_other == 0, "another seed, another log");

	for (size_t i = 1; i < n; i++)
	{
		neighbours += one[i].user_id == one[i - 1].user_id;
		rising += one[i].user_id > one[i - 1].user_id;
	}
	ok(neighbours < 20, "a user's rows are scattered: %zu of %zu follow one another", neighbours, n);
	is_close(rising / n, 0.5, 0.01, "users neither rise nor fall along the log");

	qsort(one, n, sizeof(GeneratorEvent), by_user_and_time);
	qsort(part, few, sizeof(GeneratorEvent), by_user_and_time);
	for (size_t i = 0; i < few; i++)
		prefix = prefix && same_event(&one[i], &part[i]);
	ok(prefix, "fewer users are the first of more users");
	for (size_t i = 1; i < n; i++)
		complete = complete && one[i].user_id - one[i - 1].user_id <= 1;
	ok(complete && one[0].user_id == 1 && one[n - 1].user_id == users, "no user id is missing");
	ok(n > 4 * (size_t) users && n < 5 * (size_t) users, "four to five rows a user: %.2f",
	   (double) n / users);

	/* A handful of users: the buffer's first guess is all that keeps the largest users in. */
	for (int users_of_block = 0; users_of_block < 40; users_of_block++)
		free((generator_block(unit_env(), make("equal", 5, 3650, -1), 3, 1, users_of_block, &part), part));
	ok(true, "blocks of a few users");
}

static void
test_popularity(void)
{
	Generator *g = make("equal", 12, 90, -1);
	GeneratorStream stream = generator_stream(5, 5);
	double seen[12] = {0};
	double total = 0;
	double worst = 0;

	for (int i = 0; i < 100000; i++)
	{
		GeneratorJourney journey;

		generator_draw_journey(g, &stream, &journey);
		for (int j = 0; j < journey.touches; j++)
			seen[journey.touch[j].channel]++;
		total += journey.touches;
	}
	for (int c = 0; c < 12; c++)
		worst = fmax(worst, fabs(seen[c] / total - g->popularity[c]));
	ok(worst < 0.004, "channels are drawn by their popularity");
	is_close(g->popularity[0] / g->popularity[9], 10, 1e-12, "which is Zipf's");
}

static void
test_options(void)
{
	GeneratorOptions bad[] = {
		{&generator_regimes[0], GENERATOR_MIN_CHANNELS - 1, 90, -1},
		{&generator_regimes[0], GENERATOR_MAX_CHANNELS + 1, 90, -1},
		{&generator_regimes[0], 12, GENERATOR_MIN_DAYS - 1, -1},
		{&generator_regimes[0], 12, GENERATOR_MAX_DAYS + 1, -1},
		{&generator_regimes[0], 12, 90, 0.2},
		{&generator_regimes[0], 12, 90, NAN},
	};
	char buffer[GENERATOR_NAME_SIZE];
	Generator *g;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(generator_create(unit_env(), &bad[i], &g) == CORE_BAD_INPUT, "option outside its limits %zu", i);
	ok(generator_regime_by_name("none") == NULL, "an unknown regime is not found");
	ok(strcmp(generator_channel_name(12, buffer), "channel_0013") == 0, "numbered channels follow the named");
}

int
main(void)
{
	for (int i = 0; i < GENERATOR_REGIMES; i++)
	{
		test_truth(generator_regimes[i].name, 12, -1, 100000);
		test_truth(generator_regimes[i].name, 5, 0, 100000);
		test_log(generator_regimes[i].name, 90);
		test_calibration(generator_regimes[i].name, 90);
	}
	test_log("realistic", 30);
	test_log("realistic", 365);
	test_calibration("free_riding", 1000);
	test_exact_truths();
	test_many_channels();
	test_blocks();
	test_popularity();
	test_options();
	return done();
}
