#include "random.h"

#include <gsl/gsl_randist.h>
#include <math.h>

static uint64_t
splitmix(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

RandomStream
random_stream(uint64_t seed, uint64_t number)
{
	RandomStream stream;
	uint64_t state = seed;

	state = splitmix(&state) ^ number;
	state = splitmix(&state);
	for (int i = 0; i < 4; i++)
		stream.state[i] = splitmix(&state);
	return stream;
}

/* The stream as a generator of GSL's, over the caller's own memory. */
static unsigned long
gsl_get(void *state)
{
	return random_bits(state) >> 32;
}

static double
gsl_get_double(void *state)
{
	return random_uniform(state);
}

/* Streams come ready: nothing of GSL's seeds them. */
static void
gsl_set(void *state, unsigned long seed)
{
	(void) state;
	(void) seed;
}

static const gsl_rng_type stream_type = {"xoshiro256++", UINT32_MAX,	0, sizeof(RandomStream), gsl_set,
										 gsl_get,		 gsl_get_double};

static gsl_rng
as_gsl(RandomStream *stream)
{
	return (gsl_rng){&stream_type, stream};
}

#define MAX_EXACT_MEAN 1e8

static int64_t
rounded_normal(RandomStream *stream, double mean, double sd)
{
	double x = rint(mean + sd * random_normal(stream));

	return x > 0 ? (int64_t) fmin(x, 0x1.fffffffffffffp62) : 0;
}

double
random_normal(RandomStream *stream)
{
	gsl_rng rng = as_gsl(stream);

	return gsl_ran_gaussian_ziggurat(&rng, 1);
}

int64_t
random_poisson(RandomStream *stream, double mean)
{
	gsl_rng rng = as_gsl(stream);

	if (mean <= 0)
		return 0;
	if (mean <= MAX_EXACT_MEAN)
		return gsl_ran_poisson(&rng, mean);
	return rounded_normal(stream, mean, sqrt(mean));
}

int64_t
random_binomial(RandomStream *stream, int64_t n, double p)
{
	gsl_rng rng = as_gsl(stream);
	int64_t k;

	if (n <= 0 || p <= 0)
		return 0;
	if (p >= 1)
		return n;
	if (n <= MAX_EXACT_MEAN)
		return gsl_ran_binomial(&rng, p, (unsigned) n);
	k = rounded_normal(stream, (double) n * p, sqrt((double) n * p * (1 - p)));
	return k < n ? k : n;
}

/* Beyond this a gamma is a normal to all that matters, and GSL's rejection needs no testing there. */
#define MAX_SHAPE 1e10

double
random_gamma(RandomStream *stream, double shape)
{
	gsl_rng rng = as_gsl(stream);

	if (shape > MAX_SHAPE)
		return shape + sqrt(shape) * random_normal(stream);
	return gsl_ran_gamma(&rng, shape, 1);
}

double
random_beta(RandomStream *stream, double a, double b)
{
	gsl_rng rng = as_gsl(stream);
	double x;

	/* GSL's way with two shapes of at most 1 does not underflow as a ratio of gammas would */
	if (a <= 1 && b <= 1)
		return gsl_ran_beta(&rng, a, b);
	x = random_gamma(stream, a);
	return x / (x + random_gamma(stream, b));
}

double
random_gamma_sum(RandomStream *stream, int64_t k, double mean, double variance)
{
	gsl_rng rng = as_gsl(stream);
	double total = (double) k * mean;
	double shape;

	if (k == 0 || total <= 0 || variance <= 0)
		return total;
	shape = total * mean / variance;
	if (shape > MAX_SHAPE)
		return total + sqrt((double) k * variance) * random_normal(stream);
	return gsl_ran_gamma(&rng, shape, variance / mean);
}
