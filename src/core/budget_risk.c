/*
 * The mean of the worst share a of D draws is the least of all means with weights w >= 0 that sum to 1 and are at
 * most 1/(aD) each (Rockafellar and Uryasev 2000, dual form). So for any such weights, the best plan for that
 * weighted mean, a budget problem over sums of curves as any other, is worth at least as much as the best plan for
 * the tail: a proven bound whatever the weights. They are moved towards the worst draws of the plans found
 * (Frank and Wolfe 1956). Where curves are concave the bound comes down to the best plan; with
 * S-shaped curves a gap may remain.
 */
#include "budget_risk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ROUNDS 60
/* Rounds without a better plan or bound after which more are not worth their time. */
#define IDLE_ROUNDS 12
/* Pairs of more channels than this are too many to try. */
#define MOST_IMPROVED 20

typedef struct Ranked
{
	double number;
	int place;
} Ranked;

static int
by_number(const void *a, const void *b)
{
	const Ranked *x = a;
	const Ranked *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

double
budget_tail_mean(const CoreEnv *env, const double *number, int n, double level, double *weight)
{
	Ranked *ranked = CORE_ALLOC(env, Ranked, n);
	double most = 1 / (level * n);
	double left = 1;
	double mean = 0;

	for (int i = 0; i < n; i++)
		ranked[i] = (Ranked){number[i], i};
	qsort(ranked, n, sizeof(Ranked), by_number);
	for (int i = 0; i < n; i++)
	{
		double share = i == n - 1 ? fmin(left, 1) : fmin(most, left);

		mean += share * ranked[i].number;
		if (weight)
			weight[ranked[i].place] = share;
		left -= share;
	}
	core_free(env, ranked);
	return mean;
}

typedef struct TailSearch
{
	const CoreEnv *env;
	const BudgetDraws *draws;
	BudgetRequest request; /* over the curves of the current weights */
	BudgetChannel *channel;
	double level;
	double *weight;
	double *tail;	  /* weights of the worst draws of a plan */
	double *response; /* of each draw */
	double *best;
	double value;
	double bound;
} TailSearch;

static void
respond(const TailSearch *s, const double *spend)
{
	const BudgetDraws *draws = s->draws;

	memset(s->response, 0, sizeof(double) * draws->draws);
	for (int c = 0; c < draws->channels; c++)
	{
		double weight[2 * CURVE_GRID_JET];
		int knot;

		if (draws->grid[c].knots == 0)
			continue;
		curve_grid_weights(&draws->grid[c], spend[c] * draws->stretch[c], &knot, weight);
		for (int d = 0; d < draws->draws; d++)
		{
			const double *jet = draws->jet[c] + ((size_t) d * draws->grid[c].knots + knot) * CURVE_GRID_JET;

			for (int j = 0; j < 2 * CURVE_GRID_JET; j++)
				s->response[d] += weight[j] * jet[j];
		}
	}
}

/* The curves of a weighted mean of the draws. */
static void
weigh(TailSearch *s)
{
	const BudgetDraws *draws = s->draws;

	for (int c = 0; c < draws->channels; c++)
	{
		size_t numbers = (size_t) draws->grid[c].knots * CURVE_GRID_JET;
		double *jet = CORE_ALLOC_ZERO(s->env, double, numbers);
		Curve *curve = &s->channel[c].curve;

		core_check(s->env);
		for (int d = 0; d < draws->draws; d++)
		{
			const double *own = draws->jet[c] + d * numbers;

			for (size_t k = 0; s->weight[d] > 0 && k < numbers; k++)
				jet[k] += s->weight[d] * own[k];
		}
		*curve = (Curve){.shape = {SATURATION_HILL, 1 / draws->stretch[c], 1}, .weight = 1};
		curve->stretch = draws->stretch[c];
		curve->coefficient = numbers > 0;
		if (numbers > 0)
			curve->table = curve_table_create(s->env, &draws->grid[c], jet);
		curve_prepare(curve);
		core_free(s->env, jet);
	}
}

static void
forget_curves(TailSearch *s)
{
	for (int c = 0; c < s->draws->channels; c++)
	{
		if (s->channel[c].curve.table)
			curve_table_free(s->env, (CurveTable *) s->channel[c].curve.table);
		s->channel[c].curve.table = NULL;
	}
}

/* What the tail of a plan is worth; leaves its weights in s->tail. */
static double
worth(TailSearch *s, const double *spend)
{
	double total = 0;
	double tail;

	core_check(s->env);
	respond(s, spend);
	tail = budget_tail_mean(s->env, s->response, s->draws->draws, s->level, s->tail);
	for (int c = 0; c < s->draws->channels; c++)
		total += spend[c];
	return s->request.objective == BUDGET_PROFIT ? s->request.margin * tail - total : tail;
}

/* Returns whether the plan is better than the best so far. */
static bool
offer(TailSearch *s, const double *spend)
{
	double value = worth(s, spend);

	if (value <= s->value)
		return false;
	s->value = value;
	memcpy(s->best, spend, sizeof(double) * s->draws->channels);
	return true;
}

static bool
today_is_allowed(const TailSearch *s)
{
	double total = 0;

	for (int c = 0; c < s->draws->channels; c++)
	{
		const BudgetChannel *channel = &s->channel[c];

		total += channel->current;
		if (!(channel->current >= channel->low && channel->current <= channel->high))
			return false;
	}
	for (int g = 0; g < s->request.groups; g++)
	{
		const BudgetGroup *group = &s->request.group[g];
		double spend = 0;

		for (int m = 0; m < group->count; m++)
			spend += s->channel[group->members[m]].current;
		if (spend < group->low * (1 - 1e-12) || spend > group->high * (1 + 1e-12))
			return false;
	}
	return total <= s->request.total * (1 + 1e-12) &&
		   (!s->request.exactly || total >= s->request.total * (1 - 1e-12));
}

/* ------------------------------------------------------------------------------------------------------
 * Moves between two channels: where S-shaped curves leave a gap, the best weights need not lead to the best plan
 * ------------------------------------------------------------------------------------------------------ */

#define MOST_SWEEPS 8
#define SAMPLES 8
#define GOLDEN 0.6180339887498949

/* How much may be moved from channel a to channel b under all limits. */
static double
room(const TailSearch *s, const double *x, int a, int b)
{
	double most = fmin(x[a] - s->channel[a].low, s->channel[b].high - x[b]);

	for (int g = 0; g < s->request.groups; g++)
	{
		const BudgetGroup *group = &s->request.group[g];
		double spend = 0;
		bool has_a = false;
		bool has_b = false;

		for (int m = 0; m < group->count; m++)
		{
			spend += x[group->members[m]];
			has_a = has_a || group->members[m] == a;
			has_b = has_b || group->members[m] == b;
		}
		if (has_b && !has_a)
			most = fmin(most, group->high - spend);
		if (has_a && !has_b)
			most = fmin(most, spend - group->low);
	}
	return fmax(most, 0);
}

static double
worth_of_move(TailSearch *s, double *x, int a, int b, double amount)
{
	double value;

	x[a] -= amount;
	x[b] += amount;
	value = worth(s, x);
	x[a] += amount;
	x[b] -= amount;
	return value;
}

static double
best_move(TailSearch *s, double *x, int a, int b, double value)
{
	double most = room(s, x, a, b);
	double at = 0;
	double best = value;
	double low;
	double high;

	for (int k = 1; k <= SAMPLES && most > 1e-9 * x[a]; k++)
	{
		double amount = most * (k == SAMPLES ? 1 : pow(0.4, SAMPLES - k));
		double moved = worth_of_move(s, x, a, b, amount);

		if (moved > best)
		{
			best = moved;
			at = amount;
		}
	}
	if (at == 0)
		return value;
	low = 0.4 * at;
	high = fmin(at / 0.4, most);
	for (int step = 0; step < 24; step++)
	{
		double left = high - GOLDEN * (high - low);
		double right = low + GOLDEN * (high - low);

		if (worth_of_move(s, x, a, b, left) < worth_of_move(s, x, a, b, right))
			low = left;
		else
			high = right;
	}
	if (worth_of_move(s, x, a, b, 0.5 * (low + high)) > best)
		at = 0.5 * (low + high);
	x[a] -= at;
	x[b] += at;
	return worth(s, x);
}

/* Leaves the plan no worse. */
static void
improve(TailSearch *s, double *x)
{
	int n = s->draws->channels;
	double value = worth(s, x);

	for (int sweep = 0; sweep < MOST_SWEEPS; sweep++)
	{
		double before = value;

		for (int a = 0; a < n; a++)
			for (int b = 0; b < n; b++)
			{
				core_check(s->env);
				if (a != b && x[a] > s->channel[a].low)
					value = best_move(s, x, a, b, value);
			}
		if (value - before <= 1e-9 * fabs(value))
			break;
	}
}

/* One plan, the best for the current weights; its bound is one for the tail. */
static CoreStatus
solve(TailSearch *s, BudgetPlan *plan, BudgetTrouble *trouble)
{
	CoreStatus status;

	weigh(s);
	status = budget_optimize(s->env, &s->request, plan, trouble);
	forget_curves(s);
	return status;
}

static double
gap(const TailSearch *s)
{
	return (s->bound - s->value) / fmax(fabs(s->bound), 1e-300);
}

/* Towards the worst draws of the last plan, by less and less. */
static void
move(TailSearch *s, int round)
{
	double step = 2.0 / (round + 2);

	for (int d = 0; d < s->draws->draws; d++)
		s->weight[d] += step * (s->tail[d] - s->weight[d]);
}

CoreStatus
budget_optimize_tail(const CoreEnv *env, const BudgetRequest *request, const BudgetDraws *draws, double level,
					 BudgetPlan *plan, BudgetTrouble *trouble)
{
	int n = draws->channels;
	TailSearch s = {.env = env, .draws = draws, .request = *request, .level = level};
	double *mean = CORE_ALLOC_ZERO(env, double, n);
	int idle = 0;

	s.channel = CORE_ALLOC(env, BudgetChannel, n);
	memcpy(s.channel, request->channel, sizeof(BudgetChannel) * n);
	s.request.channel = s.channel;
	s.weight = CORE_ALLOC(env, double, draws->draws);
	s.tail = CORE_ALLOC(env, double, draws->draws);
	s.response = CORE_ALLOC(env, double, draws->draws);
	s.best = CORE_ALLOC(env, double, n);
	s.value = -INFINITY;
	s.bound = INFINITY;
	for (int d = 0; d < draws->draws; d++)
		s.weight[d] = 1.0 / draws->draws;
	if (today_is_allowed(&s))
	{
		for (int c = 0; c < n; c++)
			mean[c] = s.channel[c].current;
		offer(&s, mean);
	}
	for (int round = 0; round < MOST_ROUNDS && idle < IDLE_ROUNDS; round++)
	{
		double step = 2.0 / (round + 2);
		CoreStatus status = solve(&s, plan, trouble);
		bool better;

		if (status != CORE_OK)
			return status;
		better = plan->bound < s.bound - 0.1 * request->tolerance * fabs(s.bound) || isinf(s.bound);
		s.bound = fmin(s.bound, plan->bound);
		for (int c = 0; c < n; c++)
			mean[c] += (round == 0 ? 1 : step) * (plan->spend[c] - mean[c]);
		better = offer(&s, mean) || better;
		better = offer(&s, plan->spend) || better; /* last, so that s.tail is of this plan */
		worth(&s, plan->spend);
		idle = better ? 0 : idle + 1;
		if (gap(&s) <= request->tolerance)
			break;
		move(&s, round);
		s.request.start = s.best;
	}
	if (gap(&s) > request->tolerance && n <= MOST_IMPROVED)
	{
		memcpy(mean, s.best, sizeof(double) * n);
		improve(&s, mean);
		offer(&s, mean);
	}
	memcpy(plan->spend, s.best, sizeof(double) * n);
	plan->value = s.value;
	plan->bound = fmax(s.bound, s.value);
	plan->gap_unit = fmax(fabs(plan->bound), 1e-300);
	plan->gap = gap(&s);
	plan->certified = plan->gap <= request->tolerance;
	return CORE_OK;
}
