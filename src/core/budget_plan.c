/*
 * The searches that an objective and a target ask for: one, one to reach the target and one from there, or a
 * sequence of them for the return on spend.
 */
#include "budget_problem.h"

#include <math.h>
#include <string.h>

static void
set_cost(BudgetProblem *p, double cost)
{
	for (int i = 0; i < p->n; i++)
		p->cost[i] = cost;
}

/*
 * What the objective and the target make of gain, cost and floor. Spend costs unit / unit. A profit is counted in
 * units of margin x response, so that what counts as nothing does not depend on the margin's unit.
 */
static void
set_objective(BudgetProblem *p)
{
	const BudgetRequest *r = p->request;
	double exchange = p->spend_unit / p->response_unit;

	p->model.gain = 1;
	set_cost(p, r->objective == BUDGET_PROFIT ? exchange / r->margin : 0);
	if (r->target == BUDGET_TARGET_MARGINAL_ROAS)
		set_cost(p, fmax(p->cost[0], r->target_value * exchange));
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

double
budget_spend(const BudgetProblem *p, const double *x)
{
	double spend = 0;

	for (int i = 0; i < p->n; i++)
		spend += x[i];
	return spend;
}

double
budget_response(const BudgetProblem *p, const double *x)
{
	double response = 0;

	for (int i = 0; i < p->n; i++)
		response += curve_value(&p->curves[i], x[i]);
	return response;
}

BudgetSearch
budget_new_search(const BudgetProblem *p)
{
	return (BudgetSearch){.model = &p->model,
						  .low = p->low,
						  .high = p->high,
						  .tolerance = p->request->tolerance,
						  .unit = BUDGET_TINY,
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
	BudgetSearch first = budget_new_search(p);
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
	BudgetSearch search = budget_new_search(p);
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
	BudgetPiece *pieces = budget_pieces_alloc(p->env, p->curves, p->n);
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
		else
		{
			budget_piece_set(&pieces[i], curve, 0, high);
			x = pieces[i].part[0].straight ? pieces[i].part[0].to : 0;
		}
		ratio = x > 0 ? curve_value(curve, x) / x : curve_slope_at(curve, 0);
		if (ratio > most)
		{
			most = ratio;
			best = i;
			at = x;
		}
	}
	core_free(p->env, pieces);
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
		theta = budget_response(p, search->plan) / budget_spend(p, search->plan);
	}
	theta = budget_response(p, search->plan) / budget_spend(p, search->plan);
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

CoreStatus
budget_find_plan(BudgetProblem *p, BudgetSearch *search)
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
		search->found && budget_spend(p, search->plan) < 1e-9)
		return return_missed(p); /* spending nothing is no answer to how to reach a return */
	if (p->request->target == BUDGET_TARGET_MARGINAL_ROAS && search->found)
	{
		/* The gap is reported against the response, of which the surplus may be any multiple. */
		double wanted = search->tolerance * fmax(budget_response(p, search->plan), BUDGET_TINY);

		if (search->bound - search->value > wanted)
		{
			search->tolerance = 0.5 * wanted / fmax(fabs(search->value), BUDGET_TINY);
			budget_search(p->env, search);
		}
	}
	return search->found ? CORE_OK : CORE_NUMERIC;
}
