#include "budget_problem.h"

#include <math.h>
#include <string.h>

/* An objective below this part of what the curves can bring counts as nothing in the gap's denominator. */
#define TINY 1e-6

/* ------------------------------------------------------------------------------------------------------
 * Into normal form and back
 * ------------------------------------------------------------------------------------------------------ */

static void
normalise(BudgetProblem *p, double spend_unit, double response_unit)
{
	p->spend_unit = spend_unit > 0 ? spend_unit : 1;
	p->response_unit = response_unit > 0 && isfinite(response_unit) ? response_unit : 1;
	for (int i = 0; i < p->n; i++)
	{
		p->curves[i] = curve_rescaled(&p->request->channel[i].curve, p->spend_unit, p->response_unit);
		p->low[i] = p->user_low[i] / p->spend_unit;
		p->high[i] = fmax(p->cap[i] / p->spend_unit, p->low[i]);
		p->own_high[i] = p->user_high[i] / p->spend_unit;
	}
	for (int k = 0; k < p->rows; k++)
	{
		p->row[k] = p->user_row[k];
		p->row[k].low /= p->spend_unit;
		p->row[k].high /= p->spend_unit;
	}
	p->model = (BudgetModel){
		.channels = p->n, .curves = p->curves, .rows = p->rows, .row = p->row, .gain = 1, .cost = p->cost};
}

/* The most response that the rows allow, by the relaxation. */
static double
most_response(const BudgetProblem *p)
{
	BudgetPrices prices = budget_prices_alloc(p->env, &p->model);
	RelaxWork *work = relax_work_create(p->env, &p->model);
	BudgetPiece *pieces = CORE_ALLOC(p->env, BudgetPiece, p->n);
	double *x = CORE_ALLOC(p->env, double, p->n);
	double most;

	for (int i = 0; i < p->n; i++)
		budget_piece_set(&pieces[i], &p->curves[i], p->low[i], p->high[i]);
	most = relax_solve(p->env, work, &p->model, pieces, -INFINITY, &prices, x);
	core_free(p->env, x);
	core_free(p->env, pieces);
	relax_work_free(p->env, work);
	budget_prices_free(p->env, &prices);
	return most;
}

/* Units in which total spend and total response are about 1: the same plan in any currency. */
static void
choose_units(BudgetProblem *p)
{
	const BudgetRequest *r = p->request;
	double spend = 0;
	double response = 0;
	double most;

	for (int i = 0; i < p->n; i++)
	{
		spend += p->cap[i];
		response += curve_value(&r->channel[i].curve, p->cap[i]);
	}
	if (isfinite(r->total))
		spend = r->total;
	else if (r->target == BUDGET_TARGET_ROAS)
		spend = fmin(spend, response / r->target_value);
	normalise(p, spend, response);
	most = most_response(p);
	if (most > 0 && most < 0.5)
		normalise(p, spend, response * most);
}

static void
set_cost(BudgetProblem *p, double cost)
{
	for (int i = 0; i < p->n; i++)
		p->cost[i] = cost;
}

/* What the objective and the target make of gain, cost and floor. Spend costs unit / unit. */
static void
set_objective(BudgetProblem *p)
{
	const BudgetRequest *r = p->request;
	double exchange = p->spend_unit / p->response_unit;

	p->model.gain = r->objective == BUDGET_PROFIT ? r->margin : 1;
	set_cost(p, r->objective == BUDGET_PROFIT ? exchange : 0);
	if (r->target == BUDGET_TARGET_MARGINAL_ROAS)
		set_cost(p, fmax(p->cost[0], p->model.gain * r->target_value * exchange));
	else if (r->target == BUDGET_TARGET_ROAS)
	{
		p->model.has_floor = true;
		p->model.floor_rate = r->target_value * exchange;
	}
	else if (r->target == BUDGET_TARGET_RESPONSE)
	{
		p->model.has_floor = true;
		p->model.floor =
			(r->objective == BUDGET_REACH ? -log1p(-r->target_value) : r->target_value) / p->response_unit;
		p->model.gain = 0;
		set_cost(p, 1);
	}
}

static double
spend_of(const BudgetProblem *p, const double *x)
{
	double spend = 0;

	for (int i = 0; i < p->n; i++)
		spend += x[i];
	return spend;
}

static double
response_of(const BudgetProblem *p, const double *x)
{
	double response = 0;

	for (int i = 0; i < p->n; i++)
		response += curve_value(&p->curves[i], x[i]);
	return response;
}

/* ------------------------------------------------------------------------------------------------------
 * Searches
 * ------------------------------------------------------------------------------------------------------ */

static BudgetSearch
new_search(const BudgetProblem *p)
{
	return (BudgetSearch){.model = &p->model,
						  .low = p->low,
						  .high = p->high,
						  .tolerance = p->request->tolerance,
						  .unit = TINY,
						  .enough = INFINITY,
						  .node_limit = p->request->node_limit,
						  .plan = CORE_ALLOC(p->env, double, p->n)};
}

/* A plan in the user's units becomes the search's first, if it meets every limit and beats what is there. */
static void
suggest(const BudgetProblem *p, BudgetSearch *search, const double *plan)
{
	double *x = CORE_ALLOC(p->env, double, p->n);
	bool good = true;

	for (int i = 0; i < p->n && good; i++)
	{
		x[i] = plan[i] / p->spend_unit;
		good = x[i] >= p->low[i] - BUDGET_SLACK && x[i] <= p->high[i] + BUDGET_SLACK;
		x[i] = fmin(fmax(x[i], p->low[i]), p->high[i]);
	}
	if (good && budget_violation(&p->model, x) <= BUDGET_SLACK)
	{
		double value = budget_value(&p->model, x);

		if (!search->found || value > search->value)
		{
			memcpy(search->plan, x, sizeof(double) * p->n);
			search->value = value;
			search->found = true;
		}
	}
	core_free(p->env, x);
}

/* Today's plan and the caller's own. */
static void
suggest_known(const BudgetProblem *p, BudgetSearch *search)
{
	double *today = CORE_ALLOC(p->env, double, p->n);

	for (int i = 0; i < p->n; i++)
		today[i] = p->request->channel[i].current;
	suggest(p, search, today); /* NAN is no plan */
	if (p->request->start)
		suggest(p, search, p->request->start);
	core_free(p->env, today);
}

/* The highest return that the limits allow, or let approach; NAN if unknown. */
static double
best_return(const BudgetProblem *p)
{
	BudgetRequest request = *p->request;
	BudgetTrouble trouble;
	BudgetPlan plan;

	request.objective = BUDGET_ROI;
	request.target = BUDGET_NO_TARGET;
	if (isinf(request.total))
	{
		request.total = 0;
		for (int i = 0; i < p->n; i++)
			request.total += 100 * p->cap[i];
	}
	if (budget_optimize(p->env, &request, &plan, &trouble) == CORE_OK)
		return plan.value;
	return trouble.kind == BUDGET_VANISHING ? trouble.nearest : NAN;
}

/*
 * A floor on the response is a limit that a relaxed plan may miss: find a plan that meets it by maximising
 * what it limits, or prove that there is none.
 */
static CoreStatus
reach_floor(BudgetProblem *p, BudgetSearch *search)
{
	BudgetModel floorless = p->model;
	BudgetSearch first = new_search(p);
	bool met;

	suggest_known(p, search);
	if (search->found)
		return CORE_OK;
	floorless.has_floor = false;
	floorless.gain = 1;
	set_cost(p, p->model.floor_rate);
	first.model = &floorless;
	first.tolerance = fmin(first.tolerance, 1e-9);
	first.enough = p->model.floor;
	budget_search(p->env, &first);
	set_objective(p);
	met = first.found && first.value >= p->model.floor - BUDGET_SLACK;
	if (met)
	{
		memcpy(search->plan, first.plan, sizeof(double) * p->n);
		search->value = budget_value(&p->model, search->plan);
		search->found = true;
	}
	else
	{
		double nearest = first.found ? first.value * p->response_unit : NAN;

		if (p->request->objective == BUDGET_REACH)
			nearest = -expm1(-nearest);
		*p->trouble = (BudgetTrouble){.kind = BUDGET_TARGET_MISSED,
									  .asked = p->request->target_value,
									  .nearest = p->model.floor_rate > 0 ? best_return(p) : nearest};
	}
	core_free(p->env, first.plan);
	return met ? CORE_OK : CORE_BAD_INPUT;
}

/* The least that any plan spends. */
static double
least_spend(BudgetProblem *p)
{
	BudgetModel model = p->model;
	BudgetSearch search = new_search(p);
	double least;

	model.gain = 0;
	set_cost(p, 1);
	search.model = &model;
	search.tolerance = 1e-9;
	budget_search(p->env, &search);
	least = search.found ? -search.bound : 0;
	core_free(p->env, search.plan);
	return fmax(least, 0);
}

/*
 * The best return on spend if spending nothing is allowed: that of one channel alone, since the return of any
 * mix lies between those of its channels. An S-shaped curve has it where the line from the origin touches; a
 * concave one only in the limit of no spend.
 */
static CoreStatus
best_single_return(BudgetProblem *p, BudgetSearch *search)
{
	double most = -1;
	int best = -1;
	double at = 0;

	for (int i = 0; i < p->n; i++)
	{
		const Curve *curve = &p->curves[i];
		bool straight = curve->shape.kind == SATURATION_LINEAR ||
						(curve->shape.kind == SATURATION_ROOT && curve->shape.slope == 1);
		double high = p->high[i];
		double x = 0;
		double ratio;

		for (int k = 0; k < p->rows; k++)
		{
			for (int m = 0; m < p->row[k].count; m++)
			{
				if (p->row[k].members[m] == i)
					high = fmin(high, p->row[k].high);
			}
		}
		if (high <= 0 || curve->coefficient == 0)
			continue;
		if (straight)
			x = high;
		else if (curve->inflection > 0)
			x = high <= curve->inflection ? high : curve_tangent(curve, 0, high);
		ratio = x > 0 ? curve_value(curve, x) / x : curve_slope_at(curve, 0);
		if (ratio > most)
		{
			most = ratio;
			best = i;
			at = x;
		}
	}
	if (best >= 0 && at == 0)
	{
		p->trouble->kind = BUDGET_VANISHING;
		p->trouble->channel = best;
		p->trouble->nearest = most * p->response_unit / p->spend_unit;
		return CORE_BAD_INPUT;
	}
	memset(search->plan, 0, sizeof(double) * p->n);
	if (best >= 0)
		search->plan[best] = at;
	search->found = true;
	search->value = search->bound = fmax(most, 0);
	return CORE_OK;
}

/*
 * Dinkelbach (1967): the return theta is best when no plan has response - theta * spend > 0. A bound b on that
 * proves that no return exceeds theta + b / (least spend).
 */
static CoreStatus
search_return(BudgetProblem *p, BudgetSearch *search)
{
	double least = least_spend(p);
	double bound = INFINITY;
	double theta = 0;

	if (least <= 1e-12)
		return best_single_return(p, search);
	set_cost(p, 0);
	for (int round = 0; round < 50; round++)
	{
		set_cost(p, theta);
		if (round == 0)
			suggest_known(p, search);
		else
		{
			search->unit = 0.5 * theta * least;
			search->value = budget_value(&p->model, search->plan);
		}
		budget_search(p->env, search);
		if (!search->found)
			return CORE_NUMERIC;
		bound = fmin(bound, theta + fmax(search->bound, 0) / least);
		if (round > 0 && (search->value <= search->tolerance * theta * least || search->value <= 1e-15))
			break;
		theta = response_of(p, search->plan) / spend_of(p, search->plan);
	}
	theta = response_of(p, search->plan) / spend_of(p, search->plan);
	search->value = theta;
	search->bound = fmax(bound, theta);
	return CORE_OK;
}

static CoreStatus
return_missed(BudgetProblem *p)
{
	*p->trouble = (BudgetTrouble){
		.kind = BUDGET_TARGET_MISSED, .asked = p->request->target_value, .nearest = best_return(p)};
	return CORE_BAD_INPUT;
}

static CoreStatus
find_plan(BudgetProblem *p, BudgetSearch *search)
{
	CoreStatus status = CORE_OK;

	set_objective(p);
	if (p->request->objective == BUDGET_ROI)
		return search_return(p, search);
	if (p->model.has_floor)
		status = reach_floor(p, search);
	else
		suggest_known(p, search);
	if (status != CORE_OK)
		return status;
	budget_search(p->env, search);
	if (p->request->target == BUDGET_TARGET_ROAS && p->request->objective == BUDGET_REVENUE &&
		search->found && spend_of(p, search->plan) < 1e-9)
		return return_missed(p); /* spending nothing is no answer to how to reach a return */
	if (p->request->target == BUDGET_TARGET_MARGINAL_ROAS && search->found)
	{
		/* The gap is reported against the response, of which the surplus may be any multiple. */
		double wanted = search->tolerance * fmax(response_of(p, search->plan), TINY);

		if (search->bound - search->value > wanted)
		{
			search->tolerance = 0.5 * wanted / fmax(fabs(search->value), TINY);
			budget_search(p->env, search);
		}
	}
	return search->found ? CORE_OK : CORE_NUMERIC;
}

/* ------------------------------------------------------------------------------------------------------
 * The answer
 * ------------------------------------------------------------------------------------------------------ */

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

/* Sharpens the plan to the last digits and finds what each limit is worth there. */
static void
sharpen(BudgetProblem *p, BudgetSearch *search, BudgetPrices *prices)
{
	RelaxWork *work = relax_work_create(p->env, &p->model);
	BudgetPiece *pieces = CORE_ALLOC(p->env, BudgetPiece, p->n);
	double *plan = CORE_ALLOC(p->env, double, p->n);
	double value = budget_value(&p->model, search->plan);

	if (budget_refine(p->env, work, &p->model, p->low, p->high, search->plan, pieces, prices, plan) &&
		budget_value(&p->model, plan) >= value - 1e-9 * fabs(value))
	{
		budget_polish(p->env, &p->model, p->low, p->own_high, prices, plan);
		if (budget_value(&p->model, plan) >= value)
			memcpy(search->plan, plan, sizeof(double) * p->n);
	}
	budget_polish(p->env, &p->model, p->low, p->own_high, prices, search->plan);
	snap(p, search->plan, plan);
	trim(p, search->plan);
	core_free(p->env, plan);
	core_free(p->env, pieces);
	relax_work_free(p->env, work);
}

/* By how much the reported objective grows when the model's grows by one. */
static double
objective_rate(const BudgetProblem *p, const BudgetSearch *search)
{
	double response = response_of(p, search->plan) * p->response_unit;

	if (p->request->target == BUDGET_TARGET_RESPONSE)
		return p->spend_unit;
	if (p->request->objective == BUDGET_REACH)
		return p->response_unit * exp(-response);
	if (p->request->objective == BUDGET_ROI)
		return p->response_unit / (spend_of(p, search->plan) * p->spend_unit);
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
					? spend_of(p, search->plan) * p->spend_unit
					: (p->request->objective == BUDGET_REACH ? 1 / (1 - p->request->target_value) : 1);

			plan->binding[i] = BUDGET_TARGET;
			plan->shadow_price[i] = -prices->floor * rate * per_unit / p->response_unit;
		}
	}
	if (plan->binding[i] == BUDGET_UNBOUND && p->request->target == BUDGET_TARGET_MARGINAL_ROAS)
		plan->binding[i] = BUDGET_TARGET;
}

static void
explain(const BudgetProblem *p, const BudgetSearch *search, const BudgetPrices *prices, BudgetPlan *plan)
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

/* The search's value and bound as the user's objective. */
static void
report(const BudgetProblem *p, const BudgetSearch *search, BudgetPlan *plan)
{
	const BudgetRequest *r = p->request;
	double spend = 0;
	double response = 0;
	double spare = fmax(search->bound - search->value, 0);
	double tiny = TINY * p->response_unit;

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
		tiny = TINY * p->spend_unit;
	}
	else if (r->objective == BUDGET_REACH)
	{
		plan->value = -expm1(-response);
		plan->bound = -expm1(-response - spare * p->response_unit);
		tiny = TINY;
	}
	else if (r->objective == BUDGET_ROI)
	{
		plan->value = spend > 0 ? response / spend : 0;
		plan->bound = plan->value + spare * p->response_unit / p->spend_unit;
		tiny = TINY * p->response_unit / p->spend_unit;
	}
	else
	{
		plan->value = r->objective == BUDGET_PROFIT ? r->margin * response - spend : response;
		plan->bound = plan->value + spare * p->response_unit;
	}
	plan->gap = (plan->bound - plan->value) / fmax(fabs(plan->bound), tiny);
	plan->certified = plan->gap <= r->tolerance;
}

static void
allocate(BudgetProblem *p)
{
	const BudgetRequest *r = p->request;

	p->user_low = CORE_ALLOC(p->env, double, p->n);
	p->user_high = CORE_ALLOC(p->env, double, p->n);
	p->low_owner = CORE_ALLOC(p->env, int, p->n);
	p->high_owner = CORE_ALLOC(p->env, int, p->n);
	p->row_owner = CORE_ALLOC(p->env, int, r->groups + 1);
	p->curves = CORE_ALLOC(p->env, Curve, p->n);
	p->low = CORE_ALLOC(p->env, double, p->n);
	p->high = CORE_ALLOC(p->env, double, p->n);
	p->own_high = CORE_ALLOC(p->env, double, p->n);
	p->cost = CORE_ALLOC_ZERO(p->env, double, p->n);
	p->cap = CORE_ALLOC(p->env, double, p->n);
	p->row = CORE_ALLOC(p->env, BudgetRow, r->groups + 1);
	p->user_row = CORE_ALLOC(p->env, BudgetRow, r->groups + 1);
}

/*
 * A target on the response says nothing of the spend's size until a plan is known; then no channel needs more
 * than that plan in all, and its spend is the right unit.
 */
static bool
zoom(BudgetProblem *p, BudgetSearch *search, double *start)
{
	double spend = spend_of(p, search->plan) * p->spend_unit;

	if (p->request->target != BUDGET_TARGET_RESPONSE || isfinite(p->request->total) ||
		spend > 0.2 * p->spend_unit || spend == 0)
		return false;
	for (int i = 0; i < p->n; i++)
	{
		start[i] = search->plan[i] * p->spend_unit;
		p->cap[i] = fmin(p->cap[i], 1.01 * spend);
	}
	return true;
}

CoreStatus
budget_optimize(const CoreEnv *env, const BudgetRequest *request, BudgetPlan *plan, BudgetTrouble *trouble)
{
	BudgetRequest zoomed = *request;
	BudgetProblem p = {.env = env, .request = &zoomed, .trouble = trouble, .n = request->channels};
	double *start = CORE_ALLOC(env, double, request->channels);
	BudgetSearch search;
	BudgetPrices prices;
	CoreStatus status;

	*trouble = (BudgetTrouble){.kind = BUDGET_FINE};
	allocate(&p);
	status = budget_gather_limits(&p);
	if (status != CORE_OK)
		return status;
	for (int round = 0; round < 4; round++)
	{
		choose_units(&p);
		status = budget_check_rows(&p);
		if (status != CORE_OK)
			return status;
		search = new_search(&p);
		status = find_plan(&p, &search);
		if (status != CORE_OK)
			return status;
		if (!zoom(&p, &search, start))
			break;
		zoomed.start = start;
	}
	prices = budget_prices_alloc(env, &p.model);
	sharpen(&p, &search, &prices);
	plan->spend = CORE_ALLOC(env, double, p.n);
	plan->binding = CORE_ALLOC(env, int, p.n);
	plan->shadow_price = CORE_ALLOC(env, double, p.n);
	report(&p, &search, plan);
	explain(&p, &search, &prices, plan);
	return CORE_OK;
}
