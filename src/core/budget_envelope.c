/*
 * Concave envelopes: the upper hull of a curve over an interval, arc by arc.
 */
#include "budget_model.h"

#include <math.h>

/* At most an arc, and a line to each arc and from the last. */
static int
most_parts(const Curve *curve)
{
	return 2 * curve_arcs(curve) + 1;
}

int
budget_most_parts(const Curve *curves, int n)
{
	int parts = 0;

	for (int i = 0; i < n; i++)
		parts += most_parts(&curves[i]);
	return parts;
}

BudgetPiece *
budget_pieces_alloc(const CoreEnv *env, const Curve *curves, int n)
{
	size_t bytes = sizeof(BudgetPiece) * n + sizeof(BudgetPart) * budget_most_parts(curves, n);
	BudgetPiece *pieces = env->alloc(env->arg, bytes ? bytes : 1);
	BudgetPart *part = (BudgetPart *) (pieces + n);

	for (int i = 0; i < n; i++)
	{
		pieces[i] = (BudgetPiece){.low = NAN, .part = part};
		part += most_parts(&curves[i]);
	}
	return pieces;
}

static void
add_part(BudgetPiece *piece, double from, double to, double base, double rise, bool straight)
{
	if (to > from)
		piece->part[piece->parts++] = (BudgetPart){from, to, base, rise, straight};
}

/* A curve that turns once: a line to where it touches the arc, then the arc. */
static void
envelope_of_one_arc(BudgetPiece *piece, const Curve *curve)
{
	double turn = curve->inflection;
	double knee = piece->low;

	if (piece->low < turn && piece->high > piece->low)
		knee = piece->high <= turn ? piece->high : curve_tangent(curve, piece->low, piece->high);
	if (knee > piece->low)
		add_part(piece, piece->low, knee, piece->base,
				 (curve_value(curve, knee) - piece->base) / (knee - piece->low), true);
	add_part(piece, knee, piece->high, 0, 0, false);
}

/* A point or an arc within the interval, and what the hull uses of it: [begin, end]. */
typedef struct HullArc
{
	double from;
	double to;
	double fee;
	double begin;
	double end;
} HullArc;

/* Where value - slope * x is largest on the arc, and that maximum: the conjugate, convex in the slope. */
static double
conjugate(const Curve *curve, const HullArc *arc, double slope, double *at)
{
	*at = arc->from;
	if (arc->to > arc->from)
		*at = slope > 0 ? curve_demand(curve, slope, arc->from, arc->to) : arc->to;
	return curve_value(curve, *at) - arc->fee - slope * *at;
}

/*
 * The line that touches both from above, left before right: the slope at which both conjugates are equal. Their
 * difference falls as the slope grows, by the distance of the two points; so Newton's method is to take the slope
 * between the points. Kept in a bracket.
 */
static void
bridge(const Curve *curve, HullArc *left, HullArc *right)
{
	double low = 0;
	double high = INFINITY;
	double slope;
	double s = left->to;
	double t = right->from;

	slope = t > s ? (curve_value(curve, t) - curve_value(curve, s)) / (t - s) : curve_slope_at(curve, s);
	for (int step = 0; step < 100; step++)
	{
		double excess = -conjugate(curve, left, slope, &s);
		double next;

		excess += conjugate(curve, right, slope, &t);
		if (excess > 0)
			low = slope;
		else
			high = slope;
		next = t > s ? slope + excess / (t - s) : slope;
		if (fabs(next - slope) <= 1e-14 * slope)
			break;
		if (!(next > low && next < high))
			next = isinf(high) ? 2 * low + 1e-12 : 0.5 * (low + high);
		slope = next;
	}
	left->end = s;
	right->begin = t;
}

/*
 * Arcs beyond this are left out: the relaxation is then worse than it could be. Bounds do not rest on it, as
 * budget_best_spend() looks at every arc.
 */
#define MOST_ARCS 64

/* The hull of points and arcs from left to right, in their place; what a bridge passes over is dropped. */
static int
hull(const Curve *curve, HullArc *arcs, int n)
{
	int count = 0;

	for (int k = 0; k < n; k++)
	{
		HullArc next = arcs[k];

		next.begin = next.from;
		while (count > 0)
		{
			bridge(curve, &arcs[count - 1], &next);
			if (count == 1 || arcs[count - 1].end > arcs[count - 1].begin)
				break;
			count--;
		}
		next.end = next.to;
		arcs[count++] = next;
	}
	return count;
}

static void
add_hull(BudgetPiece *piece, const Curve *curve, HullArc *arcs, int n)
{
	int count = hull(curve, arcs, n);

	for (int k = 0; k < count; k++)
	{
		if (k > 0)
		{
			double from = arcs[k - 1].end;
			double to = arcs[k].begin;
			double base = curve_value(curve, from) - arcs[k - 1].fee;

			if (to > from)
				add_part(piece, from, to, base, (curve_value(curve, to) - arcs[k].fee - base) / (to - from),
						 true);
		}
		add_part(piece, arcs[k].begin, arcs[k].end, 0, 0, false);
	}
}

static void
envelope_of_arcs(BudgetPiece *piece, const Curve *curve)
{
	HullArc arcs[MOST_ARCS + 2];
	int n = 0;

	for (int k = 0; k < curve_arcs(curve) && n < MOST_ARCS; k++)
	{
		double from = fmax(curve_arc(curve, k).from, piece->low);
		double to = fmin(curve_arc(curve, k).to, piece->high);

		if (n == 0 && from > piece->low)
			arcs[n++] = (HullArc){.from = piece->low, .to = piece->low};
		if (from < to)
			arcs[n++] = (HullArc){.from = from, .to = to};
	}
	if (n == 0)
		arcs[n++] = (HullArc){.from = piece->low, .to = piece->low};
	if (arcs[n - 1].to < piece->high)
		arcs[n++] = (HullArc){.from = piece->high, .to = piece->high};
	add_hull(piece, curve, arcs, n);
}

/* Spend up to the inflection without the fee, and beyond it with. */
static void
envelope_with_fee(BudgetPiece *piece, const Curve *curve)
{
	double turn = curve->inflection;
	HullArc arcs[3];
	int n = 0;

	if (piece->low < turn || (piece->low == turn && curve->fee > 0))
		arcs[n++] = (HullArc){.from = piece->low, .to = piece->low};
	if (piece->low < turn && curve->fee > 0)
		arcs[n++] = (HullArc){.from = turn, .to = turn};
	arcs[n++] = (HullArc){.from = fmax(turn, piece->low), .to = piece->high, .fee = curve->fee};
	add_hull(piece, curve, arcs, n);
}

bool
budget_turns_once(const Curve *curve)
{
	return curve_arcs(curve) == 1 && isinf(curve_arc(curve, 0).to);
}

void
budget_piece_set(BudgetPiece *piece, const Curve *curve, double low, double high)
{
	piece->low = low;
	piece->high = high;
	piece->base = curve_value(curve, low);
	piece->parts = 0;
	if (curve->fee != 0 && high > curve->inflection && high > low)
		envelope_with_fee(piece, curve);
	else if (budget_turns_once(curve))
		envelope_of_one_arc(piece, curve);
	else if (high > low)
		envelope_of_arcs(piece, curve);
}

void
budget_piece_set_flat(BudgetPiece *piece, double low, double high)
{
	piece->low = low;
	piece->high = high;
	piece->base = 0;
	piece->parts = 0;
	add_part(piece, low, high, 0, 0, true);
}

const BudgetPart *
budget_line_at(const BudgetPiece *piece, double x)
{
	for (int k = 0; k < piece->parts; k++)
	{
		if (x < piece->part[k].to)
			return piece->part[k].straight ? &piece->part[k] : NULL;
	}
	return NULL;
}

double
budget_envelope(const BudgetPiece *piece, const Curve *curve, double x)
{
	const BudgetPart *line = budget_line_at(piece, x);

	if (line)
		return line->base + line->rise * (x - line->from);
	return curve_value(curve, x) - (x > curve->inflection ? curve->fee : 0);
}
