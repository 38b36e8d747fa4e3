/*
 * The budget problem in normal form: values, limits, prices and the bounds that they prove.
 *
 *    maximise    gain * sum g_i(x_i) - sum cost_i x_i
 *    subject to  low_k <= sum of x_i over row k's channels <= high_k
 *                sum g_i(x_i) - floor_rate * sum x_i >= floor        (if has_floor)
 *                x in a box
 *
 * gain and floor_rate are not negative, so that putting the least concave majorant over the box in place of
 * each g_i only ever adds plans and value.
 */
#ifndef ATTRIB_CORE_BUDGET_MODEL_H
#define ATTRIB_CORE_BUDGET_MODEL_H

#include "curve.h"

/* Limits on the spend of a group of channels; -INFINITY and INFINITY are none. */
typedef struct BudgetRow
{
	double low;
	double high;
	int count;
	const int *members; /* ascending */
} BudgetRow;

typedef struct BudgetModel
{
	int channels;
	const Curve *curves;
	int rows;
	const BudgetRow *row;
	double gain;
	const double *cost;
	bool has_floor;
	double floor;
	double floor_rate;
	double constant; /* added to every bound: what fees on the curves stand for */
} BudgetModel;

/* What a limit is worth: multipliers, all >= 0. Any such numbers prove a bound. */
typedef struct BudgetPrices
{
	double *low; /* a row */
	double *high;
	double floor;
} BudgetPrices;

/* A part of a concave envelope: a straight line from (from, base), or the curve itself. */
typedef struct BudgetPart
{
	double from;
	double to;
	double base;
	double rise;
	bool straight;
} BudgetPart;

/* A channel's interval and its concave envelope there, from left to right. */
typedef struct BudgetPiece
{
	double low;
	double high;
	double base; /* value at low */
	int parts;
	BudgetPart *part; /* room for what the curve may need */
} BudgetPiece;

/* The most parts that the envelopes of these curves may have. */
extern int budget_most_parts(const Curve *curves, int n);

/* A piece for each curve, to be set; one core_free() frees them. */
extern BudgetPiece *budget_pieces_alloc(const CoreEnv *env, const Curve *curves, int n);
extern void budget_piece_set(BudgetPiece *piece, const Curve *curve, double low, double high);

/* Whether the curve is convex up to its inflection and concave from there on. */
extern bool budget_turns_once(const Curve *curve);

/* As if the curve were 0. */
extern void budget_piece_set_flat(BudgetPiece *piece, double low, double high);
extern double budget_envelope(const BudgetPiece *piece, const Curve *curve, double x);

/* The straight part on which x lies, short of its end; NULL if on none. */
extern const BudgetPart *budget_line_at(const BudgetPiece *piece, double x);

/* The spend at which response_price * g(x) - price * x is largest within the piece, and that maximum. */
extern double budget_best_spend(const BudgetPiece *piece, const Curve *curve, double response_price,
								double price, double *value);

/* A channel's spend costs this much at the prices given, and its response earns that. */
extern void budget_spend_prices(const BudgetModel *model, const BudgetPrices *prices, double *price);
extern double budget_response_price(const BudgetModel *model, const BudgetPrices *prices);

/*
 * The Lagrangian bound: no plan within the pieces is worth more. It holds for any prices, however they were
 * found; `best` (may be NULL) receives each channel's own maximum.
 */
extern double budget_bound(const BudgetModel *model, const BudgetPiece *pieces, const BudgetPrices *prices,
						   double *price_scratch, double *best);

/* The value of a plan, and by how much it breaks the worst limit (0 if it breaks none). */
extern double budget_value(const BudgetModel *model, const double *x);
extern double budget_violation(const BudgetModel *model, const double *x);

extern BudgetPrices budget_prices_alloc(const CoreEnv *env, const BudgetModel *model);
extern void budget_prices_free(const CoreEnv *env, BudgetPrices *prices);

#endif
