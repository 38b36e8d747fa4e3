/*
 * The media mix model itself: what its parameters mean and what they predict. Fit, reports, curves and forecasts
 * all evaluate it here.
 *
 * In scaled units (KPI by its greatest absolute value, exposure of each channel by its greatest, both per head of
 * population, over the training periods):
 *
 *   kpi[g][t] = intercept[g] + trend(t) + seasonality(t) + sum_k control + sum_c coefficient_c[g] s_c[g][t]
 *               + sum over interactions (i, j) of coefficient s_i s_j,      s_c = saturation(adstock(exposure))
 *
 * A channel's coefficient is one for all geos, or varies by geo about a common one: then coefficient_c[g] is
 * log-normal about coefficient_c, with standard deviation geo_sd_c of the logarithm.
 */
#ifndef ATTRIB_MMM_MODEL_H
#define ATTRIB_MMM_MODEL_H

#include "adstock.h"
#include "mmm_data.h"
#include "saturation.h"

typedef enum MmmTrend
{
	MMM_TREND_NONE,
	MMM_TREND_LINEAR,
	MMM_TREND_KNOTS, /* linear pieces, bent at knots half a season apart */
} MmmTrend;

/* What the KPI scatters about its expectation by. */
typedef enum MmmLikelihood
{
	MMM_LEAST_SQUARES, /* none was supposed: residuals speak for themselves */
	MMM_NORMAL,
	MMM_STUDENT_T,
} MmmLikelihood;

typedef struct MmmSpec
{
	AdstockKind adstock;
	SaturationKind saturation;
	bool adstock_first;
	int max_lag;
	bool normalized;
	bool free_slope;
	MmmTrend trend;
	int fourier_terms;
	double season_length; /* periods; not positive: none known, then no seasonality */
	int interactions;
	const int (*interaction)[2]; /* pairs of channels */
	int holdout;				 /* last periods with a kpi, not trained on */
	bool geo_coefficients;		 /* the channels' coefficients vary by geo */
	MmmLikelihood likelihood;
} MmmSpec;

/*
 * A parameter vector, in this order: for each channel its transform parameters (adstock's, half_saturation if the
 * kind has it, slope if it is free); coefficients of channels, of interactions; intercepts of geos, trend,
 * seasonality (sine and cosine of each term), controls; where coefficients vary by geo, geo_sd of channels, then
 * [geo][channel] coefficients; sigma of the likelihood, and nu of Student's t. Transform parameters are in units of
 * scaled exposure, sigma in those of the scaled KPI.
 */
typedef struct MmmModel
{
	MmmSpec spec;
	const MmmData *data;
	int train; /* periods before this one are trained on */
	double kpi_scale;
	double *exposure_scale; /* [channel] */
	double *control_scale;	/* [control] */
	int trend_columns;
	int half_at;  /* place of half_saturation among a channel's parameters, or -1 */
	int slope_at; /* the same of slope */
	int per_channel;
	int transforms; /* channels * per_channel: where the coefficients begin */
	int media;		/* channels + interactions */
	int base;		/* all other coefficients but those by geo */
	int geo_sd;		/* where these begin, or -1 */
	int by_geo;		/* where the geos' own coefficients begin, or -1 */
	int sigma;		/* places, or -1 */
	int nu;
	int parameters;
} MmmModel;

/* Slopes where they are not free: concave hill, and the mildest S that looks like one. */
#define MMM_FIXED_HILL_SLOPE 1
#define MMM_FIXED_SIGMOID_SLOPE 2
#define MMM_MAX_TRANSFORMS (ADSTOCK_MAX_PARAMETERS + 2)

/* Periods up to the last with a kpi. */
extern int mmm_observed_until(const MmmData *data);

extern void mmm_model_init(MmmModel *model, const MmmData *data, const MmmSpec *spec, const CoreEnv *env);

/* What channel or interaction `medium` is multiplied by in a geo. */
static inline double
mmm_coefficient(const MmmModel *model, const double *parameters, int geo, int medium)
{
	if (model->by_geo < 0 || medium >= model->data->channels)
		return parameters[model->transforms + medium];
	return parameters[model->by_geo + geo * model->data->channels + medium];
}

/* "decay", "half_saturation", ...: transform parameter p of any channel. */
extern const char *mmm_transform_name(const MmmModel *model, int p);

/* Parameter p of the transform spans orders of magnitude and is searched by its logarithm. */
extern bool mmm_transform_is_log(const MmmModel *model, int p);
extern void mmm_transform_bounds(const MmmModel *model, int p, double *low, double *high);

/* The kernels with a channel's transform parameters. */
extern Adstock mmm_adstock(const MmmModel *model, const double *transforms);
extern Saturation mmm_saturation(const MmmModel *model, const double *transforms);

/* Exposure in the model's units; `data` has the model's geos and channels. */
extern void mmm_scaled_exposure(const MmmModel *model, const MmmData *data, int geo, int channel, double *x);

/*
 * Saturated, carried-over exposure of n periods. With d not NULL, d[p] receives the slopes along the channel's
 * transform parameters (along the logarithm where the parameter is searched by it).
 */
extern void mmm_transform(const MmmModel *model, const double *transforms, const double *x, int n, double *s,
						  double *const *d, const CoreEnv *env);

/* The same at multiplier times the exposure, with its slope along the multiplier. */
extern void mmm_transform_scaled(const MmmModel *model, const double *transforms, const double *x, int n,
								 double multiplier, double *s, double *slope, const CoreEnv *env);

/*
 * The sum of that over periods [from, to) as a sum over its terms, gain[t] * saturation(scale[t] * multiplier),
 * t < n.
 */
extern void mmm_response_terms(const MmmModel *model, const double *transforms, const double *x, int n,
							   int from, int to, double *gain, double *scale, const CoreEnv *env);

/*
 * Adds gain times the transformed exposure of periods [from, to) to sum[j], at multiplier[j] times the exposure, and
 * gain times its slope along the multiplier to slope[j].
 * Added one by one in the order of the periods, so that a multiplier of 1 gives the sum of mmm_transform_scaled
 * but for the last digits.
 */
extern void mmm_add_responses(const MmmModel *model, const double *transforms, const double *x, int from,
							  int to, double gain, const double *multiplier, int points, double *sum,
							  double *slope, const CoreEnv *env);

/* Column j of the base at a geo and period t, counted from the training's first; t may lie beyond the data. */
extern double mmm_base_column(const MmmModel *model, const MmmData *data, int j, int geo, int row, int t);

/* Components: channels, controls, intercept, trend, seasonality, interactions. */
extern int mmm_components(const MmmModel *model);
#define MMM_INTERCEPT(model) ((model)->data->channels + (model)->data->controls)
#define MMM_TREND(model) (MMM_INTERCEPT(model) + 1)
#define MMM_SEASONALITY(model) (MMM_INTERCEPT(model) + 2)
#define MMM_INTERACTION(model, i) (MMM_INTERCEPT(model) + 3 + (i))

/* What contributions of one geo are made of that does not depend on parameters, for who asks for many draws. */
typedef struct MmmGeoColumns
{
	const MmmModel *model;
	int geo;
	int n;		  /* periods of the data */
	double *x;	  /* [channel][n] */
	double *base; /* [base][n] */
	double *s;	  /* [channel][n], scratch */
} MmmGeoColumns;

extern MmmGeoColumns mmm_geo_columns(const MmmModel *model, const MmmData *data, int first, int geo,
									 const CoreEnv *env);
extern void mmm_geo_columns_free(MmmGeoColumns *columns, const CoreEnv *env);
extern void mmm_geo_contributions(MmmGeoColumns *columns, const double *parameters, double *out,
								  const CoreEnv *env);

/* Sums of the contributions, out[period]; parts is scratch for these. */
extern void mmm_geo_predictions(MmmGeoColumns *columns, const double *parameters, double *parts, double *out,
								const CoreEnv *env);

/*
 * A geo's contributions in units of the KPI: out[component][period of data]. `first` is the place of data's first
 * period counted from the training's.
 */
extern void mmm_contributions_of_geo(const MmmModel *model, const double *parameters, const MmmData *data,
									 int first, int geo, double *out, const CoreEnv *env);

/* Sums of all geos' contributions: out[geo][period of data]. */
extern void mmm_predictions(const MmmModel *model, const double *parameters, const MmmData *data, int first,
							double *out, const CoreEnv *env);

/* Greatest less least kpi of the training, in scaled units. */
extern double mmm_kpi_range(const MmmModel *model);

/* KPI units of one scaled unit in a geo. */
extern double mmm_kpi_unit(const MmmModel *model, int geo);

#endif
