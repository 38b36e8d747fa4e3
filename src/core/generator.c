/*
 * Drawing event logs; the model is described in generator.h, its causal truth is in generator_truth.c.
 */
#include "generator.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>

/* A further cycle follows with this probability, as long as the window has room for it. */
#define REPEAT_PROBABILITY 0.2

/* Order values are lognormal around a median of 60 with a long right tail (mean 83). */
#define REVENUE_MEDIAN 60.0
#define REVENUE_SIGMA 0.8

/* In order of popularity: impressions outnumber clicks, clicks outnumber messages. */
enum
{
	DISPLAY,
	FACEBOOK,
	PAID_SEARCH,
	EMAIL,
	BRANDED_SEARCH,
	NAMED_CHANNELS = 12
};

static const struct
{
	const char *name;
	double mean_age; /* days */
	double effect;	 /* in the realistic regime */
} named_channels[NAMED_CHANNELS] = {
	{"display", 9, 0.006},	{"facebook", 8, 0.012},		{"paid_search", 3, 0.030},
	{"email", 4, 0.035},	{"branded_search", 1, 0.0}, {"organic_search", 3, 0.020},
	{"direct", 2, 0.005},	{"youtube", 9, 0.010},		{"affiliate", 2, 0.025},
	{"referral", 4, 0.020}, {"tiktok", 8, 0.010},		{"sms", 2, 0.030},
};

/* What a channel beyond the named ones does per touch in the realistic regime. */
#define OTHER_EFFECT 0.010

const GeneratorRegime generator_regimes[GENERATOR_REGIMES] = {
	{.name = "realistic",
	 .baseline = 0.01,
	 .effect = -1,
	 .half_life = 7,
	 .pair_first = DISPLAY,
	 .pair_second = PAID_SEARCH,
	 .pair_ordered = true,
	 .pair_boost = 0.5,
	 .pair_effect = -1,
	 .rider = BRANDED_SEARCH,
	 .rider_bought = 0.35,
	 .rider_lost = 0.12},
	{.name = "equal", .baseline = 0.01, .effect = 0.02, .pair_first = -1, .pair_second = -1, .rider = -1},
	{.name = "free_riding",
	 .baseline = 0.01,
	 .effect = 0.02,
	 .pair_first = -1,
	 .pair_second = -1,
	 .rider = BRANDED_SEARCH,
	 .rider_bought = 0.60,
	 .rider_lost = 0.15},
	{.name = "synergy",
	 .baseline = 0.04,
	 .effect = 0.005,
	 .pair_first = DISPLAY,
	 .pair_second = FACEBOOK,
	 .pair_boost = 1,
	 .pair_effect = 0,
	 .rider = -1},
	{.name = "order",
	 .baseline = 0.02,
	 .effect = 0.01,
	 .pair_first = DISPLAY,
	 .pair_second = FACEBOOK,
	 .pair_ordered = true,
	 .pair_boost = 2,
	 .pair_effect = 0.01,
	 .rider = -1},
	{.name = "decay",
	 .baseline = 0.01,
	 .effect = 0.06,
	 .half_life = 2,
	 .pair_first = -1,
	 .pair_second = -1,
	 .rider = -1},
};

const GeneratorRegime *
generator_regime_by_name(const char *name)
{
	for (int i = 0; i < GENERATOR_REGIMES; i++)
		if (strcmp(generator_regimes[i].name, name) == 0)
			return &generator_regimes[i];
	return NULL;
}

const char *
generator_channel_name(int channel, char buffer[GENERATOR_NAME_SIZE])
{
	if (channel < NAMED_CHANNELS)
		return named_channels[channel].name;
	snprintf(buffer, GENERATOR_NAME_SIZE, "channel_%04d", channel + 1);
	return buffer;
}

/* Steele, Lea and Flood (2014), "Fast splittable pseudorandom number generators". */
static uint64_t
mix64(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static inline uint64_t
next64(GeneratorStream *stream)
{
	return mix64(stream->state += UINT64_C(0x9e3779b97f4a7c15));
}

/*
 * Every user starts at a place of his own on the one cycle of 2^64, so a user is the same however many users
 * are asked for. (The generators of GSL take 32 bits of seed, too few to keep a million users apart.)
 */
GeneratorStream
generator_stream(uint64_t seed, uint64_t user)
{
	return (GeneratorStream){mix64(mix64(seed + UINT64_C(0x9e3779b97f4a7c15)) + user)};
}

double
generator_uniform(GeneratorStream *stream)
{
	return ((double) (next64(stream) >> 11) + 0.5) * 0x1p-53;
}

static void
fill_channels(Generator *g)
{
	const GeneratorRegime *regime = &g->regime;
	double total = 0;

	for (int c = 0; c < g->channels; c++)
	{
		bool in_pair = c == regime->pair_first || c == regime->pair_second;
		double effect = in_pair ? regime->pair_effect : regime->effect;

		if (effect < 0)
			effect = c < NAMED_CHANNELS ? named_channels[c].effect : OTHER_EFFECT;
		g->effect[c] = c == regime->rider ? 0 : effect;
		g->mean_age[c] = named_channels[c % NAMED_CHANNELS].mean_age;
		g->popularity[c] = c == regime->rider ? 0 : 1.0 / (c + 1);
		total += g->popularity[c];
	}
	for (int c = 0; c < g->channels; c++)
		g->popularity[c] /= total;
}

/* Vose (1991): two stacks, of the columns that are too low and too high, grow towards each other. */
static void
fill_alias_table(const CoreEnv *env, Generator *g)
{
	int n = g->channels;
	int32_t *stack = CORE_ALLOC(env, int32_t, n);
	int low = 0;
	int high = n;

	for (int c = 0; c < n; c++)
	{
		g->alias_cut[c] = g->popularity[c] * n;
		g->alias[c] = c;
		if (g->alias_cut[c] < 1)
			stack[low++] = c;
		else
			stack[--high] = c;
	}
	while (low > 0 && high < n)
	{
		int small = stack[--low];
		int large = stack[high];

		g->alias[small] = large;
		g->alias_cut[large] -= 1 - g->alias_cut[small];
		if (g->alias_cut[large] < 1)
		{
			high++;
			stack[low++] = large;
		}
	}
	while (low > 0) /* what rounding left over */
		g->alias_cut[stack[--low]] = 1;
	while (high < n)
		g->alias_cut[stack[high++]] = 1;
	core_free(env, stack);
}

static void
fill_touches(Generator *g)
{
	double p = GENERATOR_TOUCHES_SHAPE / (GENERATOR_TOUCHES_SHAPE + GENERATOR_TOUCHES_MEAN);
	double sum = 0;

	g->touches_cdf[0] = 0;
	for (int n = 1; n <= GENERATOR_MAX_TOUCHES; n++)
		g->touches_cdf[n] = sum += gsl_ran_negative_binomial_pdf(n, p, GENERATOR_TOUCHES_SHAPE);
	for (int n = 1; n <= GENERATOR_MAX_TOUCHES; n++)
		g->touches_cdf[n] /= sum;
	g->touches_cdf[GENERATOR_MAX_TOUCHES] = 1;
}

CoreStatus
generator_create(const CoreEnv *env, const GeneratorOptions *options, Generator **result)
{
	Generator *g;
	int cycles;

	if (options->channels < GENERATOR_MIN_CHANNELS || options->channels > GENERATOR_MAX_CHANNELS ||
		options->days < GENERATOR_MIN_DAYS || options->days > GENERATOR_MAX_DAYS ||
		!(options->baseline <= GENERATOR_MAX_BASELINE))
		return CORE_BAD_INPUT;

	g = CORE_ALLOC_ZERO(env, Generator, 1);
	g->regime = *options->regime;
	if (options->baseline >= 0)
		g->regime.baseline = options->baseline;
	g->channels = options->channels;
	g->days = options->days;
	cycles = (options->days + GENERATOR_GAP_DAYS) / (GENERATOR_SPAN_DAYS + GENERATOR_GAP_DAYS);
	g->max_cycles = cycles < GENERATOR_MAX_CYCLES ? cycles : GENERATOR_MAX_CYCLES;
	g->popularity = CORE_ALLOC(env, double, g->channels);
	g->effect = CORE_ALLOC(env, double, g->channels);
	g->mean_age = CORE_ALLOC(env, double, g->channels);
	g->alias_cut = CORE_ALLOC(env, double, g->channels);
	g->alias = CORE_ALLOC(env, int32_t, g->channels);
	fill_channels(g);
	fill_alias_table(env, g);
	fill_touches(g);
	*result = g;
	return CORE_OK;
}

static int32_t
draw_channel(const Generator *g, GeneratorStream *stream)
{
	double u = generator_uniform(stream) * g->channels;
	int32_t c = (int32_t) u;

	return u - c < g->alias_cut[c] ? c : g->alias[c];
}

static int64_t
draw_age(double mean_days, GeneratorStream *stream)
{
	double within = -expm1(-GENERATOR_SPAN_DAYS / mean_days);
	double days = -mean_days * log1p(-within * generator_uniform(stream));

	return (int64_t) (days * GENERATOR_DAY_USEC);
}

void
generator_draw_journey(const Generator *g, GeneratorStream *stream, GeneratorJourney *journey)
{
	double u = generator_uniform(stream);
	int n = 1;

	while (u >= g->touches_cdf[n])
		n++;
	journey->touches = n;
	for (int i = 0; i < n; i++)
	{
		journey->touch[i].channel = draw_channel(g, stream);
		journey->touch[i].age = draw_age(g->mean_age[journey->touch[i].channel], stream);
	}
}

double
generator_chance(const Generator *g, const GeneratorJourney *journey)
{
	const GeneratorRegime *regime = &g->regime;
	double decay = regime->half_life > 0 ? 1 / (regime->half_life * GENERATOR_DAY_USEC) : 0;
	int64_t first_age = -1;			/* of the earliest touch of pair_first */
	int64_t second_age = INT64_MAX; /* of the latest touch of pair_second */
	double unmoved = 1 - regime->baseline;
	double chance;

	for (int i = 0; i < journey->touches; i++)
	{
		const GeneratorTouch *touch = &journey->touch[i];
		double effect = g->effect[touch->channel];

		if (decay > 0)
			effect *= exp2(-decay * (double) touch->age);
		unmoved *= 1 - effect;
		if (touch->channel == regime->pair_first && touch->age > first_age)
			first_age = touch->age;
		if (touch->channel == regime->pair_second && touch->age < second_age)
			second_age = touch->age;
	}
	chance = 1 - unmoved;
	if (first_age >= 0 && second_age < INT64_MAX && (!regime->pair_ordered || first_age > second_age))
		chance *= 1 + regime->pair_boost;
	return chance < 1 ? chance : 1;
}

/*
 * The touch that follows the decision but comes before the purchase and after all other touches. Returns the
 * chance to buy as seen by somebody who knows whether there was one.
 */
static double
draw_rider(const GeneratorRegime *regime, GeneratorStream *stream, bool bought, double chance,
		   GeneratorJourney *journey)
{
	bool rides = generator_uniform(stream) < (bought ? regime->rider_bought : regime->rider_lost);
	double if_bought = rides ? regime->rider_bought : 1 - regime->rider_bought;
	double if_lost = rides ? regime->rider_lost : 1 - regime->rider_lost;

	if (rides)
	{
		int64_t latest = journey->touch[0].age;

		for (int i = 1; i < journey->touches; i++)
			if (journey->touch[i].age < latest)
				latest = journey->touch[i].age;
		journey->touch[journey->touches++] =
			(GeneratorTouch){regime->rider, (int64_t) (generator_uniform(stream) * (double) latest)};
	}
	return chance * if_bought / (chance * if_bought + (1 - chance) * if_lost);
}

static int32_t
draw_cents(GeneratorStream *stream)
{
	double cents =
		100 * REVENUE_MEDIAN * exp(REVENUE_SIGMA * gsl_cdf_ugaussian_Pinv(generator_uniform(stream)));

	if (cents < 1)
		return 1;
	return cents < INT32_MAX ? (int32_t) lrint(cents) : INT32_MAX;
}

/*
 * When the decisions fall. What the cycles and the gaps between them leave of the window is cut at `cycles`
 * uniform points, drawn in ascending order: the least of m uniforms on (0, 1) is 1 - u^(1/m).
 */
static void
draw_decisions(const Generator *g, GeneratorStream *stream, int cycles, int64_t *decision)
{
	double slack = g->days - cycles * GENERATOR_SPAN_DAYS - (cycles - 1) * GENERATOR_GAP_DAYS;
	double point = 0;

	for (int i = 0; i < cycles; i++)
	{
		double reserved = (i + 1) * GENERATOR_SPAN_DAYS + i * GENERATOR_GAP_DAYS;

		point += (slack - point) * (1 - pow(generator_uniform(stream), 1.0 / (cycles - i)));
		decision[i] = (int64_t) ((point + reserved) * GENERATOR_DAY_USEC);
	}
}

int
generator_user(const Generator *g, uint64_t seed, int64_t user_id, GeneratorEvent *events,
			   double *probability)
{
	GeneratorStream stream = generator_stream(seed, (uint64_t) user_id);
	int64_t decision[GENERATOR_MAX_CYCLES];
	double never = 1;
	int cycles = 1;
	int n = 0;

	while (cycles < g->max_cycles && generator_uniform(&stream) < REPEAT_PROBABILITY)
		cycles++;
	draw_decisions(g, &stream, cycles, decision);
	for (int i = 0; i < cycles; i++)
	{
		GeneratorJourney journey;
		double chance;
		bool bought;

		generator_draw_journey(g, &stream, &journey);
		chance = generator_chance(g, &journey);
		bought = generator_uniform(&stream) < chance;
		if (g->regime.rider >= 0)
			chance = draw_rider(&g->regime, &stream, bought, chance, &journey);
		never *= 1 - chance;
		for (int j = 0; j < journey.touches; j++)
			events[n++] =
				(GeneratorEvent){user_id, decision[i] - journey.touch[j].age, journey.touch[j].channel, 0};
		if (bought)
			events[n++] = (GeneratorEvent){user_id, decision[i], -1, draw_cents(&stream)};
	}
	*probability = 1 - never;
	return n;
}

static GeneratorEvent *
grow(const CoreEnv *env, GeneratorEvent *events, size_t count, size_t capacity)
{
	GeneratorEvent *larger = CORE_ALLOC(env, GeneratorEvent, capacity);

	memcpy(larger, events, count * sizeof(GeneratorEvent));
	core_free(env, events);
	return larger;
}

/* Fisher and Yates; the index is the high half of a 64 x 64 bit product (Lemire 2019), its bias below 2^-40. */
static void
shuffle(const CoreEnv *env, GeneratorStream stream, GeneratorEvent *events, size_t count)
{
	for (size_t i = count; i > 1; i--)
	{
		__extension__ size_t j = (size_t) (((unsigned __int128) next64(&stream) * i) >> 64);
		GeneratorEvent swap = events[i - 1];

		events[i - 1] = events[j];
		events[j] = swap;
		if (i % 65536 == 0)
			core_check(env);
	}
}

size_t
generator_block(const CoreEnv *env, const Generator *g, uint64_t seed, int64_t first, int64_t users,
				GeneratorEvent **events)
{
	size_t capacity = (size_t) users * 5 + GENERATOR_MAX_EVENTS; /* the mean is below 5 */
	GeneratorEvent *buffer = CORE_ALLOC(env, GeneratorEvent, capacity);
	size_t count = 0;

	for (int64_t i = 0; i < users; i++)
	{
		double probability;

		if (capacity - count < GENERATOR_MAX_EVENTS)
		{
			capacity += capacity / 2;
			buffer = grow(env, buffer, count, capacity);
		}
		count += (size_t) generator_user(g, seed, first + i, buffer + count, &probability);
		if (i % 4096 == 0)
			core_check(env);
	}
	/* User ids are positive, so no user draws from the stream that orders the block. */
	shuffle(env, generator_stream(seed, (uint64_t) -first), buffer, count);
	*events = buffer;
	return count;
}
