/*
 * What the interior-point method keeps between its steps. Shared by the files that make up flight_relax().
 */
#ifndef ATTRIB_CORE_FLIGHTING_RELAX_WORK_H
#define ATTRIB_CORE_FLIGHTING_RELAX_WORK_H

#include "flighting_state.h"

/* sign * (spend of the members - at) >= 0, or = 0. */
typedef struct FlightLimit
{
	double sign;
	bool equality;
	double at;
	const BudgetGroup *group; /* NULL: all channels */
	double excess;
	double slack;
	double price;
	double slack_step;
	double price_step;
} FlightLimit;

/* A stock's range where it says more than that spend is not negative: low <= y or y <= high, with slacks and prices. */
typedef struct StockLimit
{
	double sign; /* 1: from below */
	double at;
	int cell;
	double excess;
	double slack;
	double price;
	double slack_step;
	double price_step;
} StockLimit;

typedef struct FlightSolver
{
	Flight *flight;
	int n;
	int periods;
	size_t cells;
	double *x;
	int limits;
	FlightLimit *limit;
	int stocks;
	StockLimit *stock;
	double *stock_now;	/* [cell]: y */
	double *stock_bend; /* scratch: [period] */
	double value;		/* of the majorants */
	double *low_price;	/* of x >= 0 */
	double *low_step;
	double *imbalance; /* scratch: [cell] */
	double *gradient;
	double *hessian; /* [channel][period][period] */
	double *member;	 /* [limit][channel] */
	double *solved;	 /* [limit + 1][cell]: Hessian^-1 times each limit's gradient; last, the step */
	double *schur;
	double *right;
} FlightSolver;

/* Values, slopes and curvature at x, and how every limit stands. */
extern void flight_evaluate(FlightSolver *s);

/* Adds to `out`, for each cell, what a number for one stock comes to for it: times the lag. */
extern void flight_add_lagged(const FlightSolver *s, size_t cell, double number, double *out);

/* The slopes, and what the limits' prices add to them. */
extern void flight_add_prices(const FlightSolver *s, double *slope);

/* Newton's direction to complementary products of mu; false if the equations are singular. */
extern bool flight_direction(FlightSolver *s, double mu);

/* Goes along it, and evaluates there. */
extern void flight_advance(FlightSolver *s, double mu);

#endif
