/*
 * Random numbers for resampling: many independent streams, each a function of a seed and a number, so that
 * replicate r is the same whatever came before it and whoever computes it.
 */
#ifndef ATTRIB_RANDOM_H
#define ATTRIB_RANDOM_H

#include "core.h"

/* xoshiro256++ (Blackman and Vigna 2021), its state filled by splitmix64. */
typedef struct RandomStream
{
	uint64_t state[4];
} RandomStream;

extern RandomStream random_stream(uint64_t seed, uint64_t number);

static inline uint64_t
random_bits(RandomStream *stream)
{
	uint64_t *s = stream->state;
	uint64_t sum = s[0] + s[3];
	uint64_t result = (sum << 23 | sum >> 41) + s[0];
	uint64_t shifted = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = s[3] << 45 | s[3] >> 19;
	return result;
}

/* In (0, 1), a multiple of 2^-53 plus half of that. */
static inline double
random_uniform(RandomStream *stream)
{
	return ((double) (random_bits(stream) >> 11) + 0.5) * 0x1p-53;
}

/* 0 .. n - 1 with equal chances, up to a bias of n / 2^64; n > 0. */
static inline uint64_t
random_below(RandomStream *stream, uint64_t n)
{
	__extension__ typedef unsigned __int128 uint128;

	return (uint64_t) ((uint128) random_bits(stream) * n >> 64);
}

/*
 * Whole numbers from 0 on. Where GSL's algorithms run out of their integers (means beyond 1e8) a rounded
 * normal takes their place: it differs from them by less than one part in ten thousand of the spread.
 */
extern int64_t random_poisson(RandomStream *stream, double mean);
extern int64_t random_binomial(RandomStream *stream, int64_t n, double p);

/* Sum of k draws from a non-negative distribution of this mean and variance: gamma, which has both exactly. */
extern double random_gamma_sum(RandomStream *stream, int64_t k, double mean, double variance);

extern double random_normal(RandomStream *stream);
extern double random_gamma(RandomStream *stream, double shape); /* of scale 1 */
extern double random_beta(RandomStream *stream, double a, double b);

#endif
