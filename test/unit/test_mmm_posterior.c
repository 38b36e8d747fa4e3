/*
 * The posterior of a media mix model: its gradient against differences for every transform, prior, likelihood and
 * lift test; the integrated base against the full covariance; draws of the base against their conditional moments.
 */
#include <string.h>

#include "core/mmm_posterior.h"
#include "core/nnls.h"
#include "unit.h"

#define PERIODS 60
#include "mmm_inputs.h"

#define MOST 60 /* parameters */

static RandomStream stream;

static MmmData
inputs(int geos)
{
	MmmData data = mmm_inputs(geos);

	stream = random_stream(5, (uint64_t) geos);
	for (int g = 0; g < geos; g++)
		for (int t = 0; t < PERIODS; t++)
		{
			double u = random_uniform(&stream);

			spend[(g * CHANNELS + 0) * PERIODS + t] = u < 0.5 ? 0 : 1000 * u * population[g];
			spend[(g * CHANNELS + 1) * PERIODS + t] = (5 + 45 * random_uniform(&stream)) * population[g];
			control[g * PERIODS + t] = 9 + random_uniform(&stream);
			kpi[g * PERIODS + t] = population[g] * (500 + t + 100 * random_normal(&stream));
		}
	kpi[7] = NAN; /* one was not observed */
	return data;
}

static MmmSpec
spec_of(AdstockKind adstock, SaturationKind saturation)
{
	MmmSpec spec = mmm_spec(adstock, saturation, 5, 52.18);

	spec.free_slope = true;
	spec.likelihood = MMM_NORMAL;
	return spec;
}

static Prior
prior_of(PriorKind kind, double a, double b, double c, double d)
{
	double arguments[PRIOR_MAX_ARGUMENTS] = {a, b, c, d};
	Prior prior;

	if (prior_init(&prior, kind, arguments) >= 0)
		abort();
	return prior;
}

/* Worst relative error of the gradient at random places the priors think likely. */
static void
check_gradient(const MmmModel *model, const MmmBeliefs *beliefs, const char *name)
{
	double q[MOST], gradient[MOST], ignored[MOST];
	double worst = 0;
	MmmPosterior p;
	int channel;

	if (mmm_posterior_init(&p, model, beliefs, unit_env(), &channel) != MMM_POSTERIOR_FINE)
	{
		ok(false, "%s: set up", name);
		return;
	}
	for (int trial = 0; trial < 8; trial++)
	{
		double at;

		mmm_posterior_start(&p, &stream, q);
		at = mmm_posterior_log_density(&p, q, gradient);
		if (!isfinite(at))
			worst = INFINITY;
		for (int k = 0; k < p.dim; k++)
		{
			double u = q[k];
			double h = 3e-4;
			double d[4];

			for (int i = 0; i < 4; i++)
			{
				static const double steps[4] = {1, -1, 2, -2};

				q[k] = u + steps[i] * h;
				d[i] = mmm_posterior_log_density(&p, q, ignored);
			}
			q[k] = u;
			/* fourth order */
			d[0] = (8 * (d[0] - d[1]) - (d[2] - d[3])) / (12 * h);
			worst = fmax(worst, fabs(gradient[k] - d[0]) / fmax(1, fabs(at) * 1e-3 + fabs(d[0])));
		}
	}
	ok(worst < 2e-6, "%s: gradient against differences (off by %.1e, %d dimensions)", name, worst, p.dim);
}

static void
check_spec(const MmmSpec *spec, int geos, const char *name)
{
	MmmData data = inputs(geos);
	MmmBeliefs beliefs;
	MmmModel model;

	mmm_model_init(&model, &data, spec, unit_env());
	mmm_beliefs_default(&model, &beliefs, unit_env());
	check_gradient(&model, &beliefs, name);
}

static void
check_transforms(void)
{
	for (int first = 0; first < 2; first++)
		for (int a = 0; a < ADSTOCK_KINDS; a++)
			for (int s = 0; s < SATURATION_KINDS; s++)
			{
				MmmSpec spec = spec_of((AdstockKind) a, (SaturationKind) s);
				char name[100];

				spec.adstock_first = first;
				snprintf(name, sizeof(name), "%s, %s%s", adstock_name(spec.adstock),
						 saturation_name(spec.saturation), first ? "" : ", saturation first");
				check_spec(&spec, 1, name);
			}
}

static void
check_shapes(void)
{
	MmmSpec spec = spec_of(ADSTOCK_GEOMETRIC, SATURATION_HILL);

	check_spec(&spec, 2, "two geos");
	spec.interactions = 1;
	spec.interaction = pair;
	check_spec(&spec, 2, "interaction");
	spec.trend = MMM_TREND_KNOTS;
	spec.max_lag = ADSTOCK_ALL_HISTORY;
	spec.holdout = 5;
	check_spec(&spec, 1, "all history, knots, holdout");
	spec.likelihood = MMM_STUDENT_T;
	check_spec(&spec, 2, "Student's t");
}

/* A prior of each kind on a coefficient, and those with a whole line for support on the base. */
static void
check_priors(void)
{
	static const double arguments[PRIOR_KINDS][PRIOR_MAX_ARGUMENTS] = {
		[PRIOR_NORMAL] = {0.2, 0.5},	 [PRIOR_HALFNORMAL] = {0.5},
		[PRIOR_LOGNORMAL] = {-1, 0.5},	 [PRIOR_BETA] = {2, 3},
		[PRIOR_GAMMA] = {2, 3},			 [PRIOR_INVERSE_GAMMA] = {3, 1},
		[PRIOR_EXPONENTIAL] = {2},		 [PRIOR_UNIFORM] = {0.1, 0.9},
		[PRIOR_STUDENT_T] = {4, 0, 0.5}, [PRIOR_TRUNCATED_NORMAL] = {0.3, 0.5, 0, 2},
		[PRIOR_HALF_CAUCHY] = {0.5},	 [PRIOR_HALF_STUDENT_T] = {4, 0.5},
	};

	for (int kind = 0; kind < PRIOR_KINDS; kind++)
	{
		MmmSpec spec = spec_of(ADSTOCK_GEOMETRIC, SATURATION_HILL);
		MmmData data = inputs(2);
		MmmBeliefs beliefs;
		MmmModel model;
		Prior prior;
		double low, high;

		if (prior_init(&prior, (PriorKind) kind, arguments[kind]) >= 0)
			abort();
		mmm_model_init(&model, &data, &spec, unit_env());
		mmm_beliefs_default(&model, &beliefs, unit_env());
		prior_support(&prior, &low, &high);
		for (int j = 0; j < model.base; j++)
			if (j % 2 == 0)
				beliefs.prior[model.transforms + model.media + j] = prior;
		if (low >= 0)
			beliefs.prior[model.transforms] = prior;
		check_gradient(&model, &beliefs, prior_name(prior.kind));
		beliefs.prior_only = true;
		check_gradient(&model, &beliefs, "  prior only");
	}
}

static MmmLiftTest
lift_test_of(const MmmModel *model, int channel, int geo, double change)
{
	MmmLiftTest test = {.channel = channel,
						.geo = geo,
						.from = 20,
						.until = 26,
						.measured = 29,
						.lift = 300,
						.standard_error = 100};

	if (mmm_lift_change(model, &test, change, unit_env()) != MMM_LIFT_FINE)
		ok(false, "lift test");
	return test;
}

static void
check_lifts_and_returns(void)
{
	for (int variant = 0; variant < 16; variant++)
	{
		MmmSpec spec = spec_of(variant & 1 ? ADSTOCK_DELAYED : ADSTOCK_GEOMETRIC, SATURATION_HILL);
		MmmData data = inputs(2);
		MmmLiftTest tests[3];
		MmmBeliefs beliefs;
		MmmModel model;
		char name[100];

		spec.adstock_first = (variant & 1) == 0;
		spec.likelihood = variant & 2 ? MMM_STUDENT_T : MMM_NORMAL;
		spec.interactions = variant & 4 ? 1 : 0;
		spec.interaction = pair;
		mmm_model_init(&model, &data, &spec, unit_env());
		mmm_beliefs_default(&model, &beliefs, unit_env());
		tests[0] = lift_test_of(&model, 0, -1, 3000);
		tests[1] = lift_test_of(&model, 1, 1, -200);
		tests[2] = lift_test_of(&model, 1, 0, 50);
		beliefs.lifts = 3;
		beliefs.lift = tests;
		beliefs.lift_nu = variant & 8 ? 4 : INFINITY;
		beliefs.roi[1] = true;
		beliefs.prior[model.transforms + 1] = prior_of(PRIOR_LOGNORMAL, 0.2, 0.9, 0, 0);
		beliefs.kpi_value = 3;
		snprintf(name, sizeof(name), "lift tests and ROI%s%s%s%s", variant & 1 ? ", delayed" : "",
				 variant & 2 ? ", Student's t" : "", variant & 4 ? ", interaction" : "",
				 variant & 8 ? ", robust tests" : "");
		check_gradient(&model, &beliefs, name);
	}
}

/* What a test is expected to measure is the difference of two predictions; ROI is what the reports say. */
static void
check_meaning(void)
{
	MmmSpec spec = spec_of(ADSTOCK_GEOMETRIC, SATURATION_HILL);
	MmmData data = inputs(2);
	static double more[2 * CHANNELS * PERIODS];
	double q[MOST], gradient[MOST];
	double before[2 * PERIODS], after[2 * PERIODS];
	double parts[8 * PERIODS];
	double difference = 0;
	double contribution = 0;
	MmmData changed = data;
	MmmLiftTest test;
	MmmBeliefs beliefs;
	MmmPosterior p;
	MmmModel model;
	int channel;

	spec.interactions = 1;
	spec.interaction = pair;
	mmm_model_init(&model, &data, &spec, unit_env());
	mmm_beliefs_default(&model, &beliefs, unit_env());
	beliefs.roi[1] = true;
	beliefs.kpi_value = 3;
	beliefs.prior[model.transforms + 1] = prior_of(PRIOR_LOGNORMAL, 0.2, 0.9, 0, 0);
	test = lift_test_of(&model, 0, -1, 3000);
	mmm_posterior_init(&p, &model, &beliefs, unit_env(), &channel);
	mmm_posterior_start(&p, &stream, q);
	mmm_posterior_log_density(&p, q, gradient);
	memcpy(more, spend, sizeof(more));
	for (int t = 20; t < 26; t++)
	{
		more[t] += 3000.0 / 6 / 4;
		more[CHANNELS * PERIODS + t] += 3000.0 / 6 * 3 / 4;
	}
	changed.exposure = more;
	mmm_predictions(&model, p.parameters, &data, 0, before, unit_env());
	mmm_predictions(&model, p.parameters, &changed, 0, after, unit_env());
	for (int g = 0; g < 2; g++)
		for (int t = 20; t < 29; t++)
			difference += after[g * PERIODS + t] - before[g * PERIODS + t];
	is_close(mmm_lift_expected(&p, &test), difference, 1e-10,
			 "a lift test expects the difference of predictions");
	for (int g = 0; g < 2; g++)
	{
		mmm_contributions_of_geo(&model, p.parameters, &data, 0, g, parts, unit_env());
		for (int t = 0; t < PERIODS; t++)
			contribution += parts[PERIODS + t];
	}
	for (int k = 0; k < p.dim; k++)
		if (p.coordinate[k].roi == 1)
			is_close(contribution * 3 / mmm_spend_of_training(&model, 1), p.coordinate[k].value, 1e-10,
					 "a coefficient implied by ROI has that ROI");
}

/* -(n ln 2 pi + ln det V + r'V^-1 r)/2 with V written out. */
static double
direct_log_density(const double *columns, int terms, const double *mean, const double *sd, const double *y,
				   int n, double sigma)
{
	double *V = calloc((size_t) n * n, sizeof(double));
	double *r = calloc(n, sizeof(double));
	double *solved = calloc(n, sizeof(double));
	double log_density = -n * log(2 * M_PI);

	for (int i = 0; i < n; i++)
	{
		r[i] = y[i];
		for (int k = 0; k < terms; k++)
			r[i] -= mean[k] * columns[k * n + i];
		for (int j = 0; j <= i; j++)
		{
			V[i * n + j] = i == j ? sigma * sigma : 0;
			for (int k = 0; k < terms; k++)
				V[i * n + j] += sd[k] * sd[k] * columns[k * n + i] * columns[k * n + j];
		}
	}
	if (!cholesky(n, n, V))
		return NAN;
	memcpy(solved, r, sizeof(double) * n);
	cholesky_solve(n, n, V, solved);
	for (int i = 0; i < n; i++)
		log_density -= 2 * log(V[i * n + i]) + r[i] * solved[i];
	free(V);
	free(r);
	free(solved);
	return log_density / 2;
}

#define ROWS 40
#define TERMS 5

/* Terms as such a model has them, one of which depends on others. */
static void
base_columns(double *columns, double *mean, double *sd)
{
	for (int i = 0; i < ROWS; i++)
	{
		columns[i] = 1;
		columns[ROWS + i] = i / (ROWS - 1.0);
		columns[2 * ROWS + i] = sin(i);
		columns[3 * ROWS + i] = 100 + random_normal(&stream);
		columns[4 * ROWS + i] = 2 * columns[i] - columns[ROWS + i];
	}
	for (int k = 0; k < TERMS; k++)
	{
		mean[k] = 0.3 * k;
		sd[k] = k == 3 ? 0.02 : 1 + 0.2 * k;
	}
}

static void
check_integrated(void)
{
	static double columns[TERMS * ROWS];
	double mean[TERMS], sd[TERMS], residual[ROWS], weighted[ROWS], y[ROWS];
	double *taken = malloc(sizeof(columns));
	bool all[ROWS];
	MmmGaussian g;

	base_columns(columns, mean, sd);
	memcpy(taken, columns, sizeof(columns));
	memset(all, true, sizeof(all));
	mmm_gaussian_init(&g, taken, 1, ROWS, all, TERMS, mean, sd, unit_env());
	ok(g.rank == 4, "rank %d of 5 terms, one of which depends on the others", g.rank);
	for (double sigma = 1e-3; sigma < 100; sigma *= 30)
	{
		double dlog_sigma, ignored, found, up, down;

		for (int i = 0; i < ROWS; i++)
		{
			y[i] = 3 + sin(i) + sigma * random_normal(&stream);
			residual[i] = y[i];
			for (int k = 0; k < TERMS; k++)
				residual[i] -= mean[k] * columns[k * ROWS + i];
		}
		found = mmm_gaussian_log_density(&g, residual, sigma, weighted, &dlog_sigma);
		is_close(found, direct_log_density(columns, TERMS, mean, sd, y, ROWS, sigma), 1e-7,
				 "integrated base against the full covariance");
		up = mmm_gaussian_log_density(&g, residual, sigma * exp(1e-5), weighted, &ignored);
		down = mmm_gaussian_log_density(&g, residual, sigma * exp(-1e-5), weighted, &ignored);
		is_close(dlog_sigma, (up - down) / 2e-5, 1e-6, "  its slope along sigma");
	}
}

/* Draws given the residual: mean (X'X/s2 + D^-1)^-1 X'r/s2 and that covariance. */
static void
check_conditional(void)
{
	enum
	{
		DRAWS = 40000
	};
	static double columns[TERMS * ROWS];
	double mean[TERMS], sd[TERMS], residual[ROWS], weighted[ROWS];
	double A[TERMS * TERMS], b[TERMS], scratch[TERMS], draw[TERMS];
	double sums[TERMS] = {0}, squares[TERMS] = {0};
	double sigma = 0.5;
	double dlog_sigma;
	double worst = 0, spread = 0;
	double *taken = malloc(sizeof(columns));
	bool all[ROWS];
	MmmGaussian g;

	base_columns(columns, mean, sd);
	memcpy(taken, columns, sizeof(columns));
	memset(all, true, sizeof(all));
	mmm_gaussian_init(&g, taken, 1, ROWS, all, TERMS, mean, sd, unit_env());
	for (int i = 0; i < ROWS; i++)
		residual[i] = sin(i) + 0.5 * random_normal(&stream);
	mmm_gaussian_log_density(&g, residual, sigma, weighted, &dlog_sigma);
	for (int k = 0; k < TERMS; k++)
	{
		for (int j = 0; j <= k; j++)
			A[k * TERMS + j] = mmm_dot(columns + k * ROWS, columns + j * ROWS, ROWS) / (sigma * sigma) +
							   (j == k ? 1 / (sd[k] * sd[k]) : 0);
		b[k] = mmm_dot(columns + k * ROWS, residual, ROWS) / (sigma * sigma);
	}
	ok(cholesky(TERMS, TERMS, A), "precision");
	cholesky_solve(TERMS, TERMS, A, b);
	for (int d = 0; d < DRAWS; d++)
	{
		mmm_gaussian_draw(&g, sigma, &stream, scratch, draw);
		for (int k = 0; k < TERMS; k++)
		{
			sums[k] += draw[k] - mean[k] - b[k];
			squares[k] += (draw[k] - mean[k] - b[k]) * (draw[k] - mean[k] - b[k]);
		}
	}
	for (int k = 0; k < TERMS; k++)
	{
		double e[TERMS] = {0};

		e[k] = 1;
		cholesky_solve(TERMS, TERMS, A, e);
		worst = fmax(worst, fabs(sums[k] / DRAWS) / sqrt(e[k] / DRAWS));
		spread = fmax(spread, fabs(squares[k] / DRAWS / e[k] - 1) * sqrt(DRAWS / 2.0));
	}
	ok(worst < 4, "means of the base's draws are their conditional means (%.1f standard errors)", worst);
	ok(spread < 4, "so are their variances (%.1f standard errors)", spread);
}

int
main(void)
{
	stream = random_stream(1, 0);
	check_transforms();
	check_shapes();
	check_priors();
	check_lifts_and_returns();
	check_meaning();
	check_integrated();
	check_conditional();
	return done();
}
