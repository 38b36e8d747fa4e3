/*
 * Event logs from a known response function, so that attribution can be scored against the truth.
 *
 * A user lives through one or more cycles. A cycle is a journey: N touches, then a decision to buy or not.
 *
 *	 N		 negative binomial (a Poisson number whose rate is gamma distributed: some people see far more
 *			 advertising than others), without 0
 *	 channel of a touch
 *			 Zipf: the r-th most popular channel has weight 1/r
 *	 age of a touch, the time from it to the decision
 *			 exponential, cut at GENERATOR_SPAN_DAYS, with a mean that is the channel's place in the funnel:
 *			 nine days for display, two for sms
 *
 * Touches do not depend on the decision (exposure is exogenous), so what removing a channel would do is well
 * defined. The chance that the decision is to buy is
 *
 *	 chance = (1 - (1 - baseline) * prod over touches (1 - effect[channel] * 2^(-age / half_life)))
 *			  * (1 + pair_boost * [the pair is there, in its order])
 *
 * Each touch persuades independently of the others; the pair of channels multiplies the chance where both
 * are seen (`pair_ordered`: where some touch of the first comes before some touch of the second).
 *
 * A rider is a channel that intent brings about and that causes nothing: once the decision is made, buyers
 * touch it with probability rider_bought and others with rider_lost, after all other touches. People
 * who have made up their mind search for the brand.
 *
 * Cycles of one user are further apart than 30 days from the decision of one to the first touch of the next,
 * and all of them lie within the window. So with the default lookback a cycle is exactly one journey.
 */
#ifndef ATTRIB_GENERATOR_H
#define ATTRIB_GENERATOR_H

#include "core.h"

#define GENERATOR_MIN_CHANNELS 5 /* the ones that play a part in some regime */
#define GENERATOR_MAX_CHANNELS 10000
#define GENERATOR_MIN_DAYS 30
#define GENERATOR_MAX_DAYS 3650
#define GENERATOR_MAX_BASELINE 0.1 /* chances reach 1, and are cut there, only on the rarest journeys */
#define GENERATOR_MAX_USERS INT64_C(1000000000)

#define GENERATOR_SPAN_DAYS 25 /* from the first touch to the decision, at most */
#define GENERATOR_GAP_DAYS 31  /* between a decision and the next cycle, at least */
#define GENERATOR_MAX_TOUCHES 32
#define GENERATOR_TOUCHES_SHAPE 2.0 /* of the negative binomial */
#define GENERATOR_TOUCHES_MEAN 3.05 /* before 0 is left out: 3.6 touches a journey */
#define GENERATOR_MAX_CYCLES 8
#define GENERATOR_MAX_EVENTS (GENERATOR_MAX_CYCLES * (GENERATOR_MAX_TOUCHES + 2))

/* Rows are in random order within blocks of this many users: what bounds the memory of a long log. */
#define GENERATOR_BLOCK_USERS (INT64_C(1) << 20)

#define GENERATOR_DAY_USEC INT64_C(86400000000)

/*
 * A response function. The numbers are fixed, chosen from what the literature and common sense say and not
 * from what any attribution model makes of the log.
 */
typedef struct GeneratorRegime
{
	const char *name;
	double baseline;  /* chance to buy without any marketing */
	double effect;	  /* of one touch at age 0; below 0: every channel has its own */
	double half_life; /* of an effect, in days; 0: effects do not decay */

	int pair_first; /* -1: no pair */
	int pair_second;
	bool pair_ordered;
	double pair_boost;
	double pair_effect; /* replaces `effect` for the two channels of the pair */

	int rider; /* -1: none */
	double rider_bought;
	double rider_lost;
} GeneratorRegime;

#define GENERATOR_REGIMES 6
extern const GeneratorRegime generator_regimes[GENERATOR_REGIMES]; /* the first is the default */

typedef struct GeneratorOptions
{
	const GeneratorRegime *regime;
	int channels;
	int days;
	double baseline; /* below 0: the regime's */
} GeneratorOptions;

/* A response function with its tables, ready to draw from. Read only once made. */
typedef struct Generator
{
	GeneratorRegime regime; /* baseline already overridden by the options */
	int channels;
	int days;
	int max_cycles;		/* that fit into the window */
	double *popularity; /* per channel, sums to 1; a rider has 0 */
	double *effect;		/* per channel, of one touch at age 0 */
	double *mean_age;	/* per channel, in days, before the cut at the span */
	double *alias_cut;	/* Vose's alias table for the popularity */
	int32_t *alias;
	double touches_cdf[GENERATOR_MAX_TOUCHES + 1];
} Generator;

/* splitmix64: eight bytes of state, so that every user has a stream of his own. */
typedef struct GeneratorStream
{
	uint64_t state;
} GeneratorStream;

typedef struct GeneratorTouch
{
	int32_t channel;
	int64_t age; /* microseconds before the decision */
} GeneratorTouch;

typedef struct GeneratorJourney
{
	int touches;
	GeneratorTouch touch[GENERATOR_MAX_TOUCHES + 1]; /* one more for the rider */
} GeneratorJourney;

typedef struct GeneratorEvent
{
	int64_t user_id;
	int64_t at;		 /* microseconds since the start of the window */
	int32_t channel; /* -1: a conversion */
	int32_t cents;	 /* revenue of a conversion, at least 1 */
} GeneratorEvent;

extern const GeneratorRegime *generator_regime_by_name(const char *name);

/* CORE_BAD_INPUT when an option is outside its limits. The tables are the caller's to free, with *result. */
extern CoreStatus generator_create(const CoreEnv *env, const GeneratorOptions *options, Generator **result);

#define GENERATOR_NAME_SIZE 32
extern const char *generator_channel_name(int channel, char buffer[GENERATOR_NAME_SIZE]);

extern GeneratorStream generator_stream(uint64_t seed, uint64_t user);
extern double generator_uniform(GeneratorStream *stream); /* in (0, 1) */

/* The touches that come before a decision, in no order and without a rider. */
extern void generator_draw_journey(const Generator *g, GeneratorStream *stream, GeneratorJourney *journey);

/* The response function: the chance to buy after these touches and no others. */
extern double generator_chance(const Generator *g, const GeneratorJourney *journey);

/*
 * One user's events (room for GENERATOR_MAX_EVENTS), in no order; returns how many, at least 1.
 * *probability: the chance that a user with exactly these touches converts at least once. It is what the
 * best possible prediction from the touches would say: where there is a rider, its presence is evidence of
 * intent and counts (Bayes' rule), although it causes nothing.
 */
extern int generator_user(const Generator *g, uint64_t seed, int64_t user_id, GeneratorEvent *events,
						  double *probability);

/* Events of users first .. first + users - 1 in random order; *events is the caller's to free. */
extern size_t generator_block(const CoreEnv *env, const Generator *g, uint64_t seed, int64_t first,
							  int64_t users, GeneratorEvent **events);

/*
 * Causal shares, one per channel, summing to 1: the Shapley value of the response function,
 * v(S) = chance(touches of the channels in S) - baseline, in expectation over journeys.
 */
extern void generator_truth(const CoreEnv *env, const Generator *g, double *share);

#endif
