/*
 * How far a fitted media mix model can be trusted: errors, and what the data could tell apart.
 */
#ifndef ATTRIB_MMM_HEALTH_H
#define ATTRIB_MMM_HEALTH_H

#include "mmm_model.h"

/* Errors of predictions against what was observed. NaN where a figure has no meaning. */
typedef struct MmmErrors
{
	size_t n;
	double r2;
	double rmse;
	double nrmse; /* rmse / (greatest - least kpi) */
	double mae;
	double mape; /* over observations that are not 0 */
	double wmape;
	double durbin_watson;
} MmmErrors;

/* Over periods [from, to); `predicted` is [geo][period]. */
extern MmmErrors mmm_errors(const MmmModel *model, const double *predicted, int from, int to);

/*
 * Variance inflation of each channel's transformed column by all other columns, and the condition number of all
 * columns at unit length (Belsley, Kuh and Welsch 1980). INFINITY for exact dependence, NaN for a channel without
 * variation.
 */
extern CoreStatus mmm_collinearity(const MmmModel *model, const double *parameters, double *vif,
								   double *condition, const CoreEnv *env);

/* Share of the training's geos and periods in which what is not media comes to less than 0. */
extern double mmm_negative_baseline(const MmmModel *model, const double *parameters, const CoreEnv *env);

#endif
