/*
 * Budgets between SQL and src/core: response curves and constraints decoded, plans and troubles told.
 */
#ifndef ATTRIB_BUDGET_H
#define ATTRIB_BUDGET_H

#include "arguments.h"
#include "attrib.h"
#include "core/budget.h"
#include "jsonb_options.h"

#include "utils/array.h"

/* The curves of an array of response_curve, validated. */
typedef struct BudgetCurves
{
	int count;
	char **names;
	SaturationKind *kinds; /* as named; core folds some into others */
	BudgetChannel *channels;
} BudgetCurves;

typedef struct BudgetConstraints
{
	int count;
	char **names;
	BudgetGroup *groups;
} BudgetConstraints;

extern BudgetCurves budget_curves_read(ArrayType *array);

/* [{"name":..., "channels":[...], "min":..., "max":..., "equal":..., "max_change":...}, ...] */
extern BudgetConstraints budget_constraints_read(Jsonb *constraints, const BudgetCurves *curves);

/* Prepares the curves: for reach, every one must be a share of an audience. */
extern void budget_curves_prepare(BudgetCurves *curves, bool reach);

/* Raises what keeps a demand from being met. */
pg_noreturn extern void budget_raise(const BudgetTrouble *trouble, const BudgetRequest *request,
									 const BudgetCurves *curves, const BudgetConstraints *constraints);

#endif
