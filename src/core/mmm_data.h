/*
 * What a media mix model is fitted to: a balanced panel of geos and periods. Series are contiguous, so that
 * transforms run along them.
 */
#ifndef ATTRIB_MMM_DATA_H
#define ATTRIB_MMM_DATA_H

#include "core.h"

typedef struct MmmData
{
	int geos; /* 1 without geos */
	int periods;
	int channels;
	int controls;
	bool has_geo;
	bool has_population;
	bool has_exposure;		  /* some exposure is not the spend */
	const int32_t *period;	  /* ascending, days since 2000-01-01 */
	const double *population; /* [geo] */
	const double *kpi;		  /* [geo][period]; NaN: to be predicted */
	const double *spend;	  /* [geo][channel][period] */
	const double *exposure;	  /* [geo][channel][period] */
	const double *control;	  /* [geo][control][period] */
	const char *const *geo_name;
	const char *const *channel_name;
	const char *const *control_name;
} MmmData;

static inline size_t
mmm_rows(const MmmData *data)
{
	return (size_t) data->geos * (size_t) data->periods;
}

static inline const double *
mmm_spend(const MmmData *data, int geo, int channel)
{
	return data->spend + ((size_t) geo * data->channels + channel) * data->periods;
}

static inline const double *
mmm_exposure(const MmmData *data, int geo, int channel)
{
	return data->exposure + ((size_t) geo * data->channels + channel) * data->periods;
}

static inline const double *
mmm_control(const MmmData *data, int geo, int control)
{
	return data->control + ((size_t) geo * data->controls + control) * data->periods;
}

#endif
