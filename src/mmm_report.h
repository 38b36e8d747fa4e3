/*
 * What the reports on a fitted model share: windows of periods, and intervals from draws.
 */
#ifndef ATTRIB_MMM_REPORT_H
#define ATTRIB_MMM_REPORT_H

#include "mmm_value.h"

/* Periods [from, to) of the dataset. */
typedef struct MmmWindow
{
	int from;
	int to;
} MmmWindow;

/* Arguments period_from and period_to at `argno` and after; 22023 where no period lies between. */
extern MmmWindow mmm_window_argument(FunctionCallInfo fcinfo, int argno, const MmmData *data);

/* level, in (0, 1). */
extern double mmm_level_argument(FunctionCallInfo fcinfo, int argno);

/* The central interval of n numbers (moved about in the act); false if there are too few or some are not finite. */
extern bool mmm_interval(double *number, int n, double level, double *low, double *high);

/* Sets a pair of columns to the interval, or to NULL. */
extern void mmm_put_interval(double *number, int n, double level, Datum *values, bool *nulls);

/* Parameters of draw d; draw -1 is the estimate. */
extern const double *mmm_draw(const MmmValue *value, int d);

#endif
