/*
 * How good predicted chances are, on journeys the model has not seen.
 */
#ifndef ATTRIB_ACCURACY_H
#define ATTRIB_ACCURACY_H

#include "core.h"

/* Journeys that got the same prediction. */
typedef struct Prediction
{
	double chance;
	int64_t converted;
	int64_t lost;
} Prediction;

#define CALIBRATION_BINS 10

/* Journeys of neighbouring predictions: how many, what was predicted, what happened. */
typedef struct CalibrationBin
{
	int64_t journeys;
	double low;
	double high;
	double predicted; /* mean */
	double observed;  /* share that converted */
} CalibrationBin;

typedef struct Accuracy
{
	int64_t journeys;
	int64_t converted;
	double auc; /* chance that a converted journey is ranked above a lost one, ties half; NaN without both */
	double accuracy; /* share on the right side of 1/2 */
	double majority; /* what always saying the more frequent outcome would reach */
	double log_loss; /* mean, natural logarithm; chances are kept 1e-15 from 0 and 1 */
	double brier;	 /* mean squared error */
	int nbins;
	CalibrationBin bin[CALIBRATION_BINS]; /* of about equal numbers of journeys */
} Accuracy;

/* Puts the predictions in order of their chances. */
extern void accuracy_of(Prediction *predictions, size_t n, const CoreEnv *env, Accuracy *result);

#endif
