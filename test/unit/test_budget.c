/*
 * Optimal budgets: golden ones, thousands of random ones against a reference, and the odd cases.
 */
#include "budget_reference.h"

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
	BudgetChannel c = {{.kind = CURVE_HILL,
						.coefficient = coefficient,
						.half_saturation = half,
						.slope = slope,
						.weight = 1},
					   NAN,
					   low,
					   high};

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
	BudgetChannel large[] = {
		hill_channel(1e6, 5e4, 3, 1e4, 9e4), hill_channel(6e5, 3e4, 2.2, 5e3, 6e4), hill_channel(8e5, 4e4, 1, 1e4, 9e4),
		hill_channel(4e5, 6e4, 2.8, 5e3, 9e4), hill_channel(3e5, 2e4, 0.6, 5e3, 5e4)};

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
	CurveKind kind = gsl_rng_uniform_int(rng, reach ? 4 : CURVE_KINDS);
	BudgetChannel *c = &r->channel[i];

	if (gsl_rng_uniform_int(rng, 2) == 0)
		kind = CURVE_HILL;
	r->kind[i] = kind;
	c->curve = (Curve){.kind = kind, .weight = 1, .log_miss = reach};
	c->curve.coefficient = reach ? uniform(0.05, 0.95) : uniform(0.2, 2);
	c->curve.half_saturation = uniform(0.1, 1.5);
	c->curve.slope = kind == CURVE_ROOT ? uniform(0.2, 0.95) : exp(uniform(log(0.5), log(8)));
	if (kind == CURVE_MICHAELIS_MENTEN)
		c->curve.slope = 1;
	if (kind == CURVE_LINEAR || kind == CURVE_ROOT || kind == CURVE_LOG1P)
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

	printf("# %s: seed %d, %d channels, %d groups, objective %d, target %d %g, total %g%s", what, seed, q->channels,
		   q->groups, q->objective, q->target, q->target_value, q->total, q->exactly ? " exactly" : "");
	if (plan)
		printf(": value %.12g bound %.12g gap %g, reference %.12g", plan->value, plan->bound, plan->gap, r->value);
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
		else if (status == CORE_BAD_INPUT && trouble.kind == BUDGET_VANISHING)
			tally.infeasible++;
		else
		{
			tally.missed++;
			printf("# status %d trouble %d limit %d asked %g nearest %g\n", status, trouble.kind, trouble.limit,
				   trouble.asked, trouble.nearest);
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

int
main(int argc, char **argv)
{
	gsl_set_error_handler_off();
	rng = gsl_rng_alloc(gsl_rng_taus2);
	golden_plans();
	random_problems(argc > 1 ? atoi(argv[1]) : 2000);
	gsl_rng_free(rng);
	return done();
}
