/*
 * The response curve of one channel: what a spend brings, how fast that grows, and where the growth turns
 * from increasing to decreasing.
 *
 * Every curve is increasing and starts at 0. A saturation changes its curvature at most once, from convex to
 * concave; a table, which is a sum of many, may do so several times. All of the optimizer rests on knowing where:
 * a concave envelope over an interval consists of arcs of the curve and of straight lines between them.
 */
#ifndef ATTRIB_CORE_CURVE_H
#define ATTRIB_CORE_CURVE_H

#include "curve_table.h"

#include <math.h>

typedef struct Curve
{
	Saturation shape; /* one of curve_kinds; a slope or half-saturation that its kind lacks is ignored */
	double coefficient;

	/*
	 * -ln(1 - response) instead of the response: the logarithm of the share of an audience that is missed.
	 * It adds up over channels that reach people independently. Only for saturating kinds, coefficient <= 1.
	 */
	bool log_miss;
	double weight; /* multiplies the result; 1 in the user's units */

	/*
	 * Not NULL: coefficient * table(x * stretch) in place of the shape, which is then a hill of the same size for
	 * whoever only asks where to look. Never with log_miss.
	 */
	const CurveTable *table;
	double stretch;

	/*
	 * What a search takes off for any spend beyond the inflection, to price how many channels are used at all.
	 * Values and slopes are without it. Only for curves with one arc.
	 */
	double fee;

	/* Made by curve_prepare(). */
	double rate;	   /* the shape's slope at 0 */
	double inflection; /* where the first arc begins: convex up to here; 0 or INFINITY if it never turns */
} Curve;

/* A curve's value with its first and second derivative. */
typedef struct CurvePoint
{
	double value;
	double first;
	double second;
} CurvePoint;

/* The saturations that are increasing with one turn at most, and whose optimum is therefore provable. */
#define CURVE_KINDS 7
extern const SaturationKind curve_kinds[CURVE_KINDS];

/* Whether the kind has an upper limit: the coefficient. */
extern bool curve_saturates(SaturationKind kind);

/* Fills in what is derived from the parameters. They must be finite, half_saturation and slope positive. */
extern void curve_prepare(Curve *curve);

/* The same curve as a function of spend / spend_unit, in units of response_unit. */
extern Curve curve_rescaled(const Curve *curve, double spend_unit, double response_unit);

/* x >= 0, possibly INFINITY. */
extern CurvePoint curve_at(const Curve *curve, double x);
extern double curve_value(const Curve *curve, double x);
extern double curve_slope_at(const Curve *curve, double x);

/* Arcs: maximal intervals on which the curve is concave, ascending; in between it is convex. */
static inline int
curve_arcs(const Curve *curve)
{
	return curve->table ? curve->table->arcs : 1;
}

static inline CurveArc
curve_arc(const Curve *curve, int k)
{
	if (curve->table)
		return (CurveArc){curve->table->arc[k].from / curve->stretch,
						  curve->table->arc[k].to / curve->stretch};
	return (CurveArc){curve->inflection, INFINITY};
}

/* No value of the function that the curve stands for is higher than the curve's by more than this. */
static inline double
curve_error(const Curve *curve)
{
	return curve->table ? curve->coefficient * curve->weight * curve->table->error : 0;
}

/*
 * The spend within [low, high] that is best at a price: where the slope falls to
 * `price`. The interval must lie in an arc; its ends are the answer when the slope never gets there.
 */
extern double curve_demand(const Curve *curve, double price, double low, double high);

/*
 * The point in [inflection, high] where the line from (low, value at low) touches the curve; `high` if it
 * does so only beyond. `low` lies in the convex part. Of curves with one arc.
 */
extern double curve_tangent(const Curve *curve, double low, double high);

#endif
