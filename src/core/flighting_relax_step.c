/*
 * One step of the interior-point method: Newton's direction, channel by channel and then over the limits, and how far
 * it may go.
 */
#include "flighting_relax_work.h"

#include <math.h>
#include <string.h>

#include <gsl/gsl_linalg.h>

/* How often a step is halved that makes slopes and prices agree so much less, unless they do to this. */
#define MOST_HALVINGS 4
#define WORSE 1.1
#define BALANCED 1e-9

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
bool
flight_direction(FlightSolver *s, double mu)
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

		flight_add_lagged(s, stock->cell,
						  stock->sign * (mu - stock->price * (stock->excess - stock->slack)) / stock->slack,
						  step);
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

	flight_add_prices(s, slope);
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
	flight_evaluate(s);
}

/* As far as all that must be positive stays so, and not so far that curvature makes the slopes fit worse than before. */
void
flight_advance(FlightSolver *s, double mu)
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
