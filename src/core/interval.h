/*
 * From bootstrap replicates to intervals and p-values.
 */
#ifndef ATTRIB_INTERVAL_H
#define ATTRIB_INTERVAL_H

#include "core.h"

typedef enum IntervalMethod
{
	INTERVAL_PERCENTILE,
	INTERVAL_BCA,
} IntervalMethod;

typedef struct ConfidenceInterval
{
	double low;
	double high;
} ConfidenceInterval;

/*
 * The quantile of sorted values that R calls type 7 and NumPy "linear": place (n - 1) p, interpolated.
 */
extern double sorted_quantile(const double *sorted, size_t n, double p);

/*
 * The k-th smallest of n numbers (from 0) into its place, none greater before it and none smaller behind (Hoare
 * 1961). For numbers in no order that could make it slow.
 */
extern void select_place(double *number, int n, int k);

/* Sorts in place, ascending; interruptible. */
extern void sort_doubles(double *values, size_t n, const CoreEnv *env);

/* The places of the values in ascending order, equal ones in the order they came. The caller's to free. */
extern uint32_t *sorted_order(const double *values, size_t n, const CoreEnv *env);

/* 1-based ranks; equal values share the mean of theirs. The caller's to free. */
extern double *mean_ranks(const double *values, size_t n, const CoreEnv *env);

/* Quantiles (1 - level) / 2 and (1 + level) / 2. `replicates` are sorted. */
extern ConfidenceInterval interval_percentile(const double *replicates, size_t n, double level);

/*
 * Bias-corrected and accelerated (Efron 1987). The bias correction is that of the replicates about the
 * estimate, ties counting half; `acceleration` is a sixth of the skewness of the influence values. Where the
 * correction is not finite (all replicates on one side) it is the percentile interval.
 */
extern ConfidenceInterval interval_bca(const double *replicates, size_t n, double estimate,
									   double acceleration, double level);

/*
 * The level at which to take a bootstrap interval of a sum of so few `terms` for it to hold at `level`: the normal
 * quantile becomes sqrt(n / (n - 1)) times Student's with n - 1 degrees of freedom (the expanded percentile
 * interval, Hesterberg 2015). Terms of unequal size count as the number of equal ones whose sum would vary
 * as much; fewer than two are taken as two.
 */
extern double interval_expanded_level(double terms, double level);

/*
 * Two-sided p-value of "the true value is 0" by turning the percentile interval around: twice the smaller
 * share of replicates on either side of 0, ties counting half, one added to counts above and below so that it
 * is never 0 (Davison and Hinkley 1997, section 4.2).
 */
extern double bootstrap_p_value(const double *replicates, size_t n);

/* Holm's step-down adjustment for n tests at once, valid whatever their dependence; NaN stays NaN. */
extern void adjust_holm(const double *p, size_t n, double *adjusted, const CoreEnv *env);

/* Spearman's rank correlation, ties by mean ranks; NaN where either side is constant or n < 2. */
extern double rank_correlation(const double *a, const double *b, size_t n, const CoreEnv *env);

/* Half the sum of absolute differences. */
extern double total_variation(const double *a, const double *b, size_t n);

#endif
