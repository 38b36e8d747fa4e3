/*
 * The response of a channel to multiples of what was spent on it, for whoever reports or optimizes it.
 */
#ifndef ATTRIB_MMM_RESPONSE_H
#define ATTRIB_MMM_RESPONSE_H

#include "mmm_report.h"

/*
 * What the window's periods respond under a draw (-1: the estimate) at each multiplier, in KPI units, and how that
 * grows with the multiplier.
 */
extern void mmm_window_responses(const MmmValue *value, int draw, int channel, const double *multiplier,
								 int points, MmmWindow window, double *response, double *slope);

extern double mmm_window_spend(const MmmData *data, MmmWindow window, int channel);

/* The multiplier at which some exposure of the window leaves what the training has seen. */
extern double mmm_observed_reach(const MmmValue *value, MmmWindow window, int channel);

#endif
