/*
 * The posterior density of a media mix model on the whole of R^dim, with its gradient.
 *
 * Parameters that the sampler moves are mapped from their priors' supports. With a Normal likelihood the base
 * (intercepts, trend, seasonality, controls) is integrated out wherever its priors are Normal, and drawn afterwards
 * given the rest (mmm_gaussian.h).
 */
#ifndef ATTRIB_MMM_POSTERIOR_H
#define ATTRIB_MMM_POSTERIOR_H

#include "mmm_beliefs.h"
#include "mmm_gaussian.h"

/* A number that the sampler moves, and the parameter it stands for. */
typedef struct MmmCoordinate
{
	int place; /* among the model's parameters */
	int roi;   /* the channel whose ROI this is, which implies the parameter; or -1 */
	const Prior *prior;
	LineMap map;
	double value; /* at the last evaluation */
	double dvalue;
} MmmCoordinate;

/* A channel's contribution per unit of coefficient to the training, for ROI. */
typedef struct MmmReturn
{
	double rate; /* coefficient = ROI * rate / response */
	double response;
	double slope[MMM_MAX_TRANSFORMS];
} MmmReturn;

/* Coefficients as the sizes of effects, see mmm_effect.c. All are [channel]. */
typedef struct MmmEffects
{
	int *coordinate;   /* that stands for the channel's (common) coefficient; -1: each geo has its own */
	bool *is_effect;   /* that coordinate is the size of the effect */
	double *reference; /* response at the middle of the transforms' priors */
	double
		*along_response; /* slope of the log density along a, apart from what comes through the coefficient */
} MmmEffects;

/* Coefficients that vary by geo, see mmm_hierarchy.c. Cells are [geo][channel]. */
typedef struct MmmHierarchy
{
	double *along_roi; /* [channel] slope of the log prior along ln ROI of all geos */
	double *response;  /* [cell] what a geo's column sums to, in units of the KPI */
	double *slope;	   /* [cell][MMM_MAX_TRANSFORMS] its slopes */
	double *level;	   /* [channel] M */
	double *centring;  /* [cell] w */
	double *deviation; /* [cell] z - w M */
	double *gain;	   /* [cell] geo_sd^(1 - w) */
} MmmHierarchy;

/*
 * Series are grids [geo][period of the training]; where no KPI was observed y and all that is multiplied by it
 * are 0. Everything an evaluation needs is allocated beforehand.
 */
typedef struct MmmPosterior
{
	const MmmModel *model;
	const MmmBeliefs *beliefs;
	const CoreEnv *env;
	size_t rows;
	size_t observed;
	bool *seen;		 /* [rows] */
	double *y;		 /* less the expectation of what is integrated out */
	double *x;		 /* [channel][rows] scaled exposure */
	double *columns; /* [media][rows] of the last evaluation */
	double *slopes;	 /* [transform][rows] along the parameter, or its logarithm as mmm_transform has it */
	double *residual;
	double *weighted; /* slope of the log likelihood along the prediction */
	double *series;	  /* scratch of lift tests and of interactions */
	double *parameters;
	double *along; /* slope of the log likelihood along each parameter */
	MmmReturn *returns;
	int *integrated; /* places of base terms that are */
	MmmGaussian gaussian;
	int nsampled;
	int *sampled;			  /* base columns that are moved by the sampler */
	double *base;			  /* [nsampled][rows] */
	double *scratch;		  /* [integrated terms] */
	double *scratch_gradient; /* [dim] */
	int dim;
	int mapped;				   /* of these, the numbers that stand for one parameter; then the geos' */
	MmmCoordinate *coordinate; /* [mapped] */
	bool pooled;			   /* the geos' coefficients have common ones */
	MmmEffects effects;
	MmmHierarchy hierarchy;
	long evaluations;
} MmmPosterior;

typedef enum MmmPosteriorFault
{
	MMM_POSTERIOR_FINE,
	MMM_POSTERIOR_NO_SPEND, /* a prior of ROI without spend or exposure */
} MmmPosteriorFault;

extern MmmPosteriorFault mmm_posterior_init(MmmPosterior *posterior, const MmmModel *model,
											const MmmBeliefs *beliefs, const CoreEnv *env, int *channel);

/* NutsTarget's log_density; state is a MmmPosterior. */
extern double mmm_posterior_log_density(void *state, const double *q, double *gradient);

/* All parameters at q, those integrated out drawn from their conditional distribution. */
extern void mmm_posterior_parameters(MmmPosterior *posterior, const double *q, RandomStream *stream,
									 double *parameters);

/* A place that the priors think likely. */
extern void mmm_posterior_start(const MmmPosterior *posterior, RandomStream *stream, double *q);

/* Log likelihood of a geo's observations given predictions for its periods; returns how many there are. */
extern size_t mmm_posterior_pointwise(const MmmPosterior *posterior, int geo, const double *predicted,
									  const double *parameters, double *out);

/* For the files of the posterior. */

/* From parameters to the columns of channels and interactions, and the channels' slopes; false: none of the domain. */
extern bool mmm_transform_media(MmmPosterior *posterior);

/* From a channel's columns and slopes to its response and the slopes of that. */
extern void mmm_sum_responses(MmmPosterior *posterior, int channel);

/* Log likelihood of the residuals; leaves `weighted` and the slopes along sigma and nu behind. */
extern double mmm_likelihood(MmmPosterior *posterior);

/* The same of the lift tests; adds to `along`. */
extern double mmm_lift_likelihood(MmmPosterior *posterior);

/* What the model expects a lift test to measure, in units of the KPI. */
extern double mmm_lift_expected(MmmPosterior *posterior, const MmmLiftTest *test);

/* The slope along a coefficient in a geo goes where that coefficient comes from. */
static inline void
mmm_along_coefficient(MmmPosterior *posterior, int geo, int medium, double slope)
{
	const MmmModel *m = posterior->model;

	posterior->along[m->by_geo < 0 || medium >= m->data->channels
						 ? m->transforms + medium
						 : m->by_geo + geo * m->data->channels + medium] += slope;
}

/* Once the coordinates are laid out. */
extern void mmm_effects_init(MmmPosterior *posterior);

/* a */
extern double mmm_log_response(const MmmPosterior *posterior, int channel);

/* From q to coefficients, after the transforms; returns their log prior. */
extern double mmm_effects_place(MmmPosterior *posterior, const double *q, double *gradient);

/* From slopes along coefficients and responses to `along` of the transforms. */
extern void mmm_effects_along(MmmPosterior *posterior);

/* Where the coefficients of geos have common ones: set up, in two steps, the second after a first transformation. */
extern void mmm_hierarchy_init(MmmPosterior *posterior);
extern void mmm_hierarchy_center(MmmPosterior *posterior);

/* From q to the geos' coefficients, after the common ones; returns their log prior. */
extern double mmm_hierarchy_place(MmmPosterior *posterior, const double *q);

/* From `along` of the geos' coefficients to the gradient, and to `along` of what they come from. */
extern void mmm_hierarchy_along(MmmPosterior *posterior, double *gradient);
extern void mmm_hierarchy_start(const MmmPosterior *posterior, RandomStream *stream, double *q);

/* Where they have not: the geometric mean and the deviation that are reported in place of common ones. */
extern void mmm_unpooled_summary(const MmmModel *model, double *parameters);

#endif
