/*
 * The last digits of a plan.
 */
#include "budget_problem.h"

#include <math.h>
#include <string.h>

#include <gsl/gsl_linalg.h>

#define STEPS 12
/* What the interior-point method leaves between a plan and the limits that bind it. */
#define NEAR 1e-7

/* A limit taken as binding: a row at one of its sides, or the floor (row < 0). */
typedef struct Active
{
	int row;
	double sign; /* of its price: 1 for high and the floor, -1 for low */
	double at;
	double price;
	double *gradient;
} Active;

typedef struct Polish
{
	const BudgetModel *model;
	int n;
	int active_count;
	Active *active;
	bool *free;
	double *x;
	double *residual; /* of each channel's marginal condition */
	double *inverse;
	double *schur;
	double *right;
} Polish;

static void
add_active(Polish *p, int row, double sign, double at, double price)
{
	Active *active = &p->active[p->active_count++];

	active->row = row;
	active->sign = sign;
	active->at = at;
	active->price = sign * price;
}

static void
choose_active(Polish *p, const double *low, const double *high, const BudgetPrices *prices)
{
	const BudgetModel *model = p->model;
	double response_price = budget_response_price(model, prices);
	double reached = -model->floor;

	for (int k = 0; k < model->rows; k++)
	{
		const BudgetRow *row = &model->row[k];
		double spend = 0;

		for (int m = 0; m < row->count; m++)
			spend += p->x[row->members[m]];
		if (row->low == row->high)
			add_active(p, k, 1, row->high, prices->high[k] - prices->low[k]);
		else if (row->high - spend < NEAR && prices->high[k] > NEAR)
			add_active(p, k, 1, row->high, prices->high[k]);
		else if (spend - row->low < NEAR && prices->low[k] > NEAR)
			add_active(p, k, -1, row->low, prices->low[k]);
	}
	budget_spend_prices(model, prices, p->residual);
	for (int i = 0; i < p->n; i++)
	{
		double gain = response_price * curve_slope_at(&model->curves[i], p->x[i]) - p->residual[i];

		reached += curve_value(&model->curves[i], p->x[i]) - model->floor_rate * p->x[i];
		if (p->x[i] - low[i] < NEAR && (gain < 0 || p->x[i] <= low[i]))
			p->x[i] = low[i];
		else if (high[i] - p->x[i] < NEAR && (gain > 0 || p->x[i] >= high[i]))
			p->x[i] = high[i];
		p->free[i] = p->x[i] > low[i] && p->x[i] < high[i];
	}
	if (model->has_floor && reached < NEAR && prices->floor > NEAR)
		add_active(p, -1, 1, 0, prices->floor);
}

/* One step of Newton's method; false if the equations have no solution. */
static bool
newton(Polish *p)
{
	const BudgetModel *model = p->model;
	int m = p->active_count;
	double response_price = model->gain;
	double reached = -model->floor;
	int sign;
	size_t order[64];
	gsl_permutation permutation = {m, order};
	gsl_matrix_view schur;
	gsl_vector_view right;

	for (int a = 0; a < m; a++)
		response_price += p->active[a].row < 0 ? p->active[a].price : 0;
	for (int i = 0; i < p->n; i++)
	{
		CurvePoint at = curve_at(&model->curves[i], p->x[i]);

		reached += at.value - model->floor_rate * p->x[i];
		p->residual[i] = p->free[i] ? response_price * at.first - model->cost[i] : 0;
		p->inverse[i] = 0;
		if (p->free[i])
			p->inverse[i] = fabs(response_price * at.second) > 1e-9 ? -1 / (response_price * at.second) : 1e9;
		for (int a = 0; a < m; a++)
		{
			if (p->active[a].row < 0)
				p->active[a].gradient[i] = p->free[i] ? model->floor_rate - at.first : 0;
		}
	}
	for (int a = 0; a < m; a++)
	{
		Active *active = &p->active[a];
		double spend = 0;

		if (active->row >= 0)
		{
			for (int j = 0; j < model->row[active->row].count; j++)
				spend += p->x[model->row[active->row].members[j]];
			p->right[a] = spend - active->at;
		}
		else
			p->right[a] = -reached;
		for (int i = 0; i < p->n; i++)
		{
			/* the floor's share of the slope is in response_price already */
			double weight = active->row < 0 ? model->floor_rate : active->gradient[i];

			if (p->free[i])
				p->residual[i] -= active->price * weight;
		}
	}
	for (int a = 0; a < m; a++)
	{
		for (int b = 0; b < m; b++)
		{
			double sum = 0;

			for (int i = 0; i < p->n; i++)
				sum += p->active[a].gradient[i] * p->active[b].gradient[i] * p->inverse[i];
			p->schur[a * m + b] = sum;
		}
		for (int i = 0; i < p->n; i++)
			p->right[a] += p->active[a].gradient[i] * p->inverse[i] * p->residual[i];
	}
	if (m > 0)
	{
		schur = gsl_matrix_view_array(p->schur, m, m);
		right = gsl_vector_view_array(p->right, m);
		if (gsl_linalg_LU_decomp(&schur.matrix, &permutation, &sign) != GSL_SUCCESS ||
			gsl_linalg_LU_svx(&schur.matrix, &permutation, &right.vector) != GSL_SUCCESS)
			return false;
	}
	for (int i = 0; i < p->n; i++)
	{
		double push = p->residual[i];

		for (int a = 0; a < m; a++)
			push -= p->right[a] * p->active[a].gradient[i];
		p->x[i] += p->inverse[i] * push;
	}
	for (int a = 0; a < m; a++)
		p->active[a].price += p->right[a];
	return true;
}

/* Rounding may carry a channel just over its bound where a row stops it at the same place. */
static bool
within(Polish *p, const double *low, const double *high)
{
	for (int i = 0; i < p->n; i++)
	{
		if (!(p->x[i] >= low[i] - 1e-14 && p->x[i] <= high[i] + 1e-14))
			return false;
		p->x[i] = fmin(fmax(p->x[i], low[i]), high[i]);
	}
	for (int a = 0; a < p->active_count; a++)
	{
		const BudgetRow *row = p->active[a].row >= 0 ? &p->model->row[p->active[a].row] : NULL;

		if (!isfinite(p->active[a].price) ||
			(p->active[a].sign * p->active[a].price < 0 && !(row && row->low == row->high)))
			return false;
	}
	return true;
}

static void
keep(const Polish *p, BudgetPrices *prices, double *plan)
{
	memcpy(plan, p->x, sizeof(double) * p->n);
	for (int k = 0; k < p->model->rows; k++)
		prices->low[k] = prices->high[k] = 0;
	prices->floor = 0;
	for (int a = 0; a < p->active_count; a++)
	{
		const Active *active = &p->active[a];

		if (active->row < 0)
			prices->floor = active->price;
		else if (active->price >= 0)
			prices->high[active->row] = active->price;
		else
			prices->low[active->row] = -active->price;
	}
}

void
budget_polish(const CoreEnv *env, const BudgetModel *model, const double *low, const double *high,
			  BudgetPrices *prices, double *plan)
{
	int n = model->channels;
	size_t most = model->rows + 1;
	Polish p = {.model = model, .n = n};
	bool good = true;
	double before = budget_value(model, plan);

	if (most > 64)
		return;
	p.active = CORE_ALLOC(env, Active, most);
	p.free = CORE_ALLOC(env, bool, n);
	p.x = CORE_ALLOC(env, double, n);
	p.residual = CORE_ALLOC(env, double, n);
	p.inverse = CORE_ALLOC(env, double, n);
	p.schur = CORE_ALLOC(env, double, most *most);
	p.right = CORE_ALLOC(env, double, most);
	memcpy(p.x, plan, sizeof(double) * n);
	choose_active(&p, low, high, prices);
	for (int a = 0; a < p.active_count; a++)
	{
		const BudgetRow *row = p.active[a].row >= 0 ? &model->row[p.active[a].row] : NULL;

		p.active[a].gradient = CORE_ALLOC_ZERO(env, double, n);
		for (int j = 0; row && j < row->count; j++)
			p.active[a].gradient[row->members[j]] = p.free[row->members[j]] ? 1 : 0;
	}
	for (int step = 0; step < STEPS && good; step++)
		good = newton(&p);
	if (good && within(&p, low, high) && budget_violation(model, p.x) <= 1e-14 * n + 1e-13 &&
		budget_value(model, p.x) >= before - 1e-12 * fabs(before))
		keep(&p, prices, plan);
	for (int a = 0; a < p.active_count; a++)
		core_free(env, p.active[a].gradient);
	core_free(env, p.active);
	core_free(env, p.free);
	core_free(env, p.x);
	core_free(env, p.residual);
	core_free(env, p.inverse);
	core_free(env, p.schur);
	core_free(env, p.right);
}
