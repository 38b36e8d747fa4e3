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

/* The arguments that every optimize_budget() begins with, in order. */
enum
{
	ARG_CURVES, /* or the model */
	ARG_TOTAL_BUDGET,
	ARG_SPEND,
	ARG_TARGET_ROAS,
	ARG_TARGET_MARGINAL_ROAS,
	ARG_TARGET_RESPONSE,
	ARG_OBJECTIVE,
	ARG_MARGIN,
	ARG_CONSTRAINTS,
	ARG_TOLERANCE,
	ARG_NODE_LIMIT,
	ARG_BUDGET_END, /* what follows is each form's own */
};

/* Reads them into a request over the curves, checked as far as they go together. */
extern BudgetRequest budget_request_read(FunctionCallInfo fcinfo, const BudgetCurves *curves,
										 BudgetConstraints *constraints);

/* 22023 for any key. */
extern void budget_refuse_extra(Jsonb *extra);

/* 22023 unless low <= value <= high. */
extern double budget_float8_between(FunctionCallInfo fcinfo, int argno, const char *name, double low,
									double high);
#define BUDGET_LARGEST_AMOUNT 1e30

/* The plan, or what keeps it from existing as an error. budget_warn() tells what was not proven. */
extern BudgetPlan budget_plan_or_raise(const BudgetRequest *request, const BudgetCurves *curves,
									   const BudgetConstraints *constraints, const char *function);
extern void budget_warn(const BudgetPlan *plan, const BudgetRequest *request, const char *function);

/* The name of what binds a channel; NULL if nothing does. */
extern const char *budget_binding_name(int binding, const BudgetRequest *request,
									   const BudgetConstraints *constraints);

/* A column that is NULL where there is no number. */
extern void budget_put_number(Datum *values, bool *nulls, int column, double value);

/* Raises what keeps a demand from being met. */
pg_noreturn extern void budget_raise(const BudgetTrouble *trouble, const BudgetRequest *request,
									 const BudgetCurves *curves, const BudgetConstraints *constraints);

#endif
