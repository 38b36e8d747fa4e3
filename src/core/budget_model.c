#include "budget_model.h"

#include <math.h>

/* Of ends and limits of what is beyond the inflection, the dearer: a bound must hold for both. */
static double
least_fee(const Curve *curve, double x)
{
	return x > curve->inflection ? curve->fee : x == curve->inflection ? fmin(curve->fee, 0) : 0;
}

double
budget_best_spend(const BudgetPiece *piece, const Curve *curve, double response_price, double price,
				  double *value)
{
	double best = piece->low;
	double most = response_price * (piece->base - least_fee(curve, best)) - price * best;
	int arcs = curve_arcs(curve);

	/* Convex between arcs, a curve is best at an end there. */
	for (int k = 0; k <= arcs; k++)
	{
		double x = piece->high;
		double fee = x > curve->inflection ? curve->fee : 0;
		double worth;

		if (k < arcs)
		{
			CurveArc arc = curve_arc(curve, k);
			double from = fmax(arc.from, piece->low);
			double to = fmin(arc.to, piece->high);

			if (!(from < to && response_price > 0 && price > 0))
				continue;
			x = curve_demand(curve, price / response_price, from, to);
			fee = curve->fee;
		}
		if (x == best && fee >= 0)
			continue;
		worth = response_price * (curve_value(curve, x) - fee) - price * x;
		if (worth > most)
		{
			most = worth;
			best = x;
		}
	}
	if (curve->fee > 0 && piece->low < curve->inflection && curve->inflection < piece->high)
	{
		double worth = response_price * curve_value(curve, curve->inflection) - price * curve->inflection;

		if (worth > most)
		{
			most = worth;
			best = curve->inflection;
		}
	}
	*value = most;
	return best;
}

double
budget_response_price(const BudgetModel *model, const BudgetPrices *prices)
{
	return model->gain + prices->floor;
}

void
budget_spend_prices(const BudgetModel *model, const BudgetPrices *prices, double *price)
{
	for (int i = 0; i < model->channels; i++)
		price[i] = model->cost[i] + prices->floor * model->floor_rate;
	for (int k = 0; k < model->rows; k++)
	{
		double net = prices->high[k] - prices->low[k];

		if (net == 0)
			continue;
		for (int j = 0; j < model->row[k].count; j++)
			price[model->row[k].members[j]] += net;
	}
}

double
budget_bound(const BudgetModel *model, const BudgetPiece *pieces, const BudgetPrices *prices, double *price,
			 double *best)
{
	double response_price = budget_response_price(model, prices);
	double bound = model->constant - prices->floor * model->floor;
	double size = fabs(bound);

	budget_spend_prices(model, prices, price);
	for (int k = 0; k < model->rows; k++)
	{
		double worth = 0;

		if (prices->high[k] > 0)
			worth += prices->high[k] * model->row[k].high;
		if (prices->low[k] > 0)
			worth -= prices->low[k] * model->row[k].low;
		bound += worth;
		size += fabs(worth);
	}
	for (int i = 0; i < model->channels; i++)
	{
		double value;
		double x = budget_best_spend(&pieces[i], &model->curves[i], response_price, price[i], &value);

		if (best)
			best[i] = x;
		value += response_price * curve_error(&model->curves[i]);
		bound += value;
		size += fabs(value);
	}
	return bound + 4e-16 * size; /* the sum's own rounding must not make the bound too low */
}

double
budget_value(const BudgetModel *model, const double *x)
{
	double value = 0;

	for (int i = 0; i < model->channels; i++)
		value += model->gain * curve_value(&model->curves[i], x[i]) - model->cost[i] * x[i];
	return value;
}

double
budget_violation(const BudgetModel *model, const double *x)
{
	double worst = 0;

	for (int k = 0; k < model->rows; k++)
	{
		const BudgetRow *row = &model->row[k];
		double spend = 0;

		for (int j = 0; j < row->count; j++)
			spend += x[row->members[j]];
		worst = fmax(worst, fmax(row->low - spend, spend - row->high));
	}
	if (model->has_floor)
	{
		double reached = -model->floor;

		for (int i = 0; i < model->channels; i++)
			reached += curve_value(&model->curves[i], x[i]) - model->floor_rate * x[i];
		worst = fmax(worst, -reached);
	}
	return worst;
}

BudgetPrices
budget_prices_alloc(const CoreEnv *env, const BudgetModel *model)
{
	return (BudgetPrices){CORE_ALLOC_ZERO(env, double, model->rows),
						  CORE_ALLOC_ZERO(env, double, model->rows), 0};
}

void
budget_prices_free(const CoreEnv *env, BudgetPrices *prices)
{
	core_free(env, prices->low);
	core_free(env, prices->high);
}
