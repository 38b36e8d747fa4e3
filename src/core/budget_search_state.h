/*
 * What the branch and bound keeps between nodes. Shared by the files that make up budget_search().
 */
#ifndef ATTRIB_CORE_BUDGET_SEARCH_STATE_H
#define ATTRIB_CORE_BUDGET_SEARCH_STATE_H

#include "budget_nodes.h"
#include "budget_search.h"

typedef struct SearchState
{
	const CoreEnv *env;
	BudgetSearch *search;
	const BudgetModel *model;
	int n;

	double *root_low;
	double *root_high;
	double *low; /* the node's box */
	double *high;
	BudgetPiece *pieces;
	BudgetPiece *trial_pieces;
	double *knee_value; /* each curve's value at its inflection, if that is inside the root */
	double *x;
	double *trial;
	double *trial_like;
	double *spend_price;
	BudgetPrices prices;
	BudgetPrices trial_prices;
	RelaxWork *work;
	int differences; /* limits that follow from a row and one within it */
	BudgetRow *difference;
	int *twin; /* the next channel with the same curve, box and rows; -1 if none */

	NodeHeap open;
	double pruned; /* the highest bound of what was discarded */
} SearchState;

/* Takes from the node's box what rows and the order of twins forbid; false if nothing is left. */
extern bool search_narrow(SearchState *s);

/*
 * Shuts out the part of an interval whose use costs more than the bound has to spare. Returns whether an
 * envelope changed.
 */
extern bool search_narrow_by_prices(SearchState *s, double spare);

/* `difference`, to be freed at the end. */
extern void search_find_differences(SearchState *s);
extern void search_free_differences(SearchState *s);

/* Which channels are alike; uses the node's box as scratch space. */
extern void search_find_twins(SearchState *s);

#endif
