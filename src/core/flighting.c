/*
 * The plan of spend per channel and period: limits, candidates for the plan, what none exceeds, and the search.
 */
#include "flighting_state.h"

#include <math.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------------
 * Limits
 * ------------------------------------------------------------------------------------------------------ */

/* The most that lines of these slopes, one a channel, can bring under the limits. */
static CoreStatus
best_of_lines(const Flight *f, const double *slope, BudgetPlan *plan, BudgetTrouble *trouble)
{
	const FlightRequest *r = f->request;
	BudgetChannel *channels = CORE_ALLOC_ZERO(f->env, BudgetChannel, f->n);
	BudgetRequest lines = {.channels = f->n,
						   .channel = channels,
						   .groups = r->groups,
						   .group = r->group,
						   .total = r->total,
						   .margin = 1,
						   .tolerance = 1e-9,
						   .node_limit = 10000};
	CoreStatus status;

	for (int c = 0; c < f->n; c++)
	{
		channels[c].curve = (Curve){.shape = {SATURATION_LINEAR, 1, 1}, .coefficient = slope[c], .weight = 1};
		curve_prepare(&channels[c].curve);
		channels[c].current = NAN;
		channels[c].high = INFINITY;
	}
	status = budget_optimize(f->env, &lines, plan, trouble);
	core_free(f->env, channels);
	return status;
}

double
flight_room(const Flight *f, const double *totals, int a, int b)
{
	double room = a >= 0 ? totals[a] : INFINITY;
	double total = 0;

	for (int c = 0; c < f->n; c++)
		total += totals[c];
	if (a < 0)
		room = f->request->total / f->spend_unit - total;
	room = fmin(room, budget_group_room(f->request->group, f->request->groups, totals, f->spend_unit, a, b));
	return fmax(room, 0);
}

static bool
meets_limits(const Flight *f, const double *totals)
{
	double total = 0;

	for (int c = 0; c < f->n; c++)
		total += totals[c];
	if (total * f->spend_unit > f->request->total * (1 + FLIGHT_SLACK))
		return false;
	for (int g = 0; g < f->request->groups; g++)
	{
		const BudgetGroup *group = &f->request->group[g];
		double spend = 0;

		for (int m = 0; m < group->count; m++)
			spend += totals[group->members[m]] * f->spend_unit;
		if (spend < group->low - FLIGHT_SLACK * f->spend_unit ||
			spend > group->high + FLIGHT_SLACK * f->spend_unit)
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------------------------------------------
 * Plans
 * ------------------------------------------------------------------------------------------------------ */

static void
channel_totals(const Flight *f, const double *x, double *totals)
{
	for (int c = 0; c < f->n; c++)
	{
		totals[c] = 0;
		for (int t = 0; t < f->periods; t++)
			totals[c] += x[c * f->periods + t];
	}
}

/*
 * What no plan exceeds: the majorants are concave, so they lie below their tangent plane at any x; and the best that
 * a plane allows puts each channel's spend into the period with the highest slope.
 */
static CoreStatus
bound_at(Flight *f, const double *x, double *bound, BudgetPlan *lines, BudgetTrouble *trouble)
{
	double *gradient = CORE_ALLOC(f->env, double, f->periods);
	double *steepest = CORE_ALLOC_ZERO(f->env, double, f->n);
	double unit = f->response_unit / f->spend_unit;
	double value = 0;
	double size = 0;
	CoreStatus status;

	for (int c = 0; c < f->n; c++)
	{
		const double *own = x + (size_t) c * f->periods;

		value += flight_channel_value(f, c, true, own, gradient, NULL);
		for (int t = 0; t < f->periods; t++)
		{
			value -= gradient[t] * own[t];
			size += gradient[t] * own[t];
			steepest[c] = fmax(steepest[c], unit * gradient[t]);
		}
	}
	status = best_of_lines(f, steepest, lines, trouble);
	if (status == CORE_OK)
		*bound = (value + 1e-14 * (size + fabs(value))) * f->response_unit + lines->bound;
	core_free(f->env, gradient);
	core_free(f->env, steepest);
	return status;
}

/* Flights are tried up to so many periods apart. */
#define MOST_APART 16

/* Rows of the solver hold to rounding; a plan's own must not exceed the total. */
void
flight_tidy(const Flight *f, double *x)
{
	double most = f->request->total / f->spend_unit;
	double total = 0;

	for (int i = 0; i < f->n * f->periods; i++)
	{
		x[i] = x[i] > 1e-9 ? x[i] : 0;
		total += x[i];
	}
	for (int i = 0; i < f->n * f->periods && total > most; i++)
		x[i] *= most / total;
}

void
flight_offer(Flight *f, const double *x, FlightBest *best)
{
	double *totals = CORE_ALLOC(f->env, double, f->n);
	double value = flight_value(f, false, x);

	channel_totals(f, x, totals);
	if (value > best->value && meets_limits(f, totals))
	{
		best->value = value;
		memcpy(best->x, x, sizeof(double) * f->n * f->periods);
	}
	core_free(f->env, totals);
}

/* A channel's total in every `every`-th period alone, from the first on. */
static void
spread_channel(const Flight *f, int c, double total, int every, double *x)
{
	int used = (f->periods + every - 1) / every;
	double *own = x + (size_t) c * f->periods;

	for (int t = 0; t < f->periods; t++)
		own[t] = t % every == 0 ? total / used : 0;
}

static void
spread(const Flight *f, const double *totals, int every, double *x)
{
	for (int c = 0; c < f->n; c++)
		spread_channel(f, c, totals[c], every, x);
}

/* Each channel in flights of its own, as far apart as suits it best. */
static void
spread_best(Flight *f, const double *totals, double *x)
{
	for (int c = 0; c < f->n; c++)
	{
		double most = -INFINITY;
		int chosen = 1;

		for (int every = 1; every <= f->periods && every <= MOST_APART; every++)
		{
			double value;

			spread_channel(f, c, totals[c], every, x);
			value = flight_channel_value(f, c, false, x + (size_t) c * f->periods, NULL, NULL);
			chosen = value > most ? every : chosen;
			most = fmax(most, value);
		}
		spread_channel(f, c, totals[c], chosen, x);
	}
}

/* The best way to spread these totals, improved where there may be better plans than its neighbours. */
static void
try_totals(Flight *f, const double *totals, FlightBest *best)
{
	double *x = CORE_ALLOC(f->env, double, (size_t) f->n * f->periods);

	if (meets_limits(f, totals))
	{
		spread(f, totals, 1, x);
		flight_offer(f, x, best);
		if (!f->concave)
		{
			spread_best(f, totals, x);
			flight_offer(f, x, best);
		}
		if (!f->concave && !f->separable)
		{
			flight_improve(f, x);
			flight_offer(f, x, best);
		}
	}
	core_free(f->env, x);
}

static double
flat_response(Flight *f, const double *totals)
{
	double *x = CORE_ALLOC(f->env, double, (size_t) f->n * f->periods);
	double value;

	spread(f, totals, 1, x);
	value = flight_value(f, false, x);
	core_free(f->env, x);
	return value;
}

/* ------------------------------------------------------------------------------------------------------
 * Carry-over after saturation: every period is a channel of its own in a budget problem
 * ------------------------------------------------------------------------------------------------------ */

/* More nodes are not worth their time among hundreds of periods that are alike. */
#define NODES 2000

static bool
is_separable(const Flight *f)
{
	for (int c = 0; c < f->n; c++)
		for (int k = 0; k < f->request->channel[c].geos * f->periods; k++)
			if (f->request->channel[c].lags > 1 || f->request->channel[c].base[k] != 0 ||
				!curve_table_takes(f->request->channel[c].shape.kind))
				return false;
	return true;
}

/* Of a spend in units of the total. */
static CurveTable *
table_of(const Flight *f, const FlightChannel *channel)
{
	double *scale = CORE_ALLOC(f->env, double, channel->geos);
	CurveTerms terms = {channel->shape, 1 / f->response_unit, channel->geos, channel->gain, scale};
	CurveGrid grid = {0};
	CurveTable *table = NULL;
	double *jet;

	for (int g = 0; g < channel->geos; g++)
		scale[g] = channel->rate[g] * f->spend_unit;
	curve_grid_show(&grid, &terms, 1e-11);
	curve_grid_choose(&grid, 1e-11);
	if (grid.knots > 0)
	{
		jet = CORE_ALLOC_ZERO(f->env, double, (size_t) grid.knots *CURVE_GRID_JET);
		curve_grid_add(f->env, &grid, &terms, jet);
		table = curve_table_create(f->env, &grid, jet);
		core_free(f->env, jet);
	}
	core_free(f->env, scale);
	return table;
}

static BudgetGroup
group_of_cells(const Flight *f, const BudgetGroup *group)
{
	BudgetGroup cells = {group->low / f->spend_unit, group->high / f->spend_unit, 0, NULL};

	cells.members = CORE_ALLOC(f->env, int, (size_t) group->count * f->periods);
	for (int m = 0; m < group->count; m++)
		for (int t = 0; t < f->periods; t++)
			cells.members[cells.count++] = group->members[m] * f->periods + t;
	return cells;
}

static void
solve_separable(Flight *f, const double *start, FlightBest *best, double *bound)
{
	const FlightRequest *r = f->request;
	int cells = f->n * f->periods;
	BudgetChannel *channels = CORE_ALLOC_ZERO(f->env, BudgetChannel, cells);
	BudgetGroup *groups = CORE_ALLOC(f->env, BudgetGroup, r->groups);
	BudgetRequest request = {.channels = cells,
							 .channel = channels,
							 .groups = r->groups,
							 .group = groups,
							 .total = 1,
							 .margin = 1,
							 .tolerance = 1e-6,
							 .node_limit = NODES,
							 .start = start};
	BudgetTrouble trouble;
	BudgetPlan plan;

	for (int g = 0; g < r->groups; g++)
		groups[g] = group_of_cells(f, &r->group[g]);
	for (int c = 0; c < f->n; c++)
	{
		const CurveTable *table = table_of(f, &r->channel[c]);

		for (int t = 0; t < f->periods; t++)
		{
			BudgetChannel *cell = &channels[c * f->periods + t];

			cell->curve = (Curve){.shape = {SATURATION_HILL, 1, 1},
								  .coefficient = table && r->channel[c].weight[t] > 0,
								  .weight = r->channel[c].weight[t],
								  .table = table,
								  .stretch = 1};
			curve_prepare(&cell->curve);
			cell->current = NAN;
			cell->high = CURVE_TABLE_MOST;
		}
	}
	if (budget_optimize(f->env, &request, &plan, &trouble) == CORE_OK)
	{
		*bound = fmin(*bound, plan.bound * f->response_unit);
		flight_offer(f, plan.spend, best);
	}
}

CoreStatus
flight_optimize(const CoreEnv *env, const FlightRequest *request, FlightPlan *plan, BudgetTrouble *trouble)
{
	size_t cells = (size_t) request->channels * request->periods;
	Flight f = {.env = env,
				.request = request,
				.n = request->channels,
				.periods = request->periods,
				.spend_unit = request->total > 0 ? request->total : 1,
				.response_unit = 1};
	double *x = CORE_ALLOC(env, double, cells);
	double *totals = CORE_ALLOC(env, double, request->channels);
	FlightBest best = {CORE_ALLOC(env, double, cells), -INFINITY};
	BudgetPlan lines;
	CoreStatus status;
	double bound;

	f.stock = CORE_ALLOC(env, double, f.periods);
	f.slope = CORE_ALLOC(env, double, f.periods);
	f.bend = CORE_ALLOC(env, double, f.periods);
	flight_make_majorants(&f);
	f.separable = is_separable(&f);
	for (int c = 0; c < f.n; c++)
		totals[c] = 1;
	status = best_of_lines(&f, totals, &lines, trouble); /* conflicts show here; a plan that is allowed */
	if (status != CORE_OK)
		return status;
	for (int c = 0; c < f.n; c++)
		totals[c] = lines.spend[c] / f.spend_unit;
	f.response_unit = fmax(flat_response(&f, totals), 1e-300);
	spread(&f, totals, 1, x);
	bound = flight_relax(&f, -INFINITY, x);
	status = bound_at(&f, x, &plan->bound, &lines, trouble);
	if (status != CORE_OK)
		return status;
	plan->bound = fmin(plan->bound, bound * f.response_unit);
	try_totals(&f, totals, &best);
	for (int c = 0; c < f.n; c++)
		totals[c] = request->current[c] / f.spend_unit;
	try_totals(&f, totals, &best);
	flight_tidy(&f, x);
	channel_totals(&f, x, totals);
	try_totals(&f, totals, &best);
	flight_offer(&f, x, &best);
	if (!f.concave && !f.separable)
	{
		flight_improve(&f, x);
		flight_offer(&f, x, &best);
		plan->bound = f.response_unit * flight_search(&f, plan->bound / f.response_unit, &best);
	}
	if (!f.concave && f.separable)
	{
		memcpy(x, best.x, sizeof(double) * cells);
		solve_separable(&f, x, &best, &plan->bound);
	}
	plan->spend = best.x;
	for (size_t i = 0; i < cells; i++)
		best.x[i] *= f.spend_unit;
	plan->value = best.value * f.response_unit;
	plan->bound = fmax(plan->bound, plan->value);
	return CORE_OK;
}
