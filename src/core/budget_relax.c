#include "budget_relax_work.h"

#include <math.h>
#include <string.h>

/* Intervals narrower than this are points: the interior-point method has no room in them. */
#define POINT_WIDTH 1e-11

#define MAX_ITERATIONS 80
#define GAP_TOLERANCE 1e-13

/* Most rows concern few channels: the normal equations are summed over what each channel touches. */
static void
list_touching(const CoreEnv *env, RelaxWork *work, const BudgetModel *model)
{
	int n = model->channels;
	bool *member = CORE_ALLOC_ZERO(env, bool, (size_t) model->rows *n);
	int count = 0;

	for (int k = 0; k < model->rows; k++)
	{
		for (int m = 0; m < model->row[k].count; m++)
			member[(size_t) k * n + model->row[k].members[m]] = true;
	}
	work->touching = CORE_ALLOC(env, int, (size_t) work->limits *n);
	work->first_touching = CORE_ALLOC(env, int, (size_t) n + 1);
	for (int i = 0; i < n; i++)
	{
		work->first_touching[i] = count;
		for (int j = 0; j < work->limits; j++)
		{
			if (work->limit[j].row < 0 || member[(size_t) work->limit[j].row * n + i])
				work->touching[count++] = j;
		}
	}
	work->first_touching[n] = count;
	core_free(env, member);
}

/* Whether another row over the same channels says as much as this row's limit on one side, or more. */
static bool
is_said_elsewhere(const BudgetModel *model, int k, bool low)
{
	const BudgetRow *row = &model->row[k];

	for (int j = 0; j < model->rows; j++)
	{
		const BudgetRow *other = &model->row[j];
		double more = low ? other->low - row->low : row->high - other->high;

		if (j != k && more >= 0 && (more > 0 || j < k || other->low == other->high) &&
			other->count == row->count && memcmp(other->members, row->members, sizeof(int) * row->count) == 0)
			return true;
	}
	return false;
}

RelaxWork *
relax_work_create(const CoreEnv *env, const BudgetModel *model)
{
	RelaxWork *work = CORE_ALLOC(env, RelaxWork, 1);
	size_t n = model->channels;
	size_t parts = budget_most_parts(model->curves, model->channels);

	work->limits = 0;
	work->limit = CORE_ALLOC(env, Limit, 2 * (size_t) model->rows + 1);
	for (int k = 0; k < model->rows; k++)
	{
		const BudgetRow *row = &model->row[k];

		if (row->low == row->high)
			work->limit[work->limits++] = (Limit){.row = k, .sign = 1, .equality = true};
		else
		{
			if (row->low > -INFINITY && !is_said_elsewhere(model, k, true))
				work->limit[work->limits++] = (Limit){.row = k, .sign = 1};
			if (row->high < INFINITY && !is_said_elsewhere(model, k, false))
				work->limit[work->limits++] = (Limit){.row = k, .sign = -1};
		}
	}
	if (model->has_floor)
		work->limit[work->limits++] = (Limit){.row = -1, .sign = 1};
	work->segment = CORE_ALLOC(env, Segment, parts);
	work->gathered = CORE_ALLOC(env, double, n);
	work->schur = CORE_ALLOC(env, double, (size_t) work->limits * work->limits);
	work->right = CORE_ALLOC(env, double, work->limits);
	work->spend = CORE_ALLOC(env, double, n);
	work->spend_price = CORE_ALLOC(env, double, n);
	work->prices = budget_prices_alloc(env, model);
	list_touching(env, work, model);
	return work;
}

void
relax_work_free(const CoreEnv *env, RelaxWork *work)
{
	core_free(env, work->limit);
	core_free(env, work->segment);
	core_free(env, work->touching);
	core_free(env, work->first_touching);
	core_free(env, work->gathered);
	core_free(env, work->schur);
	core_free(env, work->right);
	core_free(env, work->spend);
	core_free(env, work->spend_price);
	budget_prices_free(env, &work->prices);
	core_free(env, work);
}

/* Where every segment and limit stands, with its gradient. */
static void
evaluate(RelaxWork *work, const BudgetModel *model, const BudgetPiece *pieces)
{
	double reached = -model->floor;
	double floor_price = 0;

	for (int i = 0; i < model->channels; i++)
	{
		work->spend[i] = pieces[i].low;
		reached += pieces[i].base - model->floor_rate * pieces[i].low;
	}
	for (int g = 0; g < work->segments; g++)
	{
		Segment *segment = &work->segment[g];
		double gained = segment->rise * segment->x;

		segment->first = segment->rise;
		segment->second = 0;
		if (segment->curve)
		{
			CurvePoint at = curve_at(segment->curve, segment->start + segment->x);

			gained = at.value - curve_value(segment->curve, segment->start);
			segment->first = fmin(at.first, 1e100);
			segment->second = fmax(fmin(at.second, 0), -1e100);
		}
		segment->floor_gradient = model->has_floor ? segment->first - model->floor_rate : 0;
		work->spend[segment->channel] += segment->x;
		reached += gained - model->floor_rate * segment->x;
	}
	for (int j = 0; j < work->limits; j++)
	{
		Limit *limit = &work->limit[j];

		if (limit->row < 0)
		{
			limit->excess = reached;
			floor_price = limit->price;
		}
		else
		{
			const BudgetRow *row = &model->row[limit->row];

			limit->excess = limit->sign > 0 ? -row->low : row->high;
			for (int m = 0; m < row->count; m++)
				limit->excess += limit->sign * work->spend[row->members[m]];
		}
	}
	relax_gather(work, model->channels, false);
	for (int g = 0; g < work->segments; g++)
	{
		Segment *segment = &work->segment[g];

		segment->gradient = model->cost[segment->channel] - model->gain * segment->first -
							work->gathered[segment->channel] - floor_price * segment->floor_gradient;
	}
}

static void
add_segment(RelaxWork *work, int channel, const Curve *curve, double start, double width, double rise)
{
	if (width > POINT_WIDTH)
		work->segment[work->segments++] =
			(Segment){.channel = channel, .curve = curve, .start = start, .width = width, .rise = rise};
}

/* Every channel uses this much of its width: most of what the tightest row leaves. */
static double
first_fraction(const BudgetModel *model, const BudgetPiece *pieces)
{
	double fraction = 0.9;

	for (int k = 0; k < model->rows; k++)
	{
		const BudgetRow *row = &model->row[k];
		double low = 0;
		double width = 0;

		for (int m = 0; m < row->count; m++)
		{
			low += pieces[row->members[m]].low;
			width += pieces[row->members[m]].high - pieces[row->members[m]].low;
		}
		if (row->high < INFINITY && 0.95 * (row->high - low) < fraction * width)
			fraction = fmax(0.95 * (row->high - low) / width, 0.02);
	}
	return fraction;
}

static void
start(RelaxWork *work, const BudgetModel *model, const BudgetPiece *pieces)
{
	double fraction = first_fraction(model, pieces);
	double product; /* what complementary pairs start at */

	work->segments = 0;
	for (int i = 0; i < model->channels; i++)
	{
		const BudgetPiece *piece = &pieces[i];

		for (int k = 0; k < piece->parts; k++)
		{
			const BudgetPart *part = &piece->part[k];

			add_segment(work, i, part->straight ? NULL : &model->curves[i], part->from, part->to - part->from,
						part->rise);
		}
	}
	product = work->segments > 0 ? 0.1 / work->segments : 0;
	for (int g = 0; g < work->segments; g++)
	{
		Segment *segment = &work->segment[g];

		segment->x = fraction * segment->width;
		segment->low_price = fmin(product / segment->x, 1e3);
		segment->high_price = fmin(product / (segment->width - segment->x), 1e3);
	}
	for (int j = 0; j < work->limits; j++)
	{
		Limit *limit = &work->limit[j];

		limit->price = limit->slack_step = limit->price_step = 0;
	}
	evaluate(work, model, pieces);
	for (int j = 0; j < work->limits; j++)
	{
		Limit *limit = &work->limit[j];

		limit->slack = limit->equality ? 0 : fmax(limit->excess, 0.01);
		limit->price = limit->equality ? 0 : fmin(product / limit->slack, 1);
	}
}

static double
residual(const RelaxWork *work)
{
	double worst = 0;

	for (int j = 0; j < work->limits; j++)
		worst = fmax(worst, fabs(work->limit[j].excess - work->limit[j].slack));
	return worst;
}

static double
bound_now(RelaxWork *work, const BudgetModel *model, const BudgetPiece *pieces, BudgetPrices *prices)
{
	for (int k = 0; k < model->rows; k++)
		prices->low[k] = prices->high[k] = 0;
	prices->floor = 0;
	for (int j = 0; j < work->limits; j++)
	{
		const Limit *limit = &work->limit[j];

		if (limit->row < 0)
			prices->floor = limit->price;
		else if (limit->sign > 0 && limit->price > 0)
			prices->low[limit->row] = limit->price;
		else
			prices->high[limit->row] = fabs(limit->price);
	}
	return budget_bound(model, pieces, prices, work->spend_price, NULL);
}

static void
copy_prices(BudgetPrices *to, const BudgetPrices *from, int rows)
{
	memcpy(to->low, from->low, sizeof(double) * rows);
	memcpy(to->high, from->high, sizeof(double) * rows);
	to->floor = from->floor;
}

/*
 * Iterates until the optimality conditions hold, or nothing moves any more. With `best`, keeps the prices of
 * the lowest bound on the way; without, looks at the bound only to see whether it fell to the cutoff. Returns
 * whether it reached its end.
 */
static bool
iterate(const CoreEnv *env, RelaxWork *work, const BudgetModel *model, const BudgetPiece *pieces,
		double cutoff, BudgetPrices *prices, double *best)
{
	int stalled = 0;

	start(work, model, pieces);
	for (int iteration = 0; iteration < MAX_ITERATIONS; iteration++)
	{
		double mean;
		double primal;
		double dual;
		double gap;

		core_check(env);
		evaluate(work, model, pieces);
		gap = relax_complementarity(work, 0, 0, &mean);
		if (gap <= GAP_TOLERANCE && residual(work) <= 1e-12)
			return true;
		if (stalled > 4 || !isfinite(gap))
			return false;
		if (best)
		{
			double bound = bound_now(work, model, pieces, &work->prices);

			if (bound < *best)
			{
				*best = bound;
				copy_prices(prices, &work->prices, model->rows);
			}
		}
		else if (iteration >= 6 && iteration % 4 == 2 && cutoff > -INFINITY &&
				 bound_now(work, model, pieces, prices) <= cutoff)
			return true;
		if (!relax_factor(work, model))
			return false;
		relax_direction(work, model->channels, mean);
		relax_longest_steps(work, &primal, &dual);
		stalled = primal < 1e-6 && dual < 1e-6 ? stalled + 1 : 0;
		relax_advance(work, 0.995 * primal, 0.995 * dual);
	}
	return false;
}

double
relax_solve(const CoreEnv *env, RelaxWork *work, const BudgetModel *model, const BudgetPiece *pieces,
			double cutoff, BudgetPrices *prices, double *x)
{
	bool converged = iterate(env, work, model, pieces, cutoff, prices, NULL);
	double bound;

	for (int i = 0; i < model->channels; i++)
		x[i] = fmin(fmax(work->spend[i], pieces[i].low), pieces[i].high); /* NaN becomes low */
	bound = bound_now(work, model, pieces, prices);
	if (!converged && !(bound <= cutoff))
	{
		/* No room inside the limits, or hardly any: prices run away, but were good on the way there. */
		if (!isfinite(bound))
		{
			memset(prices->low, 0, sizeof(double) * model->rows);
			memset(prices->high, 0, sizeof(double) * model->rows);
			prices->floor = 0;
			bound = budget_bound(model, pieces, prices, work->spend_price, NULL);
		}
		iterate(env, work, model, pieces, cutoff, prices, &bound);
	}
	return bound;
}
