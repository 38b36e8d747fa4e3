/*
 * What the search for the best plan for a tail keeps. Shared by the files that make up budget_optimize_tail().
 */
#ifndef ATTRIB_CORE_BUDGET_RISK_STATE_H
#define ATTRIB_CORE_BUDGET_RISK_STATE_H

#include "budget_risk.h"

typedef struct TailSearch
{
	const CoreEnv *env;
	const BudgetDraws *draws;
	BudgetRequest request; /* over the curves of the current weights */
	BudgetChannel *channel;
	double level;
	double *weight;
	double *tail;	  /* weights of the worst draws of a plan */
	double *response; /* of each draw */
	double *best;
	double value;
	double bound;
} TailSearch;

/* What the tail of a plan is worth; leaves its weights in s->tail. */
extern double tail_worth(TailSearch *s, const double *spend);

/* What a channel brings at the current weights. */
extern double tail_channel_value(const TailSearch *s, int channel, double spend);

/* Moves the weights towards s->tail; by less, the higher the round. */
extern void tail_move(TailSearch *s, int round);

/* Returns whether the plan is better than the best so far. */
extern bool tail_offer(TailSearch *s, const double *spend);

/* One plan, the best for the current weights; its bound is one for the tail. */
extern CoreStatus tail_solve(TailSearch *s, BudgetPlan *plan, BudgetTrouble *trouble);

extern void tail_plan_free(const TailSearch *s, BudgetPlan *plan);

/* Of the best plan and the bound. */
extern double tail_gap(const TailSearch *s);

/* Moves spend between two channels at a time; leaves the plan no worse. */
extern void tail_improve(TailSearch *s, double *x);

/* Branch and bound over the channels' intervals; improves the best plan and the bound. */
extern void tail_branch(TailSearch *s);

#endif
