/*
 * The best plan of concave responses, by a primal-dual interior-point method over all channels and periods. The
 * Hessian is a block a channel; limits concern the channels' totals, so few rows are left after elimination.
 */
#include "flighting_state.h"

#include <math.h>
#include <string.h>

#include <gsl/gsl_linalg.h>

#define MAX_ITERATIONS 100
#define GAP 1e-12
/* How often a step is halved that makes slopes and prices agree so much less, unless they do to this. */
#define MOST_HALVINGS 4
#define WORSE 1.1
#define BALANCED 1e-9

/* Iterations without a lower bound. */
#define MOST_IDLE 20

/* sign * (spend of the members - at) >= 0, or = 0. */
typedef struct FlightLimit
{
	double sign;
	bool equality;
	double at;
	const BudgetGroup *group; /* NULL: all channels */
	double excess;
	double slack;
	double price;
	double slack_step;
	double price_step;
} FlightLimit;

/* A stock's range where it says more than that spend is not negative: low <= y or y <= high, with slacks and prices. */
typedef struct StockLimit
{
	double sign; /* 1: from below */
	double at;
	int cell;
	double excess;
	double slack;
	double price;
	double slack_step;
	double price_step;
} StockLimit;

typedef struct FlightSolver
{
	Flight *flight;
	int n;
	int periods;
	size_t cells;
	double *x;
	int limits;
	FlightLimit *limit;
	int stocks;
	StockLimit *stock;
	double *stock_now;	/* [cell]: y */
	double *stock_bend; /* scratch: [period] */
	double value;		/* of the majorants */
	double *low_price;	/* of x >= 0 */
	double *low_step;
	double *imbalance; /* scratch: [cell] */
	double *gradient;
	double *hessian; /* [channel][period][period] */
	double *member;	 /* [limit][channel] */
	double *solved;	 /* [limit + 1][cell]: Hessian^-1 times each limit's gradient; last, the step */
	double *schur;
	double *right;
} FlightSolver;

static void
add_limit(FlightSolver *s, const BudgetGroup *group, double sign, bool equality, double at)
{
	FlightLimit *limit = &s->limit[s->limits];
	double *member = s->member + (size_t) s->limits++ * s->n;

	*limit =
		(FlightLimit){.sign = sign, .equality = equality, .at = at / s->flight->spend_unit, .group = group};
	for (int c = 0; c < s->n; c++)
		member[c] = group ? 0 : sign;
	for (int m = 0; group && m < group->count; m++)
		member[group->members[m]] = sign;
}

static void
list_stocks(FlightSolver *s)
{
	const Flight *f = s->flight;

	for (size_t i = 0; i < s->cells; i++)
	{
		if (f->range[i].low > f->all[i].low)
			s->stock[s->stocks++] = (StockLimit){.sign = 1, .at = f->range[i].low, .cell = i};
		if (f->range[i].high < f->all[i].high)
			s->stock[s->stocks++] = (StockLimit){.sign = -1, .at = f->range[i].high, .cell = i};
	}
}

static void
begin(FlightSolver *s)
{
	const FlightRequest *r = s->flight->request;
	const CoreEnv *env = s->flight->env;
	size_t most = 2 * (size_t) r->groups + 1;

	s->n = s->flight->n;
	s->periods = s->flight->periods;
	s->cells = (size_t) s->n * s->periods;
	s->limit = CORE_ALLOC(env, FlightLimit, most);
	s->member = CORE_ALLOC(env, double, most * s->n);
	s->low_price = CORE_ALLOC(env, double, s->cells);
	s->low_step = CORE_ALLOC(env, double, s->cells);
	s->imbalance = CORE_ALLOC(env, double, s->cells);
	s->gradient = CORE_ALLOC(env, double, s->cells);
	s->hessian = CORE_ALLOC(env, double, s->cells * s->periods);
	s->solved = CORE_ALLOC(env, double, (most + 1) * s->cells);
	s->stock = CORE_ALLOC(env, StockLimit, 2 * s->cells);
	s->stock_now = CORE_ALLOC(env, double, s->cells);
	s->stock_bend = CORE_ALLOC(env, double, s->periods);
	s->schur = CORE_ALLOC(env, double, most *most);
	s->right = CORE_ALLOC(env, double, most);
	list_stocks(s);
	add_limit(s, NULL, -1, false, r->total);
	for (int g = 0; g < r->groups; g++)
	{
		const BudgetGroup *group = &r->group[g];

		if (group->low == group->high)
			add_limit(s, group, 1, true, group->low);
		else
		{
			if (group->low > 0)
				add_limit(s, group, 1, false, group->low);
			if (group->high < INFINITY)
				add_limit(s, group, -1, false, group->high);
		}
	}
}

static void
end(FlightSolver *s)
{
	const CoreEnv *env = s->flight->env;

	core_free(env, s->limit);
	core_free(env, s->member);
	core_free(env, s->low_price);
	core_free(env, s->low_step);
	core_free(env, s->imbalance);
	core_free(env, s->gradient);
	core_free(env, s->hessian);
	core_free(env, s->stock);
	core_free(env, s->stock_now);
	core_free(env, s->stock_bend);
	core_free(env, s->solved);
	core_free(env, s->schur);
	core_free(env, s->right);
}

static void
evaluate(FlightSolver *s)
{
	s->value = 0;
	for (int c = 0; c < s->n; c++)
	{
		size_t first = (size_t) c * s->periods;

		core_check(s->flight->env);
		s->value += flight_channel_value(s->flight, c, true, s->x + first, s->gradient + first,
										 s->hessian + first * s->periods);
		memcpy(s->stock_now + first, s->flight->stock, sizeof(double) * s->periods);
	}
	for (int k = 0; k < s->stocks; k++)
		s->stock[k].excess = s->stock[k].sign * (s->stock_now[s->stock[k].cell] - s->stock[k].at);
	for (int k = 0; k < s->limits; k++)
	{
		FlightLimit *limit = &s->limit[k];

		limit->excess = -limit->sign * limit->at;
		for (size_t i = 0; i < s->cells; i++)
			limit->excess += s->member[k * s->n + i / s->periods] * s->x[i];
	}
}

static double
complementarity(const FlightSolver *s, double *residual)
{
	double sum = 0;
	int count = 0;

	*residual = 0;
	for (size_t i = 0; i < s->cells; i++, count++)
		sum += s->x[i] * s->low_price[i];
	for (int k = 0; k < s->limits; k++)
	{
		const FlightLimit *limit = &s->limit[k];

		*residual = fmax(*residual, fabs(limit->excess - limit->slack));
		if (limit->equality)
			continue;
		sum += limit->slack * limit->price;
		count++;
	}
	for (int k = 0; k < s->stocks; k++, count++)
	{
		*residual = fmax(*residual, fabs(s->stock[k].excess - s->stock[k].slack));
		sum += s->stock[k].slack * s->stock[k].price;
	}
	return sum / count;
}

/* Into `out`, for each cell: the sum of `number`, which is one a period of its channel's stock, times the lag. */
static void
add_lagged(const FlightSolver *s, size_t cell, double number, double *out)
{
	const FlightChannel *channel = &s->flight->request->channel[cell / s->periods];
	int t = cell % s->periods;

	for (int l = 0; l < channel->lags && l <= t; l++)
		out[cell - l] += channel->lag[l] * number;
}

/* The slopes, and what the limits' prices add to them. */
static void
add_prices(const FlightSolver *s, double *slope)
{
	memcpy(slope, s->gradient, sizeof(double) * s->cells);
	for (size_t i = 0; i < s->cells; i++)
		for (int k = 0; k < s->limits; k++)
			slope[i] += s->member[k * s->n + i / s->periods] * s->limit[k].price;
	for (int k = 0; k < s->stocks; k++)
		add_lagged(s, s->stock[k].cell, s->stock[k].sign * s->stock[k].price, slope);
}

/*
 * What no plan within the ranges exceeds: the tangent plane at x lies above the majorants, any prices of the limits
 * above the limits, and what is left of the slopes is worth no more than if the whole total had the highest.
 */
static double
bound_now(FlightSolver *s)
{
	const Flight *f = s->flight;
	double *slope = s->imbalance;
	double total = f->request->total / f->spend_unit;
	double bound = s->value;
	double size = fabs(bound);
	double most = 0;

	add_prices(s, slope);
	for (size_t i = 0; i < s->cells; i++)
	{
		bound -= s->gradient[i] * s->x[i];
		size += s->gradient[i] * s->x[i];
	}
	for (int k = 0; k < s->limits; k++)
	{
		bound -= s->limit[k].sign * s->limit[k].price * s->limit[k].at;
		size += fabs(s->limit[k].price * s->limit[k].at);
	}
	for (int k = 0; k < s->stocks; k++)
	{
		bound -= s->stock[k].sign * s->stock[k].price * s->stock[k].at;
		size += s->stock[k].price * s->stock[k].at;
	}
	for (size_t i = 0; i < s->cells; i++)
		most = fmax(most, slope[i]);
	bound += total * most + 1e-14 * size;
	return isfinite(bound) ? bound : INFINITY;
}

/* Solves one channel's block for every column of s->solved. */
static bool
solve_block(FlightSolver *s, int c)
{
	int n = s->periods;
	double *block = s->hessian + (size_t) c * n * n;
	gsl_matrix_view matrix = gsl_matrix_view_array(block, n, n);
	double largest = 0;

	memset(s->stock_bend, 0, sizeof(double) * n);
	for (int k = 0; k < s->stocks; k++)
		if (s->stock[k].cell / n == c)
			s->stock_bend[s->stock[k].cell % n] += s->stock[k].price / s->stock[k].slack;
	if (s->stocks > 0)
		flight_add_curvature(&s->flight->request->channel[c], n, s->stock_bend, block);
	for (int t = 0; t < n; t++)
	{
		block[t * n + t] += s->low_price[c * n + t] / s->x[c * n + t];
		largest = fmax(largest, block[t * n + t]);
	}
	for (int t = 0; t < n; t++)
		block[t * n + t] += 1e-15 * largest;
	if (gsl_linalg_cholesky_decomp1(&matrix.matrix) != GSL_SUCCESS)
		return false;
	for (int k = 0; k <= s->limits; k++)
	{
		gsl_vector_view column = gsl_vector_view_array(s->solved + k * s->cells + (size_t) c * n, n);

		gsl_linalg_cholesky_svx(&matrix.matrix, &column.vector);
	}
	return true;
}

/* Newton's direction to complementary products of mu. */
static bool
direction(FlightSolver *s, double mu)
{
	double *step = s->solved + s->limits * s->cells;
	gsl_matrix_view schur;
	gsl_vector_view right;

	for (size_t i = 0; i < s->cells; i++)
	{
		int c = i / s->periods;

		step[i] = s->gradient[i] + mu / s->x[i];
		for (int k = 0; k < s->limits; k++)
		{
			s->solved[k * s->cells + i] = s->member[k * s->n + c];
			step[i] += s->member[k * s->n + c] * s->limit[k].price;
		}
	}
	for (int k = 0; k < s->stocks; k++)
	{
		const StockLimit *stock = &s->stock[k];

		add_lagged(s, stock->cell,
				   stock->sign * (mu - stock->price * (stock->excess - stock->slack)) / stock->slack, step);
	}
	for (int c = 0; c < s->n; c++)
	{
		core_check(s->flight->env);
		if (!solve_block(s, c))
			return false;
	}
	for (int k = 0; k < s->limits; k++)
	{
		const FlightLimit *limit = &s->limit[k];

		s->right[k] = -limit->excess + (limit->equality ? 0 : mu / limit->price);
		for (int j = 0; j < s->limits; j++)
			s->schur[k * s->limits + j] = 0;
		for (size_t i = 0; i < s->cells; i++)
		{
			double member = s->member[k * s->n + i / s->periods];

			s->right[k] -= member * step[i];
			for (int j = 0; member != 0 && j < s->limits; j++)
				s->schur[k * s->limits + j] += member * s->solved[j * s->cells + i];
		}
		if (!limit->equality)
			s->schur[k * s->limits + k] += limit->slack / limit->price;
		s->schur[k * s->limits + k] *= 1 + 1e-14;
	}
	schur = gsl_matrix_view_array(s->schur, s->limits, s->limits);
	right = gsl_vector_view_array(s->right, s->limits);
	if (gsl_linalg_cholesky_decomp1(&schur.matrix) != GSL_SUCCESS)
		return false;
	gsl_linalg_cholesky_svx(&schur.matrix, &right.vector);
	for (int k = 0; k < s->limits; k++)
	{
		FlightLimit *limit = &s->limit[k];

		limit->price_step = s->right[k];
		limit->slack_step =
			limit->equality ? 0 : (mu - limit->slack * limit->price_step) / limit->price - limit->slack;
		for (size_t i = 0; i < s->cells; i++)
			step[i] += s->solved[k * s->cells + i] * limit->price_step;
	}
	for (int k = 0; k < s->stocks; k++)
	{
		StockLimit *stock = &s->stock[k];
		const FlightChannel *channel = &s->flight->request->channel[stock->cell / s->periods];
		double moved = 0;

		for (int l = 0; l < channel->lags && l <= stock->cell % s->periods; l++)
			moved += channel->lag[l] * step[stock->cell - l];
		stock->slack_step = stock->sign * moved + stock->excess - stock->slack;
		stock->price_step = (mu - stock->price * stock->slack_step) / stock->slack - stock->price;
	}
	return true;
}

static void
shorten(double *length, double value, double step)
{
	if (step < 0 && value + *length * step < 0)
		*length = -value / step;
}

/* How far the slopes are from what the prices say they should be. */
static double
imbalance(const FlightSolver *s)
{
	double *slope = s->imbalance;
	double sum = 0;

	add_prices(s, slope);
	for (size_t i = 0; i < s->cells; i++)
		sum += (slope[i] + s->low_price[i]) * (slope[i] + s->low_price[i]);
	return sqrt(sum);
}

/* By these parts of the step; negative ones take it back. */
static void
move(FlightSolver *s, double primal, double dual)
{
	const double *step = s->solved + s->limits * s->cells;

	for (size_t i = 0; i < s->cells; i++)
	{
		s->x[i] += primal * step[i];
		s->low_price[i] += dual * s->low_step[i];
	}
	for (int k = 0; k < s->limits; k++)
	{
		s->limit[k].slack += primal * s->limit[k].slack_step;
		s->limit[k].price += dual * s->limit[k].price_step;
	}
	for (int k = 0; k < s->stocks; k++)
	{
		s->stock[k].slack += primal * s->stock[k].slack_step;
		s->stock[k].price += dual * s->stock[k].price_step;
	}
	evaluate(s);
}

/* As far as all that must be positive stays so, and not so far that curvature makes the slopes fit worse than before. */
static void
advance(FlightSolver *s, double mu)
{
	const double *step = s->solved + s->limits * s->cells;
	double before = imbalance(s);
	double primal = 1;
	double dual = 1;

	for (size_t i = 0; i < s->cells; i++)
	{
		s->low_step[i] = (mu - s->low_price[i] * step[i]) / s->x[i] - s->low_price[i];
		shorten(&primal, s->x[i], step[i]);
		shorten(&dual, s->low_price[i], s->low_step[i]);
	}
	for (int k = 0; k < s->limits; k++)
	{
		const FlightLimit *limit = &s->limit[k];

		if (limit->equality)
			continue;
		shorten(&primal, limit->slack, limit->slack_step);
		shorten(&dual, limit->price, limit->price_step);
	}
	for (int k = 0; k < s->stocks; k++)
	{
		shorten(&primal, s->stock[k].slack, s->stock[k].slack_step);
		shorten(&dual, s->stock[k].price, s->stock[k].price_step);
	}
	primal = fmin(1, 0.99 * primal);
	dual = fmin(1, 0.99 * dual);
	move(s, primal, dual);
	for (int halving = 0; halving < MOST_HALVINGS && imbalance(s) > fmax(WORSE * before, BALANCED); halving++)
	{
		primal *= 0.5;
		dual *= 0.5;
		move(s, -primal, -dual);
	}
}

/* Interior values for whatever x is. */
static void
start(FlightSolver *s)
{
	double product = 0.1 / s->cells;

	for (size_t i = 0; i < s->cells; i++)
	{
		s->x[i] = fmax(s->x[i], 0.01 / s->cells);
		s->low_price[i] = product / s->x[i];
	}
	evaluate(s);
	for (int k = 0; k < s->limits; k++)
	{
		FlightLimit *limit = &s->limit[k];

		limit->slack = limit->equality ? 0 : fmax(limit->excess, 0.01);
		limit->price = limit->equality ? 0 : fmin(product / limit->slack, 1);
	}
	for (int k = 0; k < s->stocks; k++)
	{
		s->stock[k].slack = fmax(s->stock[k].excess, 0.01);
		s->stock[k].price = fmin(product / s->stock[k].slack, 1);
	}
}

double
flight_relax(Flight *flight, double cutoff, double *x)
{
	FlightSolver s = {.flight = flight, .x = x};
	double bound = INFINITY;
	double *best;
	int idle = 0;

	begin(&s);
	best = CORE_ALLOC(flight->env, double, s.cells);
	start(&s);
	memcpy(best, x, sizeof(double) * s.cells);
	for (int iteration = 0; iteration < MAX_ITERATIONS && idle < MOST_IDLE && bound > cutoff; iteration++)
	{
		double residual;
		double mean = complementarity(&s, &residual);
		double now = bound_now(&s);

		core_check(flight->env);
		idle++;
		if (isfinite(mean) && now < bound)
		{
			bound = now;
			memcpy(best, x, sizeof(double) * s.cells);
			idle = 0;
		}
		if (!isfinite(mean) || (mean * s.cells < GAP && residual < 1e-13) || !direction(&s, 0.15 * mean))
			break;
		advance(&s, 0.15 * mean);
	}
	/* Where all is straight, rounding in the end drives the plan out of its limits again. */
	memcpy(x, best, sizeof(double) * s.cells);
	core_free(flight->env, best);
	end(&s);
	return bound;
}
