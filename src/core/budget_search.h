/*
 * The global optimum of a budget problem, by branch and bound.
 *
 * A relaxed plan is wrong only where it sits on the straight part of an envelope. There the interval is split
 * (Udell and Boyd 2013), which brings the envelopes of both halves down to the curve at that point. Prices of
 * the relaxation prove bounds and shut out intervals that no better plan can use; channels that are alike are
 * ordered, so that permutations of one plan are looked at once.
 */
#ifndef ATTRIB_CORE_BUDGET_SEARCH_H
#define ATTRIB_CORE_BUDGET_SEARCH_H

#include "budget_relax.h"

typedef struct BudgetSearch
{
	/* In. */
	const BudgetModel *model;
	const double *low; /* the box; all finite */
	const double *high;
	double tolerance; /* of the gap, relative to the larger of |value| and `unit` */
	double unit;
	double enough; /* stop at a plan worth this; INFINITY to go on */
	int64_t node_limit;

	/* In and out: a plan to start from, if `found`; the best plan found. */
	bool found;
	double *plan;
	double value;

	/* Out. */
	double bound; /* no plan is worth more; -INFINITY if there is none */
	int64_t nodes;
} BudgetSearch;

/* Plans may break limits by this much in the model's units: what rounding and the solver leave. */
#define BUDGET_SLACK 1e-11

/* The search without regard to how many channels are used. */
extern CoreStatus budget_explore(const CoreEnv *env, BudgetSearch *search);

/* CORE_NO_CONVERGE if the node limit came before the tolerance; the results are valid all the same. */
extern CoreStatus budget_search(const CoreEnv *env, BudgetSearch *search);

/* The piece of the part of [low, high] where the curve is concave that `like` lies in, or of an end that it is near. */
extern void budget_keep_kind(BudgetPiece *piece, const Curve *curve, double low, double high, double like);

/*
 * A plan that no small change betters, by climbing from `like`, which need not keep to the rows. False if the rows
 * leave no plan, or none was found.
 */
extern bool budget_climb(const CoreEnv *env, RelaxWork *work, const BudgetModel *model, const double *low,
						 const double *high, const double *like, BudgetPiece *pieces, BudgetPrices *prices,
						 double *plan);

/*
 * The best plan of the same kind as `like`: the channels that it uses in the concave part of their curves stay
 * there, the others get their least. A concave problem, solved by relax_solve(); false if it has no plan worth more
 * than `cutoff`.
 */
extern bool budget_refine(const CoreEnv *env, RelaxWork *work, const BudgetModel *model, const double *low,
						  const double *high, const double *like, double cutoff, BudgetPiece *pieces,
						  BudgetPrices *prices, double *plan);

#endif
