/*
 * Coefficients by geo: the gradient of the posterior against finite differences at random places, for every way of
 * pooling; what is integrated out against the density with it put in; and draws of the prior alone.
 */
#include "core/mmm_bayes.h"
#include "unit.h"

#include <math.h>
#include <string.h>

#define PERIODS 40
#include "mmm_inputs.h"

static MmmData
panel(bool gaps)
{
	MmmData data = mmm_inputs(GEOS);
	RandomStream stream = random_stream(7, 1);

	for (int g = 0; g < GEOS; g++)
		for (int t = 0; t < PERIODS; t++)
		{
			int i = g * PERIODS + t;

			control[i] = random_uniform(&stream);
			for (int c = 0; c < CHANNELS; c++)
				spend[(g * CHANNELS + c) * PERIODS + t] =
					random_uniform(&stream) < 0.3 ? 0 : population[g] * (1 + random_uniform(&stream));
			kpi[i] = population[g] * (10 + g + 0.4 * random_normal(&stream) + 2 * control[i] +
									  spend[g * CHANNELS * PERIODS + t] / population[g]);
			if (gaps && random_uniform(&stream) < 0.1)
				kpi[i] = NAN;
		}
	data.has_population = true;
	return data;
}

static MmmSpec
plain_spec(void)
{
	MmmSpec spec = mmm_spec(ADSTOCK_GEOMETRIC, SATURATION_HILL, 4, 20);

	spec.geo_coefficients = true;
	spec.likelihood = MMM_NORMAL;
	return spec;
}

/* Worst difference of the gradient, in units of the gradient's own size. */
static double
gradient_error(MmmPosterior *p, uint64_t seed)
{
	RandomStream stream = random_stream(seed, 2);
	double *q = calloc(4 * p->dim, sizeof(double));
	double *gradient = q + p->dim;
	double *there = gradient + p->dim;
	double *scratch = there + p->dim;
	double worst = 0;

	for (int round = 0; round < 5; round++)
	{
		double size = 1;

		mmm_posterior_start(p, &stream, q);
		for (int k = 0; k < p->dim; k++)
			q[k] += 0.3 * random_normal(&stream);
		if (!isfinite(mmm_posterior_log_density(p, q, gradient)))
			return INFINITY;
		for (int k = 0; k < p->dim; k++)
			size = fmax(size, fabs(gradient[k]));
		for (int k = 0; k < p->dim; k++)
		{
			double h = 1e-5;
			double slope[2];

			for (int i = 0; i < 2; i++)
			{
				double step = h * (i + 1);

				memcpy(there, q, sizeof(double) * p->dim);
				there[k] = q[k] + step;
				slope[i] = mmm_posterior_log_density(p, there, scratch);
				there[k] = q[k] - step;
				slope[i] = (slope[i] - mmm_posterior_log_density(p, there, scratch)) / (2 * step);
			}
			/* Richardson's extrapolation */
			worst = fmax(worst, fabs(gradient[k] - (4 * slope[0] - slope[1]) / 3) / size);
		}
	}
	free(q);
	return worst;
}

static void
test_gradient(const char *name, MmmSpec spec, bool gaps, bool roi, bool unpooled, bool prior_only, bool lifts)
{
	MmmData data = panel(gaps);
	MmmModel model;
	MmmBeliefs beliefs;
	MmmPosterior posterior;
	MmmLiftTest lift[2] = {
		{.channel = 0, .geo = 1, .from = 10, .until = 14, .measured = 16, .lift = 3, .standard_error = 0.5},
		{.channel = 1, .geo = -1, .from = 20, .until = 22, .measured = 22, .lift = 2, .standard_error = 1}};
	double error;
	int channel;

	mmm_model_init(&model, &data, &spec, unit_env());
	mmm_beliefs_default(&model, &beliefs, unit_env());
	beliefs.unpooled = unpooled;
	beliefs.prior_only = prior_only;
	if (roi)
	{
		double argument[PRIOR_MAX_ARGUMENTS] = {0, 0.7};

		beliefs.roi[0] = true;
		prior_init(&beliefs.prior[model.transforms], PRIOR_LOGNORMAL, argument);
	}
	if (lifts)
	{
		ok(mmm_lift_change(&model, &lift[0], 5, unit_env()) == MMM_LIFT_FINE &&
			   mmm_lift_change(&model, &lift[1], -1, unit_env()) == MMM_LIFT_FINE,
		   "%s: lift tests", name);
		beliefs.lift = lift;
		beliefs.lifts = 2;
	}
	ok(mmm_posterior_init(&posterior, &model, &beliefs, unit_env(), &channel) == MMM_POSTERIOR_FINE,
	   "%s: set up", name);
	error = gradient_error(&posterior, 3);
	ok(error < 1e-6, "%s: gradient of %d numbers (%g)", name, posterior.dim, error);
}

static void
test_gradients(void)
{
	MmmSpec spec = plain_spec();

	test_gradient("partial", spec, false, false, false, false, false);
	test_gradient("gaps", spec, true, false, false, false, false);
	test_gradient("prior of roi", spec, true, true, false, false, false);
	test_gradient("none", spec, true, false, true, false, false);
	test_gradient("prior alone", spec, true, true, false, true, false);
	test_gradient("lift tests of a geo and of all", spec, false, true, false, false, true);
	test_gradient("lift tests without pooling", spec, false, false, true, false, true);
	spec.likelihood = MMM_STUDENT_T;
	test_gradient("Student's t", spec, true, false, false, false, false);
	spec.likelihood = MMM_NORMAL;
	spec.interactions = 1;
	spec.interaction = pair;
	test_gradient("interaction", spec, true, false, false, false, true);
	spec.interactions = 0;
	spec.free_slope = true;
	spec.adstock = ADSTOCK_WEIBULL_PDF;
	test_gradient("weibull and a free slope", spec, false, false, false, false, false);
	spec.adstock_first = false;
	spec.free_slope = false;
	spec.saturation = SATURATION_LOGISTIC;
	spec.trend = MMM_TREND_KNOTS;
	test_gradient("saturation first", spec, false, false, false, false, false);
	spec.geo_coefficients = false;
	test_gradient("complete", spec, true, true, false, false, true);
}

/* The density with levels, rows and whole columns integrated out, against the dense covariance's. */
static void
test_gaussian(void)
{
	enum
	{
		N = GEOS * 5,
		TERMS = 6
	};
	RandomStream stream = random_stream(3, 3);
	double X[TERMS][N], *columns = calloc(TERMS * N, sizeof(double));
	double V[N][N], L[N][N], r[N], z[N], weighted[N];
	double mean[TERMS] = {0}, sd[TERMS] = {2, 3, 1, 0.5, 4, 1.5};
	double sigma = 0.3, log_density = 0, slope, above, below, scratch, worst = 0;
	bool seen[N];
	MmmGaussian g;
	int n = 0;

	for (int i = 0; i < N; i++)
	{
		seen[i] = i != 3 && i != 7;
		for (int j = 0; j < TERMS; j++)
			X[j][i] = !seen[i] ? 0
					  : j < 3  ? i / 5 == j
					  : j < 5  ? (i % 5 + 1) * (j - 2.5) + (i % 5 == j)
							   : sin(i);
		r[i] = seen[i] ? 5 + random_normal(&stream) : 0;
	}
	memcpy(columns, X, sizeof(X));
	mmm_gaussian_init(&g, columns, GEOS, 5, seen, TERMS, mean, sd, unit_env());
	for (int i = 0; i < N; i++)
		for (int k = 0; k < N; k++)
		{
			V[i][k] = i == k ? sigma * sigma : 0;
			for (int j = 0; j < TERMS; j++)
				V[i][k] += X[j][i] * X[j][k] * sd[j] * sd[j];
			L[i][k] = V[i][k];
		}
	for (int i = 0; i < N; i++)
	{
		double sum = r[i];

		for (int k = 0; k <= i; k++)
		{
			for (int j = 0; j < k; j++)
				L[i][k] -= L[i][j] * L[k][j];
			L[i][k] = k == i ? sqrt(L[i][i]) : L[i][k] / L[k][k];
			if (k < i)
				sum -= L[i][k] * z[k];
		}
		z[i] = sum / L[i][i];
		if (seen[i])
		{
			log_density -= (log(2 * M_PI) + z[i] * z[i]) / 2 + log(L[i][i]);
			n++;
		}
	}
	is_close(mmm_gaussian_log_density(&g, r, sigma, weighted, &slope), log_density, 1e-12,
			 "density of the dense covariance");
	ok(g.observed == (size_t) n && g.level_geo[1] == 1 && g.level_geo[3] == MMM_SHARED &&
		   g.level_geo[5] == MMM_WHOLE,
	   "levels, rows and columns are told apart");
	for (int i = 0; i < N; i++)
	{
		double back = 0;

		for (int k = 0; k < N; k++)
			back += V[i][k] * weighted[k];
		worst = fmax(worst, seen[i] ? fabs(back - r[i]) : fabs(weighted[i]));
	}
	ok(worst < 1e-9, "weighted residuals solve the covariance (%g)", worst);
	above = mmm_gaussian_log_density(&g, r, sigma * exp(1e-5), weighted, &scratch);
	below = mmm_gaussian_log_density(&g, r, sigma * exp(-1e-5), weighted, &scratch);
	is_close(slope, (above - below) / 2e-5, 1e-7, "slope along ln sigma");
}

/* Draws of the prior alone: the log of a geo's coefficient over the common one is Normal with the drawn deviation. */
static void
test_prior_alone(void)
{
	MmmData data = panel(false);
	MmmSpec spec = plain_spec();
	MmmBayesOptions options = {
		.chains = 1, .warmup = 500, .draws = 4000, .seed = 5, .target_accept = 0.9, .max_depth = 10};
	MmmModel model;
	MmmBeliefs beliefs;
	MmmPosterior posterior;
	MmmChain chain;
	double *draw;
	double mean = 0, square = 0, sd = 0, common = 0;
	int channel;

	mmm_model_init(&model, &data, &spec, unit_env());
	mmm_beliefs_default(&model, &beliefs, unit_env());
	beliefs.prior_only = true;
	mmm_posterior_init(&posterior, &model, &beliefs, unit_env(), &channel);
	draw = calloc((size_t) options.draws * model.parameters, sizeof(double));
	ok(mmm_chain_run(&posterior, &options, 0, draw, &chain) == CORE_OK && chain.divergences < 40,
	   "prior alone: sampled");
	for (int d = 0; d < options.draws; d++)
	{
		const double *at = draw + (size_t) d * model.parameters;
		double z = log(at[model.by_geo + 3] / at[model.transforms + 1]) / at[model.geo_sd + 1];

		mean += z / options.draws;
		square += z * z / options.draws;
		sd += at[model.geo_sd + 1] / options.draws;
		common += at[model.transforms + 1] / options.draws;
	}
	ok(fabs(mean) < 0.1 && fabs(square - 1) < 0.15, "deviations are standard Normal (%g, %g)", mean, square);
	ok(fabs(sd / prior_mean(&beliefs.prior[model.geo_sd + 1]) - 1) < 0.1, "geo_sd has its prior's mean (%g)",
	   sd);
	ok(fabs(common / prior_mean(&beliefs.prior[model.transforms + 1]) - 1) < 0.1,
	   "common coefficients have theirs (%g)", common);
}

int
main(void)
{
	test_gaussian();
	test_gradients();
	test_prior_alone();
	return done();
}
