/*
 * Groups that overlap, lie within one another or say the same twice: every plan on a lattice on which all limits lie,
 * climbed from in ever smaller steps, against the optimizer's. What the lattice finds is a plan, so that none may be
 * denied and no bound may lie below it.
 */
#include <string.h>

#include "core/budget.h"
#include "unit.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_rng.h>

#define MOST_CHANNELS 4
#define MOST_GROUPS 6

static gsl_rng *rng;

static double
uniform(double low, double high)
{
	return low + (high - low) * gsl_rng_uniform(rng);
}

static int
below(int n)
{
	return gsl_rng_uniform_int(rng, n);
}

typedef struct Lattice
{
	BudgetRequest request;
	BudgetChannel channel[MOST_CHANNELS];
	BudgetGroup group[MOST_GROUPS];
	int members[MOST_GROUPS][MOST_CHANNELS];
	int steps; /* a channel's spend is at most this many of size `step` */
	double step;
	int from[MOST_CHANNELS];
	int to[MOST_CHANNELS];
	double x[MOST_CHANNELS];
	double best[MOST_CHANNELS];
	double value;
	bool found;
} Lattice;

static void
random_curves(Lattice *l)
{
	l->request.channels = 3 + below(2);
	l->steps = l->request.channels == 3 ? 24 : 12;
	l->step = 2.0 / l->steps;
	for (int i = 0; i < l->request.channels; i++)
	{
		BudgetChannel *c = &l->channel[i];
		double slope = below(4) ? exp(uniform(log(1.2), log(12))) : uniform(0.5, 1);

		c->curve = (Curve){.shape = {SATURATION_HILL, uniform(0.1, 1.2), slope},
						   .coefficient = uniform(0.3, 2),
						   .weight = 1};
		curve_prepare(&c->curve);
		c->current = NAN;
		l->from[i] = below(3) ? 0 : below(l->steps / 5 + 1);
		l->to[i] = l->from[i] + l->steps / 4 + below(l->steps * 3 / 4);
		c->low = l->from[i] * l->step;
		c->high = l->to[i] * l->step;
	}
}

/* Limits around a plan, so that most problems have one; one in six lies anywhere. */
static void
random_group(Lattice *l, int k, const int *around)
{
	BudgetGroup *g = &l->group[k];
	int kind = below(3);
	int first = below(l->request.channels - 1);
	int at = 0;
	int room = below(4);

	*g = (BudgetGroup){-INFINITY, INFINITY, 0, l->members[k]};
	for (int i = 0; i < l->request.channels; i++)
	{
		/* a chain of neighbours, any subset, or one group within the next */
		if (kind == 0 ? i == first || i == first + 1 : kind == 1 ? below(2) == 0 : i <= first + 1)
		{
			g->members[g->count++] = i;
			at += around[i];
		}
	}
	if (g->count == 0)
		g->members[g->count++] = 0;
	if (below(6) == 0)
		at = below(2 * l->steps);
	switch (below(5))
	{
		case 0:
			g->low = (at - room) * l->step;
			break;
		case 1:
			g->high = (at + room) * l->step;
			break;
		case 2:
			g->low = g->high = at * l->step;
			break;
		case 3:
			g->low = (at - room) * l->step;
			g->high = (at + below(4)) * l->step;
			break;
		default:
			if (k == 0)
				break;
			*g = l->group[below(k)]; /* said twice, or with a little more room */
			memcpy(l->members[k], g->members, sizeof(l->members[k]));
			g->members = l->members[k];
			g->low -= below(2) * l->step;
	}
}

static void
random_lattice(Lattice *l)
{
	int around[MOST_CHANNELS];
	int total = 0;

	memset(l, 0, sizeof(*l));
	random_curves(l);
	for (int i = 0; i < l->request.channels; i++)
	{
		around[i] = l->from[i] + below(l->to[i] - l->from[i] + 1);
		total += around[i];
	}
	l->request.channel = l->channel;
	l->request.groups = 2 + below(MOST_GROUPS - 1);
	l->request.group = l->group;
	for (int k = 0; k < l->request.groups; k++)
		random_group(l, k, around);
	l->request.margin = uniform(0.5, 3);
	l->request.objective = below(4) ? BUDGET_REVENUE : BUDGET_PROFIT;
	l->request.total = (total + below(6)) * l->step;
	l->request.exactly = below(3) == 0;
	l->request.tolerance = 1e-6;
	l->request.node_limit = 20000;
}

static double
value_of(const Lattice *l, const double *x)
{
	double response = 0;
	double spend = 0;

	for (int i = 0; i < l->request.channels; i++)
	{
		const Curve *c = &l->channel[i].curve;

		response +=
			x[i] <= 0 ? 0 : c->coefficient / (1 + pow(c->shape.half_saturation / x[i], c->shape.slope));
		spend += x[i];
	}
	return l->request.objective == BUDGET_PROFIT ? l->request.margin * response - spend : response;
}

static double
violation_of(const Lattice *l, const double *x)
{
	double worst = 0;
	double spend = 0;

	for (int i = 0; i < l->request.channels; i++)
	{
		worst = fmax(worst, fmax(l->channel[i].low - x[i], x[i] - l->channel[i].high));
		spend += x[i];
	}
	for (int k = 0; k < l->request.groups; k++)
	{
		double sum = 0;

		for (int m = 0; m < l->group[k].count; m++)
			sum += x[l->group[k].members[m]];
		worst = fmax(worst, fmax(l->group[k].low - sum, sum - l->group[k].high));
	}
	return fmax(worst, l->request.exactly ? fabs(spend - l->request.total) : spend - l->request.total);
}

static void
offer(Lattice *l, const double *x)
{
	double value;

	if (violation_of(l, x) > 1e-12)
		return;
	value = value_of(l, x);
	if (l->found && value <= l->value)
		return;
	l->found = true;
	l->value = value;
	memcpy(l->best, x, sizeof(l->best));
}

static void
every_plan(Lattice *l, int i)
{
	if (i == l->request.channels)
	{
		offer(l, l->x);
		return;
	}
	for (int k = l->from[i]; k <= l->to[i]; k++)
	{
		l->x[i] = k * l->step;
		every_plan(l, i + 1);
	}
}

/* All channels at once, by up to two steps each: whatever rows forbid, some of these directions keep to them. */
static void
climb(Lattice *l)
{
	int directions = l->request.channels == 3 ? 125 : 625;

	for (double step = l->step / 2; step > 1e-7; step *= 0.5)
	{
		double before = -INFINITY;

		for (int pass = 0; pass < 20 && l->value > before; pass++)
		{
			double base[MOST_CHANNELS];

			before = l->value;
			memcpy(base, l->best, sizeof(base));
			for (int d = 0; d < directions; d++)
			{
				double x[MOST_CHANNELS] = {0};

				for (int i = 0, rest = d; i < l->request.channels; i++, rest /= 5)
					x[i] = base[i] + (rest % 5 - 2) * step;
				offer(l, x);
			}
		}
	}
}

static void
against_the_lattice(int count)
{
	int solved = 0;
	int infeasible = 0;
	int denied = 0;
	int worse = 0;
	int too_low = 0;
	int unproven = 0;
	int broken = 0;

	for (int seed = 1; seed <= count; seed++)
	{
		Lattice l;
		BudgetPlan plan;
		BudgetTrouble trouble;
		CoreStatus status;

		gsl_rng_set(rng, seed);
		random_lattice(&l);
		status = budget_optimize(unit_env(), &l.request, &plan, &trouble);
		every_plan(&l, 0);
		if (l.found)
			climb(&l);
		if (status != CORE_OK)
		{
			infeasible++;
			denied += l.found || status != CORE_BAD_INPUT;
			continue;
		}
		solved++;
		broken += violation_of(&l, plan.spend) > 1e-9;
		unproven += !plan.certified;
		worse += l.found && plan.value < l.value - 1e-6 * fmax(fabs(l.value), 1e-3);
		too_low += l.found && plan.bound < l.value - 1e-10 * fmax(fabs(l.value), 1e-3);
	}
	ok(solved > count / 2 && infeasible > count / 20,
	   "%d problems of overlapping groups have plans, %d have none", solved, infeasible);
	ok(denied == 0, "no plan that exists is denied, %d", denied);
	ok(worse == 0, "no plan is worse than the lattice's, %d", worse);
	ok(too_low == 0, "no bound lies below a plan, %d", too_low);
	ok(unproven == 0, "every plan is proven to 1e-6, %d", unproven);
	ok(broken == 0, "every plan keeps every limit, %d", broken);
}

static BudgetChannel
hill(double coefficient, double half, double slope, double low, double high)
{
	BudgetChannel c = {
		{.shape = {SATURATION_HILL, half, slope}, .coefficient = coefficient, .weight = 1}, NAN, low, high};

	curve_prepare(&c.curve);
	return c;
}

static void
proven(BudgetRequest request, double least, const char *name)
{
	BudgetPlan plan = {.value = NAN};
	BudgetTrouble trouble;
	CoreStatus status;

	request.margin = request.margin > 0 ? request.margin : 1;
	request.tolerance = 1e-6;
	request.node_limit = 20000;
	status = budget_optimize(unit_env(), &request, &plan, &trouble);
	ok(status == CORE_OK && plan.certified && plan.bound >= least * (1 - 1e-13) &&
		   plan.value >= least * (1 - 1e-6),
	   "%s: %.12g of at least %.12g, gap %g", name, plan.value, least, plan.gap);
}

/* What random problems found. */
static void
what_was_wrong(void)
{
	BudgetChannel fixed[] = {
		hill(0.333751, 0.498003, 2.18668, 0, 10 / 12.0), hill(0.419071, 0.883885, 8.30767, 0, 21 / 12.0),
		hill(0.625599, 0.579266, 1.71657, 0, 14 / 12.0), hill(1.65058, 0.201925, 0.539443, 0, 10 / 12.0)};
	BudgetGroup equations[] = {{11 / 12.0, 11 / 12.0, 3, (int[]){0, 2, 3}},
							   {10 / 12.0, 11 / 12.0, 3, (int[]){0, 2, 3}},
							   {20 / 12.0, 20 / 12.0, 2, (int[]){0, 1}},
							   {24 / 12.0, 24 / 12.0, 2, (int[]){1, 2}},
							   {8 / 12.0, 8 / 12.0, 2, (int[]){2, 3}}};
	double only[] = {3 / 12.0, 17 / 12.0, 7 / 12.0, 1 / 12.0};
	BudgetChannel steep[] = {hill(1.54494, 0.563535, 7.09095, 0, 2), hill(0.359931, 0.719874, 10.5441, 0, 2),
							 hill(0.839988, 0.648566, 2.52611, 0, 2),
							 hill(1.89397, 0.484364, 0.523253, 0, 1)};
	BudgetGroup rest = {7 / 6.0, 7 / 6.0, 3, (int[]){0, 1, 2}};
	BudgetChannel touching[] = {hill(1, 1, 2, 0, 1.1666666666666665), hill(1, 1, 2, 0, 1)};
	BudgetGroup above = {1.1666666666666667, 4 / 3.0, 1, (int[]){0}};
	BudgetChannel earning[] = {
		hill(1.14086, 0.811255, 11.8297, 0, 0.5), hill(1.84867, 0.235843, 4.38038, 0, 1),
		hill(0.577125, 0.196463, 0.720932, 1 / 12.0, 0.75), hill(0.955521, 0.441877, 0.63135, 0, 1.25)};
	BudgetGroup floors[] = {{7 / 6.0, INFINITY, 2, (int[]){0, 1}}, {0.25, INFINITY, 1, (int[]){2}}};
	double profitable[] = {1 / 6.0, 1, 0.25, 0.087382872899373368};
	double least = 0;

	for (int i = 0; i < 4; i++)
		least += curve_value(&fixed[i].curve, only[i]);
	proven((BudgetRequest){.channels = 4,
						   .channel = fixed,
						   .groups = 5,
						   .group = equations,
						   .total = 28 / 12.0,
						   .exactly = true},
		   least, "equations that leave one plan, two of them idle");
	least = curve_value(&steep[0].curve, 0.8115725716) + curve_value(&steep[2].curve, 7 / 6.0 - 0.8115725716);
	proven(
		(BudgetRequest){
			.channels = 4, .channel = steep, .groups = 1, .group = &rest, .total = 7 / 6.0, .exactly = true},
		least, "a group within the total that leaves nothing for the steepest curve");
	proven((BudgetRequest){.channels = 2, .channel = touching, .groups = 1, .group = &above, .total = 1.5},
		   curve_value(&touching[0].curve, 1.1666666666666665) + curve_value(&touching[1].curve, 1 / 3.0),
		   "a minimum above the maximum by rounding");
	least = 0;
	for (int i = 0; i < 4; i++)
		least += 0.744763 * curve_value(&earning[i].curve, profitable[i]) - profitable[i];
	proven((BudgetRequest){.channels = 4,
						   .channel = earning,
						   .groups = 2,
						   .group = floors,
						   .total = INFINITY,
						   .objective = BUDGET_PROFIT,
						   .margin = 0.744763},
		   least, "a bound that does not move with the last digits of the plan");
}

/* Sixty S-shaped curves under a chain of thirty groups with limits on both sides. */
static void
a_long_chain(void)
{
	BudgetChannel channels[60];
	BudgetGroup groups[30];
	int members[30][4];
	BudgetRequest request = {.channels = 60,
							 .channel = channels,
							 .groups = 30,
							 .group = groups,
							 .total = 16,
							 .margin = 1,
							 .tolerance = 1e-2,
							 .node_limit = 200};
	BudgetPlan plan = {.gap = NAN};
	BudgetTrouble trouble;
	CoreStatus status;

	for (int i = 0; i < 60; i++)
		channels[i] = hill(uniform(0.2, 1.2), uniform(0.2, 1.2), uniform(1.5, 4.5), 0, INFINITY);
	for (int k = 0; k < 30; k++)
	{
		groups[k] = (BudgetGroup){uniform(0.2, 0.6), uniform(1.2, 2), k < 29 ? 4 : 2, members[k]};
		for (int m = 0; m < groups[k].count; m++)
			members[k][m] = 2 * k + m;
	}
	status = budget_optimize(unit_env(), &request, &plan, &trouble);
	ok(status == CORE_OK && plan.certified, "a chain of thirty groups is nearly proven in 200 nodes, gap %g",
	   plan.gap);
}

int
main(int argc, char **argv)
{
	gsl_set_error_handler_off();
	rng = gsl_rng_alloc(gsl_rng_taus2);
	against_the_lattice(argc > 1 ? atoi(argv[1]) : 400);
	what_was_wrong();
	a_long_chain();
	gsl_rng_free(rng);
	return done();
}
