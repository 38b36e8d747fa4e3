/*
 * The best plan of concave responses, by a primal-dual interior-point method over all channels and periods. The
 * Hessian is a block a channel; limits concern the channels' totals, so few rows are left after elimination.
 */
#include "flighting_relax_work.h"

#include <math.h>
#include <string.h>

#define MAX_ITERATIONS 100
#define GAP 1e-12

/* Iterations without a lower bound. */
#define MOST_IDLE 20

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

void
flight_evaluate(FlightSolver *s)
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

void
flight_add_lagged(const FlightSolver *s, size_t cell, double number, double *out)
{
	const FlightChannel *channel = &s->flight->request->channel[cell / s->periods];
	int t = cell % s->periods;

	for (int l = 0; l < channel->lags && l <= t; l++)
		out[cell - l] += channel->lag[l] * number;
}

void
flight_add_prices(const FlightSolver *s, double *slope)
{
	memcpy(slope, s->gradient, sizeof(double) * s->cells);
	for (size_t i = 0; i < s->cells; i++)
		for (int k = 0; k < s->limits; k++)
			slope[i] += s->member[k * s->n + i / s->periods] * s->limit[k].price;
	for (int k = 0; k < s->stocks; k++)
		flight_add_lagged(s, s->stock[k].cell, s->stock[k].sign * s->stock[k].price, slope);
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

	flight_add_prices(s, slope);
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
	flight_evaluate(s);
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
		if (!isfinite(mean) || (mean * s.cells < GAP && residual < 1e-13) ||
			!flight_direction(&s, 0.15 * mean))
			break;
		flight_advance(&s, 0.15 * mean);
	}
	/* Where all is straight, rounding in the end drives the plan out of its limits again. */
	memcpy(x, best, sizeof(double) * s.cells);
	core_free(flight->env, best);
	end(&s);
	return bound;
}
