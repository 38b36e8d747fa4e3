/*
 * Moves of spend between two cells, each to the best amount: they leave flat plans for pulses where saturation is
 * S-shaped, which no slope would tell.
 */
#include "flighting_state.h"

#include <math.h>
#include <string.h>

#define MOST_SWEEPS 30
#define SAMPLES 6

/* Saturations evaluated; then the plan is left as it is. */
#define MOST_WORK 4e6
#define GOLDEN 0.6180339887498949

typedef struct Mover
{
	Flight *flight;
	double *x;
	double *totals;
	double *value; /* of each channel */
	double work;
} Mover;

/* What is gained by moving `amount` from cell a to cell b; a < 0 takes it from what is not spent. */
static double
gain_of(Mover *m, int a, int b, double amount)
{
	int n = m->flight->periods;
	int from = a < 0 ? -1 : a / n;
	int to = b / n;
	double gain;

	m->work += (from >= 0 && from != to ? 2 : 1) * (double) n * m->flight->request->channel[to].geos;
	if (a >= 0)
		m->x[a] -= amount;
	m->x[b] += amount;
	gain = flight_channel_value(m->flight, to, false, m->x + (size_t) to * n, NULL, NULL) - m->value[to];
	if (from >= 0 && from != to)
		gain += flight_channel_value(m->flight, from, false, m->x + (size_t) from * n, NULL, NULL) -
				m->value[from];
	m->x[b] -= amount;
	if (a >= 0)
		m->x[a] += amount;
	return gain;
}

static void
make_move(Mover *m, int a, int b, double amount)
{
	int n = m->flight->periods;

	if (a >= 0)
	{
		m->x[a] = fmax(m->x[a] - amount, 0);
		m->totals[a / n] -= amount;
		m->value[a / n] =
			flight_channel_value(m->flight, a / n, false, m->x + (size_t) (a / n) * n, NULL, NULL);
	}
	m->x[b] += amount;
	m->totals[b / n] += amount;
	m->value[b / n] = flight_channel_value(m->flight, b / n, false, m->x + (size_t) (b / n) * n, NULL, NULL);
}

/* The best amount: the best of a few, then a golden section around it. Returns the gain. */
static double
best_move(Mover *m, int a, int b, double most)
{
	double best = 0;
	double at = 0;
	double low;
	double high;

	for (int k = 1; k <= SAMPLES; k++)
	{
		/* closer together towards nothing, where small corrections are */
		double amount = k == SAMPLES ? most : most * pow(0.35, SAMPLES - k);
		double gain = gain_of(m, a, b, amount);

		if (gain > best)
		{
			best = gain;
			at = amount;
		}
	}
	if (best <= 1e-12)
		return 0;
	low = 0.35 * at;
	high = fmin(at / 0.35, most);
	for (int step = 0; step < 20; step++)
	{
		double left = high - GOLDEN * (high - low);
		double right = low + GOLDEN * (high - low);

		if (gain_of(m, a, b, left) < gain_of(m, a, b, right))
			low = left;
		else
			high = right;
	}
	if (gain_of(m, a, b, 0.5 * (low + high)) > best)
	{
		at = 0.5 * (low + high);
		best = gain_of(m, a, b, at);
	}
	make_move(m, a, b, at);
	return best;
}

/* Between channels, only into the periods where the other channel already is, or the same period. */
static bool
is_worth_a_try(const Mover *m, int a, int b)
{
	int n = m->flight->periods;

	return a < 0 || a / n == b / n || a % n == b % n || m->x[b] > 1e-9;
}

static double
sweep(Mover *m)
{
	int n = m->flight->periods;
	int cells = m->flight->n * n;
	double gained = 0;

	for (int a = -1; a < cells; a++)
	{
		if (a >= 0 && m->x[a] <= 1e-9)
			continue;
		core_check(m->flight->env);
		for (int b = 0; b < cells; b++)
		{
			double most;

			if (a == b || !is_worth_a_try(m, a, b) || m->work > MOST_WORK)
				continue;
			most = flight_room(m->flight, m->totals, a < 0 ? -1 : a / n, b / n);
			if (a >= 0)
				most = fmin(most, m->x[a]);
			if (most > 1e-9)
				gained += best_move(m, a, b, most);
		}
	}
	return gained;
}

double
flight_improve(Flight *flight, double *x)
{
	Mover m = {.flight = flight, .x = x};
	double first = 0;

	m.totals = CORE_ALLOC_ZERO(flight->env, double, flight->n);
	m.value = CORE_ALLOC(flight->env, double, flight->n);
	for (int c = 0; c < flight->n; c++)
	{
		for (int t = 0; t < flight->periods; t++)
			m.totals[c] += x[c * flight->periods + t];
		m.value[c] = flight_channel_value(flight, c, false, x + (size_t) c * flight->periods, NULL, NULL);
	}
	for (int round = 0; round < MOST_SWEEPS; round++)
	{
		double gained = sweep(&m);

		if (round == 0)
			first = gained;
		if (gained <= 1e-9 || gained < 1e-6 * first)
			break;
	}
	core_free(flight->env, m.totals);
	core_free(flight->env, m.value);
	return m.work;
}
