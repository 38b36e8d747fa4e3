/*
 * Flighting plans and tails of draws: limits, bounds, and brute force on tiny horizons.
 */
#include "unit.h"

#include "core/budget_risk.h"
#include "core/flighting.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_rng.h>

#include <string.h>

#define MOST_CHANNELS 3
#define MOST_PERIODS 8
#define MOST_GEOS 2

static gsl_rng *rng;

static double
uniform(double low, double high)
{
	return low + (high - low) * gsl_rng_uniform(rng);
}

typedef struct Horizon
{
	FlightChannel channel[MOST_CHANNELS];
	double gain[MOST_CHANNELS][MOST_GEOS];
	double rate[MOST_CHANNELS][MOST_GEOS];
	double base[MOST_CHANNELS][MOST_GEOS * MOST_PERIODS];
	double weight[MOST_CHANNELS][MOST_PERIODS];
	double lag[MOST_CHANNELS][MOST_PERIODS];
	double current[MOST_CHANNELS];
	int member[2];
	BudgetGroup group;
	FlightRequest request;
} Horizon;

static void
random_horizon(Horizon *h, int channels, int periods, bool concave, bool carries)
{
	memset(h, 0, sizeof(*h));
	for (int c = 0; c < channels; c++)
	{
		double decay = uniform(0, 0.8);

		h->channel[c] = (FlightChannel){{SATURATION_HILL, uniform(0.3, 1.5), concave ? 1 : uniform(1, 4)},
										1 + c % MOST_GEOS,
										h->gain[c],
										h->rate[c],
										h->base[c],
										h->weight[c],
										carries ? periods : 1,
										h->lag[c]};
		for (int g = 0; g < MOST_GEOS; g++)
		{
			h->gain[c][g] = uniform(0.2, 1);
			h->rate[c][g] = uniform(0.5, 1.5);
		}
		for (int t = 0; t < periods; t++)
		{
			h->lag[c][t] = carries ? (1 - decay) * pow(decay, t) : 1;
			h->weight[c][t] = carries ? 1 : 1 - pow(decay, periods - t);
			for (int g = 0; carries && g < h->channel[c].geos; g++)
				h->base[c][g * periods + t] = 0.5 * pow(decay, t);
		}
		h->current[c] = uniform(0, 1);
	}
	h->request = (FlightRequest){channels, periods, h->channel, h->current, 0, &h->group, uniform(0.5, 5)};
	h->member[0] = 0;
	h->member[1] = 1;
	h->group = (BudgetGroup){-INFINITY, 0.4 * h->request.total, channels > 1 ? 2 : 1, h->member};
}

static double
value_of(const Horizon *h, const double *x)
{
	int n = h->request.periods;
	double value = 0;

	for (int c = 0; c < h->request.channels; c++)
	{
		double response[MOST_PERIODS];

		flight_respond(&h->channel[c], n, x + c * n, response);
		for (int t = 0; t < n; t++)
			value += h->weight[c][t] * response[t];
	}
	return value;
}

static bool
keeps_group(const Horizon *h, const double *x)
{
	double spend = 0;

	for (int m = 0; m < h->group.count && h->request.groups > 0; m++)
		for (int t = 0; t < h->request.periods; t++)
			spend += x[h->member[m] * h->request.periods + t];
	return h->request.groups == 0 || (spend >= h->group.low - 1e-12 && spend <= h->group.high + 1e-12);
}

/* Every way to divide `left` steps of spend among the cells from `cell` on. */
static double
brute_force(const Horizon *h, double *x, int cell, int left, double step)
{
	int cells = h->request.channels * h->request.periods;
	double best = 0;

	if (cell == cells - 1)
	{
		x[cell] = left * step;
		return keeps_group(h, x) ? value_of(h, x) : 0;
	}
	for (int k = 0; k <= left; k++)
	{
		x[cell] = k * step;
		best = fmax(best, brute_force(h, x, cell + 1, left - k, step));
	}
	return best;
}

static void
tests_of_flights(void)
{
	int below = 0;
	int loose = 0;
	int unbounded = 0;
	int broken = 0;
	int worse = 0;

	for (int i = 0; i < 80; i++)
	{
		bool concave = i % 2 == 0;
		bool carries = i % 3 != 0;
		Horizon h;
		FlightPlan plan;
		BudgetTrouble trouble;
		double x[MOST_CHANNELS * MOST_PERIODS];
		double flat = 0;
		double total = 0;
		double today = 0;

		random_horizon(&h, 2, i % 4 < 3 ? 2 : MOST_PERIODS, concave, carries);
		if (flight_optimize(unit_env(), &h.request, &plan, &trouble) != CORE_OK)
		{
			ok(false, "flight %d has a plan", i);
			continue;
		}
		for (int k = 0; k < 2 * h.request.periods; k++)
		{
			total += plan.spend[k];
			broken += !(plan.spend[k] >= 0);
			today += k % h.request.periods ? 0 : h.current[k / h.request.periods];
			x[k] = h.current[k / h.request.periods] / h.request.periods;
		}
		flat = today <= h.request.total ? value_of(&h, x) : 0;
		worse += plan.value < flat * (1 - 1e-12);
		broken += total > h.request.total * (1 + 1e-9);
		broken += fabs(plan.value - value_of(&h, plan.spend)) > 1e-9 * plan.value;
		unbounded += plan.bound < plan.value;
		loose += plan.bound > plan.value * (1 + 1e-6);
		if (h.request.periods == 2)
		{
			double best = brute_force(&h, x, 0, 24, h.request.total / 24);

			below += plan.value < best * (1 - 1e-6);
			unbounded += plan.bound < best * (1 - 1e-12);
		}
	}
	ok(below == 0, "no flighting plan is worse than brute force's, %d", below);
	ok(unbounded == 0, "every bound is one");
	ok(loose == 0, "plans over up to eight periods are proven, %d not", loose);
	ok(broken == 0, "plans keep to the total, and are worth what they say");
	ok(worse == 0, "no plan is worse than today's");
}

/* One period is a budget of shifted curves, two are little more: brute force can look closely. */
static void
tests_of_short_horizons(void)
{
	int below = 0;
	int too_low = 0;
	int loose = 0;

	for (int i = 0; i < 60; i++)
	{
		int periods = 1 + i % 2;
		int steps = periods == 1 ? 120 : 12;
		double x[MOST_CHANNELS * MOST_PERIODS];
		Horizon h;
		FlightPlan plan;
		BudgetTrouble trouble;
		double best;

		random_horizon(&h, 3, periods, false, true);
		h.request.groups = i % 3 > 0;
		h.group.high = 0.5 * h.request.total;
		if (i % 3 == 2)
			h.group.low = h.group.high;
		if (flight_optimize(unit_env(), &h.request, &plan, &trouble) != CORE_OK)
		{
			ok(false, "short horizon %d has a plan", i);
			continue;
		}
		best = brute_force(&h, x, 0, steps, h.request.total / steps);
		below += plan.value < best * (1 - 1e-6);
		too_low += plan.bound < best * (1 - 1e-12);
		loose += plan.bound > plan.value * (1 + 1e-6);
	}
	ok(below == 0 && too_low == 0,
	   "short horizons: no plan of brute force is better, %d, or above a bound, %d", below, too_low);
	ok(loose == 0, "and all are proven, %d not", loose);
}

static void
tests_of_limits(void)
{
	int broken = 0;
	Horizon h;
	FlightPlan plan;
	BudgetTrouble trouble;

	for (int i = 0; i < 20; i++)
	{
		double spend = 0;

		random_horizon(&h, 3, 6, i % 2, i % 3);
		h.request.groups = 1;
		if (i % 4 == 0)
			h.group.low = h.group.high;
		if (flight_optimize(unit_env(), &h.request, &plan, &trouble) != CORE_OK)
		{
			broken++;
			continue;
		}
		for (int k = 0; k < 12; k++)
			spend += plan.spend[k];
		broken +=
			spend > h.group.high + 1e-9 * h.request.total || spend < h.group.low - 1e-9 * h.request.total;
	}
	ok(broken == 0, "limits over the horizon are kept, %d broken", broken);
	h.group.low = 2 * h.request.total;
	h.group.high = INFINITY;
	ok(flight_optimize(unit_env(), &h.request, &plan, &trouble) == CORE_BAD_INPUT &&
		   trouble.kind == BUDGET_LIMITS_CONFLICT,
	   "limits that exclude one another are told");
	h.request.groups = 0;
	h.request.total = 0;
	ok(flight_optimize(unit_env(), &h.request, &plan, &trouble) == CORE_OK && plan.spend[0] == 0,
	   "nothing to spend");
}

/* ------------------------------------------------------------------------------------------------------
 * Tails
 * ------------------------------------------------------------------------------------------------------ */

#define DRAWS 60

static void
tests_of_tail_means(void)
{
	double number[] = {5, 1, 3, 2, 4};
	double weight[5];

	is_close(budget_tail_mean(unit_env(), number, 5, 0.4, weight), 1.5, 1e-15,
			 "the mean of the worst two of five");
	ok(weight[1] == 0.5 && weight[3] == 0.5 && weight[0] == 0, "and which they are");
	is_close(budget_tail_mean(unit_env(), number, 5, 0.3, NULL), (1 + 0.5 * 2) / 1.5, 1e-15,
			 "of the worst one and a half");
	is_close(budget_tail_mean(unit_env(), number, 5, 1, NULL), 3, 1e-15, "of all");
	is_close(budget_tail_mean(unit_env(), number, 5, 0.001, NULL), 1, 1e-15, "of less than one");
}

/* Steps of a grid that the total is divided on among two or three channels. */
static double
best_of_grid(int n, Saturation shape[][DRAWS], double gain[][DRAWS], const double *stretch, double total)
{
	int steps = n == 2 ? 3000 : 80;
	double best = 0;

	for (int k = 0; k <= steps; k++)
		for (int m = n == 2 ? steps - k : 0; m <= steps - k; m++)
		{
			double spend[] = {total * k / steps, total * m / steps, total * (steps - k - m) / steps};
			double response[DRAWS] = {0};

			for (int d = 0; d < DRAWS; d++)
				for (int c = 0; c < n; c++)
					response[d] += gain[c][d] * saturation_value(&shape[c][d], stretch[c] * spend[c]);
			best = fmax(best, budget_tail_mean(unit_env(), response, DRAWS, 0.2, NULL));
		}
	return best;
}

static void
tests_of_tails(int n, bool concave)
{
	Saturation shape[3][DRAWS];
	double gain[3][DRAWS];
	const double one = 1;
	CurveGrid grid[3] = {{.gains = 0}, {.gains = 0}, {.gains = 0}};
	double *jet[3];
	double stretch[3] = {0.5, 2, 1};
	BudgetChannel channel[3];
	BudgetDraws draws = {n, DRAWS, grid, jet, stretch};
	BudgetRequest request = {
		.channels = n, .channel = channel, .total = 3, .margin = 1, .tolerance = 1e-6, .node_limit = 1000};
	BudgetPlan plan = {.gap = NAN};
	BudgetTrouble trouble;
	double best;

	for (int c = 0; c < n; c++)
	{
		for (int d = 0; d < DRAWS; d++)
		{
			shape[c][d] =
				(Saturation){SATURATION_HILL, uniform(0.5, 1.5), concave ? uniform(0.5, 1) : uniform(1, 4)};
			gain[c][d] = uniform(0.5, 1.5);
			curve_grid_show(&grid[c], &(CurveTerms){shape[c][d], 1.0 / DRAWS, 1, &gain[c][d], &one}, 1e-10);
		}
		curve_grid_choose(&grid[c], 1e-10);
		jet[c] = core_alloc_zero(unit_env(), (size_t) DRAWS * grid[c].knots * CURVE_GRID_JET, sizeof(double));
		for (int d = 0; d < DRAWS; d++)
			curve_grid_add(unit_env(), &grid[c], &(CurveTerms){shape[c][d], 1, 1, &gain[c][d], &one},
						   jet[c] + (size_t) d * grid[c].knots * CURVE_GRID_JET);
		channel[c] = (BudgetChannel){.current = 1, .high = CURVE_TABLE_MOST / stretch[c]};
	}
	ok(budget_optimize_tail(unit_env(), &request, &draws, 0.2, &plan, &trouble) == CORE_OK,
	   "a tail has a plan");
	best = best_of_grid(n, shape, gain, stretch, request.total);
	ok(plan.value >= best * (1 - 1e-6), "no worse than the best of a grid: %.9g and %.9g", plan.value, best);
	ok(plan.bound >= best * (1 - 1e-9) && plan.gap <= 1e-6, "and proven, gap %g", plan.gap);
}

int
main(void)
{
	gsl_set_error_handler_off();
	rng = gsl_rng_alloc(gsl_rng_taus2);
	tests_of_flights();
	tests_of_short_horizons();
	tests_of_limits();
	tests_of_tail_means();
	for (int k = 0; k < 4; k++)
		tests_of_tails(2 + k % 2, k < 2);
	for (int k = 0; k < 6; k++)
		tests_of_tails(2 + k % 2, false);
	gsl_rng_free(rng);
	return done();
}
