/*
 * The response curve of one channel: what a spend brings, how fast that grows, and where the growth turns
 * from increasing to decreasing.
 *
 * Every kind is increasing, starts at 0 and changes its curvature at most once, from convex to concave. All
 * of the optimizer rests on that: a concave envelope over an interval is then a straight line up to a
 * tangent point and the curve itself beyond it.
 */
#ifndef ATTRIB_CORE_CURVE_H
#define ATTRIB_CORE_CURVE_H

#include "saturation.h"

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

	/* Made by curve_prepare(). */
	double rate;	   /* the shape's slope at 0 */
	double inflection; /* convex up to here, concave from here on; 0 or INFINITY if it never turns */
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

/*
 * The spend within [low, high] that is best at a price: where the slope of the concave part falls to
 * `price`. The interval must lie in the concave part; its ends are the answer when the slope never gets there.
 */
extern double curve_demand(const Curve *curve, double price, double low, double high);

/*
 * The point in [inflection, high] where the line from (low, value at low) touches the curve; `high` if it
 * does so only beyond. `low` lies in the convex part.
 */
extern double curve_tangent(const Curve *curve, double low, double high);

#endif
