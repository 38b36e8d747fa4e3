/*
 * The table over a grid: the polynomials that join its jets, where they are concave, and what they are worth.
 */
#include "curve_table.h"

#include <math.h>
#include <string.h>

#define DEGREE 7
#define JET CURVE_GRID_JET /* value and three derivatives */

/* A curvature (along u) of less than this part of the limit is rounding, and has no sign. */
#define CURVATURE_NOISE 1e-12

bool
curve_table_takes(SaturationKind kind)
{
	return kind != SATURATION_LINEAR;
}

/* Bernstein's coefficients of the polynomial that has both jets, over a cell of this width. */
static void
join(const double *left, const double *right, double step, double b[DEGREE + 1])
{
	double h2 = step * step;
	double l[3] = {left[1] * step / 7, left[2] * h2 / 42, left[3] * h2 * step / 210};
	double r[3] = {right[1] * step / 7, right[2] * h2 / 42, right[3] * h2 * step / 210};

	b[0] = left[0];
	b[1] = left[0] + l[0];
	b[2] = left[0] + 2 * l[0] + l[1];
	b[3] = left[0] + 3 * l[0] + 3 * l[1] + l[2];
	b[4] = right[0] - 3 * r[0] + 3 * r[1] - r[2];
	b[5] = right[0] - 2 * r[0] + r[1];
	b[6] = right[0] - r[0];
	b[7] = right[0];
}

/* Bernstein's to powers: binomial coefficients times forward differences. */
static void
powers(const double b[DEGREE + 1], double *a)
{
	static const double choose[DEGREE + 1] = {1, 7, 21, 35, 35, 21, 7, 1};
	double d[DEGREE + 1];

	memcpy(d, b, sizeof(d));
	for (int k = 0; k <= DEGREE; k++)
	{
		a[k] = choose[k] * d[0];
		for (int j = 0; j < DEGREE - k; j++)
			d[j] = d[j + 1] - d[j];
	}
}

/* m^2 times the curvature along m is F_uu - F_u: degree 6, by Bernstein's coefficients. */
static void
curvature(const double b[DEGREE + 1], double step, double c[DEGREE])
{
	double first[DEGREE];
	double second[DEGREE - 1];

	for (int k = 0; k < DEGREE; k++)
		first[k] = DEGREE * (b[k + 1] - b[k]) / step;
	for (int k = 0; k < DEGREE - 1; k++)
		second[k] = (DEGREE - 1) * (first[k + 1] - first[k]) / step;
	for (int k = 0; k < DEGREE; k++)
	{
		double raised = 0; /* second's degree is one less */

		if (k > 0)
			raised += second[k - 1] * k / (DEGREE - 1);
		if (k < DEGREE - 1)
			raised += second[k] * (DEGREE - 1 - k) / (DEGREE - 1);
		c[k] = raised - first[k];
	}
}

typedef struct ArcScan
{
	CurveTable *table;
	int capacity;
	double noise;
	int sign; /* of the curvature so far; 0: not known yet */
} ArcScan;

static void
turn(const CoreEnv *env, ArcScan *scan, int sign, double u)
{
	CurveTable *table = scan->table;

	if (sign == scan->sign)
		return;
	if (sign > 0 && scan->sign < 0)
		table->arc[table->arcs - 1].to = exp(u);
	if (sign < 0)
	{
		if (table->arcs == scan->capacity)
		{
			CurveArc *grown = CORE_ALLOC(env, CurveArc, 2 * (size_t) scan->capacity);

			memcpy(grown, table->arc, sizeof(CurveArc) * table->arcs);
			core_free(env, table->arc);
			table->arc = grown;
			scan->capacity *= 2;
		}
		/* before the first sign nothing bends, and that counts as either */
		table->arc[table->arcs++] = (CurveArc){scan->sign == 0 ? 0 : exp(u), INFINITY};
	}
	scan->sign = sign;
}

/* Where the curvature changes its sign between u and u + width. A polynomial lies between its coefficients. */
static void
scan_cell(const CoreEnv *env, ArcScan *scan, const double c[DEGREE], double u, double width, int depth)
{
	double left[DEGREE];
	double right[DEGREE];
	double least = INFINITY;
	double most = -INFINITY;

	for (int k = 0; k < DEGREE; k++)
	{
		least = fmin(least, c[k]);
		most = fmax(most, c[k]);
	}
	if (most <= scan->noise && least >= -scan->noise)
		return;
	if (most <= scan->noise || least >= -scan->noise)
	{
		turn(env, scan, most <= scan->noise ? -1 : 1, u);
		return;
	}
	if (depth == 0)
		return;
	memcpy(right, c, sizeof(right));
	for (int k = 0; k < DEGREE; k++)
	{
		left[k] = right[0];
		for (int j = 0; j < DEGREE - 1 - k; j++)
			right[j] = 0.5 * (right[j] + right[j + 1]);
	}
	/* de Casteljau's triangle leaves the right half's coefficients along its edge */
	scan_cell(env, scan, left, u, 0.5 * width, depth - 1);
	scan_cell(env, scan, right, u + 0.5 * width, 0.5 * width, depth - 1);
}

CurveTable *
curve_table_create(const CoreEnv *env, const CurveGrid *grid, const double *jet)
{
	CurveTable *table = CORE_ALLOC(env, CurveTable, 1);
	ArcScan scan = {.table = table, .capacity = 4, .noise = CURVATURE_NOISE * grid->limit};

	memset(table, 0, sizeof(*table));
	table->first = grid->first;
	table->step = grid->step;
	table->cells = grid->knots > 0 ? grid->knots - 1 : 0;
	table->error = grid->error;
	table->coefficient = CORE_ALLOC(env, double, (DEGREE + 1) * (size_t) table->cells);
	table->arc = CORE_ALLOC(env, CurveArc, scan.capacity);
	if (table->cells > 0)
	{
		table->begins = exp(grid->first);
		table->ends = exp(grid->first + table->cells * grid->step);
		table->begin_value = jet[0];
		table->end_value = jet[JET * (size_t) table->cells];
	}
	for (int i = 0; i < table->cells; i++)
	{
		double b[DEGREE + 1];
		double c[DEGREE];

		join(jet + JET * (size_t) i, jet + JET * ((size_t) i + 1), grid->step, b);
		powers(b, table->coefficient + (DEGREE + 1) * (size_t) i);
		curvature(b, grid->step, c);
		scan_cell(env, &scan, c, grid->first + i * grid->step, grid->step, 40);
	}
	if (table->arcs == 0) /* all of it straight, or convex up to the end */
		table->arc[table->arcs++] = (CurveArc){scan.sign == 0 ? 0 : INFINITY, INFINITY};
	return table;
}

void
curve_table_free(const CoreEnv *env, CurveTable *table)
{
	core_free(env, table->coefficient);
	core_free(env, table->arc);
	core_free(env, table);
}

TablePoint
curve_table_at(const CurveTable *table, double m)
{
	double place;
	double t;
	const double *a;
	double value = 0;
	double first = 0;
	double second = 0;
	int cell;

	if (isnan(m)) /* an interior point that ran away */
		return (TablePoint){NAN, NAN, NAN};
	if (m >= table->ends)
		return (TablePoint){table->end_value, 0, 0};
	if (m <= table->begins)
		return (TablePoint){table->begin_value * (m / table->begins), table->begin_value / table->begins, 0};
	place = (log(m) - table->first) / table->step;
	cell = place < 0 ? 0 : place >= table->cells ? table->cells - 1 : (int) place;
	t = place - cell;
	a = table->coefficient + (DEGREE + 1) * (size_t) cell;
	for (int k = DEGREE; k >= 0; k--)
	{
		second = second * t + first;
		first = first * t + value;
		value = value * t + a[k];
	}
	first /= table->step;
	second *= 2 / (table->step * table->step);
	return (TablePoint){value, first / m, (second - first) / m / m};
}

void
curve_grid_weights(const CurveGrid *grid, double m, int *knot, double weight[2 * JET])
{
	double place = m > 0 ? (log(m) - grid->first) / grid->step : -INFINITY;
	double t;
	double a[DEGREE + 1];

	memset(weight, 0, sizeof(double) * 2 * JET);
	*knot = 0;
	if (place <= 0)
		weight[0] = m / exp(grid->first);
	else if (place >= grid->knots - 1)
	{
		*knot = grid->knots - 2;
		weight[JET] = 1;
	}
	if (place <= 0 || place >= grid->knots - 1)
		return;
	*knot = (int) place;
	t = place - *knot;
	for (int j = 0; j < 2 * JET; j++)
	{
		double jet[2 * JET] = {0};
		double b[DEGREE + 1];

		jet[j] = 1;
		join(jet, jet + JET, grid->step, b);
		powers(b, a);
		for (int k = DEGREE; k >= 0; k--)
			weight[j] = weight[j] * t + a[k];
	}
}
