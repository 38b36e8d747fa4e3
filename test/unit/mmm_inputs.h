/*
 * Inputs of media mix models for tests: two channels, a control and up to three geos over PERIODS weeks, which the
 * including file defines. The numbers themselves are each test's own.
 */
#ifndef ATTRIB_TEST_MMM_INPUTS_H
#define ATTRIB_TEST_MMM_INPUTS_H

#include "core/mmm_model.h"

#define GEOS 3
#define CHANNELS 2

static double kpi[GEOS * PERIODS];
static double spend[GEOS * CHANNELS * PERIODS];
static double control[GEOS * PERIODS];
static int32_t period[PERIODS];
static const double population[GEOS] = {1, 3, 0.4};
static const char *const channel_name[] = {"tv", "search"};
static const char *const control_name[] = {"price"};
static const char *const geo_name[] = {"north", "south", "west"};
static const int pair[1][2] = {{0, 1}};

static MmmData
mmm_inputs(int geos)
{
	for (int t = 0; t < PERIODS; t++)
		period[t] = 7 * t;
	return (MmmData){.geos = geos,
					 .periods = PERIODS,
					 .channels = CHANNELS,
					 .controls = 1,
					 .has_geo = geos > 1,
					 .period = period,
					 .population = population,
					 .kpi = kpi,
					 .spend = spend,
					 .exposure = spend,
					 .control = control,
					 .geo_name = geo_name,
					 .channel_name = channel_name,
					 .control_name = control_name};
}

static MmmSpec
mmm_spec(AdstockKind adstock, SaturationKind saturation, int max_lag, double season_length)
{
	return (MmmSpec){.adstock = adstock,
					 .saturation = saturation,
					 .adstock_first = true,
					 .max_lag = max_lag,
					 .normalized = true,
					 .trend = MMM_TREND_LINEAR,
					 .fourier_terms = 1,
					 .season_length = season_length};
}

#endif
