/*
 * Predicting whether a journey converts from its channels: ridge logistic regression on which channels it
 * touched, how often, and how many touches there were in all. Blind to order.
 */
#ifndef ATTRIB_LOGISTIC_H
#define ATTRIB_LOGISTIC_H

#include "summary_view.h"

/*
 * Newton's method needs the square of the features in memory and their cube in time. Rarer channels than the
 * most frequent LOGISTIC_MAX_CHANNELS share the features of one.
 */
#define LOGISTIC_MAX_CHANNELS 150

typedef struct Logistic
{
	const CoreEnv *env;
	uint32_t nchannels;
	uint32_t *group; /* by channel: the number its features go by */
	uint32_t ngroups;
	uint32_t nfeatures; /* intercept, log2(1 + touches), then two for each group: seen, log2(1 + times) */
	double *coefficient;
	uint32_t *index; /* of one path's features, and their values */
	double *value;
	uint32_t *times; /* by group, 0 between paths */
	uint32_t *visited;
} Logistic;

extern void logistic_free(Logistic *model);

/*
 * Fits to the matured journeys of the views; `ridge` > 0 is the penalty on half the squared coefficients,
 * the intercept's excepted. CORE_NUMERIC where Newton's method fails, which it does not on a strictly concave
 * likelihood.
 */
extern CoreStatus logistic_fit(Logistic *model, const SummaryView *const *views, int nviews,
							   uint32_t nchannels, double ridge, const CoreEnv *env);

extern double logistic_probability(Logistic *model, const uint32_t *touches, uint32_t ntouches);

#endif
