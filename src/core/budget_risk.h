/*
 * Conditional value at risk: the mean of the worst share of draws, and its best plan with a bound.
 */
#ifndef ATTRIB_CORE_BUDGET_RISK_H
#define ATTRIB_CORE_BUDGET_RISK_H

#include "budget.h"

/*
 * Each channel's response under each draw, all on one grid a channel: jet[channel][draw][knot][CURVE_GRID_JET].
 * The request's channels say all but the curve; stretch[channel] turns spend into the grids' argument.
 */
typedef struct BudgetDraws
{
	int channels;
	int draws;
	const CurveGrid *grid;
	double **jet;
	const double *stretch;
} BudgetDraws;

/* Mean of the worst `level` of n numbers; `weight` (may be NULL) receives how much each counts. */
extern double budget_tail_mean(const CoreEnv *env, const double *number, int n, double level, double *weight);

/*
 * Maximises the mean response of the worst `level` share of draws, or that times margin less spend. Like
 * budget_optimize(); plan->value is by the tables.
 */
extern CoreStatus budget_optimize_tail(const CoreEnv *env, const BudgetRequest *request,
									   const BudgetDraws *draws, double level, BudgetPlan *plan,
									   BudgetTrouble *trouble);

#endif
