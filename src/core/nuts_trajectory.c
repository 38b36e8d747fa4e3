/*
 * One iteration draws a momentum and follows the Hamiltonian flow from the present place, forward or backward in
 * time by a coin, doubling the trajectory until it turns back on itself; the next draw comes from all places on it
 * by their weights exp(-energy). Betancourt, "A conceptual introduction to Hamiltonian Monte Carlo" (2017),
 * appendix A; the checks across subtrees are those that Stan added in 2.21.
 *
 * A doubling of 2^d steps is a binary tree of depth d. It is built leaf by leaf over a stack of finished subtrees,
 * as a binary counter carries: no recursion, and nothing is allocated while sampling.
 */
#include "nuts_trajectory.h"

#include <math.h>
#include <string.h>

#define MAX_ENERGY_ERROR 1000

/* A cancel must act within 100 ms even where one gradient takes several. */
#define LEAPFROGS_BETWEEN_CHECKS 8

/* Streams of other users of the same seed must differ from ours. */
#define STREAM_FAMILY (UINT64_C(0x4e555453) << 32)

/*
 * A weight relative to the trajectory's start is at most this. Energy is nearly conserved: only steps from a start
 * far out in the tails come near it, and there it keeps sums of weights finite.
 */
#define MAX_LOG_WEIGHT 600

static void
init_place(NutsPlace *place, int dim, const CoreEnv *env)
{
	*place = (NutsPlace){.q = CORE_ALLOC_ZERO(env, double, dim), .g = CORE_ALLOC_ZERO(env, double, dim)};
}

static void
free_place(NutsPlace *place, const CoreEnv *env)
{
	core_free(env, place->q);
	core_free(env, place->g);
}

void
nuts_sampler_init(NutsSampler *s, const NutsTarget *target, const NutsOptions *options, const CoreEnv *env)
{
	int dim = target->dim;

	*s = (NutsSampler){.target = target, .env = env, .dim = dim, .max_depth = options->max_depth, .step = 1};
	s->stream = random_stream(options->seed, STREAM_FAMILY ^ options->chain);
	nuts_metric_init(&s->metric, dim, options->dense, env);
	s->scratch = CORE_ALLOC(env, double, dim);
	s->sum = CORE_ALLOC(env, double, dim);
	init_place(&s->present, dim, env);
	for (int i = 0; i < 2; i++)
	{
		init_place(&s->end[i], dim, env);
		s->end_momentum[i] = CORE_ALLOC(env, double, dim);
		s->momentum[i] = CORE_ALLOC(env, double, dim);
	}
	for (int i = 0; i <= s->max_depth; i++)
	{
		NutsSubtree *tree = &s->stack[i];

		tree->first = CORE_ALLOC(env, double, dim);
		tree->last = CORE_ALLOC(env, double, dim);
		tree->sum = CORE_ALLOC(env, double, dim);
		init_place(&tree->drawn, dim, env);
	}
}

void
nuts_sampler_free(NutsSampler *s)
{
	core_free(s->env, s->metric.root);
	core_free(s->env, s->scratch);
	core_free(s->env, s->sum);
	free_place(&s->present, s->env);
	for (int i = 0; i < 2; i++)
	{
		free_place(&s->end[i], s->env);
		core_free(s->env, s->end_momentum[i]);
		core_free(s->env, s->momentum[i]);
	}
	for (int i = 0; i <= s->max_depth; i++)
	{
		core_free(s->env, s->stack[i].first);
		core_free(s->env, s->stack[i].last);
		core_free(s->env, s->stack[i].sum);
		free_place(&s->stack[i].drawn, s->env);
	}
}

/* ---------------------------------------------------------------------------------------------------
 * Vectors
 * --------------------------------------------------------------------------------------------------- */

static void
copy(double *restrict to, const double *restrict from, int n)
{
	memcpy(to, from, sizeof(double) * n);
}

static void
swap(double **a, double **b)
{
	double *kept = *a;

	*a = *b;
	*b = kept;
}

bool
nuts_all_finite(const double *x, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (!isfinite(x[i]))
			return false;
	}
	return true;
}

/* x + w y in place, and the squared length of the result: four sums, so that none waits for another. */
static double
add_and_measure(double *restrict x, double w, const double *restrict y, int n)
{
	double sum[4] = {0, 0, 0, 0};
	int i = 0;

	for (; i + 3 < n; i += 4)
	{
		for (int lane = 0; lane < 4; lane++)
		{
			x[i + lane] += w * y[i + lane];
			sum[lane] += x[i + lane] * x[i + lane];
		}
	}
	for (; i < n; i++)
	{
		x[i] += w * y[i];
		sum[0] += x[i] * x[i];
	}
	return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* Writes the sum of two leaves' momenta; whether the pair still moves apart. */
static bool
pair_moves_apart(const double *restrict a, const double *restrict b, double *restrict sum, int n)
{
	double dot_a = 0;
	double dot_b = 0;

	for (int i = 0; i < n; i++)
	{
		double both = a[i] + b[i];

		sum[i] = both;
		dot_a += both * a[i];
		dot_b += both * b[i];
	}
	return dot_a > 0 && dot_b > 0;
}

/*
 * The generalised no-U-turn criterion for two adjacent spans of a trajectory: the whole, and each span with the
 * nearest point of the other, still move apart. (With whitened momenta the criterion's metric is the identity.)
 * sum_a becomes the sum of both.
 */
static bool
spans_move_apart(const double *restrict first_a, const double *restrict last_a, double *restrict sum_a,
				 const double *restrict first_b, const double *restrict last_b, const double *restrict sum_b,
				 int n)
{
	double dot[6] = {0, 0, 0, 0, 0, 0};

	for (int i = 0; i < n; i++)
	{
		double whole = sum_a[i] + sum_b[i];
		double nearer = sum_a[i] + first_b[i];
		double farther = sum_b[i] + last_a[i];

		dot[0] += whole * first_a[i];
		dot[1] += whole * last_b[i];
		dot[2] += nearer * first_a[i];
		dot[3] += nearer * first_b[i];
		dot[4] += farther * last_a[i];
		dot[5] += farther * last_b[i];
		sum_a[i] = whole;
	}
	return dot[0] > 0 && dot[1] > 0 && dot[2] > 0 && dot[3] > 0 && dot[4] > 0 && dot[5] > 0;
}

/* ---------------------------------------------------------------------------------------------------
 * Trajectories
 * --------------------------------------------------------------------------------------------------- */

void
nuts_evaluate(NutsSampler *s, NutsPlace *place)
{
	if (++s->unchecked >= LEAPFROGS_BETWEEN_CHECKS)
	{
		s->unchecked = 0;
		core_check(s->env);
	}
	place->log_density = s->target->log_density(s->target->state, place->q, place->g);
	if (isfinite(place->log_density))
		nuts_metric_whiten(&s->metric, place->g, s->scratch);
	else
		place->log_density = -INFINITY;
}

/* A step of signed size along the flow; false, and an infinite energy, where the density or its slope ends. */
static bool
leapfrog(NutsSampler *s, NutsPlace *place, double *p, double step)
{
	double square;

	for (int i = 0; i < s->dim; i++)
		p[i] += 0.5 * step * place->g[i];
	nuts_metric_move(&s->metric, step, p, place->q);
	nuts_evaluate(s, place);
	place->energy = INFINITY;
	if (place->log_density == -INFINITY)
		return false;
	square = add_and_measure(p, 0.5 * step, place->g, s->dim);
	if (!isfinite(square))
		return false;
	place->energy = 0.5 * square - place->log_density;
	return true;
}

/* A fresh momentum at the present place; sets the energy there. */
static void
draw_momentum(NutsSampler *s, double *p)
{
	double square = 0;

	for (int i = 0; i < s->dim; i++)
	{
		p[i] = random_normal(&s->stream);
		square += p[i] * p[i];
	}
	s->present.energy = 0.5 * square - s->present.log_density;
}

static void
swap_places(NutsPlace *a, NutsPlace *b)
{
	NutsPlace kept = *a;

	*a = *b;
	*b = kept;
}

/* b follows a in the order of building; the result is in a. False: it turns back on itself. */
static bool
merge(NutsSampler *s, NutsSubtree *a, NutsSubtree *b)
{
	bool apart;

	if (random_uniform(&s->stream) * (a->weight + b->weight) < b->weight)
		swap_places(&a->drawn, &b->drawn);
	a->weight += b->weight;
	if (a->depth == 0)
	{
		apart = pair_moves_apart(a->first, b->first, a->sum, s->dim);
		swap(&a->last, &b->first);
	}
	else
	{
		apart = spans_move_apart(a->first, a->last, a->sum, b->first, b->last, b->sum, s->dim);
		swap(&a->last, &b->last);
	}
	a->depth++;
	return apart;
}

/* The leaf that one step leads to, on top of the stack. False: the step diverges. */
static bool
grow_leaf(NutsSampler *s, int direction)
{
	NutsPlace *end = &s->end[direction];
	double *p = s->end_momentum[direction];
	NutsSubtree *leaf = &s->stack[s->size++];
	bool valid = leapfrog(s, end, p, direction ? s->step : -s->step);
	double error = end->energy - s->start_energy;

	s->leapfrogs++;
	leaf->depth = 0;
	leaf->weight = valid ? exp(fmin(-error, MAX_LOG_WEIGHT)) : 0;
	s->accepted += fmin(leaf->weight, 1);
	if (!valid || !(error <= MAX_ENERGY_ERROR))
		return false;
	copy(leaf->first, p, s->dim);
	copy(leaf->drawn.q, end->q, s->dim);
	copy(leaf->drawn.g, end->g, s->dim);
	leaf->drawn.log_density = end->log_density;
	leaf->drawn.energy = end->energy;
	return true;
}

/*
 * 2^depth steps beyond one end of the trajectory, gathered in stack[0]. False: a U-turn within them or, with
 * *divergent set, a step that diverged.
 */
static bool
grow(NutsSampler *s, int depth, int direction, bool *divergent)
{
	s->size = 0;
	do
	{
		if (!grow_leaf(s, direction))
		{
			*divergent = true;
			return false;
		}
		while (s->size > 1 && s->stack[s->size - 2].depth == s->stack[s->size - 1].depth)
		{
			s->size--;
			if (!merge(s, &s->stack[s->size - 1], &s->stack[s->size]))
				return false;
		}
	} while (s->stack[0].depth < depth);
	return true;
}

/* Whether the trajectory with stack[0] added beyond one end still moves apart; takes its momenta over. */
static bool
extend(NutsSampler *s, int direction)
{
	NutsSubtree *added = &s->stack[0];
	bool single = added->depth == 0;
	double *first = added->first;
	double *last = single ? s->end_momentum[direction] : added->last;
	bool apart = spans_move_apart(s->momentum[1 - direction], s->momentum[direction], s->sum, first, last,
								  single ? first : added->sum, s->dim);

	copy(s->momentum[direction], s->end_momentum[direction], s->dim);
	return apart;
}

static void
start_trajectory(NutsSampler *s)
{
	double *p = s->momentum[0];

	draw_momentum(s, p);
	copy(s->momentum[1], p, s->dim);
	copy(s->sum, p, s->dim);
	for (int i = 0; i < 2; i++)
	{
		copy(s->end_momentum[i], p, s->dim);
		copy(s->end[i].q, s->present.q, s->dim);
		copy(s->end[i].g, s->present.g, s->dim);
	}
	s->start_energy = s->present.energy;
	s->accepted = 0;
	s->leapfrogs = 0;
}

void
nuts_iterate(NutsSampler *s, NutsStat *stat)
{
	double weight = 1;
	bool divergent = false;
	bool moving = true;
	int depth = 0;

	start_trajectory(s);
	while (moving && depth < s->max_depth)
	{
		int direction = random_uniform(&s->stream) > 0.5;

		if (!grow(s, depth, direction, &divergent))
			break;
		/* a density that stays finite at infinity must not draw the chain there */
		if (!nuts_all_finite(s->stack[0].drawn.q, s->dim))
		{
			divergent = true;
			break;
		}
		/* biased progressive sampling: the newer half is preferred */
		if (random_uniform(&s->stream) * weight < s->stack[0].weight)
			swap_places(&s->present, &s->stack[0].drawn);
		weight += s->stack[0].weight;
		moving = extend(s, direction);
		depth++;
	}
	*stat = (NutsStat){.log_density = s->present.log_density,
					   .energy = s->present.energy,
					   .accept = s->accepted / s->leapfrogs,
					   .step = s->step,
					   .depth = depth,
					   .leapfrogs = s->leapfrogs,
					   .divergent = divergent,
					   .stopped = moving && !divergent && depth == s->max_depth};
}

double
nuts_energy_drop(NutsSampler *s)
{
	NutsPlace *trial = &s->end[0];
	double *p = s->end_momentum[0];

	draw_momentum(s, p);
	copy(trial->q, s->present.q, s->dim);
	copy(trial->g, s->present.g, s->dim);
	return leapfrog(s, trial, p, s->step) ? s->present.energy - trial->energy : -INFINITY;
}
