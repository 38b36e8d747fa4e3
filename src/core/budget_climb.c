/*
 * Plans for many limits: where every channel's convex part gives way to a tangent, the problem is concave and no plan
 * is worth less than it says, so that its best plan is at least as good as the one where the tangents touch. Repeated,
 * that climbs (the convex-concave procedure, Yuille and Rangarajan 2003). Unlike channels that are rounded to on or
 * off, it finds plans under any limits that have one, as no spend is ruled out.
 */
#include "budget_search.h"

#include <math.h>
#include <string.h>

#define MOST_ROUNDS 8
#define BISECTIONS 40

/* A concave function below the curve over [low, high], equal to it at `like` and where the curve is concave. */
static void
set_minorant(BudgetPiece *piece, const Curve *curve, double low, double high, double like)
{
	double turn = fmin(curve->inflection, high);
	double at = fmin(fmax(like, low), turn);
	double rise;
	double cross = high;

	budget_piece_set(piece, curve, low, high);
	if (turn <= low || high <= low)
		return;
	rise = curve_slope_at(curve, at);
	piece->base = curve_value(curve, at) - rise * (at - low);
	if (at >= turn)
		cross = turn;
	else if (curve_value(curve, high) < piece->base + rise * (high - low))
	{
		double from = turn;

		for (int step = 0; step < BISECTIONS; step++)
		{
			double middle = 0.5 * (from + cross);

			if (curve_value(curve, middle) < piece->base + rise * (middle - low))
				cross = middle;
			else
				from = middle;
		}
	}
	piece->parts = 0;
	piece->part[piece->parts++] = (BudgetPart){low, cross, piece->base, rise, true};
	if (cross < high)
		piece->part[piece->parts++] = (BudgetPart){cross, high, 0, 0, false};
}

bool
budget_climb(const CoreEnv *env, RelaxWork *work, const BudgetModel *model, const double *low,
			 const double *high, const double *like, BudgetPiece *pieces, BudgetPrices *prices, double *plan)
{
	double value = -INFINITY;

	memmove(plan, like, sizeof(double) * model->channels);
	for (int round = 0; round < MOST_ROUNDS; round++)
	{
		double before = value;

		for (int i = 0; i < model->channels; i++)
		{
			if (budget_turns_once(&model->curves[i]))
				set_minorant(&pieces[i], &model->curves[i], low[i], high[i], plan[i]);
			else
				budget_keep_kind(&pieces[i], &model->curves[i], low[i], high[i], plan[i]);
		}
		relax_solve(env, work, model, pieces, -INFINITY, prices, plan);
		if (budget_violation(model, plan) > BUDGET_SLACK)
			return false;
		value = budget_value(model, plan);
		if (value - before <= 1e-7 * fabs(value))
			break;
	}
	return true;
}
