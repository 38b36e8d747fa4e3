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

/* What a Bayesian fit says of a parameter before and beside its draws. */
typedef struct MmmMarginal
{
	double prior_mean;
	double prior_sd;
	double rhat;
	double ess_bulk;
	double ess_tail;
	double mcse; /* standard error of the mean that is due to the number of draws */
} MmmMarginal;

/* And of its sampling. All numbers, so that they can be stored as one run. */
typedef struct MmmSampling
{
	double divergences;
	double stopped; /* trajectories cut short by the greatest depth */
	double ebfmi;	/* the least of all chains */
	double step;	/* mean of the chains */
	double elpd_loo;
	double elpd_loo_se;
	double p_loo;
	double pareto_k;	 /* the worst */
	double bad_pareto_k; /* observations above the threshold */
	double pareto_threshold;
	double prior_only;
} MmmSampling;

#define MMM_MARGINAL_NUMBERS (sizeof(MmmMarginal) / sizeof(double))
#define MMM_SAMPLING_NUMBERS (sizeof(MmmSampling) / sizeof(double))

typedef struct MmmFit
{
	double *parameters; /* of a Bayesian fit the means of the draws */
	double penalty;
	double validation_nrmse; /* NaN: none was done */
	double kkt;
	long evaluations;
	/* [channel] of the media's contribution, over fits as good as the best; the central 90% of a Bayesian fit */
	double *share_low;
	double *share_high;
	int draws;
	double *draw;		   /* [draws][parameters] */
	int chains;			   /* 0: no Bayesian fit; else draws of one chain follow those of another */
	MmmMarginal *marginal; /* [parameters] */
	MmmSampling sampling;
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
