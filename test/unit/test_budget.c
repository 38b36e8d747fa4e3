/*
 * Optimal budgets: golden ones, thousands of random ones against a reference, and the odd cases.
 */
#include "budget_branches.h"

#include "core/saturation.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_rng.h>

static gsl_rng *rng;

static double
uniform(double low, double high)
{
	return low + (high - low) * gsl_rng_uniform(rng);
}

static BudgetChannel
hill_channel(double coefficient, double half, double slope, double low, double high)
{
	BudgetChannel c = {
		{.shape = {SATURATION_HILL, half, slope}, .coefficient = coefficient, .weight = 1}, NAN, low, high};

	curve_prepare(&c.curve);
	return c;
}

static BudgetRequest
request_for(int n, const BudgetChannel *channels, double total)
{
	return (BudgetRequest){.channels = n,
						   .channel = channels,
						   .total = total,
						   .margin = 1,
						   .tolerance = 1e-6,
						   .node_limit = 100000};
}

static void
golden(const char *name, int n, const BudgetChannel *channels, double total, double optimum,
	   const double *allocation)
{
	BudgetRequest request = request_for(n, channels, total);
	BudgetPlan plan;
	BudgetTrouble trouble;
	bool same = true;
	double spend = 0;

	ok(budget_optimize(unit_env(), &request, &plan, &trouble) == CORE_OK, "%s: solved", name);
	is_close(plan.value, optimum, 1e-9, name);
	ok(plan.bound >= optimum * (1 - 1e-12) && plan.gap <= 1e-6, "%s: proven, gap %g", name, plan.gap);
	for (int i = 0; i < n; i++)
	{
		spend += plan.spend[i];
		same = same && fabs(plan.spend[i] - allocation[i]) < 1e-5 * total;
	}
	ok(same, "%s: the plan", name);
	ok(fabs(spend - total) <= 1e-12 * total, "%s: spends the total", name);
}

/* data/budget_golden.json */
static void
golden_plans(void)
{
	BudgetChannel concave[] = {hill_channel(100, 50, 1, 0, 100), hill_channel(60, 20, 1, 0, 100)};
	BudgetChannel twins[] = {hill_channel(100, 60, 4, 0, 100), hill_channel(100, 60, 4, 0, 100)};
	BudgetChannel mixed[] = {hill_channel(90, 40, 2.5, 5, 80), hill_channel(70, 60, 3, 5, 120),
							 hill_channel(50, 15, 1, 5, 60), hill_channel(120, 110, 4, 5, 150),
							 hill_channel(30, 8, 0.7, 5, 40)};
	BudgetChannel large[] = {hill_channel(1e6, 5e4, 3, 1e4, 9e4), hill_channel(6e5, 3e4, 2.2, 5e3, 6e4),
							 hill_channel(8e5, 4e4, 1, 1e4, 9e4), hill_channel(4e5, 6e4, 2.8, 5e3, 9e4),
							 hill_channel(3e5, 2e4, 0.6, 5e3, 5e4)};

	golden("concave_2", 2, concave, 100, 94.71188537902144, (double[]){64.1017746649631, 35.89822533503691});
	golden("twin_S_half_budget", 2, twins, 100, 88.52691218130312, (double[]){100, 0});
	golden("five_mixed_bounds", 5, mixed, 200, 173.80694737821315,
		   (double[]){72.69991186810088, 85.89801939317627, 25.22773760424799, 5, 11.174331134474851});
	golden("robyn_range_alpha3", 5, large, 120000, 1297606.0491216832,
		   (double[]){63313.619161890674, 31418.596698265974, 15267.784139843356, 5000, 5000});
}

/* ------------------------------------------------------------------------------------------------------
 * Random problems
 * ------------------------------------------------------------------------------------------------------ */

static void
random_channel(Reference *r, int i, bool reach)
{
	SaturationKind kind = curve_kinds[gsl_rng_uniform_int(rng, reach ? 4 : CURVE_KINDS)];
	BudgetChannel *c = &r->channel[i];

	if (gsl_rng_uniform_int(rng, 2) == 0)
		kind = SATURATION_HILL;
	r->kind[i] = kind;
	c->curve = (Curve){.shape = {.kind = kind}, .weight = 1, .log_miss = reach};
	c->curve.coefficient = reach ? uniform(0.05, 0.95) : uniform(0.2, 2);
	c->curve.shape.half_saturation = uniform(0.1, 1.5);
	c->curve.shape.slope = kind == SATURATION_ROOT ? uniform(0.2, 0.95) : exp(uniform(log(0.5), log(8)));
	if (kind == SATURATION_MICHAELIS_MENTEN)
		c->curve.shape.slope = 1;
	if (kind == SATURATION_LINEAR || kind == SATURATION_ROOT || kind == SATURATION_LOG1P)
		c->curve.coefficient *= 0.5;
	if (i > 0 && gsl_rng_uniform_int(rng, 6) == 0)
	{
		c->curve = r->channel[i - 1].curve;
		r->kind[i] = r->kind[i - 1];
	}
	else
		curve_prepare(&c->curve);
	c->current = NAN;
	c->low = gsl_rng_uniform_int(rng, 3) == 0 ? uniform(0, 0.2) : 0;
	c->high = c->low + uniform(0.3, 2);
}

/* Groups of neighbours, with limits on the grid so that the reference can meet equalities. */
static void
random_groups(Reference *r, double step)
{
	int next = 0;

	r->request.groups = 0;
	while (next + 2 <= r->request.channels && r->request.groups < 3 && gsl_rng_uniform_int(rng, 2) == 0)
	{
		BudgetGroup *g = &r->group[r->request.groups];
		double low = 0;
		double high = 0;
		double at;

		g->members = r->members[r->request.groups++];
		g->count = 1 + gsl_rng_uniform_int(rng, r->request.channels - next);
		for (int m = 0; m < g->count; m++)
		{
			g->members[m] = next + m;
			low += r->channel[next + m].low;
			high += r->channel[next + m].high;
		}
		next += g->count;
		at = low + step * gsl_rng_uniform_int(rng, 40);
		g->low = -INFINITY;
		g->high = INFINITY;
		switch (gsl_rng_uniform_int(rng, 4))
		{
			case 0:
				g->low = at;
				break;
			case 1:
				g->high = at;
				break;
			case 2:
				g->low = g->high = at;
				break;
			default:
				g->low = at;
				g->high = at + step * gsl_rng_uniform_int(rng, 20);
		}
		if (g->low > high)
			g->low = g->high = low + floor((high - low) / step) * step;
	}
}

static void
random_goal(Reference *r, double base, double room, double *step)
{
	BudgetRequest *q = &r->request;
	bool free_total = false;

	q->total = base + uniform(0.05, 0.9) * room;
	q->margin = 1;
	switch (gsl_rng_uniform_int(rng, 8))
	{
		case 0:
			q->exactly = true;
			break;
		case 1:
			q->objective = BUDGET_PROFIT;
			q->margin = uniform(0.5, 3);
			free_total = gsl_rng_uniform_int(rng, 2) == 0;
			break;
		case 2:
			q->objective = BUDGET_ROI;
			if (base == 0)
				q->exactly = true;
			break;
		case 3:
			q->target = BUDGET_TARGET_ROAS;
			q->target_value = uniform(0.3, 2);
			free_total = gsl_rng_uniform_int(rng, 2) == 0;
			break;
		case 4:
			q->target = BUDGET_TARGET_MARGINAL_ROAS;
			q->target_value = uniform(0.2, 2);
			free_total = gsl_rng_uniform_int(rng, 2) == 0;
			break;
		case 5:
			q->target = BUDGET_TARGET_RESPONSE;
			q->target_value = uniform(0.1, 1.2);
			if (q->objective == BUDGET_REACH)
				q->target_value = uniform(0.1, 0.8);
			free_total = true;
			break;
		default:
			break;
	}
	if (free_total)
		q->total = INFINITY;
	*step = (free_total ? room : q->total - base) / REF_STEPS;
}

/* A problem: 2-8 channels of any kinds, bounds, groups, an objective or a target. */
static double
random_problem(Reference *r)
{
	bool reach = gsl_rng_uniform_int(rng, 8) == 0;
	double base = 0;
	double room = 0;
	double step;

	memset(r, 0, sizeof(*r));
	r->request = (BudgetRequest){.channels = 2 + gsl_rng_uniform_int(rng, REF_MAX - 1),
								 .channel = r->channel,
								 .group = r->group,
								 .tolerance = 1e-6,
								 .node_limit = 20000};
	for (int i = 0; i < r->request.channels; i++)
	{
		random_channel(r, i, reach);
		base += r->channel[i].low;
		room += r->channel[i].high - r->channel[i].low;
	}
	if (reach)
	{
		r->request.objective = BUDGET_REACH;
		r->request.total = base + uniform(0.05, 0.9) * room;
		r->request.margin = 1;
		step = (r->request.total - base) / REF_STEPS;
		if (gsl_rng_uniform_int(rng, 3) == 0)
		{
			r->request.total = INFINITY;
			r->request.target = BUDGET_TARGET_RESPONSE;
			r->request.target_value = uniform(0.1, 0.8);
			step = room / REF_STEPS;
		}
	}
	else
		random_goal(r, base, room, &step);
	random_groups(r, step);
	return step;
}

typedef struct Tally
{
	int solved;
	int infeasible;
	int below;
	int bound_below;
	int violated;
	int uncertified;
	int missed;
	int misreported;
	double worst_violation;
	double worst_loss;
} Tally;

static void
show_problem(const Reference *r, int seed, const char *what, const BudgetPlan *plan)
{
	const BudgetRequest *q = &r->request;

	printf("# %s: seed %d, %d channels, %d groups, objective %d, target %d %g, total %g%s", what, seed,
		   q->channels, q->groups, q->objective, q->target, q->target_value, q->total,
		   q->exactly ? " exactly" : "");
	if (plan)
		printf(": value %.12g bound %.12g gap %g, reference %.12g", plan->value, plan->bound, plan->gap,
			   r->value);
	printf("\n");
}

static void
judge(const Reference *r, const BudgetPlan *plan, int seed, Tally *tally)
{
	double value = reference_objective(r, plan->spend);
	double violation = reference_violation(r, plan->spend);
	double spare = plan->bound - plan->value;
	double scale = fmax(fabs(r->value), 1e-3);
	double response;
	double spend;
	double reach;

	/* The reported value is the response itself where a marginal return is the target. */
	reference_totals(r, plan->spend, &response, &spend, &reach);
	if (fabs((r->request.target == BUDGET_TARGET_MARGINAL_ROAS ? response : value) - plan->value) >
		1e-10 * fmax(fabs(plan->value), 1e-3))
	{
		tally->misreported++;
		show_problem(r, seed, "misreported", plan);
	}
	tally->solved++;
	tally->worst_violation = fmax(tally->worst_violation, violation);
	if (violation > 1e-9)
	{
		tally->violated++;
		printf("# violation %g\n", violation);
		show_problem(r, seed, "violated", plan);
	}
	if (!plan->certified)
	{
		tally->uncertified++;
		show_problem(r, seed, "uncertified", plan);
	}
	if (!r->found)
		return;
	tally->worst_loss = fmax(tally->worst_loss, (r->value - value) / scale);
	if (value < r->value - 1e-6 * scale)
	{
		tally->below++;
		show_problem(r, seed, "below", plan);
	}
	if (value + spare < r->value - 1e-10 * scale)
	{
		tally->bound_below++;
		show_problem(r, seed, "bound below", plan);
	}
}

static void
random_problems(int count)
{
	Tally tally = {0};

	for (int seed = 1; seed <= count; seed++)
	{
		Reference r;
		BudgetPlan plan;
		BudgetTrouble trouble;
		double step;
		CoreStatus status;

		gsl_rng_set(rng, seed);
		step = random_problem(&r);
		status = budget_optimize(unit_env(), &r.request, &plan, &trouble);
		reference_solve(&r, step);
		if (status == CORE_OK)
			judge(&r, &plan, seed, &tally);
		else if (status == CORE_BAD_INPUT && !r.found)
			tally.infeasible++;
		else if (status == CORE_BAD_INPUT && (trouble.kind == BUDGET_VANISHING || r.value < 1e-8) &&
				 trouble.kind != BUDGET_LIMITS_CONFLICT)
			tally.infeasible++;
		else
		{
			tally.missed++;
			printf("# status %d trouble %d limit %d asked %g nearest %g\n", status, trouble.kind,
				   trouble.limit, trouble.asked, trouble.nearest);
			show_problem(&r, seed, "missed", NULL);
		}
	}
	printf("# %d solved, %d infeasible, worst loss %g, worst violation %g\n", tally.solved, tally.infeasible,
		   tally.worst_loss, tally.worst_violation);
	ok(tally.solved > count / 2, "%d of %d random problems have plans", tally.solved, count);
	ok(tally.below == 0, "no plan is worse than the reference's by 1e-6");
	ok(tally.bound_below == 0, "no bound lies below the reference");
	ok(tally.violated == 0, "every plan keeps every limit to 1e-9");
	ok(tally.uncertified == 0, "every plan is proven to 1e-6");
	ok(tally.missed == 0, "no plan that exists is denied");
	ok(tally.misreported == 0, "every plan is worth what it says");
}

/* Small problems against every combination of branches. */
static void
small_problems(int count)
{
	double worst = 0;
	int equal = 0;
	int bound_below = 0;

	for (int seed = 1; seed <= count; seed++)
	{
		Reference r = {0};
		BudgetPlan plan;
		BudgetTrouble trouble;

		gsl_rng_set(rng, seed);
		r.request = request_for(2 + seed % 2, r.channel, uniform(0.2, 3));
		for (int i = 0; i < r.request.channels; i++)
		{
			r.kind[i] = SATURATION_HILL;
			r.channel[i] = hill_channel(uniform(0.3, 2), uniform(0.2, 1.5), exp(uniform(log(0.5), log(8))), 0,
										uniform(0.5, 2));
		}
		branches_solve(&r);
		if (budget_optimize(unit_env(), &r.request, &plan, &trouble) != CORE_OK)
			continue;
		worst = fmax(worst, 1 - plan.value / r.value);
		equal += fabs(plan.value / r.value - 1) < 1e-6;
		bound_below += plan.bound < r.value * (1 - 1e-9);
	}
	ok(worst < 1e-6 && bound_below == 0, "no small problem has a better plan on any branch, worst %g", worst);
	/* A price between two of the grid that meets the total twice is overlooked. */
	ok(equal >= 0.98 * count, "%d of %d plans are those of the branches", equal, count);
}

/* ------------------------------------------------------------------------------------------------------
 * Odd cases
 * ------------------------------------------------------------------------------------------------------ */

static void
tests_of_curves(void)
{
	const SaturationKind kinds[] = {SATURATION_HILL, SATURATION_LOGISTIC, SATURATION_TANH,
									SATURATION_ROOT, SATURATION_LINEAR,	  SATURATION_LOG1P};
	double worst = 0;
	double worst_slope = 0;
	double worst_bend = 0;
	double worst_demand = 0;
	double worst_tangent = 0;
	bool shaped = true;

	for (int k = 0; k < 6000; k++)
	{
		Curve c = {.shape = {.kind = kinds[k % 6]}, .coefficient = uniform(0.05, 0.99), .weight = 1};
		double x = uniform(0.01, 5);
		double h = 1e-5 * x;
		double demand;
		CurvePoint at;

		c.shape.half_saturation = uniform(0.1, 3);
		c.shape.slope = exp(uniform(log(0.3), log(6)));
		curve_prepare(&c);
		worst = fmax(worst, fabs(curve_value(&c, x) / reference_response(&c, x) - 1));
		c.log_miss = curve_saturates(c.shape.kind) && k % 4 < 2;
		curve_prepare(&c);
		at = curve_at(&c, x);
		worst_slope =
			fmax(worst_slope, fabs((curve_value(&c, x + h) - curve_value(&c, x - h)) / (2 * h) - at.first) /
								  fmax(at.first, 1e-3));
		worst_bend = fmax(
			worst_bend, fabs((curve_slope_at(&c, x + h) - curve_slope_at(&c, x - h)) / (2 * h) - at.second) /
							fmax(fabs(at.second), 1));
		if (fabs(x / c.inflection - 1) > 1e-6 && c.shape.kind != SATURATION_LINEAR)
			shaped = shaped && (x < c.inflection ? at.second >= 0 : at.second <= 0);
		if (x > c.inflection && at.second < -1e-6)
		{
			demand = curve_demand(&c, at.first, c.inflection, 50);
			worst_demand = fmax(worst_demand, fabs(demand / x - 1) * fmin(-at.second / at.first * x, 1));
		}
		if (c.inflection > 0 && c.inflection < 40)
		{
			double low = uniform(0, 1) * c.inflection;
			double t = curve_tangent(&c, low, 50);
			double rise = (curve_value(&c, t) - curve_value(&c, low)) / (t - low);

			if (t < 50)
				worst_tangent = fmax(worst_tangent, fabs(rise - curve_slope_at(&c, t)) / rise);
		}
	}
	ok(worst < 1e-12, "curves agree with the reference's, %g", worst);
	ok(worst_slope < 1e-5 && worst_bend < 1e-4, "derivatives are derivatives, %g %g", worst_slope,
	   worst_bend);
	ok(shaped, "curves are convex up to the inflection and concave from there on");
	ok(worst_demand < 1e-9, "demand inverts the slope, %g", worst_demand);
	ok(worst_tangent < 1e-9, "tangents touch, %g", worst_tangent);
}

/* A channel's curve is its saturation by name, times coefficient and weight, whatever the kind folds into. */
static void
tests_of_saturations(void)
{
	double worst = 0;

	for (int k = 0; k < 500 * CURVE_KINDS; k++)
	{
		Saturation shape = {curve_kinds[k % CURVE_KINDS], exp(uniform(-3, 3)), exp(uniform(-1, 2))};
		Curve curve = {.shape = shape, .coefficient = 0.7, .weight = 3};
		double x = exp(uniform(-4, 4));
		double slope = saturation_derivative(&shape, x);

		curve_prepare(&curve);
		worst = fmax(worst, fabs(curve_value(&curve, x) / (2.1 * saturation_value(&shape, x)) - 1));
		if (slope > 1e-250)
			worst = fmax(worst, fabs(curve_slope_at(&curve, x) / (2.1 * slope) - 1));
	}
	ok(worst < 1e-14, "curves are the saturation functions, worst %g", worst);
}

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
main(int argc, char **argv)
{
	gsl_set_error_handler_off();
	rng = gsl_rng_alloc(gsl_rng_taus2);
	golden_plans();
	tests_of_curves();
	tests_of_saturations();
	tests_of_units();
	odd_cases();
	nearly_equal();
	small_problems(100);
	random_problems(argc > 1 ? atoi(argv[1]) : 5000);
	gsl_rng_free(rng);
	return done();
}
