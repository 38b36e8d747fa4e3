/*
 * What every mmm_dataset must satisfy. One validator serves the aggregate, the text form and the binary form; its
 * errors name the cell that is wrong.
 */
#include "mmm_dataset.h"

#include <math.h>

#include "utils/date.h"
#include "utils/datetime.h"

/* ISO whatever the session's DateStyle. */
char *
mmm_date_text(int32 period)
{
	char text[MAXDATELEN + 1];
	struct pg_tm tm;

	memset(&tm, 0, sizeof(tm));
	j2date(period + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	EncodeDateOnly(&tm, USE_ISO_DATES, text);
	return pstrdup(text);
}

static char *
cell_text(const MmmData *data, int geo, int t)
{
	if (!data->has_geo)
		return psprintf("period %s", mmm_date_text(data->period[t]));
	return psprintf("period %s of geo \"%s\"", mmm_date_text(data->period[t]), data->geo_name[geo]);
}

static bool
check_amounts(const MmmData *data, const char *what, int names, const char *const *name, const double *values,
			  double min, Node *escontext)
{
	for (int g = 0; g < data->geos; g++)
		for (int c = 0; c < names; c++)
			for (int t = 0; t < data->periods; t++)
			{
				double value = *values++;

				if (!(value >= min && value <= MMM_MAX_AMOUNT))
					ereturn(escontext, false,
							(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							 errmsg("%s of \"%s\" in %s must be between %g and %g, not %g", what, name[c],
									cell_text(data, g, t), min, MMM_MAX_AMOUNT, value)));
			}
	return true;
}

/* Names of components, which no channel or control may take. */
static bool
reserved_name(const char *name)
{
	return name[0] == '\0' || strchr(name, '*') || strcmp(name, "intercept") == 0 ||
		   strcmp(name, "trend") == 0 || strcmp(name, "seasonality") == 0;
}

static bool
check_names(const MmmData *data, Node *escontext)
{
	int c = 0;
	int k = 0;

	for (int i = 0; i < data->channels + data->controls; i++)
	{
		const char *name =
			i < data->channels ? data->channel_name[i] : data->control_name[i - data->channels];

		if (reserved_name(name))
			ereturn(escontext, false,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" cannot be the name of a channel or control", name),
					 errhint("Names must not be empty, intercept, trend or seasonality, or contain \"*\", "
							 "which names interactions.")));
	}
	while (c < data->channels && k < data->controls)
	{
		int order = strcmp(data->channel_name[c], data->control_name[k]);

		if (order == 0)
			ereturn(escontext, false,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" is both a channel and a control", data->channel_name[c]),
					 errhint("Leave it out of one of them.")));
		if (order < 0)
			c++;
		else
			k++;
	}
	return true;
}

static bool
check_periods(const MmmData *data, Node *escontext)
{
	CalendarStep step;
	size_t gap;

	if (!calendar_step(data->period, data->periods, &step, &gap))
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("period %s is missing: %s follows %s",
						mmm_date_text(calendar_add(&step, data->period[gap - 1], 1)),
						mmm_date_text(data->period[gap]), mmm_date_text(data->period[gap - 1])),
				 errdetail("The periods of this dataset are %d %s apart.",
						   step.months ? step.months : step.days, step.months ? "months" : "days"),
				 errhint("Add a row for each period; its kpi may be NULL, its spend 0.")));
	return true;
}

/* Periods with a kpi in some geo. */
static int
observed_periods(const MmmData *data)
{
	int observed = 0;

	for (int t = 0; t < data->periods; t++)
	{
		bool any = false;

		for (int g = 0; g < data->geos; g++)
			any = any || !isnan(data->kpi[(size_t) g * data->periods + t]);
		observed += any;
	}
	return observed;
}

bool
mmm_dataset_check(const MmmData *data, Node *escontext)
{
	int observed = observed_periods(data);

	if (data->channels == 0)
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("media must name at least one channel"),
				 errhint("Write it as '{\"tv\": 1200}'.")));
	if (!check_names(data, escontext) || !check_periods(data, escontext))
		return false;
	for (int g = 0; g < data->geos; g++)
		if (!(data->population[g] > 0 && data->population[g] <= MMM_MAX_AMOUNT))
			ereturn(escontext, false,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("population of geo \"%s\" must be > 0 and <= %g, not %g", data->geo_name[g],
							MMM_MAX_AMOUNT, data->population[g])));
	if (!check_amounts(data, "spend", data->channels, data->channel_name, data->spend, 0, escontext) ||
		!check_amounts(data, "exposure", data->channels, data->channel_name, data->exposure, 0, escontext) ||
		!check_amounts(data, "control", data->controls, data->control_name, data->control, -MMM_MAX_AMOUNT,
					   escontext))
		return false;
	/* A dataset without any kpi is one to predict. */
	if (observed > 0 && observed < MMM_MIN_PERIODS)
		ereturn(escontext, false,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a dataset needs a kpi in at least %d periods, not in %d", MMM_MIN_PERIODS, observed),
				 errhint("Periods to predict have a kpi of NULL; a dataset of them alone may be short.")));
	return true;
}

CalendarStep
mmm_dataset_step(const MmmData *data)
{
	CalendarStep step;
	size_t gap;

	(void) calendar_step(data->period, data->periods, &step, &gap);
	return step;
}
