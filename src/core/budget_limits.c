/*
 * The limits of a budget: gathered, made finite, and checked against each other.
 */
#include "budget_problem.h"

#include <math.h>
#include <string.h>

static CoreStatus
conflict(BudgetProblem *p, int limit, int channel, bool from_below, double asked, double nearest)
{
	p->trouble->kind = BUDGET_LIMITS_CONFLICT;
	p->trouble->limit = limit;
	p->trouble->channel = channel;
	p->trouble->from_below = from_below;
	p->trouble->asked = asked;
	p->trouble->nearest = nearest;
	return CORE_BAD_INPUT;
}

static CoreStatus
no_limit(BudgetProblem *p, int channel)
{
	p->trouble->kind = BUDGET_NO_LIMIT;
	p->trouble->channel = channel;
	return CORE_BAD_INPUT;
}

/* A group of one channel is a bound of that channel. */
static CoreStatus
bound_channel(BudgetProblem *p, int group)
{
	const BudgetGroup *g = &p->request->group[group];
	int i = g->members[0];

	if (g->low > p->user_high[i] + BUDGET_SLACK * p->user_high[i])
		return conflict(p, group, i, true, g->low, p->user_high[i]);
	if (g->high < p->user_low[i] - BUDGET_SLACK * p->user_low[i])
		return conflict(p, group, i, false, g->high, p->user_low[i]);
	if (g->low > p->user_low[i])
	{
		p->user_low[i] = fmin(g->low, p->user_high[i]);
		p->low_owner[i] = group;
	}
	if (g->high < p->user_high[i])
	{
		p->user_high[i] = fmax(g->high, p->user_low[i]);
		p->high_owner[i] = group;
	}
	return CORE_OK;
}

static void
add_row(BudgetProblem *p, int owner, double low, double high, int count, const int *members)
{
	p->row_owner[p->rows] = owner;
	p->user_row[p->rows++] = (BudgetRow){low, high, count, members};
}

/* Constraints on single channels have become bounds; in a conflict of a row over them they are named again. */
static CoreStatus
row_conflict(BudgetProblem *p, int k, bool from_below, double asked, double nearest)
{
	const BudgetRow *row = &p->user_row[k];

	if (p->trouble->others == NULL)
		p->trouble->others = CORE_ALLOC_ZERO(p->env, bool, p->request->groups + 1);
	for (int m = 0; m < row->count; m++)
	{
		int owner = from_below ? p->high_owner[row->members[m]] : p->low_owner[row->members[m]];

		if (owner >= 0)
			p->trouble->others[owner] = true;
	}
	return conflict(p, p->row_owner[k], -1, from_below, asked, nearest);
}

static CoreStatus
check_row_alone(BudgetProblem *p, int k)
{
	const BudgetRow *row = &p->user_row[k];
	double least = 0;
	double most = 0;

	for (int m = 0; m < row->count; m++)
	{
		least += p->user_low[row->members[m]];
		most += p->user_high[row->members[m]];
	}
	if (row->high < least - BUDGET_SLACK * least)
		return row_conflict(p, k, false, row->high, least);
	if (row->low > most + BUDGET_SLACK * most)
		return row_conflict(p, k, true, row->low, most);
	return CORE_OK;
}

/* What the rows leave each channel at most. */
static void
bound_by_rows(BudgetProblem *p)
{
	for (int k = 0; k < p->rows; k++)
	{
		const BudgetRow *row = &p->user_row[k];
		double least = 0;

		if (isinf(row->high))
			continue;
		for (int m = 0; m < row->count; m++)
			least += p->user_low[row->members[m]];
		for (int m = 0; m < row->count; m++)
		{
			int i = row->members[m];

			p->cap[i] = fmax(fmin(p->cap[i], row->high - (least - p->user_low[i])), p->user_low[i]);
		}
	}
}

/* Whether, on the way to unlimited spend, the slope of a curve falls below a price. */
static bool
slope_falls_below(const Curve *curve, double price)
{
	if (curve->coefficient == 0 || curve->table)
		return true;
	if (curve->shape.kind == SATURATION_ROOT && curve->shape.slope > 1)
		return false;
	if (curve->shape.kind == SATURATION_LINEAR ||
		(curve->shape.kind == SATURATION_ROOT && curve->shape.slope == 1))
		return curve->coefficient < price;
	return price > 0;
}

/* A table ends far beyond any use: its end is no bound to start a search from. */
static bool
is_open_ended(const BudgetProblem *p, int i)
{
	const Curve *curve = &p->request->channel[i].curve;

	return isinf(p->cap[i]) || (curve->table && p->cap[i] * curve->stretch >= 0.99 * CURVE_TABLE_MOST);
}

/* Beyond this spend, every further unit returns less than the price. */
static double
last_worthwhile(const Curve *curve, double price)
{
	double x = saturation_has_half(curve->shape.kind) ? curve->shape.half_saturation : 1;
	double turn = curve_arc(curve, curve_arcs(curve) - 1).from;

	x = fmax(x, isfinite(turn) ? turn : 0);
	while (curve_slope_at(curve, x) >= price && x < 1e300)
		x *= 2;
	return x;
}

/*
 * With a free total: beyond where the last unit returns less than the price only a lower limit of a row would
 * push a channel, and no further than that limit.
 */
static CoreStatus
bound_by_price(BudgetProblem *p, double price)
{
	for (int i = 0; i < p->n; i++)
	{
		const Curve *curve = &p->request->channel[i].curve;
		double high;

		if (!is_open_ended(p, i))
			continue;
		if (!slope_falls_below(curve, price))
			return no_limit(p, i);
		high = fmax(last_worthwhile(curve, price), p->user_low[i]);
		for (int k = 0; k < p->rows; k++)
		{
			for (int m = 0; m < p->user_row[k].count; m++)
			{
				if (p->user_row[k].members[m] == i)
					high = fmax(high, p->user_row[k].low);
			}
		}
		p->cap[i] = fmin(p->cap[i], high);
	}
	return CORE_OK;
}

/* With a target on the whole: a channel may lose at most what all others together can earn above it. */
static CoreStatus
bound_by_surplus(BudgetProblem *p, double price)
{
	double surplus = 0;

	for (int i = 0; i < p->n; i++)
	{
		const Curve *curve = &p->request->channel[i].curve;

		if (!is_open_ended(p, i))
			surplus += curve_value(curve, p->cap[i]);
		else if (!slope_falls_below(curve, price))
			return no_limit(p, i);
		else
			surplus += curve_value(curve, fmax(last_worthwhile(curve, price), p->user_low[i]));
	}
	for (int i = 0; i < p->n; i++)
	{
		const Curve *curve = &p->request->channel[i].curve;
		double x;

		if (!is_open_ended(p, i))
			continue;
		x = fmax(last_worthwhile(curve, price), p->user_low[i]);
		while (price * x - curve_value(curve, x) <= surplus && x < 1e300)
			x *= 2;
		p->cap[i] = fmin(p->cap[i], x);
	}
	return CORE_OK;
}

/* Which response the channels without a bound reach at a spend each, and what they reach at most. */
static double
response_of_unbounded(const BudgetProblem *p, double spend, bool *reaches_limit)
{
	double sum = 0;
	double limit = 0;

	for (int i = 0; i < p->n; i++)
	{
		const Curve *curve = &p->request->channel[i].curve;

		if (!is_open_ended(p, i))
			continue;
		sum += curve_value(curve, p->user_low[i] + spend);
		limit += curve_saturates(curve->shape.kind) ? curve_value(curve, INFINITY) : INFINITY;
	}
	*reaches_limit = sum >= limit * (1 - 1e-9);
	return sum;
}

/* With a target on the response: no channel needs more than what would reach the target without the others. */
static void
bound_by_response(BudgetProblem *p, double target)
{
	double spend = 0;
	double most = 0;
	int unbounded = 0;
	bool saturated = false;

	for (int i = 0; i < p->n; i++)
	{
		const Curve *curve = &p->request->channel[i].curve;

		if (!is_open_ended(p, i))
			continue;
		unbounded++;
		spend = fmax(spend, saturation_has_half(curve->shape.kind) ? curve->shape.half_saturation : 1);
	}
	if (unbounded == 0)
		return;
	while (response_of_unbounded(p, spend, &saturated) < target && !saturated && spend < 1e280)
		spend *= 2;
	for (int i = 0; i < p->n; i++)
		most += !is_open_ended(p, i) ? 0 : p->user_low[i] + spend;
	for (int k = 0; k < p->rows; k++)
		most = fmax(most, p->user_row[k].low);
	for (int i = 0; i < p->n; i++)
	{
		if (is_open_ended(p, i))
			p->cap[i] = fmin(p->cap[i], most);
	}
}

static CoreStatus
bound_all(BudgetProblem *p)
{
	const BudgetRequest *r = p->request;

	memcpy(p->cap, p->user_high, sizeof(double) * p->n);
	bound_by_rows(p);
	if (r->target == BUDGET_TARGET_ROAS)
		return bound_by_surplus(p, r->target_value);
	if (r->target == BUDGET_TARGET_RESPONSE)
	{
		bound_by_response(p, r->objective == BUDGET_REACH ? -log1p(-r->target_value) : r->target_value);
		return CORE_OK;
	}
	if (r->target == BUDGET_TARGET_MARGINAL_ROAS && r->objective == BUDGET_REVENUE)
		return bound_by_price(p, r->target_value);
	if (r->objective == BUDGET_PROFIT)
		return bound_by_price(
			p, fmax(1 / r->margin, r->target == BUDGET_TARGET_MARGINAL_ROAS ? r->target_value : 0));
	for (int i = 0; i < p->n; i++)
	{
		if (isinf(p->cap[i]))
			return no_limit(p, i);
	}
	return CORE_OK;
}

CoreStatus
budget_gather_limits(BudgetProblem *p)
{
	const BudgetRequest *r = p->request;
	CoreStatus status = CORE_OK;
	int *all = CORE_ALLOC(p->env, int, p->n);

	p->rows = 0;
	for (int i = 0; i < p->n; i++)
	{
		p->user_low[i] = r->channel[i].low;
		p->user_high[i] = r->channel[i].high;
		p->low_owner[i] = BUDGET_MIN_SPEND;
		p->high_owner[i] = BUDGET_MAX_SPEND;
		all[i] = i;
		if (p->user_low[i] > p->user_high[i])
			return conflict(p, BUDGET_MIN_SPEND, i, true, p->user_low[i], p->user_high[i]);
	}
	for (int g = 0; g < r->groups && status == CORE_OK; g++)
	{
		if (r->group[g].count == 1)
			status = bound_channel(p, g);
		else
			add_row(p, g, r->group[g].low, r->group[g].high, r->group[g].count, r->group[g].members);
	}
	if (isfinite(r->total))
		add_row(p, BUDGET_TOTAL, r->exactly ? r->total : -INFINITY, r->total, p->n, all);
	for (int k = 0; k < p->rows && status == CORE_OK; k++)
		status = check_row_alone(p, k);
	return status == CORE_OK ? bound_all(p) : status;
}

/* The most (or, negated, the least) that a row can spend under the rows before it. */
static double
extreme_spend(BudgetProblem *p, int k, double sign, BudgetPrices *prices)
{
	const BudgetRow *row = &p->row[k];
	double *cost = CORE_ALLOC_ZERO(p->env, double, p->n);
	double *x = CORE_ALLOC(p->env, double, p->n);
	BudgetPiece *pieces = budget_pieces_alloc(p->env, p->curves, p->n);
	BudgetModel model = {.channels = p->n, .curves = p->curves, .rows = k, .row = p->row, .cost = cost};
	RelaxWork *work = relax_work_create(p->env, &model);
	double most = 1;
	double bound;

	for (int i = 0; i < p->n; i++)
		most += isfinite(p->own_high[i]) ? p->own_high[i] : p->low[i];
	for (int j = 0; j < p->rows; j++)
		most += fmax(isfinite(p->row[j].high) ? p->row[j].high : 0, p->row[j].low);
	for (int m = 0; m < row->count; m++)
		cost[row->members[m]] = -sign;
	for (int i = 0; i < p->n; i++)
	{
		/* Only the channel's own bounds; and the curves play no part. */
		budget_piece_set_flat(&pieces[i], p->low[i], fmin(p->own_high[i], most));
	}
	bound = relax_solve(p->env, work, &model, pieces, -INFINITY, prices, x);
	relax_work_free(p->env, work);
	core_free(p->env, pieces);
	core_free(p->env, x);
	core_free(p->env, cost);
	return sign * bound;
}

static CoreStatus
rows_conflict(BudgetProblem *p, int k, const BudgetPrices *prices, bool from_below, double nearest)
{
	const BudgetRow *row = &p->user_row[k];

	p->trouble->others = CORE_ALLOC_ZERO(p->env, bool, p->request->groups + 1);
	for (int j = 0; j < k; j++)
	{
		if (prices->low[j] > 1e-6 || prices->high[j] > 1e-6)
			p->trouble->others[p->row_owner[j] < 0 ? p->request->groups : p->row_owner[j]] = true;
	}
	return row_conflict(p, k, from_below, from_below ? row->low : row->high, nearest * p->spend_unit);
}

CoreStatus
budget_check_rows(BudgetProblem *p)
{
	BudgetPrices prices = budget_prices_alloc(p->env, &p->model);
	CoreStatus status = CORE_OK;

	for (int k = 1; k < p->rows && status == CORE_OK; k++)
	{
		const BudgetRow *row = &p->row[k];
		double nearest;

		if (row->low > -INFINITY)
		{
			nearest = extreme_spend(p, k, 1, &prices);
			if (row->low > nearest + 1e-9)
				status = rows_conflict(p, k, &prices, true, nearest);
		}
		if (row->high < INFINITY && status == CORE_OK)
		{
			nearest = extreme_spend(p, k, -1, &prices);
			if (row->high < nearest - 1e-9)
				status = rows_conflict(p, k, &prices, false, nearest);
		}
	}
	budget_prices_free(p->env, &prices);
	return status;
}

double
budget_group_room(const BudgetGroup *group, int groups, const double *spend, double unit, int a, int b)
{
	double room = INFINITY;

	for (int g = 0; g < groups; g++)
	{
		double total = 0;
		bool has_a = false;
		bool has_b = false;

		for (int m = 0; m < group[g].count; m++)
		{
			total += spend[group[g].members[m]];
			has_a = has_a || group[g].members[m] == a;
			has_b = has_b || group[g].members[m] == b;
		}
		if (has_b && !has_a)
			room = fmin(room, group[g].high / unit - total);
		if (has_a && !has_b)
			room = fmin(room, total - group[g].low / unit);
	}
	return room;
}
