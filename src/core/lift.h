/*
 * Difference in differences: what changed in the treated group beyond what changed in the control group.
 */
#ifndef ATTRIB_LIFT_H
#define ATTRIB_LIFT_H

#include "interval.h"

typedef struct Lift
{
	double lift; /* a period */
	double std_error;
	double degrees; /* of freedom, Welch and Satterthwaite */
	double p_value; /* two-sided, of no lift; NaN without variation */
	ConfidenceInterval interval;
	double expected; /* of the treated group, a period, had it changed as the control did */
} Lift;

/*
 * The gap treated - control, before (periods 0 .. before - 1) against after: Welch's t for two means of unequal
 * variance. Shocks common to both groups cancel within a period; periods are taken as independent.
 * 2 <= before <= periods - 2.
 */
extern void lift_test(const double *treated, const double *control, int periods, int before, double level,
					  Lift *result);

#endif
