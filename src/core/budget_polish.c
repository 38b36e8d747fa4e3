/*
 * The last digits of a plan.
 */
#include "budget_problem.h"

#include <math.h>
#include <string.h>

#include <gsl/gsl_linalg.h>

#define STEPS 12
/* What the interior-point method may leave between a plan and the limits, or the bounds, that hold it. */
#define NEAR 1e-8
#define SNAP 1e-9
/* More limits at once are not worth their matrices for a few digits. */
#define MOST_LIMITS 64

/* A limit taken as binding: a row at one of its sides, or the floor (row < 0). */
typedef struct Active
{
	int row;
	double sign; /* of its price: 1 for high and the floor, -1 for low, 0 for either */
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

static double
row_spend(const Polish *p, int k)
{
	double spend = 0;

	for (int m = 0; m < p->model->row[k].count; m++)
		spend += p->x[p->model->row[k].members[m]];
	return spend;
}

static void
add_active(Polish *p, int row, double sign, double at)
{
	Active *active = &p->active[p->active_count++];

	active->row = row;
	active->sign = sign;
	active->at = at;
	active->price = 0;
	for (int j = 0; row >= 0 && j < p->model->row[row].count; j++)
		active->gradient[p->model->row[row].members[j]] = 1;
}

/* Every limit that the plan touches. */
static void
touch_limits(Polish *p)
{
	const BudgetModel *model = p->model;
	double reached = -model->floor;

	for (int k = 0; k < model->rows; k++)
	{
		const BudgetRow *row = &model->row[k];
		double spend = row_spend(p, k);

		if (row->low == row->high)
			add_active(p, k, 0, row->high);
		else if (row->high - spend < NEAR)
			add_active(p, k, 1, row->high);
		else if (spend - row->low < NEAR)
			add_active(p, k, -1, row->low);
	}
	for (int i = 0; i < p->n; i++)
		reached += curve_value(&model->curves[i], p->x[i]) - model->floor_rate * p->x[i];
	if (model->has_floor && reached < NEAR)
		add_active(p, -1, 1, 0);
}

static void
drop_active(Polish *p, int a)
{
	double *gradient = p->active[a].gradient;

	memset(gradient, 0, sizeof(double) * p->n);
	p->active[a] = p->active[--p->active_count];
	p->active[p->active_count].gradient = gradient;
}

/* How a channel's marginal gain falls with each limit's price, and its gain without any. */
static double
marginal(const Polish *p, int i, double *fall)
{
	double slope = fmin(curve_slope_at(&p->model->curves[i], p->x[i]), 1e100);

	for (int a = 0; a < p->active_count; a++)
		fall[a] = p->active[a].row < 0 ? p->model->floor_rate - slope : p->active[a].gradient[i];
	return p->model->gain * slope - p->model->cost[i];
}

/* The prices at which the free channels' marginal gains come nearest to 0, by least squares. */
static bool
fit_prices(Polish *p)
{
	int m = p->active_count;
	gsl_matrix_view schur;
	gsl_vector_view right;
	double fall[MOST_LIMITS];
	double largest = 0;

	memset(p->schur, 0, sizeof(double) * m * m);
	memset(p->right, 0, sizeof(double) * m);
	for (int i = 0; i < p->n; i++)
	{
		double gain;

		if (!p->free[i])
			continue;
		gain = marginal(p, i, fall);
		for (int a = 0; a < m; a++)
		{
			for (int b = 0; b < m; b++)
				p->schur[a * m + b] += fall[a] * fall[b];
			p->right[a] += fall[a] * gain;
		}
	}
	for (int a = 0; a < m; a++)
		largest = fmax(largest, p->schur[a * m + a]);
	for (int a = 0; a < m; a++)
		p->schur[a * m + a] += 1e-13 * largest + 1e-200; /* the shortest of several answers */
	schur = gsl_matrix_view_array(p->schur, m, m);
	right = gsl_vector_view_array(p->right, m);
	if (m > 0 && (gsl_linalg_cholesky_decomp1(&schur.matrix) != GSL_SUCCESS ||
				  gsl_linalg_cholesky_svx(&schur.matrix, &right.vector) != GSL_SUCCESS))
		return false;
	for (int a = 0; a < m; a++)
		p->active[a].price = p->right[a];
	return true;
}

/*
 * Where none of a row's channels is free, its price is what the best of those that could still grow would gain
 * from one more unit.
 */
static void
price_stuck_rows(Polish *p, const double *high)
{
	double fall[MOST_LIMITS];

	for (int a = 0; a < p->active_count; a++)
	{
		Active *active = &p->active[a];
		double most = -INFINITY;
		bool stuck = active->row >= 0;

		for (int i = 0; i < p->n && stuck; i++)
		{
			double gain;

			if (active->gradient[i] == 0)
				continue;
			if (p->free[i])
				stuck = false;
			else if (p->x[i] < high[i])
			{
				gain = marginal(p, i, fall);
				for (int b = 0; b < p->active_count; b++)
					gain -= b == a ? 0 : fall[b] * p->active[b].price;
				most = fmax(most, gain);
			}
		}
		if (stuck && isfinite(most) && active->sign * most >= 0)
			active->price = most;
	}
}

/* Which channels are free, which limits bind, and at which prices. */
static bool
choose_active(Polish *p, const double *low, const double *high)
{
	for (int i = 0; i < p->n; i++)
	{
		if (p->x[i] - low[i] < SNAP)
			p->x[i] = low[i];
		else if (high[i] - p->x[i] < SNAP)
			p->x[i] = high[i];
		p->free[i] = p->x[i] > low[i] && p->x[i] < high[i];
	}
	touch_limits(p);
	for (;;)
	{
		int worst = -1;

		if (!fit_prices(p))
			return false;
		for (int a = 0; a < p->active_count; a++)
		{
			const Active *active = &p->active[a];

			if (active->sign * active->price < -1e-9 &&
				(worst < 0 || active->sign * active->price < p->active[worst].sign * p->active[worst].price))
				worst = a;
		}
		if (worst < 0)
			break;
		drop_active(p, worst);
	}
	price_stuck_rows(p, high);
	return true;
}

/* By how much each limit is overstepped, with the sign in which its price would have to rise. */
static double
overstepped(const Polish *p, const Active *active)
{
	double reached = -p->model->floor;

	if (active->row >= 0)
		return row_spend(p, active->row) - active->at;
	for (int i = 0; i < p->n; i++)
		reached += curve_value(&p->model->curves[i], p->x[i]) - p->model->floor_rate * p->x[i];
	return -reached;
}

/* One step of Newton's method on the optimality conditions; false if they are singular. */
static bool
newton(Polish *p)
{
	int m = p->active_count;
	double response_price = p->model->gain;
	double fall[MOST_LIMITS];
	size_t order[MOST_LIMITS];
	gsl_permutation permutation = {m, order};
	gsl_matrix_view schur;
	gsl_vector_view right;
	int sign;

	memset(p->schur, 0, sizeof(double) * m * m);
	for (int a = 0; a < m; a++)
	{
		response_price += p->active[a].row < 0 ? p->active[a].price : 0;
		p->right[a] = overstepped(p, &p->active[a]);
	}
	for (int i = 0; i < p->n; i++)
	{
		double curvature;

		if (!p->free[i])
			continue;
		curvature = -response_price * curve_at(&p->model->curves[i], p->x[i]).second;
		p->inverse[i] = fabs(curvature) > 1e-9 ? 1 / curvature : 1e9;
		p->residual[i] = marginal(p, i, fall);
		for (int a = 0; a < m; a++)
			p->residual[i] -= p->active[a].price * fall[a];
		for (int a = 0; a < m; a++)
		{
			for (int b = 0; b < m; b++)
				p->schur[a * m + b] += fall[a] * fall[b] * p->inverse[i];
			p->right[a] += fall[a] * p->inverse[i] * p->residual[i];
		}
	}
	for (int a = 0; a < m; a++)
	{
		if (p->schur[a * m + a] != 0)
			continue;
		p->schur[a * m + a] = 1; /* no channel of it is free */
		p->right[a] = 0;
	}
	schur = gsl_matrix_view_array(p->schur, m, m);
	right = gsl_vector_view_array(p->right, m);
	if (m > 0 && (gsl_linalg_LU_decomp(&schur.matrix, &permutation, &sign) != GSL_SUCCESS ||
				  gsl_linalg_LU_svx(&schur.matrix, &permutation, &right.vector) != GSL_SUCCESS))
		return false;
	for (int i = 0; i < p->n; i++)
	{
		double push = p->residual[i];

		if (!p->free[i])
			continue;
		marginal(p, i, fall);
		for (int a = 0; a < m; a++)
			push -= p->right[a] * fall[a];
		p->x[i] += p->inverse[i] * push;
		if (!(p->x[i] >= 0))
			return false;
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
		if (!isfinite(p->active[a].price) || p->active[a].sign * p->active[a].price < -1e-9)
			return false;
	}
	return true;
}

static void
keep_prices(const Polish *p, BudgetPrices *prices)
{
	for (int k = 0; k < p->model->rows; k++)
		prices->low[k] = prices->high[k] = 0;
	prices->floor = 0;
	for (int a = 0; a < p->active_count; a++)
	{
		const Active *active = &p->active[a];

		if (active->row < 0)
			prices->floor = fmax(active->price, 0);
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
	double *gradients;
	double before = budget_value(model, plan);
	bool good;

	if (most > MOST_LIMITS)
		return;
	p.active = CORE_ALLOC(env, Active, most);
	p.free = CORE_ALLOC(env, bool, n);
	p.x = CORE_ALLOC(env, double, n);
	p.residual = CORE_ALLOC(env, double, n);
	p.inverse = CORE_ALLOC(env, double, n);
	p.schur = CORE_ALLOC(env, double, most *most);
	p.right = CORE_ALLOC(env, double, most);
	gradients = CORE_ALLOC_ZERO(env, double, most *n);
	for (size_t a = 0; a < most; a++)
		p.active[a].gradient = gradients + a * n;
	memcpy(p.x, plan, sizeof(double) * n);
	good = choose_active(&p, low, high);
	if (good)
		keep_prices(&p, prices);
	for (int step = 0; step < STEPS && good; step++)
		good = newton(&p);
	if (good && within(&p, low, high) && budget_violation(model, p.x) <= 1e-14 * n + 1e-13 &&
		budget_value(model, p.x) >= before - 1e-12 * fabs(before))
	{
		memcpy(plan, p.x, sizeof(double) * n);
		keep_prices(&p, prices);
	}
	core_free(env, gradients);
	core_free(env, p.active);
	core_free(env, p.free);
	core_free(env, p.x);
	core_free(env, p.residual);
	core_free(env, p.inverse);
	core_free(env, p.schur);
	core_free(env, p.right);
}
