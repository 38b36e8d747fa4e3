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

/*
 * The central interval of a figure's values under the draws (moved in the act), of a ridge fit as far as the
 * reported figure if that lies outside; false if there are too few draws or some are not finite.
 */
extern bool mmm_interval(const MmmValue *value, double reported, double *draws, double level, double *low,
						 double *high);

/* Sets three columns: the reported figure and its interval, or NULL. */
extern void mmm_put_figure(const MmmValue *value, double reported, double *draws, double level, Datum *values,
						   bool *nulls);

/* The quantile at p of n numbers in no order (moved in the act). */
extern double mmm_quantile(double *number, int n, double p);

/* Sets a pair of columns to the central interval of n numbers alone (moved in the act), or to NULL. */
extern void mmm_put_interval(double *number, int n, double level, Datum *values, bool *nulls);

/* Sets a column to a number, or to NULL if it is not finite. */
extern void mmm_put_number(double number, Datum *value, bool *null);

/* Parameters of draw d; draw -1 is the estimate. */
extern const double *mmm_draw(const MmmValue *value, int d);

/*
 * What is reported of a quantity is, of a ridge fit, its value under the estimate, of a Bayesian one the mean of its
 * values under the draws: sums of reported numbers are then reported numbers, too. draws[n] are these values, in
 * their order; `estimate` is not looked at in the latter case.
 */
extern double mmm_reported(const MmmValue *value, double estimate, const double *draws);

/* Such reports need not compute anything under the estimate. */
static inline int
mmm_first_draw(const MmmValue *value)
{
	return value->fit.chains > 0 ? 0 : -1;
}

/* A parameter as it is reported: under two names, in the user's units. */
typedef struct MmmReportedParameter
{
	const char *component;
	const char *name;
	int place;
	double unit;
} MmmReportedParameter;

/* All of them, in the order of their rows. */
extern MmmReportedParameter *mmm_reported_parameters(const MmmValue *value, int *count);

/* Its mean and standard deviation (NaN for fewer than 2 draws) over the draws, in the user's units. */
extern double mmm_parameter_sd(const MmmValue *value, const MmmReportedParameter *parameter);

/* Reported predictions of all geos and periods of data that begin at period `first` of the training. */
extern void mmm_reported_predictions(const MmmValue *value, const MmmData *data, int first, double *out);

#endif
