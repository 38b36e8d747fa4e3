/*
 * Ridge regression of a media mix model with non-negative media coefficients, by variable projection: for given
 * transform parameters the coefficients follow by linear algebra, so only the transforms are searched.
 */
#ifndef ATTRIB_MMM_RIDGE_H
#define ATTRIB_MMM_RIDGE_H

#include "mmm_model.h"

/*
 * Least squares over some periods at one penalty. The base (intercept, trend, seasonality, controls) does not
 * depend on the transforms, so it is factored once, as Q with Q Q' the (ridge) projection on it.
 */
typedef struct MmmRidge
{
	const MmmModel *model;
	const CoreEnv *env;
	int periods;	/* fitted to [0, periods) */
	size_t n;		/* observations */
	size_t *place;	/* of each observation: geo * periods + t */
	double penalty; /* on each squared coefficient but intercepts and trend, per observation */
	double lambda;	/* penalty * n */
	double *y;
	double *Q;		 /* [base][n] */
	double *factor;	 /* Cholesky of the base's normal equations */
	double *Qy;		 /* Q'y */
	double yy;		 /* y'y - (Q'y)'(Q'y) */
	double total;	 /* variance of y times n */
	double *x;		 /* [channel][geo * periods + t], scaled exposure */
	double *columns; /* [media][n] of the last transforms evaluated */
	double *slopes;	 /* [transform][n]: of the channel's column */
	double *series;	 /* scratch */
	double *QX;		 /* [media][base] */
	double *gram;	 /* of the media, less the base */
	double *rhs;
	double *coefficient; /* [media] */
	double *residual;	 /* [n], of the last evaluation with slopes */
	double *jacobian;	 /* [transform][n] */
	double *scratch;
	int *ints;
	bool *nonneg;
	long evaluations;
} MmmRidge;

/* Search space of the transform parameters: by their logarithm where mmm_transform_is_log says so. */
typedef struct MmmBox
{
	double *low; /* [transforms] */
	double *high;
} MmmBox;

extern CoreStatus mmm_ridge_init(MmmRidge *ridge, const MmmModel *model, int periods, double penalty,
								 const CoreEnv *env);
extern void mmm_ridge_free(MmmRidge *ridge);

/* The same with other observed values: y[n] in scaled units. */
extern void mmm_ridge_set_y(MmmRidge *ridge, const double *y);

/*
 * The penalised sum of squares at transform parameters z (in the search's scale), leaving coefficients behind;
 * INFINITY where it cannot be had. With gradient not NULL also its slopes, by the envelope theorem.
 */
extern double mmm_ridge_evaluate(MmmRidge *ridge, const double *z, double *gradient);

/* Sum of squared residuals without the penalty, after an evaluation; leaves the residuals behind. */
extern double mmm_ridge_sse(MmmRidge *ridge);

/* What each channel contributes to the fitted periods with a kpi, in KPI units, after an evaluation. */
extern void mmm_ridge_totals(const MmmRidge *ridge, double *total);

/* All parameters (natural units) after an evaluation at z. */
extern void mmm_ridge_parameters(const MmmRidge *ridge, const double *z, double *parameters);

/* From z to a local minimum within the box, by Levenberg and Marquardt's method. Returns the objective. */
extern double mmm_ridge_descend(MmmRidge *ridge, const MmmBox *box, double *z, int iterations);

/* Worst KKT violation of the coefficients of the last evaluation. */
extern double mmm_ridge_kkt(const MmmRidge *ridge);

#endif
