/*
 * The Shapley value of the pooled conversion rate: by all coalitions, or by sampled permutations.
 */
#ifndef ATTRIB_SHAPLEY_RATE_H
#define ATTRIB_SHAPLEY_RATE_H

#include "channel_sets.h"

/*
 * Players are the channels that occur in matured journeys: no other changes any coalition's rate. The sets'
 * channels are player numbers here.
 */
typedef struct RateGame
{
	const ChannelSets *sets;
	uint32_t nplayers;
} RateGame;

/* phi has nplayers entries. nplayers is 1 .. SHAPLEY_MAX_EXACT. */
extern void rate_game_enumerate(const RateGame *game, const CoreEnv *env, double *phi);

/* std_error too, which is only known where samples > 2. */
extern CoreStatus rate_game_sample(const RateGame *game, int64_t samples, uint64_t seed, const CoreEnv *env,
								   double *phi, double *std_error);

#endif
