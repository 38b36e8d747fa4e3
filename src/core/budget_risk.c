/*
 * The mean of the worst share a of D draws is the least of all means with weights w >= 0 that sum to 1 and are at
 * most 1/(aD) each (Rockafellar and Uryasev 2000, dual form). So for any such weights, the best plan for that
 * weighted mean, a budget problem over sums of curves as any other, is worth at least as much as the best plan for
 * the tail: a proven bound whatever the weights. They are moved towards the worst draws of the plans found
 * (Frank and Wolfe 1956). Where curves are concave the bound comes down to the best plan; with
 * S-shaped curves a gap may remain.
 */
#include "budget_risk_state.h"

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

double
tail_channel_value(const TailSearch *s, int c, double spend)
{
	const CurveGrid *grid = &s->draws->grid[c];
	double weight[2 * CURVE_GRID_JET];
	double value = 0;
	int knot;

	if (grid->knots == 0)
		return 0;
	curve_grid_weights(grid, spend * s->draws->stretch[c], &knot, weight);
	for (int d = 0; d < s->draws->draws; d++)
	{
		const double *jet = s->draws->jet[c] + ((size_t) d * grid->knots + knot) * CURVE_GRID_JET;

		for (int j = 0; s->weight[d] > 0 && j < 2 * CURVE_GRID_JET; j++)
			value += s->weight[d] * weight[j] * jet[j];
	}
	return value;
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

		for (int d = 0; d < draws->draws; d++)
		{
			const double *own = draws->jet[c] + d * numbers;

			if (d % 64 == 0)
				core_check(s->env);
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
double
tail_worth(TailSearch *s, const double *spend)
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
bool
tail_offer(TailSearch *s, const double *spend)
{
	double value = tail_worth(s, spend);

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

/* One plan, the best for the current weights; its bound is one for the tail. */
CoreStatus
tail_solve(TailSearch *s, BudgetPlan *plan, BudgetTrouble *trouble)
{
	CoreStatus status;

	weigh(s);
	status = budget_optimize(s->env, &s->request, plan, trouble);
	forget_curves(s);
	return status;
}

void
tail_plan_free(const TailSearch *s, BudgetPlan *plan)
{
	core_free(s->env, plan->spend);
	core_free(s->env, plan->binding);
	core_free(s->env, plan->shadow_price);
}

double
tail_gap(const TailSearch *s)
{
	return (s->bound - s->value) / fmax(fabs(s->bound), 1e-300);
}

/* Towards the worst draws of the last plan, by less and less. */
void
tail_move(TailSearch *s, int round)
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
		tail_offer(&s, mean);
	}
	for (int round = 0; round < MOST_ROUNDS && idle < IDLE_ROUNDS; round++)
	{
		double step = 2.0 / (round + 2);
		CoreStatus status = tail_solve(&s, plan, trouble);
		bool better;

		if (status != CORE_OK)
			return status;
		better = plan->bound < s.bound - 0.1 * request->tolerance * fabs(s.bound) || isinf(s.bound);
		s.bound = fmin(s.bound, plan->bound);
		for (int c = 0; c < n; c++)
			mean[c] += (round == 0 ? 1 : step) * (plan->spend[c] - mean[c]);
		better = tail_offer(&s, mean) || better;
		better = tail_offer(&s, plan->spend) || better; /* last, so that s.tail is of this plan */
		tail_worth(&s, plan->spend);
		idle = better ? 0 : idle + 1;
		if (tail_gap(&s) <= request->tolerance)
			break;
		tail_move(&s, round);
		s.request.start = s.best;
	}
	if (tail_gap(&s) > request->tolerance && n <= MOST_IMPROVED)
	{
		memcpy(mean, s.best, sizeof(double) * n);
		tail_improve(&s, mean);
		tail_offer(&s, mean);
	}
	if (tail_gap(&s) > request->tolerance)
		tail_branch(&s);
	memcpy(plan->spend, s.best, sizeof(double) * n);
	plan->value = s.value;
	plan->bound = fmax(s.bound, s.value);
	plan->gap_unit = fmax(fabs(plan->bound), 1e-300);
	plan->gap = tail_gap(&s);
	plan->certified = plan->gap <= request->tolerance;
	return CORE_OK;
}
