#include "core/bootstrap.h"

#include "core/markov.h"
#include "core/resample.h"
#include "core/rules.h"
#include "core/shapley.h"
#include "paths.h"

/* ---------------------------------------------------------------- random numbers */

static double
quantile_of(double *values, size_t n, double p)
{
	sort_doubles(values, n, unit_env());
	return sorted_quantile(values, n, p);
}

/* Quantiles of binomial and gamma from SciPy 1.17.1: scipy.stats.binom.ppf, scipy.stats.gamma.ppf. */
static void
test_draws(void)
{
	enum
	{
		N = 40000
	};
	static double values[N];
	RandomStream stream = random_stream(7, 1);
	RandomStream again = random_stream(7, 1);
	RandomStream other = random_stream(7, 2);
	int64_t counts[] = {70, 930};
	int64_t many[] = {1, INT64_C(4000000000000000000), 3, INT64_C(4000000000000000000)};
	int64_t drawn[4];
	Resampler resampler;

	ok(random_bits(&stream) == random_bits(&again), "a stream repeats itself");
	ok(random_bits(&stream) != random_bits(&other), "streams differ");
	resampler_init(&resampler, counts, 2, unit_env());
	for (int i = 0; i < N; i++)
	{
		resampler_draw(&resampler, &stream, drawn);
		if (drawn[0] + drawn[1] != 1000)
			break;
		values[i] = (double) drawn[0];
	}
	ok(drawn[0] + drawn[1] == 1000, "a draw has as many journeys as there were");
	is_close(quantile_of(values, N, 0.025), 55, 0.02, "2.5% quantile of binomial(1000, 0.07)");
	is_close(quantile_of(values, N, 0.5), 70, 0.02, "median of binomial(1000, 0.07)");
	is_close(quantile_of(values, N, 0.975), 86, 0.02, "97.5% quantile of binomial(1000, 0.07)");
	resampler_free(&resampler);

	resampler_init(&resampler, many, 4, unit_env());
	resampler_draw(&resampler, &stream, drawn);
	ok(drawn[0] + drawn[1] + drawn[2] + drawn[3] == INT64_C(8000000000000000004) && drawn[0] < 30 &&
		   drawn[2] < 30,
	   "counts near the limit");
	ok(fabs((double) drawn[1] - 4e18) < 6 * sqrt(2e18), "and their spread");
	resampler_free(&resampler);

	for (int i = 0; i < N; i++)
		values[i] = random_gamma_sum(&stream, 7, 30, 400);
	is_close(quantile_of(values, N, 0.05), 131.17214504, 0.02, "5% quantile of a gamma sum");
	is_close(quantile_of(values, N, 0.95), 303.93481855, 0.02, "95% quantile of a gamma sum");
	is_close(random_gamma_sum(&stream, 4, 2.5, 0), 10, 0, "values that are all the same");
	for (int i = 0; i < N; i++)
		values[i] = (double) random_binomial(&stream, 200, 0.3);
	is_close(quantile_of(values, N, 0.05), 49, 0.025, "5% quantile of binomial(200, 0.3)");
	is_close(quantile_of(values, N, 0.95), 71, 0.025, "95% quantile of binomial(200, 0.3)");
}

/* Many cells of every size: each count has the mean and variance of a multinomial. */
static void
test_multinomial(void)
{
	enum
	{
		CELLS = 300,
		DRAWS = 4000
	};
	int64_t count[CELLS];
	int64_t drawn[CELLS];
	double sum[CELLS] = {0};
	double squares[CELLS] = {0};
	double total = 0;
	double worst_mean = 0;
	double worst_variance = 0;
	RandomStream stream = random_stream(11, 0);
	Resampler resampler;

	for (int i = 0; i < CELLS; i++)
		total += (double) (count[i] = 1 + (i * i) % 23);
	resampler_init(&resampler, count, CELLS, unit_env());
	for (int r = 0; r < DRAWS; r++)
	{
		resampler_draw(&resampler, &stream, drawn);
		for (int i = 0; i < CELLS; i++)
		{
			sum[i] += (double) drawn[i];
			squares[i] += (double) drawn[i] * (double) drawn[i];
		}
	}
	for (int i = 0; i < CELLS; i++)
	{
		double mean = sum[i] / DRAWS;
		double variance = squares[i] / DRAWS - mean * mean;
		double expected = (double) count[i] * (1 - (double) count[i] / total);

		worst_mean = fmax(worst_mean, fabs(mean - (double) count[i]) / sqrt(expected / DRAWS));
		worst_variance = fmax(worst_variance, fabs(variance / expected - 1));
	}
	ok(worst_mean < 4, "means of multinomial counts (off by at most %.2f standard errors)", worst_mean);
	ok(worst_variance < 0.15, "their variances (off by at most %.0f%%)", 100 * worst_variance);
	resampler_free(&resampler);
}

/* ---------------------------------------------------------------- engines against the naive bootstrap */

static bool
linear_model(void *arg, const SummaryView *view, CreditTable *out)
{
	(void) arg;
	rule_linear(view, unit_env(), out);
	return true;
}

static bool
rate_model(void *arg, const SummaryView *view, CreditTable *out)
{
	ShapleyOptions options = {SHAPLEY_RATE, 20, 100, 1};
	ShapleyResult result;

	(void) arg;
	if (shapley_values(view, &options, unit_env(), &result) != CORE_OK || result.grand == 0)
		return false;
	memcpy(out->channel, result.credit.channel, view->nchannels * sizeof(Credit));
	out->unattributed = result.credit.unattributed;
	free(result.phi);
	free(result.credit.channel);
	return true;
}

static bool
markov_model(void *arg, const SummaryView *view, CreditTable *out)
{
	MarkovResult result;

	(void) arg;
	if (markov_removal(view, 2, true, unit_env(), &result) != CORE_OK)
		return false;
	memcpy(out->channel, result.credit.channel, view->nchannels * sizeof(Credit));
	out->unattributed = result.credit.unattributed;
	free(result.removal_effect);
	free(result.removal_effect_value);
	free(result.credit.channel);
	return true;
}

/* Draws every journey by itself from the test's own generator and computes the model anew. */
static void
naive_bootstrap(const SummaryView *view, BootstrapModelFn model, int replicates, BootstrapResult *result)
{
	SummaryPath *paths = malloc(view->npaths * sizeof(SummaryPath));
	Credit *credit = calloc(view->nchannels + 1, sizeof(Credit));
	int64_t journeys = view->conversions + view->lost;

	*result = (BootstrapResult){.ncolumns = view->nchannels + 1, .replicates = replicates};
	for (int q = 0; q < BOOTSTRAP_QUANTITIES; q++)
		result->replicate[q] = malloc(sizeof(double) * result->ncolumns * (size_t) replicates);
	for (int r = 0; r < replicates; r++)
	{
		SummaryView drawn = *view;
		CreditTable table = {.channel = credit};

		memcpy(paths, view->paths, view->npaths * sizeof(SummaryPath));
		for (size_t i = 0; i < view->npaths; i++)
		{
			paths[i].conversions = paths[i].lost = paths[i].matured_conversions = 0;
			paths[i].value = paths[i].matured_value = 0;
		}
		for (int64_t j = 0; j < journeys; j++)
		{
			int64_t journey = (int64_t) test_random((uint64_t) journeys);
			size_t i = 0;

			while (journey >= view->paths[i].conversions + view->paths[i].lost)
			{
				journey -= view->paths[i].conversions + view->paths[i].lost;
				i++;
			}
			paths[i].lost += journey >= view->paths[i].conversions;
			paths[i].conversions += journey < view->paths[i].conversions;
			paths[i].matured_conversions += journey < view->paths[i].matured_conversions;
		}
		drawn.paths = paths;
		drawn.conversions = drawn.lost = drawn.matured_conversions = 0;
		drawn.value = drawn.matured_value = 0;
		for (size_t i = 0; i < view->npaths; i++)
		{
			drawn.conversions += paths[i].conversions;
			drawn.matured_conversions += paths[i].matured_conversions;
			drawn.lost += paths[i].lost;
		}
		if (!model(NULL, &drawn, &table))
		{
			memset(credit, 0, view->nchannels * sizeof(Credit));
			table.unattributed = (Credit){(double) drawn.conversions, 0};
		}
		credit[view->nchannels] = table.unattributed;
		bootstrap_store(result, r, credit, (double) drawn.conversions);
	}
	free(paths);
	free(credit);
}

static double
sd_of(const double *values, int n)
{
	double mean = 0;
	double squares = 0;

	for (int i = 0; i < n; i++)
		mean += values[i] / n;
	for (int i = 0; i < n; i++)
		squares += (values[i] - mean) * (values[i] - mean) / n;
	return sqrt(squares);
}

/* Quantiles of our replicates and of naive ones agree within what 3000 of each leave to chance. */
static void
compare_with_naive(const SummaryView *view, BootstrapOptions options, BootstrapModelFn model,
				   const char *name)
{
	static const double p[] = {0.05, 0.5, 0.95};
	BootstrapResult ours;
	BootstrapResult naive;
	BootstrapQuantity quantity[] = {BOOTSTRAP_CONVERSIONS, BOOTSTRAP_SHARE};
	double worst = 0;

	options.model = model;
	options.replicates = 3000;
	options.seed = 3;
	ok(bootstrap_run(view, &options, unit_env(), &ours) == CORE_OK, "%s runs", name);
	naive_bootstrap(view, model, 3000, &naive);
	for (int q = 0; q < 2; q++)
	{
		for (uint32_t c = 0; c < ours.ncolumns; c++)
		{
			double *a = bootstrap_column(&ours, quantity[q], c);
			double *b = bootstrap_column(&naive, quantity[q], c);
			double sd = sd_of(b, naive.replicates);

			for (int i = 0; i < 3 && sd > 0; i++)
				worst = fmax(worst, fabs(quantile_of(a, 3000, p[i]) - quantile_of(b, 3000, p[i])) / sd);
		}
	}
	ok(worst < 0.25, "%s: quantiles as by drawing journeys one by one (off by at most %.3f sd)", name, worst);
}

static void
test_engines(void)
{
	PathsBuilder builder = worked_paths();
	BootstrapOptions linear = {.kind = BOOTSTRAP_LINEAR};
	BootstrapOptions rate = {.kind = BOOTSTRAP_BY_SET};
	BootstrapOptions markov = {.kind = BOOTSTRAP_BY_CHAIN, .markov_order = 2, .collapse_repeats = true};

	builder.paths[0].matured_conversions -= 1;
	builder.view.matured_conversions -= 1;
	compare_with_naive(&builder.view, linear, linear_model, "linear");
	compare_with_naive(&builder.view, rate, rate_model, "Shapley rate");
	compare_with_naive(&builder.view, markov, markov_model, "Markov of order 2");
	free_paths(&builder);
}

/*
 * Draws that leave a channel out, no conversion, or nothing matured: every engine conserves conversions and
 * value, and repeats itself.
 */
static void
test_conservation(void)
{
	for (int round = 0; round < 12; round++)
	{
		PathsBuilder builder = random_paths(5, 12, 6);
		BootstrapOptions options[] = {
			{.kind = BOOTSTRAP_LINEAR, .model = linear_model},
			{.kind = BOOTSTRAP_BY_SET, .model = rate_model},
			{.kind = BOOTSTRAP_BY_CHAIN, .markov_order = 1 + round % 3, .collapse_repeats = round % 2},
		};
		bool conserved = true;
		bool repeated = true;

		for (int k = 0; k < 3; k++)
		{
			BootstrapResult result;
			BootstrapResult again;

			options[k].replicates = 40;
			options[k].seed = (uint64_t) round;
			options[k].accelerate = true;
			(void) bootstrap_run(&builder.view, &options[k], unit_env(), &result);
			(void) bootstrap_run(&builder.view, &options[k], unit_env(), &again);
			for (int r = 0; r < 40; r++)
			{
				double conversions = 0;
				double share = 0;

				for (uint32_t c = 0; c < result.ncolumns; c++)
				{
					conversions += bootstrap_column(&result, BOOTSTRAP_CONVERSIONS, c)[r];
					share += bootstrap_column(&result, BOOTSTRAP_SHARE, c)[r];
					repeated &= bootstrap_column(&result, BOOTSTRAP_VALUE, c)[r] ==
								bootstrap_column(&again, BOOTSTRAP_VALUE, c)[r];
				}
				conserved &= fabs(conversions - rint(conversions)) < 1e-8;
				conserved &= conversions == 0 || fabs(share - 1) < 1e-9;
			}
			for (uint32_t c = 0; c < result.ncolumns; c++)
				repeated &= isfinite(result.acceleration[BOOTSTRAP_SHARE][c]) &&
							fabs(result.acceleration[BOOTSTRAP_SHARE][c]) < 1;
		}
		ok(conserved && repeated, "round %d: credit adds up in every replicate, and repeats itself", round);
		free_paths(&builder);
	}
}

/*
 * The acceleration of a proportion n / N is known: the skewness of a binomial variable over 6,
 * (1 - 2p) / (6 sqrt(N p (1 - p))). The jackknife of groups must come near it for the same quantity.
 */
static void
test_acceleration(void)
{
	PathsBuilder builder = {0};
	BootstrapOptions linear = {
		.kind = BOOTSTRAP_LINEAR, .model = linear_model, .replicates = 1, .accelerate = true};
	BootstrapOptions markov = {
		.kind = BOOTSTRAP_BY_CHAIN, .markov_order = 1, .replicates = 1, .accelerate = true};
	BootstrapResult result;

	add_letters(&builder, "A", 12, 188, 0);
	(void) bootstrap_run(&builder.view, &linear, unit_env(), &result);
	is_close(result.acceleration[BOOTSTRAP_CONVERSIONS][0], (1 - 2 * 0.06) / (6 * sqrt(200 * 0.06 * 0.94)),
			 1e-14, "acceleration of a proportion");
	(void) bootstrap_run(&builder.view, &markov, unit_env(), &result);
	is_close(result.acceleration[BOOTSTRAP_CONVERSIONS][0], (1 - 2 * 0.06) / (6 * sqrt(200 * 0.06 * 0.94)),
			 0.01, "and by a jackknife of groups");
	free_paths(&builder);
}

int
main(void)
{
	test_draws();
	test_multinomial();
	test_engines();
	test_conservation();
	test_acceleration();
	return done();
}
