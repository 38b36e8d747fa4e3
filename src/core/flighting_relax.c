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

typedef struct FlightSolver
{
	Flight *flight;
	int n;
	int periods;
	size_t cells;
	double *x;
	int limits;
	FlightLimit *limit;
	double *low_price; /* of x >= 0 */
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
	s->gradient = CORE_ALLOC(env, double, s->cells);
	s->hessian = CORE_ALLOC(env, double, s->cells * s->periods);
	s->solved = CORE_ALLOC(env, double, (most + 1) * s->cells);
	s->schur = CORE_ALLOC(env, double, most *most);
	s->right = CORE_ALLOC(env, double, most);
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
	core_free(env, s->gradient);
	core_free(env, s->hessian);
	core_free(env, s->solved);
	core_free(env, s->schur);
	core_free(env, s->right);
}

static void
evaluate(FlightSolver *s)
{
	for (int c = 0; c < s->n; c++)
		flight_channel_value(s->flight, c, true, s->x + (size_t) c * s->periods,
							 s->gradient + (size_t) c * s->periods,
							 s->hessian + (size_t) c * s->periods * s->periods);
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
	return sum / count;
}

/* Solves one channel's block for every column of s->solved. */
static bool
solve_block(FlightSolver *s, int c)
{
	int n = s->periods;
	double *block = s->hessian + (size_t) c * n * n;
	gsl_matrix_view matrix = gsl_matrix_view_array(block, n, n);
	double largest = 0;

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
	for (int c = 0; c < s->n; c++)
		if (!solve_block(s, c))
			return false;
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
	return true;
}

static void
shorten(double *length, double value, double step)
{
	if (step < 0 && value + *length * step < 0)
		*length = -value / step;
}

static double
low_price_step(const FlightSolver *s, size_t i, double mu)
{
	const double *step = s->solved + s->limits * s->cells;

	return (mu - s->low_price[i] * step[i]) / s->x[i] - s->low_price[i];
}

static void
advance(FlightSolver *s, double mu)
{
	const double *step = s->solved + s->limits * s->cells;
	double primal = 1;
	double dual = 1;

	for (size_t i = 0; i < s->cells; i++)
	{
		shorten(&primal, s->x[i], step[i]);
		shorten(&dual, s->low_price[i], low_price_step(s, i, mu));
	}
	for (int k = 0; k < s->limits; k++)
	{
		const FlightLimit *limit = &s->limit[k];

		if (limit->equality)
			continue;
		shorten(&primal, limit->slack, limit->slack_step);
		shorten(&dual, limit->price, limit->price_step);
	}
	primal = fmin(1, 0.99 * primal);
	dual = fmin(1, 0.99 * dual);
	for (size_t i = 0; i < s->cells; i++)
	{
		double price_step = low_price_step(s, i, mu);

		s->x[i] += primal * step[i];
		s->low_price[i] += dual * price_step;
	}
	for (int k = 0; k < s->limits; k++)
	{
		s->limit[k].slack += primal * s->limit[k].slack_step;
		s->limit[k].price += dual * s->limit[k].price_step;
	}
}

void
flight_relax(Flight *flight, double *x)
{
	FlightSolver s = {.flight = flight, .x = x};
	double product;

	begin(&s);
	product = 0.1 / s.cells;
	for (size_t i = 0; i < s.cells; i++)
	{
		x[i] = fmax(x[i], 0.01 / s.cells);
		s.low_price[i] = product / x[i];
	}
	evaluate(&s);
	for (int k = 0; k < s.limits; k++)
	{
		FlightLimit *limit = &s.limit[k];

		limit->slack = limit->equality ? 0 : fmax(limit->excess, 0.01);
		limit->price = limit->equality ? 0 : fmin(product / limit->slack, 1);
	}
	for (int iteration = 0; iteration < MAX_ITERATIONS; iteration++)
	{
		double residual;
		double mean = complementarity(&s, &residual);

		core_check(flight->env);
		if (!isfinite(mean) || (mean * s.cells < GAP && residual < 1e-13))
			break;
		if (!direction(&s, 0.15 * mean))
			break;
		advance(&s, 0.15 * mean);
		evaluate(&s);
	}
	end(&s);
}
