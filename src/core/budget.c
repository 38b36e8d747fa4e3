#include "budget_problem.h"

#include <math.h>

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
	BudgetPiece *pieces = budget_pieces_alloc(p->env, p->curves, p->n);
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
	double spend = budget_spend(p, search->plan) * p->spend_unit;

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
		search = budget_new_search(&p);
		status = budget_find_plan(&p, &search);
		if (status != CORE_OK)
			return status;
		if (!zoom(&p, &search, start))
			break;
		zoomed.start = start;
	}
	prices = budget_prices_alloc(env, &p.model);
	budget_sharpen(&p, &search, &prices);
	plan->spend = CORE_ALLOC(env, double, p.n);
	plan->binding = CORE_ALLOC(env, int, p.n);
	plan->shadow_price = CORE_ALLOC(env, double, p.n);
	budget_report(&p, &search, plan);
	budget_explain(&p, &search, &prices, plan);
	return CORE_OK;
}
