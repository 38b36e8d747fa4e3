/*
 * What the interior-point method keeps between its steps. Shared by the files that make up relax_solve().
 */
#ifndef ATTRIB_CORE_BUDGET_RELAX_WORK_H
#define ATTRIB_CORE_BUDGET_RELAX_WORK_H

#include "budget_relax.h"

/* One inequality or equality: sign * (spend of the row - limit) >= 0 or = 0; row < 0 is the floor. */
typedef struct Limit
{
	int row;
	double sign; /* 1: from below, -1: from above */
	bool equality;
	double excess;
	double slack;
	double price;
	double slack_step;
	double price_step;
	double target; /* of slack * price */
} Limit;

/*
 * The straight or the curved part of an envelope, as a variable of its own: slopes fall from the one to the
 * other, so a best plan fills the straight part first by itself. The envelope's kink, which would throw
 * Newton's method off its course, is gone.
 */
typedef struct Segment
{
	int channel;
	const Curve *curve; /* NULL for the straight part */
	double start;		/* spend at which the segment begins */
	double rise;		/* of the straight part */
	double width;
	double x; /* used, within (0, width) */
	double low_price;
	double high_price;
	double first;
	double second;
	double gradient;
	double floor_gradient; /* of the floor's excess */
	double inverse;		   /* of the Hessian's diagonal */
	double step;
	double low_step;
	double high_step;
	double low_target;
	double high_target;
} Segment;

struct RelaxWork
{
	int limits;
	Limit *limit;
	int segments;
	Segment *segment;
	int *touching; /* the limits of each channel, ascending; channel i's begin at first_touching[i] */
	int *first_touching;
	double *gathered; /* of each channel, by relax_gather() */
	double *schur;
	double *right;
	double *spend;
	double *spend_price;
	BudgetPrices prices;
};

/* Sum of the products that must vanish after steps of these lengths, and their mean. */
extern double relax_complementarity(const RelaxWork *work, double primal, double dual, double *mean);

/* Into `gathered`: the sum over each channel's rows of sign * price, or of what the step makes of prices. */
extern void relax_gather(RelaxWork *work, int channels, bool steps);

/* The normal equations' matrix over the limits; false if it is numerically singular. */
extern bool relax_factor(RelaxWork *work, const BudgetModel *model);

/* The step's direction, of what relax_factor() made; `mean` is the complementary products' now. */
extern void relax_direction(RelaxWork *work, int channels, double mean);

/* The longest steps along it that keep all that must be positive so, at most 1. */
extern void relax_longest_steps(const RelaxWork *work, double *primal, double *dual);
extern void relax_advance(RelaxWork *work, double primal, double dual);

#endif
