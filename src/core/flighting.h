/*
 * Spend per channel and period over a horizon, with carry-over: what to spend when.
 */
#ifndef ATTRIB_CORE_FLIGHTING_H
#define ATTRIB_CORE_FLIGHTING_H

#include "budget.h"

/*
 * A channel over the horizon. With y_t = sum over lags l of lag[l] * x_(t-l), the response is
 * sum_t weight[t] * sum_g gain[g] * saturation(base[g][t] + rate[g] * y_t): carry-over before saturation has weights
 * of 1 and in `base` what history still carries; carry-over after it has one lag, and in `weight` what of each
 * period's effect falls within the horizon.
 */
typedef struct FlightChannel
{
	Saturation shape;
	int geos;
	const double *gain;
	const double *rate;
	const double *base; /* [geo][period] */
	const double *weight;
	int lags; /* at most the periods */
	const double *lag;
} FlightChannel;

typedef struct FlightRequest
{
	int channels;
	int periods;
	const FlightChannel *channel;
	const double *current; /* [channel]: a spend over the horizon to be no worse than, spread evenly */
	int groups;
	const BudgetGroup *group; /* limits of spend over the horizon */
	double total;			  /* at most; positive */
} FlightRequest;

typedef struct FlightPlan
{
	double *spend; /* [channel][period] */
	double value;
	double bound; /* no plan within the limits is worth more */
} FlightPlan;

/* What a channel's periods respond to its spends: out[period], without any weight. */
extern void flight_respond(const FlightChannel *channel, int periods, const double *spend, double *out);

/* CORE_BAD_INPUT with `trouble` of the limits if there is no plan. */
extern CoreStatus flight_optimize(const CoreEnv *env, const FlightRequest *request, FlightPlan *plan,
								  BudgetTrouble *trouble);

#endif
