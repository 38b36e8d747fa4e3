/*
 * Chain diagnostics against ArviZ, on draws that both compute from the same recursion.
 */
#include "core/mcmc.h"

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

typedef enum Kind
{
	WELL_MIXED,
	SLOW,
	ANTITHETIC,
	ONE_CHAIN_SHIFTED,
	ONE_CHAIN_WIDER,
	HEAVY_TAILS,
	TIES,
	DRIFT,
} Kind;

/* Autoregressive chains, with a flaw. */
static double *
some_draws(Kind kind, int chains, int draws)
{
	double *value = malloc(sizeof(double) * chains * draws);
	double keep = kind == SLOW ? 0.95 : kind == ANTITHETIC ? -0.7 : 0.3;
	int64_t state = 42 + kind;

	for (int c = 0; c < chains; c++)
	{
		double x = 0;

		for (int i = 0; i < draws; i++)
		{
			double *y = &value[(size_t) c * draws + i];

			x = keep * x + (uniform(&state) - 0.5);
			*y = x;
			if (kind == ONE_CHAIN_SHIFTED && c == 0)
				*y = x + 0.3;
			if (kind == ONE_CHAIN_WIDER && c == 0)
				*y = x * 3.0;
			if (kind == HEAVY_TAILS)
				*y = 1.0 / (uniform(&state) - 0.5);
			if (kind == TIES)
				*y = floor(4.0 * (x + 1.0));
			if (kind == DRIFT)
				*y = x + 0.002 * i;
		}
	}
	return value;
}

/*
 * rhat(method="rank"), ess(method="bulk", "tail", "mean", "quantile" at 0.3), mcse("mean", "sd", "quantile" at 0.3),
 * and bfmi of the first chain: ArviZ 0.23.4.
 */
static void
test_reference(void)
{
	static const struct
	{
		Kind kind;
		int chains;
		int draws;
		double expected[9];
	} reference[] = {
		{WELL_MIXED,
		 4,
		 250,
		 {1.001327564136242, 537.7464305920419, 756.637545173072, 551.4955599486415, 720.142240753027,
		  0.013125365356003409, 0.005347004416508242, 0.018012116010905327, 1.284483637447381}},
		{SLOW,
		 4,
		 250,
		 {1.100941463205272, 32.528281831249394, 49.71919457820866, 33.58889379563394, 63.89123012398122,
		  0.14789774217787402, 0.09026131412947584, 0.12978725917474745, 0.1457689305708911}},
		{ANTITHETIC,
		 4,
		 250,
		 {1.005816551315304, 3000.0, 720.0149232219997, 3000.0, 1853.6440792317596, 0.007362521355810908,
		  0.016601009344453143, 0.009577219533271578, 3.441710036827433}},
		{ONE_CHAIN_SHIFTED,
		 4,
		 250,
		 {1.1110292150166277, 27.245019478517857, 40.71862053579539, 27.361383966663574, 119.27957392298535,
		  0.06439996937583785, 0.01878590238823906, 0.04716077372978239, 1.2531566242715775}},
		{ONE_CHAIN_WIDER,
		 4,
		 250,
		 {1.2143184023655076, 572.2709745692487, 35.26205924176276, 586.055320653403, 550.0983110153137,
		  0.021497886930302794, 0.1420822522077599, 0.02714030407746751, 1.3787036040240999}},
		{HEAVY_TAILS,
		 4,
		 250,
		 {1.001200519034835, 1031.022816409451, 801.7463331355011, 1588.177254797109, 1053.8997360949293,
		  3.4481026066004694, 37.48304824972588, 0.1594912032288116, 2.05446768315354}},
		{TIES,
		 4,
		 251,
		 {1.0048275208784172, 506.7793012945688, 513.3785218507081, 520.1467770904052, 693.5130989489418,
		  0.056113375021078916, 0.026042288771655105, 0.0, 1.3278660548371193}},
		{DRIFT,
		 2,
		 500,
		 {1.309105904128909, 5.043621716963551, 46.456942154204405, 4.902980677816442, 7.873126418962002,
		  0.19511446784321787, 0.024833406917076088, 0.18682457953957754, 0.6655789763313268}},
		{WELL_MIXED,
		 4,
		 8,
		 {0.9402920426715335, 48.16479930623699, 48.16479930623699, 48.16479930623699, 48.16479930623699,
		  0.035243862178975925, 0.018842315029935247, 0.07372904473202885, 1.615644335673371}},
		{SLOW,
		 2,
		 1000,
		 {1.0090792049352286, 67.58955907314817, 126.1985877265787, 67.88402925470041, 108.590241958795,
		  0.1015617427840701, 0.052593216842495835, 0.11239140091287636, 0.10441437425410503}},
	};
	static const char *const names[9] = {"R-hat",
										 "bulk size",
										 "tail size",
										 "size of the mean",
										 "size of a quantile",
										 "error of the mean",
										 "error of the sd",
										 "error of a quantile",
										 "E-BFMI"};

	for (size_t i = 0; i < sizeof(reference) / sizeof(reference[0]); i++)
	{
		double *value = some_draws(reference[i].kind, reference[i].chains, reference[i].draws);
		McmcDraws x = {reference[i].chains, reference[i].draws, value};
		const CoreEnv *env = unit_env();
		McmcSummary s;
		double actual[9];

		mcmc_summary(&x, env, &s);
		actual[0] = s.rhat;
		actual[1] = s.ess_bulk;
		actual[2] = s.ess_tail;
		actual[3] = mcmc_ess_mean(&x, env);
		actual[4] = mcmc_ess_quantile(&x, 0.3, env);
		actual[5] = s.mcse_mean;
		actual[6] = s.mcse_sd;
		actual[7] = mcmc_mcse_quantile(&x, 0.3, env);
		actual[8] = mcmc_ebfmi(value, x.draws);
		for (int k = 0; k < 9; k++)
		{
			char name[100];

			snprintf(name, sizeof(name), "kind %d, %d chains of %d: %s, as ArviZ", reference[i].kind,
					 x.chains, x.draws, names[k]);
			is_close(actual[k], reference[i].expected[k], 1e-9, name);
		}
		ok(s.rhat == mcmc_rhat(&x, env) && s.ess_bulk == mcmc_ess_bulk(&x, env) &&
			   s.ess_tail == mcmc_ess_tail(&x, env),
		   "the summary is its parts");
		free(value);
	}
}

/* Nothing depends on the unit, however large or small. */
static void
test_scale(void)
{
	double *value = some_draws(SLOW, 4, 250);
	McmcDraws x = {4, 250, value};
	McmcSummary before;
	McmcSummary after;

	mcmc_summary(&x, unit_env(), &before);
	for (int power = -1000; power <= 1000; power += 2000)
	{
		for (int i = 0; i < 1000; i++)
			value[i] = ldexp(value[i], power);
		mcmc_summary(&x, unit_env(), &after);
		ok(after.rhat == before.rhat && after.ess_bulk == before.ess_bulk &&
			   after.ess_tail == before.ess_tail &&
			   fabs(ldexp(after.mcse_mean, -power) / before.mcse_mean - 1) < 1e-12 &&
			   fabs(ldexp(after.sd, -power) / before.sd - 1) < 1e-12,
		   "draws times 2^%d", power);
		for (int i = 0; i < 1000; i++)
			value[i] = ldexp(value[i], -power);
	}
	free(value);
}

/* Independent draws: all of them count, and R-hat is near 1; with a single chain too. */
static void
test_independent(void)
{
	RandomStream stream = random_stream(3, 0);
	double value[4000];
	McmcDraws x = {4, 1000, value};
	McmcSummary s;

	for (int i = 0; i < 4000; i++)
		value[i] = random_normal(&stream);
	mcmc_summary(&x, unit_env(), &s);
	ok(s.ess_bulk > 3500 && s.ess_bulk < 4500 && s.ess_tail > 3200 && s.rhat < 1.005,
	   "independent draws: bulk %.0f, tail %.0f, R-hat %.4f", s.ess_bulk, s.ess_tail, s.rhat);
	x = (McmcDraws){1, 4000, value};
	mcmc_summary(&x, unit_env(), &s);
	ok(s.rhat < 1.005 && s.ess_bulk > 3500, "a single chain is judged by its halves: R-hat %.4f", s.rhat);
}

static void
test_decided(void)
{
	double value[40];
	McmcDraws x = {4, 10, value};
	McmcSummary s;

	for (int i = 0; i < 40; i++)
		value[i] = 2.5;
	mcmc_summary(&x, unit_env(), &s);
	ok(isnan(s.rhat) && isnan(s.ess_bulk) && isnan(s.ess_tail) && isnan(s.mcse_mean) && s.mean == 2.5 &&
		   s.sd == 0,
	   "constant draws: no R-hat, no sizes; mean and sd");
	for (int i = 0; i < 10; i++)
		value[i] = 3;
	mcmc_summary(&x, unit_env(), &s);
	ok(s.rhat == INFINITY, "a chain stuck elsewhere: infinite R-hat");
	value[7] = NAN;
	mcmc_summary(&x, unit_env(), &s);
	ok(isnan(s.rhat) && isnan(s.ess_bulk) && isnan(s.mean), "a draw that is no number");
	value[7] = INFINITY;
	mcmc_summary(&x, unit_env(), &s);
	ok(isnan(s.rhat) && isnan(mcmc_mcse_quantile(&x, 0.5, unit_env())), "an infinite draw");
	x.draws = 3;
	value[7] = 1;
	ok(isnan(mcmc_rhat(&x, unit_env())) && isnan(mcmc_ess_tail(&x, unit_env())), "too few draws");
	ok(isnan(mcmc_ebfmi(value, 5)) && isnan(mcmc_ebfmi(value, 1)), "E-BFMI of a constant energy");
}

int
main(void)
{
	gsl_set_error_handler_off();
	test_reference();
	test_scale();
	test_independent();
	test_decided();
	return done();
}
