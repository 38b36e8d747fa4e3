/*
 * Moves between two channels: where S-shaped curves leave a gap, the best weights need not lead to the best plan.
 */
#include "budget_risk_state.h"

#include <math.h>

#define MOST_SWEEPS 8
#define SAMPLES 8
#define GOLDEN 0.6180339887498949

/* How much may be moved from channel a to channel b under all limits. */
static double
room(const TailSearch *s, const double *x, int a, int b)
{
	double most = fmin(x[a] - s->channel[a].low, s->channel[b].high - x[b]);

	most = fmin(most, budget_group_room(s->request.group, s->request.groups, x, 1, a, b));
	return fmax(most, 0);
}

static double
worth_of_move(TailSearch *s, double *x, int a, int b, double amount)
{
	double value;

	x[a] -= amount;
	x[b] += amount;
	value = tail_worth(s, x);
	x[a] += amount;
	x[b] -= amount;
	return value;
}

static double
best_move(TailSearch *s, double *x, int a, int b, double value)
{
	double most = room(s, x, a, b);
	double at = 0;
	double best = value;
	double low;
	double high;

	for (int k = 1; k <= SAMPLES && most > 1e-9 * x[a]; k++)
	{
		double amount = most * (k == SAMPLES ? 1 : pow(0.4, SAMPLES - k));
		double moved = worth_of_move(s, x, a, b, amount);

		if (moved > best)
		{
			best = moved;
			at = amount;
		}
	}
	if (at == 0)
		return value;
	low = 0.4 * at;
	high = fmin(at / 0.4, most);
	for (int step = 0; step < 24; step++)
	{
		double left = high - GOLDEN * (high - low);
		double right = low + GOLDEN * (high - low);

		if (worth_of_move(s, x, a, b, left) < worth_of_move(s, x, a, b, right))
			low = left;
		else
			high = right;
	}
	if (worth_of_move(s, x, a, b, 0.5 * (low + high)) > best)
		at = 0.5 * (low + high);
	x[a] -= at;
	x[b] += at;
	return tail_worth(s, x);
}

/* Leaves the plan no worse. */
void
tail_improve(TailSearch *s, double *x)
{
	int n = s->draws->channels;
	double value = tail_worth(s, x);

	for (int sweep = 0; sweep < MOST_SWEEPS; sweep++)
	{
		double before = value;

		for (int a = 0; a < n; a++)
			for (int b = 0; b < n; b++)
			{
				core_check(s->env);
				if (a != b && x[a] > s->channel[a].low)
					value = best_move(s, x, a, b, value);
			}
		if (value - before <= 1e-9 * fabs(value))
			break;
	}
}
