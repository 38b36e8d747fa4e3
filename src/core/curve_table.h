/*
 * A sum of thousands of saturation curves, as one curve that is cheap to evaluate and whose error is known.
 *
 * What a channel brings over a window is sum_k gain_k * saturation(scale_k * m): a term for every period, geo and
 * draw. Over u = ln m every term is one and the same function, only shifted, so its derivatives have bounds that
 * do not depend on the scale. The table holds value and three derivatives of the sum on an even grid of u, joined
 * by polynomials of degree 7; their error is at most M step^8 / (8! 2^8), with M a bound on the eighth derivative
 * of the sum. Below the grid the table is a line from (0, 0); above it, constant.
 */
#ifndef ATTRIB_CORE_CURVE_TABLE_H
#define ATTRIB_CORE_CURVE_TABLE_H

#include "saturation.h"

/* gain[k] * saturation(scale[k] * m), k < count; all gains and scales >= 0. */
typedef struct CurveTerms
{
	Saturation shape;
	double weight; /* multiplies every gain */
	int count;
	const double *gain;
	const double *scale;
} CurveTerms;

/* Multiples of today's spend beyond this are outside of every table. */
#define CURVE_TABLE_MOST 1e4

/* What the terms to come need of a grid. All of them must be shown before it is chosen. */
typedef struct CurveGrid
{
	double gains;  /* sum of weight * gain */
	double limit;  /* what the curve can reach at CURVE_TABLE_MOST */
	double today;  /* its value at 1 */
	double eighth; /* bound on the eighth derivative along u */
	double lowest; /* log scale at which some set's largest term begins, and its exponent there */
	double highest;
	double first; /* u of the first knot */
	double step;
	int knots;
	double error; /* of the interpolation, absolute */
	bool shown;
} CurveGrid;

typedef struct CurveArc
{
	double from;
	double to;
} CurveArc;

typedef struct CurveTable
{
	double first;
	double step;
	int cells;
	double begins; /* exp(first): the line from 0 ends here */
	double ends;
	double begin_value;
	double end_value;
	double *coefficient; /* [cell][8]: powers of the place within the cell */
	double error;		 /* no value of the sum is further from the table's */
	int arcs;
	CurveArc *arc; /* where the table is concave, ascending; convex in between */
} CurveTable;

/* Value, slope and curvature along m. */
typedef struct TablePoint
{
	double value;
	double first;
	double second;
} TablePoint;

extern bool curve_table_takes(SaturationKind kind);

extern void curve_grid_show(CurveGrid *grid, const CurveTerms *terms, double accuracy);

/* Error at most `accuracy` of the value at 1 (or of a ten-thousandth of the limit, if that is more). */
extern void curve_grid_choose(CurveGrid *grid, double accuracy);

/* Adds value and three derivatives along u at each knot: jet[knot][4]. */
extern void curve_grid_add(const CoreEnv *env, const CurveGrid *grid, const CurveTerms *terms, double *jet);

/* How much of each number of the jets at knots *knot and *knot + 1 the value at m consists of. */
#define CURVE_GRID_JET 4
extern void curve_grid_weights(const CurveGrid *grid, double m, int *knot, double weight[2 * CURVE_GRID_JET]);

extern CurveTable *curve_table_create(const CoreEnv *env, const CurveGrid *grid, const double *jet);
extern void curve_table_free(const CoreEnv *env, CurveTable *table);

extern TablePoint curve_table_at(const CurveTable *table, double m);

#endif
