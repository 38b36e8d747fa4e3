/*
 * The concave relaxation of a budget problem over a box: every curve gives way to its envelope.
 */
#ifndef ATTRIB_CORE_BUDGET_RELAX_H
#define ATTRIB_CORE_BUDGET_RELAX_H

#include "budget_model.h"

/* An interior-point solver's memory, for one model. */
typedef struct RelaxWork RelaxWork;

extern RelaxWork *relax_work_create(const CoreEnv *env, const BudgetModel *model);
extern void relax_work_free(const CoreEnv *env, RelaxWork *work);

/*
 * Solves the relaxation by a primal-dual interior-point method (Mehrotra 1992): prices that make the bound
 * tight and the relaxed plan. Gives up early when the bound falls to `cutoff`. Returns the bound; when the box
 * holds no plan it falls without limit.
 */
extern double relax_solve(const CoreEnv *env, RelaxWork *work, const BudgetModel *model,
						  const BudgetPiece *pieces, double cutoff, BudgetPrices *prices, double *x);

#endif
