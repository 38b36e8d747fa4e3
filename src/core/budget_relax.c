#include "budget_relax.h"

#include <math.h>
#include <string.h>

#include <gsl/gsl_linalg.h>

/* Intervals narrower than this are points: the interior-point method has no room in them. */
#define POINT_WIDTH 1e-11

#define MAX_ITERATIONS 80
#define GAP_TOLERANCE 1e-13

/* One inequality or equality: sign * (spend of the row - limit) >= 0 or = 0; row < 0 is the floor. */
typedef struct Limit
{
	int row;
	double sign; /* 1: from below, -1: from above */
	bool equality;
	const double *members; /* sign for the row's channels, 0 for others */
	double *gradient;	   /* over the segments */
	double excess;
	double slack;
	double price;
	double slack_step;
	double price_step;
	double target; /* of slack * price */
} Limit;

/*
 * The straight or the curved part of an envelope, as a variable of its own: slopes fall from the one to the
 * other, so a best plan fills the straight part first by itself. The envelope's kink, which would throw
 * Newton's method off its course, is gone.
 */
typedef struct Segment
{
	int channel;
	const Curve *curve; /* NULL for the straight part */
	double start;		/* spend at which the segment begins */
	double rise;		/* of the straight part */
	double width;
	double x; /* used, within (0, width) */
	double low_price;
	double high_price;
	double first;
	double second;
	double gradient;
	double inverse; /* of the Hessian's diagonal */
	double step;
	double low_step;
	double high_step;
	double low_target;
	double high_target;
} Segment;

struct RelaxWork
{
	int limits;
	Limit *limit;
	int segments;
	Segment *segment;
	double *members;
	int *
		touching; /* the limits that concern each channel, ascending; channel i's begin at first_touching[i] */
	int *first_touching;
	double *gradients;
	double *schur;
	double *right;
	double *spend;
	double *spend_price;
	BudgetPrices prices;
};

void
budget_piece_set(BudgetPiece *piece, const Curve *curve, double low, double high)
{
	piece->low = low;
	piece->high = high;
	piece->base = curve_value(curve, low);
	piece->knee = low;
	piece->rise = 0;
	if (low < curve->inflection && high > low)
	{
		piece->knee = high <= curve->inflection ? high : curve_tangent(curve, low, high);
		piece->rise = (curve_value(curve, piece->knee) - piece->base) / (piece->knee - low);
	}
}

double
budget_envelope(const BudgetPiece *piece, const Curve *curve, double x)
{
	return x < piece->knee ? piece->base + piece->rise * (x - piece->low) : curve_value(curve, x);
}

double
budget_best_spend(const BudgetPiece *piece, const Curve *curve, double response_price, double price,
				  double *value)
{
	double best = piece->low;
	double most = response_price * piece->base - price * piece->low;
	double candidate[2] = {piece->high, piece->high};
	double start = piece->low > curve->inflection ? piece->low : curve->inflection;

	if (start < piece->high && response_price > 0 && price > 0)
		candidate[0] = curve_demand(curve, price / response_price, start, piece->high);
	for (int i = 0; i < 2; i++)
	{
		double worth;

		if (candidate[i] == best || (i == 1 && candidate[0] == candidate[1]))
			continue;
		worth = response_price * curve_value(curve, candidate[i]) - price * candidate[i];
		if (worth > most)
		{
			most = worth;
			best = candidate[i];
		}
	}
	*value = most;
	return best;
}

double
budget_response_price(const BudgetModel *model, const BudgetPrices *prices)
{
	return model->gain + prices->floor;
}

void
budget_spend_prices(const BudgetModel *model, const BudgetPrices *prices, double *price)
{
	for (int i = 0; i < model->channels; i++)
		price[i] = model->cost[i] + prices->floor * model->floor_rate;
	for (int k = 0; k < model->rows; k++)
	{
		double net = prices->high[k] - prices->low[k];

		if (net == 0)
			continue;
		for (int j = 0; j < model->row[k].count; j++)
			price[model->row[k].members[j]] += net;
	}
}

double
budget_bound(const BudgetModel *model, const BudgetPiece *pieces, const BudgetPrices *prices, double *price,
			 double *best)
{
	double response_price = budget_response_price(model, prices);
	double bound = -prices->floor * model->floor;
	double size = fabs(bound);

	budget_spend_prices(model, prices, price);
	for (int k = 0; k < model->rows; k++)
	{
		double worth = 0;

		if (prices->high[k] > 0)
			worth += prices->high[k] * model->row[k].high;
		if (prices->low[k] > 0)
			worth -= prices->low[k] * model->row[k].low;
		bound += worth;
		size += fabs(worth);
	}
	for (int i = 0; i < model->channels; i++)
	{
		double value;
		double x = budget_best_spend(&pieces[i], &model->curves[i], response_price, price[i], &value);

		if (best)
			best[i] = x;
		bound += value;
		size += fabs(value);
	}
	return bound + 4e-16 * size; /* the sum's own rounding must not make the bound too low */
}

double
budget_value(const BudgetModel *model, const double *x)
{
	double value = 0;

	for (int i = 0; i < model->channels; i++)
		value += model->gain * curve_value(&model->curves[i], x[i]) - model->cost[i] * x[i];
	return value;
}

double
budget_violation(const BudgetModel *model, const double *x)
{
	double worst = 0;

	for (int k = 0; k < model->rows; k++)
	{
		const BudgetRow *row = &model->row[k];
		double spend = 0;

		for (int j = 0; j < row->count; j++)
			spend += x[row->members[j]];
		worst = fmax(worst, fmax(row->low - spend, spend - row->high));
	}
	if (model->has_floor)
	{
		double reached = -model->floor;

		for (int i = 0; i < model->channels; i++)
			reached += curve_value(&model->curves[i], x[i]) - model->floor_rate * x[i];
		worst = fmax(worst, -reached);
	}
	return worst;
}

BudgetPrices
budget_prices_alloc(const CoreEnv *env, const BudgetModel *model)
{
	return (BudgetPrices){CORE_ALLOC_ZERO(env, double, model->rows),
						  CORE_ALLOC_ZERO(env, double, model->rows), 0};
}

void
budget_prices_free(const CoreEnv *env, BudgetPrices *prices)
{
	core_free(env, prices->low);
	core_free(env, prices->high);
}

/* Most rows concern few channels: the normal equations are summed over what each channel touches. */
static void
list_touching(const CoreEnv *env, RelaxWork *work, int channels)
{
	int count = 0;

	work->touching = CORE_ALLOC(env, int, (size_t) work->limits *channels);
	work->first_touching = CORE_ALLOC(env, int, (size_t) channels + 1);
	for (int i = 0; i < channels; i++)
	{
		work->first_touching[i] = count;
		for (int j = 0; j < work->limits; j++)
		{
			if (work->limit[j].row < 0 || work->limit[j].members[i] != 0)
				work->touching[count++] = j;
		}
	}
	work->first_touching[channels] = count;
}

RelaxWork *
relax_work_create(const CoreEnv *env, const BudgetModel *model)
{
	RelaxWork *work = CORE_ALLOC(env, RelaxWork, 1);
	size_t n = model->channels;
	double *members;

	work->limits = 0;
	work->limit = CORE_ALLOC(env, Limit, 2 * (size_t) model->rows + 1);
	for (int k = 0; k < model->rows; k++)
	{
		const BudgetRow *row = &model->row[k];

		if (row->low == row->high)
			work->limit[work->limits++] = (Limit){.row = k, .sign = 1, .equality = true};
		else
		{
			if (row->low > -INFINITY)
				work->limit[work->limits++] = (Limit){.row = k, .sign = 1};
			if (row->high < INFINITY)
				work->limit[work->limits++] = (Limit){.row = k, .sign = -1};
		}
	}
	if (model->has_floor)
		work->limit[work->limits++] = (Limit){.row = -1, .sign = 1};
	work->segment = CORE_ALLOC(env, Segment, 2 * n);
	work->members = members = CORE_ALLOC_ZERO(env, double, work->limits *n);
	work->gradients = CORE_ALLOC(env, double, work->limits * 2 * n);
	work->schur = CORE_ALLOC(env, double, (size_t) work->limits * work->limits);
	work->right = CORE_ALLOC(env, double, work->limits);
	work->spend = CORE_ALLOC(env, double, n);
	work->spend_price = CORE_ALLOC(env, double, n);
	work->prices = budget_prices_alloc(env, model);
	for (int j = 0; j < work->limits; j++)
	{
		Limit *limit = &work->limit[j];

		limit->gradient = work->gradients + j * 2 * n;
		limit->members = members + j * n;
		for (int m = 0; limit->row >= 0 && m < model->row[limit->row].count; m++)
			members[j * n + model->row[limit->row].members[m]] = limit->sign;
	}
	list_touching(env, work, n);
	return work;
}

void
relax_work_free(const CoreEnv *env, RelaxWork *work)
{
	core_free(env, work->limit);
	core_free(env, work->segment);
	core_free(env, work->members);
	core_free(env, work->touching);
	core_free(env, work->first_touching);
	core_free(env, work->gradients);
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
		segment->gradient = model->cost[segment->channel] - model->gain * segment->first;
		work->spend[segment->channel] += segment->x;
		reached += gained - model->floor_rate * segment->x;
	}
	for (int j = 0; j < work->limits; j++)
	{
		Limit *limit = &work->limit[j];

		if (limit->row < 0)
		{
			limit->excess = reached;
			for (int g = 0; g < work->segments; g++)
				limit->gradient[g] = work->segment[g].first - model->floor_rate;
		}
		else
		{
			const BudgetRow *row = &model->row[limit->row];

			limit->excess = limit->sign > 0 ? -row->low : row->high;
			for (int m = 0; m < row->count; m++)
				limit->excess += limit->sign * work->spend[row->members[m]];
		}
		for (int g = 0; g < work->segments; g++)
			work->segment[g].gradient -= limit->price * limit->gradient[g];
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

		add_segment(work, i, NULL, piece->low, piece->knee - piece->low, piece->rise);
		add_segment(work, i, &model->curves[i], piece->knee, piece->high - piece->knee, 0);
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
		for (int g = 0; limit->row >= 0 && g < work->segments; g++)
			limit->gradient[g] = limit->members[work->segment[g].channel];
	}
	evaluate(work, model, pieces);
	for (int j = 0; j < work->limits; j++)
	{
		Limit *limit = &work->limit[j];

		limit->slack = limit->equality ? 0 : fmax(limit->excess, 0.01);
		limit->price = limit->equality ? 0 : fmin(product / limit->slack, 1);
	}
}

/* Sum of the products that must vanish after steps of these lengths, and their mean. */
static double
complementarity(const RelaxWork *work, double primal, double dual, double *mean)
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

/* The normal equations' matrix over the limits; false if it is numerically singular. */
static bool
factor(RelaxWork *work, const BudgetModel *model)
{
	int m = work->limits;
	double response_price = model->gain;
	double largest = 0;
	gsl_matrix_view schur;

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
		const int *touching = work->touching + work->first_touching[p->channel];
		int count = work->first_touching[p->channel + 1] - work->first_touching[p->channel];

		for (int i = 0; i < count; i++)
		{
			double weight = work->limit[touching[i]].gradient[g] * p->inverse;

			for (int j = 0; j <= i; j++)
				work->schur[touching[i] * m + touching[j]] += weight * work->limit[touching[j]].gradient[g];
		}
	}
	for (int a = 0; a < m; a++)
	{
		for (int b = 0; b < a; b++)
			work->schur[b * m + a] = work->schur[a * m + b];
		largest = fmax(largest, work->schur[a * m + a]);
	}
	for (int a = 0; a < m; a++)
	{
		const Limit *limit = &work->limit[a];

		if (!limit->equality)
			work->schur[a * m + a] += limit->slack / limit->price;
		else if (work->schur[a * m + a] == 0)
			work->schur[a * m + a] = 1; /* all its channels are points: it says nothing */
		work->schur[a * m + a] += 1e-15 * largest;
	}
	schur = gsl_matrix_view_array(work->schur, m, m);
	return gsl_linalg_cholesky_decomp1(&schur.matrix) == GSL_SUCCESS;
}

/* Newton's direction towards the targets. */
static void
direction(RelaxWork *work)
{
	int m = work->limits;

	for (int g = 0; g < work->segments; g++)
	{
		Segment *p = &work->segment[g];

		p->step = p->inverse * (p->low_target / p->x - p->high_target / (p->width - p->x) - p->gradient);
	}
	if (m > 0)
	{
		gsl_matrix_view schur = gsl_matrix_view_array(work->schur, m, m);
		gsl_vector_view right = gsl_vector_view_array(work->right, m);

		for (int j = 0; j < m; j++)
		{
			const Limit *limit = &work->limit[j];
			double sum = -limit->excess + (limit->equality ? 0 : limit->target / limit->price);

			for (int g = 0; g < work->segments; g++)
				sum -= limit->gradient[g] * work->segment[g].step;
			work->right[j] = sum;
		}
		gsl_linalg_cholesky_svx(&schur.matrix, &right.vector);
	}
	for (int j = 0; j < m; j++)
	{
		Limit *limit = &work->limit[j];

		limit->price_step = work->right[j];
		limit->slack_step = 0;
		if (!limit->equality)
			limit->slack_step =
				(limit->target - limit->slack * limit->price_step) / limit->price - limit->slack;
		for (int g = 0; g < work->segments; g++)
			work->segment[g].step += work->segment[g].inverse * limit->gradient[g] * limit->price_step;
	}
	for (int g = 0; g < work->segments; g++)
	{
		Segment *p = &work->segment[g];

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

static void
longest_steps(const RelaxWork *work, double *primal, double *dual)
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
static void
predict_and_correct(RelaxWork *work, double mean)
{
	double primal;
	double dual;
	double predicted;
	double target;

	for (int g = 0; g < work->segments; g++)
		work->segment[g].low_target = work->segment[g].high_target = 0;
	for (int j = 0; j < work->limits; j++)
		work->limit[j].target = 0;
	direction(work);
	longest_steps(work, &primal, &dual);
	complementarity(work, primal, dual, &predicted);
	target = mean * fmin(fmax(pow(predicted / mean, 3), 1e-4), 0.9);
	for (int g = 0; g < work->segments; g++)
	{
		Segment *p = &work->segment[g];

		p->low_target = target - p->step * p->low_step;
		p->high_target = target + p->step * p->high_step;
	}
	for (int j = 0; j < work->limits; j++)
		work->limit[j].target = target - work->limit[j].slack_step * work->limit[j].price_step;
	direction(work);
}

static void
advance(RelaxWork *work, double primal, double dual)
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
		gap = complementarity(work, 0, 0, &mean);
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
		if (!factor(work, model))
			return false;
		predict_and_correct(work, mean);
		longest_steps(work, &primal, &dual);
		stalled = primal < 1e-6 && dual < 1e-6 ? stalled + 1 : 0;
		advance(work, 0.995 * primal, 0.995 * dual);
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
	if (!converged)
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
