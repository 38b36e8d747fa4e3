/*
 * Leave-one-out by importance sampling against ArviZ, and against the exact answer of a conjugate model.
 */
#include "core/psis.h"

#include <gsl/gsl_errno.h>

#include "core/random.h"
#include "unit.h"

/* 31-bit congruential numbers: the same in any language. */
static double
uniform(int64_t *state)
{
	*state = (*state * 1103515245 + 12345) % INT64_C(2147483648);
	return ((double) *state + 0.5) / 2147483648.0;
}

/* A made-up model of mean and precision; the last observation is `outlier`. */
static double *
some_log_likelihood(int draws, int n, double outlier)
{
	double *value = malloc(sizeof(double) * draws * n);
	double y[20];
	int64_t state = 7;

	for (int j = 0; j < n; j++)
	{
		double first = uniform(&state);

		y[j] = 4.0 * (first + uniform(&state) - 1.0);
	}
	y[n - 1] = outlier;
	for (int i = 0; i < draws; i++)
	{
		double first = uniform(&state);
		double mean = 0.5 * (first + uniform(&state) - 1.0);
		double root = 0.5 + uniform(&state);

		for (int j = 0; j < n; j++)
			value[(size_t) i * n + j] = -0.5 * (y[j] - mean) * (y[j] - mean) * (root * root);
	}
	return value;
}

/*
 * loo(pointwise=True, reff=efficiency) of ArviZ 0.23.4: elpd, se, p; k of the first, the middle and the last
 * observation; elpd of the first and the last; the threshold, and how many k are above it.
 */
static void
test_reference(void)
{
	static const struct
	{
		int draws;
		int n;
		double efficiency;
		double outlier;
		double expected[10];
	} reference[] = {
		{500,
		 10,
		 1,
		 1,
		 {-39.942958846781885, 18.17369572799136, 27.168156537855637, 0.17022161267232735,
		  -0.14359989244756036, -0.01554751700736316, -0.13349331558892086, -0.6488421067869581,
		  0.6294882868674145, 2.0}},
		{1000,
		 12,
		 0.5,
		 6,
		 {-83.17878367805487, 39.78645927865679, 61.42955306980126, 0.1856542208857591, 0.7045504806274687,
		  2.718658129750172, -0.12485911666169969, -40.5558433895216, 0.6666666666666667, 4.0}},
		{200,
		 5,
		 1,
		 15,
		 {-250.6961829666041, 209.007700204859, 214.5702006486552, 0.19844093730142326, 0.34371008200066666,
		  17.792249207910615, -0.11744823244594382, -236.78476430850554, 0.5654120103239064, 2.0}},
		{20,
		 4,
		 1,
		 1,
		 {-0.8842306462688012, 0.47594342867863715, 0.17204307543868458, INFINITY, INFINITY, INFINITY,
		  -0.12178813835449276, -0.6286770872737382, 0.23137821315975926, 4.0}},
	};
	static const char *const names[10] = {"elpd",	"se",		  "p",		   "first k",	"middle k",
										  "last k", "first elpd", "last elpd", "threshold", "bad k"};

	for (size_t i = 0; i < sizeof(reference) / sizeof(reference[0]); i++)
	{
		int n = reference[i].n;
		double *value = some_log_likelihood(reference[i].draws, n, reference[i].outlier);
		PsisLoo loo;
		CoreStatus status = psis_loo(value, reference[i].draws, n, reference[i].efficiency, unit_env(), &loo);
		double actual[10] = {loo.elpd,
							 loo.se,
							 loo.p,
							 loo.point[0].pareto_k,
							 loo.point[n / 2].pareto_k,
							 loo.point[n - 1].pareto_k,
							 loo.point[0].elpd,
							 loo.point[n - 1].elpd,
							 loo.threshold,
							 loo.bad};

		ok(status == CORE_OK && loo.worst_k >= actual[5], "%d draws of %d observations", reference[i].draws,
		   n);
		for (int k = 0; k < 10; k++)
		{
			char name[100];

			snprintf(name, sizeof(name), "%d draws of %d observations: %s, as ArviZ", reference[i].draws, n,
					 names[k]);
			is_close(actual[k], reference[i].expected[k], 1e-9, name);
		}
		psis_free(&loo, unit_env());
		free(value);
	}
}

/*
 * y_i ~ N(mu, 1), mu ~ N(0, 10): without observation i it is predicted by a normal whose mean and variance are
 * known in closed form.
 */
static void
test_exact(void)
{
	enum
	{
		N = 30,
		DRAWS = 20000
	};
	RandomStream stream = random_stream(11, 0);
	double *value = malloc(sizeof(double) * N * DRAWS);
	double y[N];
	double sum = 0;
	double exact = 0;
	PsisLoo loo;

	for (int j = 0; j < N; j++)
	{
		y[j] = 1 + random_normal(&stream);
		sum += y[j];
	}
	for (int i = 0; i < DRAWS; i++)
	{
		double mu = sum / (N + 0.01) + random_normal(&stream) / sqrt(N + 0.01);

		for (int j = 0; j < N; j++)
			value[i * N + j] = -0.5 * (y[j] - mu) * (y[j] - mu) - 0.5 * log(2 * M_PI);
	}
	for (int j = 0; j < N; j++)
	{
		double precision = N - 1 + 0.01;
		double mean = (sum - y[j]) / precision;
		double variance = 1 + 1 / precision;

		exact += -0.5 * (y[j] - mean) * (y[j] - mean) / variance - 0.5 * log(2 * M_PI * variance);
	}
	psis_loo(value, DRAWS, N, 1, unit_env(), &loo);
	ok(fabs(loo.elpd - exact) < 0.02, "exact leave-one-out %.4f, by smoothing %.4f", exact, loo.elpd);
	ok(loo.bad == 0 && fabs(loo.p - 1) < 0.4, "one parameter: %.3f; worst k %.2f", loo.p, loo.worst_k);
	psis_free(&loo, unit_env());
	free(value);
}

static void
test_decided(void)
{
	double same[40];
	double bad[4] = {0, 1, NAN, 2};
	PsisLoo loo;

	for (int i = 0; i < 40; i++)
		same[i] = -1.5;
	ok(psis_loo(same, 20, 2, 1, unit_env(), &loo) == CORE_OK && fabs(loo.elpd + 3) < 1e-12 && loo.bad == 2 &&
		   loo.point[0].pareto_k == INFINITY && fabs(loo.p) < 1e-12,
	   "draws that are all alike: their density, and no tail to trust");
	psis_free(&loo, unit_env());
	ok(psis_loo(bad, 2, 2, 1, unit_env(), &loo) == CORE_BAD_INPUT, "a value that is no number");
	bad[2] = -INFINITY;
	ok(psis_loo(bad, 2, 2, 1, unit_env(), &loo) == CORE_BAD_INPUT, "an infinite value");
	ok(psis_loo(same, 1, 2, 1, unit_env(), &loo) == CORE_BAD_INPUT, "a single draw");
	ok(psis_loo(same, 2, 0, 1, unit_env(), &loo) == CORE_BAD_INPUT, "no observation");
	ok(psis_loo(same, 2, 2, 0, unit_env(), &loo) == CORE_BAD_INPUT, "no efficiency");
}

/* Weights of a heavy tail come out normalised and no greater than the greatest. */
static void
test_smooth(void)
{
	RandomStream stream = random_stream(5, 0);
	double weight[2000];
	double scratch[2000];
	double sum = 0;
	double k;

	for (int i = 0; i < 2000; i++)
		weight[i] = -0.6 * log(random_uniform(&stream));
	k = psis_smooth(weight, 2000, 1, scratch, unit_env());
	for (int i = 0; i < 2000; i++)
		sum += exp(weight[i]);
	ok(fabs(sum - 1) < 1e-12, "smoothed weights sum to 1");
	ok(fabs(k - 0.6) < 0.15, "weights with a Pareto tail of 0.6: k %.3f", k);
}

int
main(void)
{
	gsl_set_error_handler_off();
	test_reference();
	test_exact();
	test_decided();
	test_smooth();
	return done();
}
