/*
 * The sampler on targets whose moments are known. Seeds are fixed, so each comparison either always holds or never;
 * "within n errors" means n Monte Carlo standard errors of the draws themselves.
 */
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>

#include "core/mcmc.h"
#include "core/prior.h"
#include "nuts_gaussian.h"

#define CHAINS 4

/* Draws of all chains, and the value[chain][draw] of each quantity. */
typedef struct Sample
{
	NutsRun run[CHAINS];
	int dim;
	int draws;
	int divergences;
	bool fine;
} Sample;

static Sample
sample(const NutsTarget *target, NutsOptions options)
{
	Sample s = {.dim = target->dim, .draws = options.draws, .fine = true};

	for (int c = 0; c < CHAINS; c++)
	{
		options.chain = c;
		s.fine &= nuts_run(target, &options, unit_env(), &s.run[c]) == CORE_OK;
		s.divergences += s.run[c].divergences;
	}
	return s;
}

static void
free_sample(Sample *s)
{
	for (int c = 0; c < CHAINS; c++)
		nuts_free(&s->run[c], unit_env());
}

static McmcSummary
summary_of(const Sample *s, int j)
{
	double *value = malloc(sizeof(double) * CHAINS * s->draws);
	McmcDraws x = {CHAINS, s->draws, value};
	McmcSummary result;

	for (int c = 0; c < CHAINS; c++)
		mcmc_gather(s->run[c].draw, s->draws, s->dim, j, value + (size_t) c * s->draws);
	mcmc_summary(&x, unit_env(), &result);
	free(value);
	return result;
}

/* Greatest |mean - expected| and |sd - expected| in their Monte Carlo errors, and the worst diagnostics. */
typedef struct Worst
{
	double mean;
	double sd;
	double rhat;
	double ess;
} Worst;

static Worst
worst_of(const Sample *s, const double *mean, const double *sd)
{
	Worst worst = {0, 0, 0, INFINITY};

	for (int j = 0; j < s->dim; j++)
	{
		McmcSummary m = summary_of(s, j);

		worst.mean = fmax(worst.mean, fabs(m.mean - mean[j]) / m.mcse_mean);
		worst.sd = fmax(worst.sd, fabs(m.sd - sd[j]) / m.mcse_sd);
		worst.rhat = fmax(worst.rhat, m.rhat);
		worst.ess = fmin(worst.ess, fmin(m.ess_bulk, m.ess_tail));
	}
	return worst;
}

/* ---------------------------------------------------------------------------------------------------
 * Gaussians
 * --------------------------------------------------------------------------------------------------- */
static void
test_gaussian(int dim, double condition, bool turned, bool dense)
{
	Gaussian g = gaussian(dim, condition, turned);
	NutsTarget target = {dim, &g, gaussian_log_density};
	NutsOptions options = NUTS_DEFAULTS;
	Sample s;
	Worst worst;
	char name[100];

	options.dense = dense;
	options.draws = 500;
	options.warmup = dense ? 700 : 500;
	s = sample(&target, options);
	worst = worst_of(&s, g.mean, g.sd);
	snprintf(name, sizeof(name), "%s Gaussian, dim %d, condition %g, %s metric",
			 turned ? "turned" : "straight", dim, condition, dense ? "dense" : "diagonal");
	ok(s.fine && s.divergences == 0, "%s: no divergences", name);
	ok(worst.mean < 4, "%s: means within %.2f errors", name, worst.mean);
	ok(worst.sd < 4, "%s: sds within %.2f errors", name, worst.sd);
	/* a diagonal metric leaves correlation to the trajectories: slow, but sound */
	ok(worst.rhat < (turned && !dense ? 1.03 : 1.02), "%s: R-hat %.4f", name, worst.rhat);
	ok(worst.ess > (turned && !dense ? 100 : 800), "%s: effective size %.0f", name, worst.ess);
	printf("# step %.3g, %.1f leapfrogs a draw, E-BFMI %.2f\n", s.run[0].step,
		   (double) s.run[0].leapfrogs / s.draws, s.run[0].ebfmi);
	free_sample(&s);
}

/* ---------------------------------------------------------------------------------------------------
 * Neal's funnel: v ~ N(0, 3), x_i ~ N(0, e^(v/2)), nine of them
 * --------------------------------------------------------------------------------------------------- */
#define FUNNEL_DIM 10

static double
centred_funnel(void *state, const double *q, double *gradient)
{
	double square = 0;
	double precision = exp(-q[0]);

	(void) state;
	for (int i = 1; i < FUNNEL_DIM; i++)
	{
		square += q[i] * q[i];
		gradient[i] = -q[i] * precision;
	}
	gradient[0] = -q[0] / 9 - 0.5 * (FUNNEL_DIM - 1) + 0.5 * square * precision;
	return -q[0] * q[0] / 18 - 0.5 * (FUNNEL_DIM - 1) * q[0] - 0.5 * square * precision;
}

static double
noncentred_funnel(void *state, const double *q, double *gradient)
{
	double value = -q[0] * q[0] / 18;

	(void) state;
	gradient[0] = -q[0] / 9;
	for (int i = 1; i < FUNNEL_DIM; i++)
	{
		value -= 0.5 * q[i] * q[i];
		gradient[i] = -q[i];
	}
	return value;
}

static void
test_funnel(void)
{
	NutsTarget centred = {FUNNEL_DIM, NULL, centred_funnel};
	NutsTarget noncentred = {FUNNEL_DIM, NULL, noncentred_funnel};
	Sample s = sample(&centred, NUTS_DEFAULTS);
	McmcSummary v;

	ok(s.fine && s.divergences > 0, "the centred funnel diverges: %d times", s.divergences);
	free_sample(&s);
	s = sample(&noncentred, NUTS_DEFAULTS);
	v = summary_of(&s, 0);
	ok(s.fine && s.divergences == 0, "the non-centred funnel does not diverge");
	ok(fabs(v.mean) < 4 * v.mcse_mean && fabs(v.sd - 3) < 4 * v.mcse_sd, "its neck: mean %.3f, sd %.3f",
	   v.mean, v.sd);
	ok(v.ess_tail > 1000, "its tails: effective size %.0f", v.ess_tail);
	free_sample(&s);
}

/* ---------------------------------------------------------------------------------------------------
 * Eight schools (Rubin 1981), non-centred: theta = mu + tau z; mu ~ N(0, 5), tau ~ half-Cauchy(5)
 * --------------------------------------------------------------------------------------------------- */
#define SCHOOLS 8

static double
eight_schools(void *state, const double *q, double *gradient)
{
	static const double effect[SCHOOLS] = {28, 8, -3, 7, -1, 1, 18, 12};
	static const double error[SCHOOLS] = {15, 10, 16, 11, 9, 11, 10, 18};
	double mu = q[SCHOOLS];
	double tau = exp(q[SCHOOLS + 1]);
	double value = -mu * mu / 50 - log1p(tau * tau / 25) + q[SCHOOLS + 1];

	(void) state;
	gradient[SCHOOLS] = -mu / 25;
	gradient[SCHOOLS + 1] = 1 - 2 * tau * tau / (25 + tau * tau);
	for (int i = 0; i < SCHOOLS; i++)
	{
		double residual = (effect[i] - mu - tau * q[i]) / error[i];

		value -= 0.5 * q[i] * q[i] + 0.5 * residual * residual;
		gradient[i] = -q[i] + residual * tau / error[i];
		gradient[SCHOOLS] += residual / error[i];
		gradient[SCHOOLS + 1] += residual * q[i] * tau / error[i];
	}
	return value;
}

/*
 * Published means and their Monte Carlo errors: posteriordb 0.5, reference posterior
 * eight_schools-eight_schools_noncentered (10 chains of Stan, 10000 draws in all), summary statistic mean_value.
 */
static void
test_eight_schools(void)
{
	static const double mean[SCHOOLS + 2] = {
		6.15050229334425, 4.9395811407422,	3.90590609001582, 4.79601675138494, 3.6144363246799,
		4.0511475789675,  6.31716975886893, 4.88399694353288, 4.41051833695493, 3.60205952364059};
	static const double error[SCHOOLS + 2] = {
		0.0557375282295219, 0.0462293788624847, 0.0542313705632124, 0.0474935816762281, 0.0461450610244603,
		0.0485195392528031, 0.0498766794075794, 0.0542511606560972, 0.0330374705950917, 0.0318615135640706};
	NutsTarget target = {SCHOOLS + 2, NULL, eight_schools};
	NutsOptions options = NUTS_DEFAULTS;
	double worst = 0;
	double rhat = 0;
	Sample s;

	options.target_accept = 0.9;
	options.draws = 2500;
	s = sample(&target, options);
	/* from the line to the published quantities, in place */
	for (int c = 0; c < CHAINS; c++)
	{
		for (int i = 0; i < s.draws; i++)
		{
			double *q = s.run[c].draw + (size_t) i * s.dim;

			q[SCHOOLS + 1] = exp(q[SCHOOLS + 1]);
			for (int j = 0; j < SCHOOLS; j++)
				q[j] = q[SCHOOLS] + q[SCHOOLS + 1] * q[j];
		}
	}
	for (int j = 0; j < s.dim; j++)
	{
		McmcSummary m = summary_of(&s, j);

		worst = fmax(worst, fabs(m.mean - mean[j]) / sqrt(m.mcse_mean * m.mcse_mean + error[j] * error[j]));
		rhat = fmax(rhat, m.rhat);
		printf("# %d: mean %.3f (published %.3f), effective size %.0f\n", j, m.mean, mean[j], m.ess_bulk);
	}
	ok(s.fine && worst < 3.5, "eight schools: published means within %.2f errors", worst);
	ok(rhat < 1.01, "eight schools: R-hat %.4f", rhat);
	free_sample(&s);
}

/* ---------------------------------------------------------------------------------------------------
 * Bounded quantities through their maps: each prior, sampled on the line, has its own moments
 * --------------------------------------------------------------------------------------------------- */
static double
prior_on_the_line(void *state, const double *q, double *gradient)
{
	const Prior *prior = state;
	LineMap map = prior_line_map(prior);
	double x;

	return prior_line_log_density(prior, &map, q[0], &x, gradient);
}

static void
test_maps(void)
{
	static const struct
	{
		PriorKind kind;
		double argument[PRIOR_MAX_ARGUMENTS];
	} bounded[] = {
		{PRIOR_HALFNORMAL, {2}},
		{PRIOR_LOGNORMAL, {0.2, 0.5}},
		{PRIOR_BETA, {1, 3}},
		{PRIOR_GAMMA, {3, 1}},
		{PRIOR_INVERSE_GAMMA, {6, 2}},
		{PRIOR_EXPONENTIAL, {0.5}},
		{PRIOR_UNIFORM, {-2, 5}},
		{PRIOR_TRUNCATED_NORMAL, {0.8, 0.8, 0.1, 10}},
		{PRIOR_TRUNCATED_NORMAL, {1, 2, -INFINITY, 0}},
		{PRIOR_HALF_STUDENT_T, {8, 1.5}},
	};

	for (size_t i = 0; i < sizeof(bounded) / sizeof(bounded[0]); i++)
	{
		Prior prior;
		NutsTarget target = {1, &prior, prior_on_the_line};
		NutsOptions options = NUTS_DEFAULTS;
		LineMap map;
		Sample s;
		McmcSummary m;

		prior_init(&prior, bounded[i].kind, bounded[i].argument);
		map = prior_line_map(&prior);
		/* on the line one tail is exponential and the other a wall: short steps, many draws */
		options.target_accept = 0.98;
		options.draws = 4000;
		s = sample(&target, options);
		for (int c = 0; c < CHAINS; c++)
		{
			for (int d = 0; d < s.draws; d++)
				s.run[c].draw[d] = line_to_interval(&map, s.run[c].draw[d]).x;
		}
		m = summary_of(&s, 0);
		ok(s.fine && fabs(m.mean - prior_mean(&prior)) < 4 * m.mcse_mean &&
			   fabs(m.sd - prior_sd(&prior)) < 4 * m.mcse_sd && m.rhat < 1.01 && s.divergences < 10,
		   "%s through its map: mean %.4f (%.4f), sd %.4f (%.4f)", prior_name(prior.kind), m.mean,
		   prior_mean(&prior), m.sd, prior_sd(&prior));
		free_sample(&s);
	}
}

/* ---------------------------------------------------------------------------------------------------
 * Simulation-based calibration (Talts et al. 2018): the rank of a mean drawn from its prior among draws from the
 * posterior given data simulated with it is uniform
 * --------------------------------------------------------------------------------------------------- */
#define SBC_REPLICATES 400
#define SBC_BINS 16
#define SBC_RANKS 63
#define SBC_THIN 4

typedef struct Conjugate
{
	int n;
	double sum;
} Conjugate;

static double
conjugate(void *state, const double *q, double *gradient)
{
	const Conjugate *c = state;

	gradient[0] = c->sum - (c->n + 1) * q[0];
	return c->sum * q[0] - 0.5 * (c->n + 1) * q[0] * q[0];
}

static void
test_calibration(void)
{
	int bin[SBC_BINS] = {0};
	double expected = (double) SBC_REPLICATES / SBC_BINS;
	double chi_square = 0;

	for (int r = 0; r < SBC_REPLICATES; r++)
	{
		RandomStream stream = random_stream(20, r);
		double truth = random_normal(&stream);
		Conjugate data = {5, 0};
		NutsTarget target = {1, &data, conjugate};
		NutsOptions options = NUTS_DEFAULTS;
		int rank = 0;
		NutsRun run;

		for (int i = 0; i < data.n; i++)
			data.sum += truth + random_normal(&stream);
		options.chain = r;
		options.warmup = 200;
		options.draws = SBC_RANKS * SBC_THIN;
		nuts_run(&target, &options, unit_env(), &run);
		for (int i = 0; i < run.draws; i += SBC_THIN)
			rank += run.draw[i] < truth;
		bin[rank * SBC_BINS / (SBC_RANKS + 1)]++;
		nuts_free(&run, unit_env());
	}
	for (int i = 0; i < SBC_BINS; i++)
		chi_square += (bin[i] - expected) * (bin[i] - expected) / expected;
	ok(gsl_cdf_chisq_Q(chi_square, SBC_BINS - 1) > 0.01,
	   "calibration of a conjugate normal: chi-square %.1f, p %.3f", chi_square,
	   gsl_cdf_chisq_Q(chi_square, SBC_BINS - 1));
}

int
main(void)
{
	gsl_set_error_handler_off();
	test_gaussian(2, 1000, true, false);
	test_gaussian(10, 1000, true, false);
	test_gaussian(50, 1000, false, false);
	test_gaussian(2, 1000, true, true);
	test_gaussian(15, 1000, true, true);
	test_gaussian(50, 1000, true, true);
	test_funnel();
	test_eight_schools();
	test_maps();
	test_calibration();
	return done();
}
