/*
 * From the best plan found to what the user is told: its last digits, its value, and what each limit costs.
 */
#include "budget_problem.h"

#include <math.h>
#include <string.h>

/* Spends that differ from a bound by rounding alone are at the bound, as long as every limit holds. */
static void
snap(const BudgetProblem *p, double *plan, double *snapped)
{
	for (int i = 0; i < p->n; i++)
	{
		snapped[i] = plan[i];
		if (plan[i] - p->low[i] < 1e-10)
			snapped[i] = p->low[i];
		else if (p->own_high[i] - plan[i] < 1e-10)
			snapped[i] = p->own_high[i];
	}
	if (budget_violation(&p->model, snapped) <= fmax(budget_violation(&p->model, plan), 1e-15))
		memcpy(plan, snapped, sizeof(double) * p->n);
}

/* How much less a channel may spend before a row falls below its lower limit. */
static double
removable(const BudgetProblem *p, const double *plan, int channel)
{
	double most = plan[channel] - p->low[channel];

	for (int k = 0; k < p->rows; k++)
	{
		const BudgetRow *row = &p->row[k];
		double spend = 0;
		bool member = false;

		if (isinf(row->low))
			continue;
		for (int m = 0; m < row->count; m++)
		{
			spend += plan[row->members[m]];
			member = member || row->members[m] == channel;
		}
		if (member)
			most = fmin(most, spend - row->low);
	}
	return fmax(most, 0);
}

/* Takes back what buys nothing: spends that only flat parts of curves would see. */
static void
trim(const BudgetProblem *p, double *plan)
{
	for (int i = 0; i < p->n && !p->model.has_floor; i++)
	{
		const Curve *curve = &p->curves[i];
		double enough = curve_value(curve, plan[i]) - 1e-14;
		double from = plan[i] - removable(p, plan, i);
		double to = plan[i];

		if (curve_slope_at(curve, plan[i]) > 1e-11)
			continue;
		if (curve_value(curve, from) >= enough)
			to = from;
		for (int step = 0; step < 60 && from < to * (1 - 1e-9); step++)
		{
			double middle = 0.5 * (from + to);

			if (curve_value(curve, middle) >= enough)
				to = middle;
			else
				from = middle;
		}
		plan[i] = to;
	}
}

/* What the search maximises: a plan that was sharpened may be worth a little less, or more. */
static double
worth(const BudgetProblem *p, const double *plan)
{
	double spend = budget_spend(p, plan);

	if (p->request->objective == BUDGET_ROI)
		return spend > 0 ? budget_response(p, plan) / spend : 0;
	return budget_value(&p->model, plan);
}

void
budget_sharpen(BudgetProblem *p, BudgetSearch *search, BudgetPrices *prices)
{
	RelaxWork *work = relax_work_create(p->env, &p->model);
	BudgetPiece *pieces = budget_pieces_alloc(p->env, p->curves, p->n);
	double *plan = CORE_ALLOC(p->env, double, p->n);
	double value = budget_value(&p->model, search->plan);

	if (budget_refine(p->env, work, &p->model, p->low, p->high, search->plan, -INFINITY, pieces, prices,
					  plan) &&
		budget_value(&p->model, plan) >= value - 1e-9 * fabs(value))
	{
		budget_polish(p->env, &p->model, p->low, p->own_high, prices, plan);
		if (budget_value(&p->model, plan) >= value)
			memcpy(search->plan, plan, sizeof(double) * p->n);
	}
	budget_polish(p->env, &p->model, p->low, p->own_high, prices, search->plan);
	snap(p, search->plan, plan);
	trim(p, search->plan);
	search->value = worth(p, search->plan);
	search->bound = fmax(search->bound, search->value);
	core_free(p->env, plan);
	core_free(p->env, pieces);
	relax_work_free(p->env, work);
}

/* By how much the reported objective grows when the model's grows by one. */
static double
objective_rate(const BudgetProblem *p, const BudgetSearch *search)
{
	double response = budget_response(p, search->plan) * p->response_unit;

	if (p->request->target == BUDGET_TARGET_RESPONSE)
		return p->spend_unit;
	if (p->request->objective == BUDGET_REACH)
		return p->response_unit * exp(-response);
	if (p->request->objective == BUDGET_ROI)
		return p->response_unit / (budget_spend(p, search->plan) * p->spend_unit);
	return p->response_unit;
}

/* What a row's price is in the user's units; negative when the row holds spend up. */
static double
row_worth(const BudgetPrices *prices, int k, double rate)
{
	return (prices->high[k] - prices->low[k]) * rate;
}

static void
explain_channel(const BudgetProblem *p, const BudgetSearch *search, const BudgetPrices *prices, double rate,
				int i, double price, BudgetPlan *plan)
{
	double x = search->plan[i];
	double gain = budget_response_price(&p->model, prices) * curve_slope_at(&p->curves[i], x) - price;
	double largest = 1e-9;

	plan->binding[i] = BUDGET_UNBOUND;
	plan->shadow_price[i] = NAN;
	if (x <= p->low[i] && (gain < 0 || p->low[i] >= p->own_high[i]))
	{
		plan->binding[i] = p->low_owner[i];
		plan->shadow_price[i] = gain * rate;
		return;
	}
	if (x >= p->own_high[i] && gain > 0)
	{
		plan->binding[i] = p->high_owner[i];
		plan->shadow_price[i] = gain * rate;
		return;
	}
	for (int pass = 0; pass < 2 && plan->binding[i] == BUDGET_UNBOUND; pass++)
	{
		for (int k = 0; k < p->rows; k++)
		{
			double worth = prices->high[k] - prices->low[k];

			if ((p->row_owner[k] == BUDGET_TOTAL) != (pass == 1) || fabs(worth) <= largest)
				continue;
			for (int m = 0; m < p->row[k].count; m++)
			{
				if (p->row[k].members[m] != i)
					continue;
				largest = fabs(worth);
				plan->binding[i] = p->row_owner[k];
				plan->shadow_price[i] = row_worth(prices, k, rate);
			}
		}
		if (pass == 0 && plan->binding[i] == BUDGET_UNBOUND && p->model.has_floor && prices->floor > 1e-9)
		{
			double per_unit =
				p->request->target == BUDGET_TARGET_ROAS
					? budget_spend(p, search->plan) * p->spend_unit
					: (p->request->objective == BUDGET_REACH ? 1 / (1 - p->request->target_value) : 1);

			plan->binding[i] = BUDGET_TARGET;
			plan->shadow_price[i] = -prices->floor * rate * per_unit / p->response_unit;
		}
	}
	if (plan->binding[i] == BUDGET_UNBOUND && p->request->target == BUDGET_TARGET_MARGINAL_ROAS)
		plan->binding[i] = BUDGET_TARGET;
}

void
budget_explain(const BudgetProblem *p, const BudgetSearch *search, const BudgetPrices *prices,
			   BudgetPlan *plan)
{
	double *price = CORE_ALLOC(p->env, double, p->n);
	double model_rate = objective_rate(p, search);
	double rate = model_rate / p->spend_unit; /* a limit on spend, in the user's units */

	budget_spend_prices(&p->model, prices, price);
	plan->total_price = 0;
	for (int k = 0; k < p->rows; k++)
	{
		if (p->row_owner[k] == BUDGET_TOTAL)
			plan->total_price = row_worth(prices, k, rate);
	}
	for (int i = 0; i < p->n; i++)
	{
		explain_channel(p, search, prices, rate, i, price[i], plan);
		if (plan->binding[i] == BUDGET_TARGET && !isnan(plan->shadow_price[i]))
			plan->shadow_price[i] = plan->shadow_price[i] / rate * model_rate;
	}
	core_free(p->env, price);
}

void
budget_report(const BudgetProblem *p, const BudgetSearch *search, BudgetPlan *plan)
{
	const BudgetRequest *r = p->request;
	double spend = 0;
	double response = 0;
	double spare = fmax(search->bound - search->value, 0);
	double tiny = BUDGET_TINY * p->response_unit;

	for (int i = 0; i < p->n; i++)
	{
		double x = search->plan[i];

		plan->spend[i] = x <= p->low[i]		   ? p->user_low[i]
						 : x >= p->own_high[i] ? p->user_high[i]
											   : x * p->spend_unit;
		spend += plan->spend[i];
		response += curve_value(&r->channel[i].curve, plan->spend[i]);
	}
	if (r->target == BUDGET_TARGET_RESPONSE)
	{
		plan->value = -spend;
		plan->bound = plan->value + spare * p->spend_unit;
		tiny = BUDGET_TINY * p->spend_unit;
	}
	else if (r->objective == BUDGET_REACH)
	{
		plan->value = -expm1(-response);
		plan->bound = -expm1(-response - spare * p->response_unit);
		tiny = BUDGET_TINY;
	}
	else if (r->objective == BUDGET_ROI)
	{
		plan->value = spend > 0 ? response / spend : 0;
		plan->bound = plan->value + spare * p->response_unit / p->spend_unit;
		tiny = BUDGET_TINY * p->response_unit / p->spend_unit;
	}
	else
	{
		plan->value = r->objective == BUDGET_PROFIT ? r->margin * response - spend : response;
		plan->bound = plan->value + spare * p->response_unit;
	}
	plan->gap_unit = fmax(fabs(plan->bound), tiny);
	plan->gap = (plan->bound - plan->value) / plan->gap_unit;
	plan->certified = plan->gap <= r->tolerance;
	plan->nodes = search->nodes;
}
