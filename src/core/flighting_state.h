/*
 * What the search for a flighting plan keeps. Shared by the files that make up flight_optimize().
 */
#ifndef ATTRIB_CORE_FLIGHTING_STATE_H
#define ATTRIB_CORE_FLIGHTING_STATE_H

#include "flighting.h"

/* Plans within the limits but for this part of the total. */
#define FLIGHT_SLACK 1e-10

/* The concave envelope of a saturation over [low, high]: a line from low up to the knee, then the curve. */
typedef struct Majorant
{
	double low;
	double knee;
	double base;
	double rise;
} Majorant;

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

/* `majorant` of every channel, and `concave`. */
extern void flight_make_majorants(Flight *flight);

/* The best plan of the majorants, by an interior-point method; any x will do for a bound. */
extern void flight_relax(Flight *flight, double *x);

/* Improves a plan by moving spend between two periods or channels at a time. */
extern void flight_improve(Flight *flight, double *x);

/* How much may be moved from channel a to channel b (or, for -1, from nowhere) under all limits. */
extern double flight_room(const Flight *flight, const double *totals, int a, int b);

#endif
