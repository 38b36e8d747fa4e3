/*
 * Sums of saturation curves as tables: their error, where they are concave, and budgets over them.
 */
#include "unit.h"

#include "core/budget.h"
#include "core/budget_model.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_rng.h>

#include <string.h>

#define MOST_TERMS 40
#define ACCURACY 1e-11

static gsl_rng *rng;

static double
uniform(double low, double high)
{
	return low + (high - low) * gsl_rng_uniform(rng);
}

/* A sum of terms, in one or two sets of different shapes. */
typedef struct Sum
{
	int sets;
	CurveTerms terms[2];
	double gain[2][MOST_TERMS];
	double scale[2][MOST_TERMS];
	CurveTable *table;
} Sum;

static double
sum_at(const Sum *s, double m)
{
	double sum = 0;

	for (int j = 0; j < s->sets; j++)
		for (int k = 0; k < s->terms[j].count; k++)
			sum +=
				s->terms[j].weight * s->gain[j][k] * saturation_value(&s->terms[j].shape, s->scale[j][k] * m);
	return sum;
}

/* Clusters of scales far apart make several inflections. */
static void
random_sum(Sum *s, SaturationKind kind, bool clusters)
{
	memset(s, 0, sizeof(*s));
	s->sets = 1 + gsl_rng_uniform_int(rng, 2);
	for (int j = 0; j < s->sets; j++)
	{
		CurveTerms *terms = &s->terms[j];

		terms->shape = (Saturation){kind, exp(uniform(-1, 1)), exp(uniform(-0.7, clusters ? 2 : 1.6))};
		if (kind == SATURATION_ROOT)
			terms->shape.slope = uniform(0.1, 1);
		terms->weight = 1.0 / s->sets;
		terms->count = 1 + gsl_rng_uniform_int(rng, MOST_TERMS);
		terms->gain = s->gain[j];
		terms->scale = s->scale[j];
		for (int k = 0; k < terms->count; k++)
		{
			int cluster = clusters ? gsl_rng_uniform_int(rng, 3) : 0;

			s->gain[j][k] = uniform(0, 1) * pow(3, cluster);
			s->scale[j][k] = gsl_rng_uniform_int(rng, 8) == 0 ? 0 : uniform(0.5, 1.5) * pow(0.15, cluster);
		}
		s->gain[j][0] = s->scale[j][0] = 1;
	}
}

static void
make_table(Sum *s)
{
	CurveGrid grid = {0};
	double *jet;

	for (int j = 0; j < s->sets; j++)
		curve_grid_show(&grid, &s->terms[j], ACCURACY);
	curve_grid_choose(&grid, ACCURACY);
	jet = core_alloc_zero(unit_env(), 4 * (size_t) grid.knots, sizeof(double));
	for (int j = 0; j < s->sets; j++)
		curve_grid_add(unit_env(), &grid, &s->terms[j], jet);
	s->table = curve_table_create(unit_env(), &grid, jet);
	core_free(unit_env(), jet);
}

static const SaturationKind kinds[] = {
	SATURATION_HILL,		 SATURATION_LOGISTIC, SATURATION_MICHAELIS_MENTEN,
	SATURATION_ROOT,		 SATURATION_LOG1P,	  SATURATION_INVERSE_SCALED_LOGISTIC,
	SATURATION_HILL_SIGMOID, SATURATION_TANH};

static bool
is_concave(const CurveTable *table, double m)
{
	for (int k = 0; k < table->arcs; k++)
		if (m >= table->arc[k].from && m <= table->arc[k].to)
			return true;
	return false;
}

static void
tests_of_tables(void)
{
	double worst = 0;
	double worst_relative = 0;
	double worst_slope = 0;
	int most_arcs = 0;
	int wrong = 0;

	for (int i = 0; i < 400; i++)
	{
		Sum s;

		random_sum(&s, kinds[i % 8], i % 3 == 0);
		make_table(&s);
		most_arcs = s.table->arcs > most_arcs ? s.table->arcs : most_arcs;
		if (s.terms[0].shape.kind != SATURATION_ROOT) /* whose limit is far above today's value */
			worst_relative = fmax(worst_relative, s.table->error / sum_at(&s, 1));
		for (int k = 0; k < 300; k++)
		{
			double m = exp(uniform(-12, 6));
			TablePoint p = curve_table_at(s.table, m);
			double h = 1e-4 * m;
			double slope = (sum_at(&s, m + h) - sum_at(&s, m - h)) / (2 * h);
			double bend = sum_at(&s, m + 0.02 * m) - 2 * sum_at(&s, m) + sum_at(&s, m - 0.02 * m);
			double least = 1e-9 * sum_at(&s, m);

			worst = fmax(worst, fabs(p.value - sum_at(&s, m)) / s.table->error);
			if (m > s.table->begins && m < s.table->ends)
				worst_slope = fmax(worst_slope, fabs(p.first - slope) * m / sum_at(&s, 10 * m));
			if (fabs(bend) > least && is_concave(s.table, 0.98 * m) == is_concave(s.table, 1.02 * m))
				wrong += is_concave(s.table, m) != (bend < 0);
		}
		curve_table_free(unit_env(), s.table);
	}
	ok(worst <= 1, "no table is further from its sum than its error says: %g of it", worst);
	ok(worst_relative < 2e-7, "which is small: %g of today's value", worst_relative);
	ok(worst_slope < 1e-6, "slopes are slopes, %g", worst_slope);
	ok(wrong == 0 && most_arcs > 2, "arcs are where the sum is concave, up to %d of them, %d wrong",
	   most_arcs, wrong);
}

static Curve
curve_of(const Sum *s, double stretch)
{
	Curve curve = {.shape = {SATURATION_HILL, 1 / stretch, 1},
				   .coefficient = 1,
				   .weight = 1,
				   .table = s->table,
				   .stretch = stretch};

	curve_prepare(&curve);
	return curve;
}

/* Envelopes lie on or above the curve, are concave, and touch it at both ends. */
static void
tests_of_envelopes(void)
{
	double below = 0;
	double bent = 0;
	double apart = 0;
	double unsound = 0;

	for (int i = 0; i < 300; i++)
	{
		Sum s;
		Curve curve;
		BudgetPiece *piece;
		double low = i % 2 ? uniform(0, 3) : 0;
		double high = low + exp(uniform(-2, 4));
		double before[2] = {0, 0};
		double price = exp(uniform(-3, 2));
		double best;

		random_sum(&s, i % 3 ? SATURATION_HILL : SATURATION_HILL_SIGMOID, true);
		make_table(&s);
		curve = curve_of(&s, 1);
		piece = budget_pieces_alloc(unit_env(), &curve, 1);
		budget_piece_set(piece, &curve, low, high);
		budget_best_spend(piece, &curve, 1, price, &best);
		for (int k = 0; k <= 400; k++)
		{
			double x = low + (high - low) * k / 400;
			double value = curve_value(&curve, x);
			double hull = budget_envelope(piece, &curve, x);

			below = fmax(below, value - hull);
			if (k >= 2)
				bent = fmax(bent, hull - 2 * before[0] + before[1]);
			if (k == 0 || k == 400)
				apart = fmax(apart, fabs(hull - value));
			unsound = fmax(unsound, value - price * x - best);
			before[1] = before[0];
			before[0] = hull;
		}
		core_free(unit_env(), piece);
		curve_table_free(unit_env(), s.table);
	}
	ok(below < 1e-9, "envelopes are not below the curve, %g", below);
	ok(bent < 1e-9, "envelopes are concave, %g", bent);
	ok(apart < 1e-9, "envelopes end on the curve, %g", apart);
	ok(unsound < 1e-9, "no spend beats the best at a price, %g", unsound);
}

/* ------------------------------------------------------------------------------------------------------
 * Budgets over sums, against dynamic programming over a grid of spends
 * ------------------------------------------------------------------------------------------------------ */

#define STEPS 2000

static double
by_dynamic_programming(const Sum *sums, const double *stretch, int n, double total)
{
	double best[STEPS + 1] = {0};

	for (int i = 0; i < n; i++)
	{
		double value[STEPS + 1];
		double next[STEPS + 1];

		for (int k = 0; k <= STEPS; k++)
			value[k] = sum_at(&sums[i], stretch[i] * total * k / STEPS);
		for (int k = 0; k <= STEPS; k++)
		{
			next[k] = 0;
			for (int j = 0; j <= k; j++)
				next[k] = fmax(next[k], best[k - j] + value[j]);
		}
		memcpy(best, next, sizeof(best));
	}
	return best[STEPS];
}

static void
tests_of_budgets(void)
{
	double worst = 0;
	double below = 0;
	double violated = 0;
	double misvalued = 0;
	int unproven = 0;

	for (int i = 0; i < 60; i++)
	{
		int n = 2 + i % 4;
		Sum sums[5];
		double stretch[5];
		BudgetChannel channel[5];
		BudgetRequest request = {.channels = n,
								 .channel = channel,
								 .total = exp(uniform(-1, 3)),
								 .margin = 1,
								 .tolerance = 1e-6,
								 .node_limit = 100000};
		BudgetPlan plan;
		BudgetTrouble trouble;
		double reference;
		double value = 0;
		double spend = 0;

		for (int c = 0; c < n; c++)
		{
			random_sum(&sums[c], kinds[gsl_rng_uniform_int(rng, 3) ? 0 : gsl_rng_uniform_int(rng, 8)], true);
			make_table(&sums[c]);
			stretch[c] = exp(uniform(-1, 2));
			channel[c] =
				(BudgetChannel){curve_of(&sums[c], stretch[c]), NAN, 0, CURVE_TABLE_MOST / stretch[c]};
		}
		if (budget_optimize(unit_env(), &request, &plan, &trouble) != CORE_OK)
		{
			ok(false, "budget %d has a plan", i);
			continue;
		}
		reference = by_dynamic_programming(sums, stretch, n, request.total);
		for (int c = 0; c < n; c++)
		{
			value += sum_at(&sums[c], stretch[c] * plan.spend[c]);
			spend += plan.spend[c];
			curve_table_free(unit_env(), sums[c].table);
		}
		worst = fmax(worst, 1 - value / reference);
		below = fmax(below, 1 - plan.bound / fmax(reference, value));
		violated = fmax(violated, spend / request.total - 1);
		misvalued = fmax(misvalued, fabs(plan.value / value - 1));
		unproven += !plan.certified;
	}
	ok(worst < 1e-6, "no plan over sums is worse than dynamic programming's, %g", worst);
	ok(below <= 0, "no bound lies below what is possible, %g", below);
	ok(violated < 1e-9, "every plan keeps to the total, %g", violated);
	ok(misvalued < 1e-7, "every plan is worth what it says, %g", misvalued);
	ok(unproven == 0, "every plan is proven");
}

int
main(void)
{
	gsl_set_error_handler_off();
	rng = gsl_rng_alloc(gsl_rng_taus2);
	tests_of_tables();
	tests_of_envelopes();
	tests_of_budgets();
	gsl_rng_free(rng);
	return done();
}
