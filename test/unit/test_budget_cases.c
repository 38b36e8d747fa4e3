/*
 * Optimal budgets where something is odd: other units, no money, equal curves, limits that conflict.
 */
#include <gsl/gsl_errno.h>

#include "budget_problems.h"

/* A problem in other units has the same plan in those units. */
static void
tests_of_units(void)
{
	int different = 0;

	for (int seed = 1; seed <= 60; seed++)
	{
		Reference a;
		Reference b;
		BudgetPlan plan;
		BudgetPlan scaled;
		BudgetTrouble trouble;
		const double unit = 1.3e7;

		gsl_rng_set(rng, seed);
		random_problem(&a);
		gsl_rng_set(rng, seed);
		random_problem(&b);
		if (a.request.target != BUDGET_NO_TARGET || a.request.objective != BUDGET_REVENUE)
			continue;
		for (int i = 0; i < b.request.channels; i++)
		{
			b.channel[i].curve = curve_rescaled(&a.channel[i].curve, 1 / unit, 1 / unit);
			b.channel[i].low *= unit;
			b.channel[i].high *= unit;
		}
		for (int g = 0; g < b.request.groups; g++)
		{
			b.group[g].low *= unit;
			b.group[g].high *= unit;
		}
		b.request.total *= unit;
		if (budget_optimize(unit_env(), &a.request, &plan, &trouble) != CORE_OK)
			continue;
		if (budget_optimize(unit_env(), &b.request, &scaled, &trouble) != CORE_OK ||
			fabs(scaled.value / unit / plan.value - 1) > 1e-9)
		{
			different++;
			continue;
		}
		for (int i = 0; i < a.request.channels; i++)
			different += fabs(scaled.spend[i] / unit - plan.spend[i]) > 1e-6 * a.request.total;
	}
	ok(different == 0, "plans do not depend on the currency");
}

static BudgetTroubleKind
trouble_of(const BudgetRequest *request, BudgetTrouble *trouble)
{
	BudgetPlan plan;

	return budget_optimize(unit_env(), request, &plan, trouble) == CORE_OK ? BUDGET_FINE : trouble->kind;
}

static void
odd_cases(void)
{
	BudgetChannel channels[20];
	BudgetRequest request = request_for(2, channels, 0);
	BudgetPlan plan;
	BudgetTrouble trouble;
	int both[] = {0, 1};
	BudgetGroup group = {70, INFINITY, 2, both};
	double most = 0;

	for (int i = 0; i < 20; i++)
		channels[i] = hill_channel(10, 5, 3, 0, INFINITY);
	ok(budget_optimize(unit_env(), &request, &plan, &trouble) == CORE_OK && plan.spend[0] == 0 &&
		   plan.value == 0 && plan.gap == 0,
	   "no budget, no spend");

	request.channels = 20;
	request.total = 37;
	ok(budget_optimize(unit_env(), &request, &plan, &trouble) == CORE_OK && plan.certified,
	   "twenty equal curves");
	for (int k = 1; k <= 20; k++)
		most = fmax(most, k * reference_response(&channels[0].curve, 37.0 / k));
	is_close(plan.value, most, 1e-9, "equal curves: equal shares of some of them");

	request.channels = 2;
	channels[0] = hill_channel(0, 5, 3, 1, INFINITY);
	channels[1] = hill_channel(10, 5, 50, 0, INFINITY);
	ok(budget_optimize(unit_env(), &request, &plan, &trouble) == CORE_OK && plan.spend[0] == 1 &&
		   plan.spend[1] < 36,
	   "a flat curve gets its least, a saturated one no more than it can use");
	channels[0].high = 1;
	request.exactly = true;
	ok(budget_optimize(unit_env(), &request, &plan, &trouble) == CORE_OK && plan.spend[0] == 1 &&
		   plan.spend[1] == 36,
	   "bounds that meet");
	request.exactly = false;

	channels[0] = hill_channel(10, 5, 1, 0, 30);
	channels[1] = hill_channel(10, 5, 1, 0, 20);
	request.groups = 1;
	request.group = &group;
	ok(trouble_of(&request, &trouble) == BUDGET_LIMITS_CONFLICT && trouble.limit == 0 &&
		   trouble.nearest == 50,
	   "a group that its channels cannot fill");
	channels[0].high = channels[1].high = INFINITY;
	ok(trouble_of(&request, &trouble) == BUDGET_LIMITS_CONFLICT && trouble.limit == BUDGET_TOTAL,
	   "a group that the total does not pay for");
	is_close(trouble.nearest, 70, 1e-9, "and which total would");
	request.groups = 0;
	request.target = BUDGET_TARGET_RESPONSE;
	request.target_value = 50;
	request.total = INFINITY;
	ok(trouble_of(&request, &trouble) == BUDGET_TARGET_MISSED, "a response beyond the limits of the curves");
	is_close(trouble.nearest, 20, 1e-6, "and what they reach");
	request.target = BUDGET_NO_TARGET;
	ok(trouble_of(&request, &trouble) == BUDGET_NO_LIMIT, "nothing limits");
	request.total = 10;
	request.objective = BUDGET_ROI;
	ok(trouble_of(&request, &trouble) == BUDGET_VANISHING && fabs(trouble.nearest - 2) < 1e-12,
	   "the best return is at no spend");
}

/* Curves that differ by a little: how many are used matters more than which. */
static void
nearly_equal(void)
{
	double spread[] = {0.001, 0.01, 0.03};
	double worst = 0;
	int below = 0;

	for (int k = 0; k < 12; k++)
	{
		BudgetChannel channels[20];
		BudgetRequest request = request_for(20, channels, 5600);
		BudgetPlan plan;
		BudgetTrouble trouble;

		for (int i = 0; i < 20; i++)
			channels[i] = hill_channel(70 + 100 * uniform(-0.5, 0.5) * spread[k % 3],
									   700 + 1000 * uniform(-0.5, 0.5) * spread[k % 3],
									   3 + 3 * uniform(-0.5, 0.5) * spread[k % 3], 0, INFINITY);
		request.objective = k % 2 ? BUDGET_PROFIT : BUDGET_REVENUE;
		request.margin = 25;
		request.node_limit = 5000;
		if (budget_optimize(unit_env(), &request, &plan, &trouble) != CORE_OK)
			worst = INFINITY;
		worst = fmax(worst, plan.gap);
		for (int used = 1; used <= 20; used++)
		{
			double value = 0;

			for (int i = 0; i < used; i++)
				value += curve_value(&channels[i].curve, 5600.0 / used);
			below += (k % 2 ? 25 * value - 5600 : value) > plan.bound * (1 + 1e-12);
		}
	}
	ok(worst < 1e-6 && below == 0,
	   "twenty curves that nearly agree are proven too, gap %g, %d bounds too low", worst, below);
}

int
main(void)
{
	gsl_set_error_handler_off();
	rng = gsl_rng_alloc(gsl_rng_taus2);
	tests_of_units();
	odd_cases();
	nearly_equal();
	gsl_rng_free(rng);
	return done();
}
