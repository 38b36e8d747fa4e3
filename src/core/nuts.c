/*
 * A chain: where it starts, what it learns during warm-up, what it draws.
 */
#include "nuts.h"

#include <math.h>
#include <string.h>

#include "mcmc.h"
#include "nuts_trajectory.h"

#define START_RADIUS 2

static bool
try_start(NutsSampler *s)
{
	nuts_evaluate(s, &s->present);
	return s->present.log_density > -INFINITY && nuts_all_finite(s->present.g, s->dim);
}

static bool
find_start(NutsSampler *s, const double *start)
{
	if (start)
	{
		memcpy(s->present.q, start, sizeof(double) * s->dim);
		return nuts_all_finite(start, s->dim) && try_start(s);
	}
	for (int i = 0; i < NUTS_START_TRIES; i++)
	{
		for (int j = 0; j < s->dim; j++)
			s->present.q[j] = START_RADIUS * (2 * random_uniform(&s->stream) - 1);
		if (try_start(s))
			return true;
	}
	return false;
}

#define LONGEST_STEP 1e7
#define SHORTEST_STEP 1e-100

/* Doubles or halves the step until the acceptance of one step crosses 0.8 (Hoffman and Gelman, algorithm 4). */
static NutsFailure
find_step(NutsSampler *s)
{
	bool longer = nuts_energy_drop(s) > log(0.8);

	while ((nuts_energy_drop(s) > log(0.8)) == longer)
	{
		s->step *= longer ? 2 : 0.5;
		if (s->step > LONGEST_STEP)
			return NUTS_FLAT;
		if (s->step < SHORTEST_STEP)
			return NUTS_ROUGH;
	}
	return NUTS_FINE;
}

/* What is learned goes on from one iteration of warm-up to the next. */
typedef struct Warmup
{
	NutsWindows windows;
	NutsMoments moments;
	DualAverage average;
} Warmup;

static NutsFailure
learn(NutsSampler *s, Warmup *warmup, int iteration, double accept)
{
	NutsFailure failure;

	s->step = dual_average_next(&warmup->average, accept);
	if (nuts_windows_collects(&warmup->windows, iteration))
		nuts_moments_add(&warmup->moments, &s->metric, s->present.q);
	if (!nuts_windows_end(&warmup->windows, iteration))
		return NUTS_FINE;
	nuts_moments_learn(&warmup->moments, &s->metric, s->env);
	/* the gradient in the new metric; no step size of the old one fits */
	if (!try_start(s))
		return NUTS_NO_START;
	failure = find_step(s);
	dual_average_start(&warmup->average, warmup->average.target, s->step);
	return failure;
}

static NutsFailure
warm_up(NutsSampler *s, const NutsOptions *options, int64_t *leapfrogs)
{
	int total = options->warmup + options->draws;
	Warmup warmup;
	NutsStat stat;
	NutsFailure failure = find_step(s);

	if (failure != NUTS_FINE || options->warmup == 0)
		return failure;
	nuts_windows_init(&warmup.windows, options->warmup);
	nuts_moments_init(&warmup.moments, &s->metric, s->env);
	dual_average_start(&warmup.average, options->target_accept, s->step);
	for (int i = 0; i < options->warmup && failure == NUTS_FINE; i++)
	{
		nuts_iterate(s, &stat);
		*leapfrogs += stat.leapfrogs;
		failure = learn(s, &warmup, i, stat.accept);
		if (options->progress)
			options->progress(options->progress_arg, i + 1, total, stat.divergent);
	}
	s->step = dual_average_final(&warmup.average);
	nuts_moments_free(&warmup.moments, s->env);
	return failure;
}

static void
draw(NutsSampler *s, const NutsOptions *options, NutsRun *run)
{
	double *energy = CORE_ALLOC(s->env, double, options->draws);

	for (int i = 0; i < options->draws; i++)
	{
		NutsStat *stat = &run->stat[i];

		nuts_iterate(s, stat);
		memcpy(run->draw + (size_t) i * s->dim, s->present.q, sizeof(double) * s->dim);
		energy[i] = stat->energy;
		run->leapfrogs += stat->leapfrogs;
		run->divergences += stat->divergent;
		run->stopped += stat->stopped;
		if (options->progress)
			options->progress(options->progress_arg, options->warmup + i + 1,
							  options->warmup + options->draws, stat->divergent);
	}
	run->ebfmi = mcmc_ebfmi(energy, options->draws);
	core_free(s->env, energy);
}

static bool
within_limits(const NutsTarget *target, const NutsOptions *options)
{
	return target->dim >= 1 && target->dim <= (options->dense ? NUTS_MAX_DENSE_DIM : NUTS_MAX_DIM) &&
		   options->warmup >= 0 && options->warmup <= NUTS_MAX_ITERATIONS && options->draws >= 1 &&
		   options->draws <= NUTS_MAX_ITERATIONS && options->target_accept > 0 &&
		   options->target_accept < 1 && options->max_depth >= 1 && options->max_depth <= NUTS_MAX_DEPTH;
}

CoreStatus
nuts_run(const NutsTarget *target, const NutsOptions *options, const CoreEnv *env, NutsRun *run)
{
	NutsSampler s;

	*run = (NutsRun){.failure = NUTS_BAD_OPTIONS, .dim = target->dim, .ebfmi = NAN, .dense = options->dense};
	if (!within_limits(target, options))
		return CORE_BAD_INPUT;
	nuts_sampler_init(&s, target, options, env);
	run->metric = s.metric.covariance;
	run->failure = NUTS_NO_START;
	/* before the work, so that too many draws fail at once */
	run->draw = CORE_ALLOC(env, double, (size_t) options->draws * target->dim);
	run->stat = CORE_ALLOC(env, NutsStat, options->draws);
	if (find_start(&s, options->start))
		run->failure = warm_up(&s, options, &run->warmup_leapfrogs);
	if (run->failure == NUTS_FINE)
	{
		run->step = s.step;
		run->draws = options->draws;
		draw(&s, options, run);
	}
	nuts_sampler_free(&s);
	return run->failure == NUTS_FINE ? CORE_OK : CORE_NUMERIC;
}

void
nuts_free(NutsRun *run, const CoreEnv *env)
{
	core_free(env, run->draw);
	core_free(env, run->stat);
	core_free(env, run->metric);
	run->draw = run->metric = NULL;
	run->stat = NULL;
}

const char *
nuts_failure_text(NutsFailure failure)
{
	switch (failure)
	{
		case NUTS_FINE:
			return "no failure";
		case NUTS_BAD_OPTIONS:
			return "an option of the sampler is outside its limits";
		case NUTS_NO_START:
			return "no starting point where the density and its gradient are finite";
		case NUTS_FLAT:
			return "the density seems to have no finite integral: no step is too long";
		case NUTS_ROUGH:
			return "the density seems not to be continuous: no step is short enough";
	}
	return "unknown failure";
}
