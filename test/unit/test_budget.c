/*
 * Optimal budgets: golden ones, and thousands of random ones against references.
 */
#include <gsl/gsl_errno.h>

#include "budget_branches.h"
#include "budget_problems.h"

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

int
main(int argc, char **argv)
{
	gsl_set_error_handler_off();
	rng = gsl_rng_alloc(gsl_rng_taus2);
	golden_plans();
	small_problems(100);
	random_problems(argc > 1 ? atoi(argv[1]) : 5000);
	gsl_rng_free(rng);
	return done();
}
