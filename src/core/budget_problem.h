/*
 * A request on its way to the normal form: limits gathered, intervals finite, units chosen so that total
 * spend and response are about 1. Shared by the files that make up budget_optimize().
 */
#ifndef ATTRIB_CORE_BUDGET_PROBLEM_H
#define ATTRIB_CORE_BUDGET_PROBLEM_H

#include "budget.h"
#include "budget_search.h"

/* An objective below this part of what the curves can bring counts as nothing in the gap's denominator. */
#define BUDGET_TINY 1e-6

typedef struct BudgetProblem
{
	const CoreEnv *env;
	const BudgetRequest *request;
	BudgetTrouble *trouble;
	int n;

	/* In the user's units. */
	double *user_low;
	double *user_high;
	int *low_owner; /* BUDGET_MIN_SPEND or the group of this one channel that set it */
	int *high_owner;
	double *cap; /* the highest spend that can be of use; finite */
	BudgetRow *user_row;
	int *row_owner; /* group or BUDGET_TOTAL */
	double spend_unit;
	double response_unit;

	/* In units of the above. */
	Curve *curves;
	double *low;
	double *high;
	double *own_high; /* without what rows and targets made of it; may be INFINITY */
	double *cost;
	BudgetRow *row;
	int rows;
	BudgetModel model;
} BudgetProblem;

/* Gathers limits and makes every interval finite; CORE_BAD_INPUT if they conflict. */
extern CoreStatus budget_gather_limits(BudgetProblem *problem);

/* After scaling: whether a plan meets all rows; CORE_BAD_INPUT names the first that none meets. */
extern CoreStatus budget_check_rows(BudgetProblem *problem);

/* The totals of a plan in the model's units. */
extern double budget_spend(const BudgetProblem *problem, const double *x);
extern double budget_response(const BudgetProblem *problem, const double *x);

/* The best plan of the problem as asked; CORE_BAD_INPUT if there is none. `search` is of budget_new_search(). */
extern BudgetSearch budget_new_search(const BudgetProblem *problem);
extern CoreStatus budget_find_plan(BudgetProblem *problem, BudgetSearch *search);

/* Sharpens the plan to the last digits and finds what each limit is worth there. */
extern void budget_sharpen(BudgetProblem *problem, BudgetSearch *search, BudgetPrices *prices);

/* The search's value and bound as the user's objective; what binds each channel, and what that costs. */
extern void budget_report(const BudgetProblem *problem, const BudgetSearch *search, BudgetPlan *plan);
extern void budget_explain(const BudgetProblem *problem, const BudgetSearch *search,
						   const BudgetPrices *prices, BudgetPlan *plan);

/*
 * Newton's method on the optimality conditions of the plan's own kind (which channels sit on bounds, which
 * rows bind), to the last digits. `prices` are where it starts and what it improves. Leaves the plan alone if
 * it cannot better it.
 */
extern void budget_polish(const CoreEnv *env, const BudgetModel *model, const double *low, const double *high,
						  BudgetPrices *prices, double *plan);

#endif
