/*
 * Narrowing a node's box: by rows, by prices, and by an order among channels that are alike.
 */
#include "budget_search_state.h"

#include <math.h>
#include <string.h>

/* Of one row less others; more would take longer than they save. */
#define MOST_DIFFERENCES 8

/* What a row leaves for each of its channels once the others have their least, or their most. */
static bool
narrow_by_row(SearchState *s, const BudgetRow *row)
{
	double least = 0;
	double most = 0;

	for (int m = 0; m < row->count; m++)
	{
		least += s->low[row->members[m]];
		most += s->high[row->members[m]];
	}
	if (least > row->high + BUDGET_SLACK || most < row->low - BUDGET_SLACK)
		return false;
	for (int m = 0; m < row->count; m++)
	{
		int i = row->members[m];
		double high = row->high - (least - s->low[i]);
		double low = row->low - (most - s->high[i]);

		if (high < s->high[i])
			s->high[i] = fmax(high, s->low[i]);
		if (low > s->low[i])
			s->low[i] = fmin(low, s->high[i]);
	}
	return true;
}

/* Of channels that are alike, an earlier one spends no less than a later one. */
static bool
narrow_by_order(SearchState *s)
{
	for (int i = 0; i < s->n; i++)
	{
		if (s->twin[i] >= 0)
			s->high[s->twin[i]] = fmin(s->high[s->twin[i]], s->high[i]);
	}
	for (int i = s->n - 1; i >= 0; i--)
	{
		if (s->twin[i] >= 0)
			s->low[i] = fmax(s->low[i], s->low[s->twin[i]]);
	}
	for (int i = 0; i < s->n; i++)
	{
		if (s->low[i] > s->high[i] + BUDGET_SLACK)
			return false;
		s->high[i] = fmax(s->high[i], s->low[i]);
	}
	return true;
}

bool
search_narrow(SearchState *s)
{
	for (int round = 0; round < 2; round++)
	{
		for (int k = 0; k < s->model->rows; k++)
		{
			if (!narrow_by_row(s, &s->model->row[k]))
				return false;
		}
		for (int k = 0; k < s->differences; k++)
		{
			if (!narrow_by_row(s, &s->difference[k]))
				return false;
		}
		if (!narrow_by_order(s))
			return false;
	}
	return true;
}

/* The members of `whole` that are not in `part`; -1 if `part` is no true part of it. */
static int
remainder_of(const BudgetRow *whole, const BudgetRow *part, int *members)
{
	int count = 0;
	int at = 0;

	for (int m = 0; m < whole->count; m++)
	{
		if (at < part->count && part->members[at] == whole->members[m])
			at++;
		else
			members[count++] = whole->members[m];
	}
	return at == part->count && count > 0 ? count : -1;
}

/*
 * Where one row's channels are a part of another's, the others of that one are limited by the difference of the two:
 * for a box, that says what neither row says. It may leave a channel nothing at all.
 */
void
search_find_differences(SearchState *s)
{
	const BudgetModel *model = s->model;
	int *members = CORE_ALLOC(s->env, int, s->n);

	s->difference = CORE_ALLOC(s->env, BudgetRow, (size_t) model->rows * MOST_DIFFERENCES);
	for (int k = 0; k < model->rows; k++)
	{
		int found = 0;

		core_check(s->env);
		for (int j = 0; j < model->rows && found < MOST_DIFFERENCES; j++)
		{
			double low = model->row[k].low - model->row[j].high;
			double high = model->row[k].high - model->row[j].low;
			int count = low > -INFINITY || high < INFINITY
							? remainder_of(&model->row[k], &model->row[j], members)
							: -1;
			int *kept;

			if (count < 0)
				continue;
			kept = CORE_ALLOC(s->env, int, count);
			memcpy(kept, members, sizeof(int) * count);
			s->difference[s->differences++] = (BudgetRow){low, high, count, kept};
			found++;
		}
	}
	core_free(s->env, members);
}

void
search_free_differences(SearchState *s)
{
	for (int k = 0; k < s->differences; k++)
		core_free(s->env, (int *) s->difference[k].members);
	core_free(s->env, s->difference);
}

bool
search_narrow_by_prices(SearchState *s, double spare)
{
	double response_price = budget_response_price(s->model, &s->prices);
	bool changed = false;

	budget_spend_prices(s->model, &s->prices, s->spend_price);
	for (int i = 0; i < s->n; i++)
	{
		const Curve *curve = &s->model->curves[i];
		double turn = curve->inflection; /* convex below, in whatever way it goes on */
		double price = s->spend_price[i];
		double best;
		double at_low;
		double at_turn;
		double upper;
		BudgetPiece beyond;

		if (!(s->low[i] < turn && turn < s->high[i]))
			continue;
		budget_best_spend(&s->pieces[i], curve, response_price, price, &best);
		at_low = response_price * s->pieces[i].base - price * s->low[i];
		at_turn = response_price * s->knee_value[i] - price * turn;
		if (fmax(at_low, at_turn) < best - spare)
		{
			s->low[i] = turn;
			changed = true;
			continue;
		}
		beyond = (BudgetPiece){.low = turn, .high = s->high[i], .base = s->knee_value[i]};
		budget_best_spend(&beyond, curve, response_price, price, &upper);
		if (upper < best - spare)
		{
			/* Convex below the turn: what it is worth falls from the low end and rises nowhere above it. */
			double from = s->low[i];
			double to = turn;

			for (int step = 0; step < 20; step++)
			{
				double middle = 0.5 * (from + to);

				if (response_price * curve_value(curve, middle) - price * middle < best - spare)
					to = middle;
				else
					from = middle;
			}
			s->high[i] = to;
			changed = true;
		}
	}
	return changed;
}

static bool
same_rows(const BudgetModel *model, const bool *member, int a, int b)
{
	for (int k = 0; k < model->rows; k++)
	{
		if (member[(size_t) k * model->channels + a] != member[(size_t) k * model->channels + b])
			return false;
	}
	return true;
}

static bool
same_curve(const Curve *a, const Curve *b)
{
	return a->shape.kind == b->shape.kind && a->coefficient == b->coefficient &&
		   a->shape.half_saturation == b->shape.half_saturation && a->shape.slope == b->shape.slope &&
		   a->weight == b->weight && a->log_miss == b->log_miss && a->table == b->table &&
		   a->stretch == b->stretch;
}

/* Twins are found by comparing everything with everything: cheap beside one relaxation. */
void
search_find_twins(SearchState *s)
{
	const BudgetModel *model = s->model;
	bool *member = CORE_ALLOC_ZERO(s->env, bool, (size_t) model->rows * s->n);

	for (int k = 0; k < model->rows; k++)
	{
		for (int m = 0; m < model->row[k].count; m++)
			member[(size_t) k * s->n + model->row[k].members[m]] = true;
	}
	memcpy(s->low, s->root_low, sizeof(double) * s->n);
	memcpy(s->high, s->root_high, sizeof(double) * s->n);
	for (int i = 0; i < s->n; i++)
		s->twin[i] = -1;
	search_narrow(s); /* rows often make alike what was not */
	for (int i = 0; i < s->n; i++)
	{
		core_check(s->env);
		for (int j = i + 1; j < s->n && s->twin[i] < 0; j++)
		{
			if (s->low[i] == s->low[j] && s->high[i] == s->high[j] && model->cost[i] == model->cost[j] &&
				same_curve(&model->curves[i], &model->curves[j]) && same_rows(model, member, i, j))
				s->twin[i] = j;
		}
	}
	core_free(s->env, member);
}
