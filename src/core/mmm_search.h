/*
 * From a dataset to a fitted media mix model: penalty by rolling-origin validation, transforms by a seeded search
 * with descent from the best, the spread of equally good answers, and bootstrap replicates.
 */
#ifndef ATTRIB_MMM_SEARCH_H
#define ATTRIB_MMM_SEARCH_H

#include "mmm_ridge.h"

/* Where a long run is. The caller's env may read it when it is asked to check for interrupts. */
typedef struct MmmProgress
{
	const char *stage;
	long done;
	long total;
} MmmProgress;

typedef struct MmmFitOptions
{
	int candidates;
	int replicates;
	int folds;
	double penalty; /* NaN: by validation */
	uint64_t seed;
	MmmBox box;
	MmmProgress *progress;
} MmmFitOptions;

typedef struct MmmFit
{
	double *parameters;
	double penalty;
	double validation_nrmse; /* NaN: none was done */
	double kkt;
	long evaluations;
	double *share_low; /* [channel] of the media's contribution, over fits as good as the best */
	double *share_high;
	int draws;
	double *draw; /* [draws][parameters] */
} MmmFit;

/* Fits are as good as the best while R2 is at most this much less and the RMSE at most this much greater. */
#define MMM_EQUAL_R2 0.01
#define MMM_EQUAL_RMSE 1.05

/* The box of mmm_transform_bounds for every channel. */
extern MmmBox mmm_box(const MmmModel *model, const CoreEnv *env);

/* Fewer training periods than this cannot be validated on. */
#define MMM_MIN_VALIDATED 24

extern double mmm_choose_penalty(const MmmModel *model, const MmmFitOptions *options,
								 double *validation_nrmse, long *evaluations, const CoreEnv *env);
extern CoreStatus mmm_fit_ridge(const MmmModel *model, const MmmFitOptions *options, const CoreEnv *env,
								MmmFit *fit);

/* One non-dominated trade of fit against likeness to the spend. */
typedef struct MmmCandidate
{
	double nrmse;
	double rssd;
	double r2;
	double *parameters;
	double *contribution; /* [channel], KPI units over the training */
} MmmCandidate;

typedef struct MmmFront
{
	int size;
	double penalty;
	MmmCandidate *candidate; /* by ascending nrmse */
} MmmFront;

/* The Pareto front of options->candidates evaluations. */
extern CoreStatus mmm_pareto(const MmmModel *model, const MmmFitOptions *options, const CoreEnv *env,
							 MmmFront *front);

#endif
