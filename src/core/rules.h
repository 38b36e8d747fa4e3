/*
 * Rule-based attribution: each journey's credit is split by position, repetition or the clock.
 */
#ifndef ATTRIB_RULES_H
#define ATTRIB_RULES_H

#include "summary_view.h"

/* `ignored[channel]` is true for channels passed over unless a path has no other. May be NULL. */
extern void rule_first_touch(const SummaryView *view, const bool *ignored, const CoreEnv *env,
							 CreditTable *out);
extern void rule_last_touch(const SummaryView *view, const bool *ignored, const CoreEnv *env,
							CreditTable *out);
extern void rule_linear(const SummaryView *view, const CoreEnv *env, CreditTable *out);
extern void rule_position_based(const SummaryView *view, double first, double last, const CoreEnv *env,
								CreditTable *out);
extern void rule_position_decay(const SummaryView *view, double ratio, const CoreEnv *env, CreditTable *out);
extern void rule_time_decay(const SummaryView *view, const CoreEnv *env, CreditTable *out); /* has_decay */

/*
 * The first of two touches where only the ends have weights: their sum made 1, halves if both are 0. Of two
 * unequal shares the smaller is divided out and the larger its complement, so that they add to exactly 1 and
 * a tiny one keeps its digits.
 */
static inline double
first_of_two(double first, double last)
{
	if (first == last)
		return 0.5;
	return first < last ? first / (first + last) : 1 - last / (first + last);
}

/*
 * Weights of one path's touches; added left to right in float8 they give exactly 1, and none is negative.
 * n >= 1.
 */
extern void touch_weights_position_based(double *weight, size_t n, double first, double last);
extern void touch_weights_position_decay(double *weight, size_t n, double ratio);
extern void touch_weights_linear(double *weight, size_t n);

/*
 * The same for any finite, non-negative amounts: scales them to sum to 1, in place. All zero gives equal
 * weights.
 */
extern void touch_weights_normalize(double *weight, size_t n);

#endif
