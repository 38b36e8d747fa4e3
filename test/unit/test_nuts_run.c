/*
 * A run of the sampler: what it tells of its draws, the same digits, interrupts, densities that cannot be sampled
 * and options that cannot be meant.
 */
#include <gsl/gsl_errno.h>
#include <string.h>

#include "nuts_gaussian.h"

/* With the right metric a standard normal needs few steps, and what is said of a draw must hold together. */
static void
test_stats(void)
{
	Gaussian g = gaussian(10, 1, false);
	NutsTarget target = {10, &g, gaussian_log_density};
	NutsOptions options = NUTS_DEFAULTS;
	NutsRun run;
	double accept = 0;
	double metric = 0;
	bool consistent = true;
	bool same = true;

	nuts_run(&target, &options, unit_env(), &run);
	for (int i = 0; i < run.draws; i++)
	{
		const NutsStat *stat = &run.stat[i];
		double ignored[10];

		accept += stat->accept / run.draws;
		consistent &= stat->leapfrogs >= (1 << stat->depth) - 1 && stat->leapfrogs < (2 << stat->depth) &&
					  stat->energy > -stat->log_density && stat->step == run.step && !stat->divergent;
		same &= stat->log_density == gaussian_log_density(&g, run.draw + (size_t) i * 10, ignored);
	}
	for (int i = 0; i < 10; i++)
		metric += run.metric[i] / 10;
	ok(consistent, "depth, steps, energy and step size agree");
	ok(same, "the log density told of a draw is that of its place");
	ok(accept > 0.75 && accept < 0.95, "mean acceptance %.3f near its target", accept);
	ok(fabs(metric - 1) < 0.15, "mean of the metric is %.3f", metric);
	ok(run.ebfmi > 0.7 && run.ebfmi < 1.5, "E-BFMI %.3f", run.ebfmi);
	ok(run.leapfrogs < 10 * run.draws, "%.2f leapfrogs a draw", (double) run.leapfrogs / run.draws);
	nuts_free(&run, unit_env());
	options.target_accept = 0.95;
	nuts_run(&target, &options, unit_env(), &run);
	accept = 0;
	for (int i = 0; i < run.draws; i++)
		accept += run.stat[i].accept / run.draws;
	ok(accept > 0.92 && accept < 0.99, "mean acceptance %.3f near a higher target", accept);
	nuts_free(&run, unit_env());
	options.max_depth = 1;
	nuts_run(&target, &options, unit_env(), &run);
	ok(run.stopped > 500 && run.stat[0].leapfrogs == 1, "%d trajectories stopped by their depth",
	   run.stopped);
	nuts_free(&run, unit_env());
}

static void
count_calls(void *arg, int done_so_far, int total, bool divergent)
{
	int *calls = arg;

	(void) divergent;
	if (done_so_far == ++*calls && total == 700)
		return;
	*calls = -1;
}

static void
test_replay(void)
{
	Gaussian g = gaussian(5, 100, true);
	NutsTarget target = {5, &g, gaussian_log_density};
	NutsOptions options = NUTS_DEFAULTS;
	double start[5] = {1, 2, 3, 4, 5};
	int calls = 0;
	NutsRun a;
	NutsRun b;
	long checks;

	options.warmup = 400;
	options.draws = 300;
	options.progress = count_calls;
	options.progress_arg = &calls;
	checks = unit_checks;
	nuts_run(&target, &options, unit_env(), &a);
	checks = unit_checks - checks;
	ok(calls == 700, "progress is told of every iteration");
	ok(checks * 8 > a.leapfrogs + a.warmup_leapfrogs && checks < a.leapfrogs + a.warmup_leapfrogs,
	   "interruptible every few gradients: %ld checks, %lld steps", checks,
	   (long long) (a.leapfrogs + a.warmup_leapfrogs));
	options.progress = NULL;
	nuts_run(&target, &options, unit_env(), &b);
	ok(memcmp(a.draw, b.draw, sizeof(double) * 5 * 300) == 0, "the same seed and chain: the same digits");
	nuts_free(&b, unit_env());
	options.chain = 1;
	nuts_run(&target, &options, unit_env(), &b);
	ok(a.draw[0] != b.draw[0], "another chain: other draws");
	nuts_free(&b, unit_env());
	options.chain = 0;
	options.seed = 2;
	nuts_run(&target, &options, unit_env(), &b);
	ok(a.draw[0] != b.draw[0], "another seed: other draws");
	nuts_free(&b, unit_env());
	options.start = start;
	options.warmup = 0;
	options.draws = 1;
	ok(nuts_run(&target, &options, unit_env(), &b) == CORE_OK && b.step > 0,
	   "no warm-up, from a given place");
	nuts_free(&b, unit_env());
	for (options.warmup = 1; options.warmup < 200; options.warmup += 7)
	{
		if (nuts_run(&target, &options, unit_env(), &b) != CORE_OK || !(b.step > 0))
			break;
		nuts_free(&b, unit_env());
	}
	ok(options.warmup >= 200, "warm-ups of any length");
	nuts_free(&a, unit_env());
}

static double
nowhere(void *state, const double *q, double *gradient)
{
	(*(int *) state)++;
	gradient[0] = q[0];
	return NAN;
}

static double
flat(void *state, const double *q, double *gradient)
{
	(void) state;
	(void) q;
	gradient[0] = 0;
	return 0;
}

/* A half-normal that falls off a cliff, a gradient without numbers beyond 2, and a spike to infinity at 1/2. */
static double
cliff(void *state, const double *q, double *gradient)
{
	(void) state;
	gradient[0] = q[0] > 2 ? NAN : -q[0];
	if (q[0] > 0.5 && q[0] < 0.51)
		return INFINITY;
	return q[0] < 0 ? -INFINITY : -0.5 * q[0] * q[0];
}

/* Finite wherever one looks, improper, and rising. */
static double
runaway(void *state, const double *q, double *gradient)
{
	(void) state;
	gradient[0] = 1e10;
	return isfinite(q[0]) ? 1e10 * q[0] : 0;
}

static CoreStatus
run_one(double (*density)(void *, const double *, double *), void *state, const double *start, NutsRun *run)
{
	NutsTarget target = {1, state, density};
	NutsOptions options = NUTS_DEFAULTS;

	options.start = start;
	return nuts_run(&target, &options, unit_env(), run);
}

static void
test_failures(void)
{
	int calls = 0;
	double start[1] = {NAN};
	bool inside = true;
	NutsRun run;
	CoreStatus status;

	status = run_one(nowhere, &calls, NULL, &run);
	ok(status == CORE_NUMERIC && run.failure == NUTS_NO_START && calls == NUTS_START_TRIES,
	   "a density that is nowhere finite: %s", nuts_failure_text(run.failure));
	nuts_free(&run, unit_env());
	status = run_one(flat, NULL, start, &run);
	ok(status == CORE_NUMERIC && run.failure == NUTS_NO_START, "a start that is no number");
	nuts_free(&run, unit_env());
	status = run_one(flat, NULL, NULL, &run);
	ok(status == CORE_NUMERIC && run.failure == NUTS_FLAT, "a flat density: %s",
	   nuts_failure_text(run.failure));
	nuts_free(&run, unit_env());
	status = run_one(runaway, NULL, NULL, &run);
	for (int i = 0; i < run.draws; i++)
		inside &= isfinite(run.draw[i]);
	ok(status == CORE_NUMERIC || inside, "a density that runs away: %s", nuts_failure_text(run.failure));
	nuts_free(&run, unit_env());
	status = run_one(cliff, NULL, NULL, &run);
	for (int i = 0; i < run.draws; i++)
		inside &= run.draw[i] >= 0 && run.draw[i] <= 2 && !(run.draw[i] > 0.5 && run.draw[i] < 0.51);
	ok(status == CORE_OK && inside && run.divergences > 0, "a cliff: %d divergences, no draw beyond it",
	   run.divergences);
	nuts_free(&run, unit_env());
}

static void
test_options(void)
{
	Gaussian g = gaussian(2, 1, false);
	NutsTarget target = {2, &g, gaussian_log_density};
	NutsTarget none = {0, &g, gaussian_log_density};
	NutsTarget large = {NUTS_MAX_DENSE_DIM + 1, &g, gaussian_log_density};
	NutsOptions bad[6];
	NutsOptions options = NUTS_DEFAULTS;
	NutsRun run;

	for (int i = 0; i < 6; i++)
		bad[i] = NUTS_DEFAULTS;
	bad[0].warmup = -1;
	bad[1].draws = 0;
	bad[2].target_accept = 1;
	bad[3].max_depth = 0;
	bad[4].max_depth = NUTS_MAX_DEPTH + 1;
	bad[5].target_accept = NAN;
	for (int i = 0; i < 6; i++)
		ok(nuts_run(&target, &bad[i], unit_env(), &run) == CORE_BAD_INPUT && run.failure == NUTS_BAD_OPTIONS,
		   "bad option %d", i);
	ok(nuts_run(&none, &options, unit_env(), &run) == CORE_BAD_INPUT, "no dimension");
	options.dense = true;
	ok(nuts_run(&large, &options, unit_env(), &run) == CORE_BAD_INPUT,
	   "too many dimensions for a dense metric");
}

int
main(void)
{
	gsl_set_error_handler_off();
	test_stats();
	test_replay();
	test_failures();
	test_options();
	return done();
}
