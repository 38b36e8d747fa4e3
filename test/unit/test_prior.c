/*
 * Every prior against itself: its density integrates to 1 and to its moments, its slope is its derivative, its
 * draws have its moments and quantiles; every map is undone by its inverse and has the Jacobian it says.
 */
#include "core/prior.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_integration.h>
#include <string.h>

#include "unit.h"

typedef struct Case
{
	PriorKind kind;
	double argument[PRIOR_MAX_ARGUMENTS];
} Case;

static const Case cases[] = {
	{PRIOR_NORMAL, {-1.5, 2.5}},
	{PRIOR_HALFNORMAL, {2}},
	{PRIOR_LOGNORMAL, {0.2, 0.9}},
	{PRIOR_BETA, {1, 3}},
	{PRIOR_BETA, {0.4, 0.7}},
	{PRIOR_BETA, {30, 12}},
	{PRIOR_GAMMA, {3, 1}},
	{PRIOR_GAMMA, {0.3, 5}},
	{PRIOR_INVERSE_GAMMA, {3, 1.0986122886681098}},
	{PRIOR_INVERSE_GAMMA, {8, 20}},
	{PRIOR_EXPONENTIAL, {0.5}},
	{PRIOR_UNIFORM, {-2, 5}},
	{PRIOR_TRUNCATED_NORMAL, {0.8, 0.8, 0.1, 10}},
	{PRIOR_TRUNCATED_NORMAL, {0, 1, 8, INFINITY}},
	{PRIOR_TRUNCATED_NORMAL, {1, 2, -INFINITY, 0}},
	{PRIOR_TRUNCATED_NORMAL, {0, 1, -0.5, 0.7}},
	{PRIOR_TRUNCATED_NORMAL, {0, 1, 2, 2.00001}},
	{PRIOR_TRUNCATED_NORMAL, {0, 1, 100, INFINITY}},
	{PRIOR_STUDENT_T, {7, 1, 2}},
	{PRIOR_STUDENT_T, {1e6, 0, 1}},
	{PRIOR_HALF_STUDENT_T, {8, 1.5}},
	{PRIOR_HALF_CAUCHY, {0.7}},
};
#define CASES ((int) (sizeof(cases) / sizeof(cases[0])))

static Prior
prior_of(const Case *c)
{
	Prior prior;

	prior_init(&prior, c->kind, c->argument);
	return prior;
}

static const char *
describe(const Prior *prior)
{
	static char text[200];
	int n = snprintf(text, sizeof(text), "%s(", prior_name(prior->kind));

	for (int i = 0; i < prior_arguments(prior->kind); i++)
		n += snprintf(text + n, sizeof(text) - n, i ? ", %g" : "%g", prior->argument[i]);
	snprintf(text + n, sizeof(text) - n, ")");
	return text;
}

/* ---------------------------------------------------------------------------------------------------
 * Quadrature along the line, where poles and heavy tails are mild
 * --------------------------------------------------------------------------------------------------- */
typedef struct Integrand
{
	const Prior *prior;
	LineMap map;
	double mean;
	int power;
} Integrand;

static double
integrand(double u, void *argument)
{
	const Integrand *f = argument;
	double x;
	double slope;
	double density = exp(prior_line_log_density(f->prior, &f->map, u, &x, &slope));

	return density > 0 ? density * pow(x - f->mean, f->power) : 0;
}

static double
moment(const Prior *prior, double mean, int power)
{
	static gsl_integration_workspace *work;
	Integrand f = {prior, prior_line_map(prior), mean, power};
	gsl_function function = {integrand, &f};
	double center = line_from_interval(&f.map, prior_quantile(prior, 0.5));
	double total = 0;

	if (!work)
		work = gsl_integration_workspace_alloc(2000);
	for (int side = -1; side <= 1; side += 2)
	{
		double part;
		double error;

		if (side < 0)
			gsl_integration_qagil(&function, center, 1e-13, 1e-11, 2000, work, &part, &error);
		else
			gsl_integration_qagiu(&function, center, 1e-13, 1e-11, 2000, work, &part, &error);
		total += part;
	}
	return total;
}

static void
test_moments(const Prior *prior)
{
	double mean = prior_mean(prior);
	double sd = prior_sd(prior);
	double mass = moment(prior, 0, 0);

	ok(fabs(mass - 1) < 1e-8, "%s integrates to 1 (%+.1e)", describe(prior), mass - 1);
	if (isfinite(mean))
	{
		double first = moment(prior, mean, 1);

		ok(fabs(first) < 1e-7 * (isfinite(sd) ? sd : fabs(mean)), "%s has its mean %.10g (%+.1e)",
		   describe(prior), mean, first);
	}
	if (isfinite(sd))
	{
		double second = sqrt(moment(prior, mean, 2));

		ok(fabs(second - sd) < 1e-6 * sd, "%s has its sd %.10g (%.10g)", describe(prior), sd, second);
	}
}

/* ---------------------------------------------------------------------------------------------------
 * Derivatives
 * --------------------------------------------------------------------------------------------------- */

/* Richardson's extrapolation of central differences. */
static double
difference(double (*f)(const void *, double), const void *state, double x, double step)
{
	double wide = (f(state, x + step) - f(state, x - step)) / (2 * step);
	double narrow = (f(state, x + step / 2) - f(state, x - step / 2)) / step;

	return (4 * narrow - wide) / 3;
}

static double
density_at(const void *state, double x)
{
	return prior_log_density(state, x, NULL);
}

static double
line_density_at(const void *state, double u)
{
	const Prior *prior = state;
	LineMap map = prior_line_map(prior);
	double x;
	double slope;

	return prior_line_log_density(prior, &map, u, &x, &slope);
}

static double
value_at(const void *state, double u)
{
	return line_to_interval(state, u).x;
}

static double
jacobian_at(const void *state, double u)
{
	return line_to_interval(state, u).log_jacobian;
}

static double
gap(double a, double b)
{
	return fabs(a - b) / fmax(1, fmax(fabs(a), fabs(b)));
}

static void
test_slopes(const Prior *prior)
{
	LineMap map = prior_line_map(prior);
	double worst = 0;
	double worst_line = 0;
	double agree = 0;

	for (int i = 1; i < 40; i++)
	{
		double x = prior_quantile(prior, i / 40.0);
		double near =
			fmin(x - prior_quantile(prior, (i - 0.5) / 40), prior_quantile(prior, (i + 0.5) / 40) - x);
		double u = line_from_interval(&map, x);
		double scale = 1 / near; /* in units of which a slope is of order 1 */
		double back;
		double slope;
		double value = prior_log_density(prior, x, &slope);

		worst = fmax(worst, gap(slope / scale, difference(density_at, prior, x, 0.05 * near) / scale));
		value += line_to_interval(&map, u).log_jacobian;
		agree = fmax(agree, gap(value, prior_line_log_density(prior, &map, u, &back, &slope)));
		agree = fmax(agree, fabs(back - x) / fmax(fabs(x), 1));
		worst_line = fmax(worst_line, gap(slope, difference(line_density_at, prior, u, 1e-3)));
	}
	ok(worst < 1e-6, "%s: slope of its density (%.1e)", describe(prior), worst);
	ok(worst_line < 1e-6, "%s: slope along the line (%.1e)", describe(prior), worst_line);
	ok(agree < 1e-9, "%s: density along the line is density and Jacobian (%.1e)", describe(prior), agree);
}

/* ---------------------------------------------------------------------------------------------------
 * Draws
 * --------------------------------------------------------------------------------------------------- */
#define DRAWS 40000

static void
test_draws(const Prior *prior)
{
	RandomStream stream = random_stream(7, prior->kind);
	double below[4] = {0, 0, 0, 0};
	static const double level[4] = {0.05, 0.3, 0.5, 0.95};
	double mean = 0;
	double square = 0;
	double low;
	double high;
	bool inside = true;
	double quantile[4];
	double expected = prior_mean(prior);

	for (int k = 0; k < 4; k++)
		quantile[k] = prior_quantile(prior, level[k]);
	prior_support(prior, &low, &high);
	for (int i = 0; i < DRAWS; i++)
	{
		double x = prior_draw(prior, &stream);

		inside &= x > low && x < high;
		mean += x / DRAWS;
		square += (x - expected) * (x - expected) / DRAWS;
		for (int k = 0; k < 4; k++)
			below[k] += x <= quantile[k] ? 1.0 / DRAWS : 0;
	}
	ok(inside, "%s: draws lie within its support", describe(prior));
	for (int k = 0; k < 4; k++)
	{
		double error = sqrt(level[k] * (1 - level[k]) / DRAWS);

		ok(fabs(below[k] - level[k]) < 4 * error, "%s: share of draws below its %g quantile is %.4f",
		   describe(prior), level[k], below[k]);
	}
	if (isfinite(prior_sd(prior)))
	{
		ok(fabs(mean - expected) < 4 * prior_sd(prior) / sqrt(DRAWS), "%s: mean of draws", describe(prior));
		ok(fabs(sqrt(square) / prior_sd(prior) - 1) < 0.12, "%s: sd of draws", describe(prior));
	}
}

/* Densities, quantiles and moments that SciPy 1.17.1 gives (scipy.stats) */
static void
test_reference(void)
{
	static const struct
	{
		Case prior;
		double x;
		double log_density;
		double p;
		double quantile;
		double mean;
		double sd;
	} reference[] = {
#include "prior_reference.h"
	};

	for (size_t i = 0; i < sizeof(reference) / sizeof(reference[0]); i++)
	{
		Prior prior = prior_of(&reference[i].prior);
		char name[250];

		snprintf(name, sizeof(name), "%s: log density, as SciPy", describe(&prior));
		is_close(prior_log_density(&prior, reference[i].x, NULL), reference[i].log_density, 1e-10, name);
		snprintf(name, sizeof(name), "%s: quantile, as SciPy", describe(&prior));
		is_close(prior_quantile(&prior, reference[i].p), reference[i].quantile, 1e-9, name);
		snprintf(name, sizeof(name), "%s: mean, as SciPy", describe(&prior));
		is_close(prior_mean(&prior), reference[i].mean, 1e-9, name);
		snprintf(name, sizeof(name), "%s: sd, as SciPy", describe(&prior));
		is_close(prior_sd(&prior), reference[i].sd, 1e-8, name);
	}
}

static void
test_edges(void)
{
	Prior prior;
	double slope = 1;

	prior_init(&prior, PRIOR_BETA, (double[]){1, 1});
	is_close(prior_log_density(&prior, 0, &slope), 0, 0, "a uniform beta at its end");
	is_close(slope, 0, 0, "and its slope there");
	prior_init(&prior, PRIOR_BETA, (double[]){0.5, 2});
	ok(prior_log_density(&prior, 0, NULL) == INFINITY, "a pole");
	ok(prior_log_density(&prior, -1e-300, &slope) == -INFINITY && slope == 0, "outside the support");
	ok(isnan(prior_log_density(&prior, NAN, NULL)), "NaN stays NaN");
	for (int i = 0; i < CASES; i++)
	{
		static const double far[] = {-1e300, -800, -750, -40, 40, 750, 800, 1e300};
		LineMap map;
		bool number = true;

		prior = prior_of(&cases[i]);
		map = prior_line_map(&prior);
		for (int k = 0; k < 8; k++)
		{
			double x;
			double value = prior_line_log_density(&prior, &map, far[k], &x, &slope);

			number &=
				!isnan(value) && value < INFINITY && !isnan(x) && (value == -INFINITY || isfinite(slope));
		}
		ok(number, "%s: no NaN however far out on the line", describe(&prior));
		ok(prior_quantile(&prior, 0) < prior_quantile(&prior, 1) && isnan(prior_quantile(&prior, 1.5)),
		   "%s: quantiles of 0 and 1 are its ends", describe(&prior));
	}
	prior_init(&prior, PRIOR_STUDENT_T, (double[]){1, 0, 1});
	ok(isnan(prior_mean(&prior)) && isnan(prior_sd(&prior)), "a Cauchy has no mean");
	prior_init(&prior, PRIOR_STUDENT_T, (double[]){2, 0, 1});
	ok(prior_mean(&prior) == 0 && prior_sd(&prior) == INFINITY,
	   "a t of two degrees of freedom has no variance");
	prior_init(&prior, PRIOR_INVERSE_GAMMA, (double[]){1, 1});
	ok(prior_mean(&prior) == INFINITY && prior_sd(&prior) == INFINITY,
	   "an inverse gamma of shape 1 has no mean");
}

/* What an argument must not be. */
static void
test_validation(void)
{
	static const struct
	{
		Case prior;
		int bad;
	} wrong[] = {
		{{PRIOR_NORMAL, {NAN, 1}}, 0},
		{{PRIOR_NORMAL, {0, 0}}, 1},
		{{PRIOR_NORMAL, {0, -1}}, 1},
		{{PRIOR_NORMAL, {0, INFINITY}}, 1},
		{{PRIOR_NORMAL, {1e60, 1}}, 0},
		{{PRIOR_BETA, {1, 1e-60}}, 1},
		{{PRIOR_GAMMA, {NAN, 1}}, 0},
		{{PRIOR_UNIFORM, {1, 1}}, 1},
		{{PRIOR_UNIFORM, {1, 0}}, 1},
		{{PRIOR_UNIFORM, {-INFINITY, 0}}, 0},
		{{PRIOR_TRUNCATED_NORMAL, {0, 1, 2, 1}}, 3},
		{{PRIOR_TRUNCATED_NORMAL, {0, 1, 1001, INFINITY}}, 2},
		{{PRIOR_TRUNCATED_NORMAL, {0, 1, INFINITY, INFINITY}}, 2},
		{{PRIOR_TRUNCATED_NORMAL, {0, 1, -INFINITY, -1001}}, 3},
		{{PRIOR_TRUNCATED_NORMAL, {0, 1, -INFINITY, NAN}}, 3},
		{{PRIOR_STUDENT_T, {0, 0, 1}}, 0},
	};
	bool named = true;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
	{
		Prior prior;
		int bad = prior_init(&prior, wrong[i].prior.kind, wrong[i].prior.argument);

		ok(bad == wrong[i].bad, "%s: argument %s must be %s", prior_name(wrong[i].prior.kind),
		   prior_argument_name(wrong[i].prior.kind, wrong[i].bad),
		   prior_argument_rule(wrong[i].prior.kind, wrong[i].bad));
	}
	for (int kind = 0; kind < PRIOR_KINDS; kind++)
	{
		PriorKind found;

		named &= prior_by_name(prior_name(kind), &found) && found == (PriorKind) kind &&
				 strstr(prior_names(), prior_name(kind)) != NULL;
	}
	ok(named, "every prior is found by its name, and listed");
	ok(!prior_by_name("cauchy", &(PriorKind){0}), "an unknown name is not found");
	ok(isnan(prior_argument_default(PRIOR_NORMAL, 1)) && prior_argument_default(PRIOR_UNIFORM, 1) == 1,
	   "defaults of arguments");
}

static void
test_maps(void)
{
	static const double ends[][2] = {
		{-INFINITY, INFINITY}, {0, INFINITY}, {-3, INFINITY}, {-INFINITY, 2}, {0, 1}, {-5, 1e6}, {1, 1.001}};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
	{
		LineMap map = line_map(ends[i][0], ends[i][1]);
		double round_trip = 0;
		double slope = 0;
		double jacobian = 0;

		for (double u = -6; u <= 6; u += 0.37)
		{
			LinePoint point = line_to_interval(&map, u);
			double unit = fabs(point.dx);

			round_trip = fmax(round_trip, fabs(line_from_interval(&map, point.x) - u));
			slope = fmax(slope, fabs(point.dx - difference(value_at, &map, u, 1e-2)) / unit);
			jacobian = fmax(jacobian, fabs(point.log_jacobian - log(unit)));
			jacobian = fmax(jacobian, gap(point.dlog_jacobian, difference(jacobian_at, &map, u, 1e-2)));
		}
		ok(round_trip < 1e-8, "interval (%g, %g): there and back (%.1e)", ends[i][0], ends[i][1], round_trip);
		ok(slope < 1e-6, "interval (%g, %g): slope (%.1e)", ends[i][0], ends[i][1], slope);
		ok(jacobian < 1e-8, "interval (%g, %g): log Jacobian (%.1e)", ends[i][0], ends[i][1], jacobian);
	}
}

int
main(void)
{
	gsl_set_error_handler_off();
	for (int i = 0; i < CASES; i++)
	{
		Prior prior = prior_of(&cases[i]);

		test_moments(&prior);
		test_slopes(&prior);
		test_draws(&prior);
	}
	test_reference();
	test_edges();
	test_validation();
	test_maps();
	return done();
}
