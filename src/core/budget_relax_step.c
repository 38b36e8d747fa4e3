/*
 * One step of the interior-point method: Newton's direction by the normal equations over the limits, which are
 * few beside the channels, and how far it may go.
 */
#include "budget_relax_work.h"

#include <math.h>
#include <string.h>

/* A pivot that is this part of what it was made of is rounding. */
#define DEPENDENT 1e-13
#define INFINITE_PIVOT 1e64

double
relax_complementarity(const RelaxWork *work, double primal, double dual, double *mean)
{
	double sum = 0;
	int count = 2 * work->segments;

	for (int g = 0; g < work->segments; g++)
	{
		const Segment *p = &work->segment[g];
		double x = p->x + primal * p->step;

		sum +=
			x * (p->low_price + dual * p->low_step) + (p->width - x) * (p->high_price + dual * p->high_step);
	}
	for (int j = 0; j < work->limits; j++)
	{
		const Limit *limit = &work->limit[j];

		if (limit->equality)
			continue;
		sum += (limit->slack + primal * limit->slack_step) * (limit->price + dual * limit->price_step);
		count++;
	}
	*mean = count > 0 ? sum / count : 0;
	return sum;
}

/*
 * Cholesky's decomposition U'U of the upper triangle in place. Limits that say the same as others, exactly or in what
 * a node has left of their channels, leave a pivot of rounding alone: an infinite one in its place keeps their prices
 * where they are, and the others' steps are right (Wright 1999).
 */
static bool
decompose(double *a, int m, double *diagonal)
{
	for (int i = 0; i < m; i++)
		diagonal[i] = a[i * m + i];
	for (int k = 0; k < m; k++)
	{
		double *row = a + k * m;

		if (!isfinite(row[k]))
			return false;
		row[k] = row[k] > DEPENDENT * diagonal[k] ? sqrt(row[k]) : INFINITE_PIVOT;
		for (int j = k + 1; j < m; j++)
			row[j] /= row[k];
		for (int i = k + 1; i < m; i++)
		{
			double factor = row[i];

			for (int j = i; factor != 0 && j < m; j++)
				a[i * m + j] -= factor * row[j];
		}
	}
	return true;
}

/* In place; the decomposition is of decompose(). */
static void
solve(const double *a, int m, double *x)
{
	for (int k = 0; k < m; k++)
	{
		x[k] /= a[k * m + k];
		for (int j = k + 1; j < m; j++)
			x[j] -= a[k * m + j] * x[k];
	}
	for (int k = m - 1; k >= 0; k--)
	{
		for (int j = k + 1; j < m; j++)
			x[k] -= a[k * m + j] * x[j];
		x[k] /= a[k * m + k];
	}
}

/* Adds what one segment contributes, or all of a channel if there is no floor. */
static void
add_to_schur(RelaxWork *work, int channel, double inverse, double floor_gradient)
{
	const int *touching = work->touching + work->first_touching[channel];
	int count = work->first_touching[channel + 1] - work->first_touching[channel];

	for (int i = 0; i < count; i++)
	{
		const Limit *limit = &work->limit[touching[i]];
		double *row = work->schur + (size_t) touching[i] * work->limits;
		double weight = inverse * (limit->row < 0 ? floor_gradient : limit->sign);

		for (int j = i; j < count; j++)
		{
			const Limit *other = &work->limit[touching[j]];

			row[touching[j]] += weight * (other->row < 0 ? floor_gradient : other->sign);
		}
	}
}

bool
relax_factor(RelaxWork *work, const BudgetModel *model)
{
	int m = work->limits;
	double response_price = model->gain;
	double largest = 0;

	for (int j = 0; j < m; j++)
	{
		if (work->limit[j].row < 0)
			response_price += work->limit[j].price;
	}
	for (int g = 0; g < work->segments; g++)
	{
		Segment *p = &work->segment[g];

		p->inverse = 1 / (p->low_price / p->x + p->high_price / (p->width - p->x) -
						  response_price * p->second + 1e-100);
	}
	if (m == 0)
		return true;
	memset(work->schur, 0, sizeof(double) * m * m);
	for (int g = 0; g < work->segments; g++)
	{
		const Segment *p = &work->segment[g];
		double inverse = p->inverse;

		while (!model->has_floor && g + 1 < work->segments && work->segment[g + 1].channel == p->channel)
			inverse += work->segment[++g].inverse;
		add_to_schur(work, p->channel, inverse, p->floor_gradient);
	}
	for (int a = 0; a < m; a++)
		largest = fmax(largest, work->schur[a * m + a]);
	for (int a = 0; a < m; a++)
	{
		const Limit *limit = &work->limit[a];

		if (!limit->equality)
			work->schur[a * m + a] += limit->slack / limit->price;
		else if (work->schur[a * m + a] == 0)
			work->schur[a * m + a] = 1; /* all its channels are points: it says nothing */
		work->schur[a * m + a] += 1e-15 * largest;
	}
	return decompose(work->schur, m, work->right);
}

/* A floor is a matter of segments. */
void
relax_gather(RelaxWork *work, int channels, bool steps)
{
	for (int i = 0; i < channels; i++)
	{
		double sum = 0;

		for (int t = work->first_touching[i]; t < work->first_touching[i + 1]; t++)
		{
			const Limit *limit = &work->limit[work->touching[t]];

			if (limit->row >= 0)
				sum += limit->sign * (steps ? limit->price_step : limit->price);
		}
		work->gathered[i] = sum;
	}
}

/* Takes from the right hand side what the segments' steps do to each limit. */
static void
subtract_steps(RelaxWork *work)
{
	for (int g = 0; g < work->segments; g++)
	{
		const Segment *p = &work->segment[g];
		double floor = p->floor_gradient * p->step;
		double step = p->step;

		while (g + 1 < work->segments && work->segment[g + 1].channel == p->channel)
		{
			g++;
			step += work->segment[g].step;
			floor += work->segment[g].floor_gradient * work->segment[g].step;
		}
		for (int t = work->first_touching[p->channel]; t < work->first_touching[p->channel + 1]; t++)
		{
			const Limit *limit = &work->limit[work->touching[t]];

			work->right[work->touching[t]] -= limit->row < 0 ? floor : limit->sign * step;
		}
	}
}

/* Newton's direction towards the targets. */
static void
direction(RelaxWork *work, int channels)
{
	double floor_step = 0;

	for (int g = 0; g < work->segments; g++)
	{
		Segment *p = &work->segment[g];

		p->step = p->inverse * (p->low_target / p->x - p->high_target / (p->width - p->x) - p->gradient);
	}
	for (int j = 0; j < work->limits; j++)
	{
		const Limit *limit = &work->limit[j];

		work->right[j] = -limit->excess + (limit->equality ? 0 : limit->target / limit->price);
	}
	subtract_steps(work);
	solve(work->schur, work->limits, work->right);
	for (int j = 0; j < work->limits; j++)
	{
		Limit *limit = &work->limit[j];

		limit->price_step = work->right[j];
		limit->slack_step = 0;
		if (!limit->equality)
			limit->slack_step =
				(limit->target - limit->slack * limit->price_step) / limit->price - limit->slack;
		if (limit->row < 0)
			floor_step = limit->price_step;
	}
	relax_gather(work, channels, true);
	for (int g = 0; g < work->segments; g++)
	{
		Segment *p = &work->segment[g];

		p->step += p->inverse * (work->gathered[p->channel] + p->floor_gradient * floor_step);
		p->low_step = (p->low_target - p->low_price * p->step) / p->x - p->low_price;
		p->high_step = (p->high_target + p->high_price * p->step) / (p->width - p->x) - p->high_price;
	}
}

static void
shorten(double *length, double value, double step)
{
	if (step < 0 && value + *length * step < 0)
		*length = -value / step;
}

void
relax_longest_steps(const RelaxWork *work, double *primal, double *dual)
{
	*primal = *dual = 1;
	for (int g = 0; g < work->segments; g++)
	{
		const Segment *p = &work->segment[g];

		shorten(primal, p->x, p->step);
		shorten(primal, p->width - p->x, -p->step);
		shorten(dual, p->low_price, p->low_step);
		shorten(dual, p->high_price, p->high_step);
	}
	for (int j = 0; j < work->limits; j++)
	{
		const Limit *limit = &work->limit[j];

		if (limit->equality)
			continue;
		shorten(primal, limit->slack, limit->slack_step);
		shorten(dual, limit->price, limit->price_step);
	}
}

/* Mehrotra's two directions: the first aims at 0 and tells how much centring the second needs. */
void
relax_direction(RelaxWork *work, int channels, double mean)
{
	double primal;
	double dual;
	double predicted;
	double target;

	for (int g = 0; g < work->segments; g++)
		work->segment[g].low_target = work->segment[g].high_target = 0;
	for (int j = 0; j < work->limits; j++)
		work->limit[j].target = 0;
	direction(work, channels);
	relax_longest_steps(work, &primal, &dual);
	relax_complementarity(work, primal, dual, &predicted);
	target = mean * fmin(fmax(pow(predicted / mean, 3), 1e-4), 0.9);
	for (int g = 0; g < work->segments; g++)
	{
		Segment *p = &work->segment[g];

		p->low_target = target - p->step * p->low_step;
		p->high_target = target + p->step * p->high_step;
	}
	for (int j = 0; j < work->limits; j++)
		work->limit[j].target = target - work->limit[j].slack_step * work->limit[j].price_step;
	direction(work, channels);
}

void
relax_advance(RelaxWork *work, double primal, double dual)
{
	for (int g = 0; g < work->segments; g++)
	{
		Segment *p = &work->segment[g];

		p->x += primal * p->step;
		p->low_price += dual * p->low_step;
		p->high_price += dual * p->high_step;
	}
	for (int j = 0; j < work->limits; j++)
	{
		work->limit[j].slack += primal * work->limit[j].slack_step;
		work->limit[j].price += dual * work->limit[j].price_step;
	}
}
