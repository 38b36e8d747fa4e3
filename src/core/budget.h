/*
 * Budgets: which spend per channel is best, and the proof that none is better.
 */
#ifndef ATTRIB_CORE_BUDGET_H
#define ATTRIB_CORE_BUDGET_H

#include "curve.h"

typedef enum BudgetObjective
{
	BUDGET_REVENUE, /* total response */
	BUDGET_PROFIT,	/* margin * response - spend */
	BUDGET_ROI,		/* response / spend */
	BUDGET_REACH,	/* 1 - product of (1 - response) */
} BudgetObjective;

typedef enum BudgetTarget
{
	BUDGET_NO_TARGET,
	BUDGET_TARGET_ROAS,			 /* total response / total spend at least this */
	BUDGET_TARGET_MARGINAL_ROAS, /* spend as long as the next unit returns at least this */
	BUDGET_TARGET_RESPONSE,		 /* the least spend that brings this response, or reach */
} BudgetTarget;

typedef struct BudgetChannel
{
	Curve curve;
	double current; /* NAN if unknown */
	double low;
	double high; /* INFINITY if unbounded */
} BudgetChannel;

/* low <= spend of all members <= high */
typedef struct BudgetGroup
{
	double low;
	double high;
	int count;
	int *members; /* ascending, each once */
} BudgetGroup;

/*
 * How much the groups let move from channel a (from nowhere, if it is -1) to channel b. The answer and `spend` are
 * multiples of `unit`; the groups' limits are not.
 */
extern double budget_group_room(const BudgetGroup *group, int groups, const double *spend, double unit, int a,
								int b);

typedef struct BudgetRequest
{
	int channels;
	const BudgetChannel *channel;
	int groups;
	const BudgetGroup *group;
	double total; /* INFINITY if free */
	bool exactly;
	BudgetTarget target;
	double target_value;
	BudgetObjective objective;
	double margin;
	double tolerance;
	int64_t node_limit;
	const double *start; /* a plan to begin with, or NULL */
} BudgetRequest;

/* What keeps a channel where it is: a group's index, or one of these. */
enum
{
	BUDGET_UNBOUND = -1,
	BUDGET_MIN_SPEND = -2,
	BUDGET_MAX_SPEND = -3,
	BUDGET_TOTAL = -4,
	BUDGET_TARGET = -5,
};

typedef struct BudgetPlan
{
	double *spend;
	int *binding;
	double *shadow_price; /* what the objective gains if the binding limit's number grows by one; NAN: none */
	double total_price;	  /* the same for the total, whether or not other limits bind */
	double value;
	double bound;
	double gap;
	double gap_unit; /* what the gap is relative to */
	bool certified;	 /* the gap is within the tolerance */
	int64_t nodes;	 /* of the last search */
} BudgetPlan;

typedef enum BudgetTroubleKind
{
	BUDGET_FINE,
	BUDGET_LIMITS_CONFLICT, /* limit `limit` asks for `asked`; with `others`, or the channels alone, only `nearest` */
	BUDGET_TARGET_MISSED, /* the best that the limits allow is `nearest` */
	BUDGET_NO_LIMIT,	  /* more spend on channel `limit` is always better */
	BUDGET_VANISHING,	  /* return on spend grows as spend vanishes */
} BudgetTroubleKind;

/* Why there is no plan. Limits are group indexes, BUDGET_TOTAL, or a channel's bounds. */
typedef struct BudgetTrouble
{
	BudgetTroubleKind kind;
	int limit;
	int channel;	 /* whose BUDGET_MIN_SPEND or BUDGET_MAX_SPEND it is */
	bool from_below; /* the limit asks for at least `asked`, otherwise for at most */
	double asked;
	double nearest;
	bool *others; /* groups, then the total */
} BudgetTrouble;

/*
 * CORE_BAD_INPUT with `trouble` filled in if there is no plan; CORE_NO_CONVERGE never: a plan that is not
 * proven says so in its gap. Arguments are finite and in range, curves prepared with log_miss for BUDGET_REACH.
 */
extern CoreStatus budget_optimize(const CoreEnv *env, const BudgetRequest *request, BudgetPlan *plan,
								  BudgetTrouble *trouble);

#endif
