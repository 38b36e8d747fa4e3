/*
 * What the search for a flighting plan keeps. Shared by the files that make up flight_optimize().
 */
#ifndef ATTRIB_CORE_FLIGHTING_STATE_H
#define ATTRIB_CORE_FLIGHTING_STATE_H

#include "flighting.h"

/* Plans within the limits but for this part of the total. */
#define FLIGHT_SLACK 1e-10

/*
 * The concave envelope of a saturation over [low, high]: a line from low up to the knee, then the curve. Below low it
 * goes on as a line, and so does one that is all line, so that it is concave everywhere.
 */
typedef struct Majorant
{
	double low;
	double high;
	double knee;
	double base;
	double rise;
} Majorant;

/* What a channel's stock, spend as it is carried over, is kept to in a period while a part of all plans is looked at. */
typedef struct StockRange
{
	double low;
	double high;
} StockRange;

/* Spend in units of `spend_unit`, response in units of `response_unit`. */
typedef struct Flight
{
	const CoreEnv *env;
	const FlightRequest *request;
	int n; /* channels */
	int periods;
	double spend_unit;
	double response_unit;
	bool concave;		 /* every saturation is */
	bool separable;		 /* nothing is carried over within a saturation */
	Majorant **majorant; /* [channel][geo * periods + t]; NULL where the saturation is concave */
	StockRange *all;	 /* [cell]: what stocks can be at all */
	StockRange *range;	 /* [cell]: majorants and relaxation are of plans whose stocks lie in these */
	double *stock;		 /* scratch: [period] */
	double *slope;
	double *bend;
} Flight;

/*
 * A channel's response (or, if `enveloped`, that of its majorant), with its gradient over the periods and, if
 * asked for, the negative Hessian, periods x periods.
 */
extern double flight_channel_value(Flight *flight, int channel, bool enveloped, const double *x,
								   double *gradient, double *hessian);
extern double flight_value(Flight *flight, bool enveloped, const double *x);

/* `all`, `range`, `majorant` of every channel, and `concave`. */
extern void flight_make_majorants(Flight *flight);

/* The same majorants over other ranges. */
extern void flight_set_majorants(Flight *flight);

/* By how much majorants overstate each period of a channel with this plan, and its stocks. */
extern void flight_errors(Flight *flight, int channel, const double *x, double *error, double *stock);

/* The negative Hessian of what bends by `bend` in each period's stock is added. */
extern void flight_add_curvature(const FlightChannel *channel, int periods, const double *bend,
								 double *hessian);

/*
 * The best plan of the majorants within the ranges, by an interior-point method that starts from x. Returns what no
 * such plan exceeds, which rests on the prices found and not on convergence; gives up when that falls to `cutoff`.
 */
extern double flight_relax(Flight *flight, double cutoff, double *x);

/* Plans of a flight, in its units; taken if they are better and keep to the limits. */
typedef struct FlightBest
{
	double *x;
	double value;
} FlightBest;

extern void flight_offer(Flight *flight, const double *x, FlightBest *best);

/* Makes a relaxed plan one that keeps to the total. */
extern void flight_tidy(const Flight *flight, double *x);

/* Branch and bound over ranges of stocks; improves `best`, and returns what no plan exceeds. */
extern double flight_search(Flight *flight, double bound, FlightBest *best);

/* Improves a plan by moving spend between two periods or channels at a time. Returns how many saturations that took. */
extern double flight_improve(Flight *flight, double *x);

/* How much may be moved from channel a to channel b (or, for -1, from nowhere) under all limits. */
extern double flight_room(const Flight *flight, const double *totals, int a, int b);

#endif
