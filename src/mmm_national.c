/*
 * mmm_split_national: media bought for the whole country, in a dataset of geos. Each row of a geo states the national
 * figures; the split gives every geo its share by population, so that sums over geos are the money that was spent.
 */
#include "mmm_dataset.h"

#include "arguments.h"

#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(attrib_mmm_split_national);

static int
channel_argument(const MmmData *data, const char *name)
{
	for (int c = 0; c < data->channels; c++)
		if (strcmp(data->channel_name[c], name) == 0)
			return c;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("channels: \"%s\" is not one of the dataset's channels", name)));
	pg_unreachable();
}

/* Every geo must state the same: what differs is not national, or already split. */
static void
check_same(const MmmData *data, int c, const char *what, const double *first, const double *own, int geo)
{
	for (int t = 0; t < data->periods; t++)
		if (first[t] != own[t])
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("%s of \"%s\" in period %s is %g in geo \"%s\", but %g in geo \"%s\"",
								   what, data->channel_name[c], mmm_date_text(data->period[t]), first[t],
								   data->geo_name[0], own[t], data->geo_name[geo]),
							errhint("Each geo's row must state the figure of the whole country.")));
}

static void
split_channel(const MmmData *data, int c, double people, double *spend, double *exposure)
{
	for (int g = 0; g < data->geos; g++)
	{
		Size at = ((Size) g * data->channels + c) * data->periods;
		double share = data->population[g] / people;

		CHECK_FOR_INTERRUPTS();
		check_same(data, c, "spend", mmm_spend(data, 0, c), mmm_spend(data, g, c), g);
		check_same(data, c, "exposure", mmm_exposure(data, 0, c), mmm_exposure(data, g, c), g);
		for (int t = 0; t < data->periods; t++)
		{
			spend[at + t] *= share;
			if (exposure != spend)
				exposure[at + t] *= share;
		}
	}
}

static double *
copy_series(const MmmData *data, const double *series)
{
	Size size = sizeof(double) * mmm_rows(data) * data->channels;
	double *copy = palloc_extended(size, MCXT_ALLOC_HUGE);

	memcpy(copy, series, size);
	return copy;
}

Datum
attrib_mmm_split_national(PG_FUNCTION_ARGS)
{
	const MmmData *data;
	NameList names;
	MmmData split;
	double people = 0;
	double *spend;
	double *exposure;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	data = mmm_dataset_arg(fcinfo, 0);
	names = argument_names(fcinfo, 1, "channels");
	if (!data->has_population)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("national media can only be split in a dataset with geos and their population"),
				 errhint("Give mmm_dataset_agg a population; 1 for each geo splits evenly.")));
	for (int g = 0; g < data->geos; g++)
		people += data->population[g];
	spend = copy_series(data, data->spend);
	exposure = data->has_exposure ? copy_series(data, data->exposure) : spend;
	for (int i = 0; i < names.count; i++)
	{
		int c = channel_argument(data, names.names[i]);

		for (int j = 0; j < i; j++)
			if (strcmp(names.names[i], names.names[j]) == 0)
				ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
								errmsg("channels: \"%s\" occurs twice", names.names[i])));
		split_channel(data, c, people, spend, exposure);
	}
	split = *data;
	split.spend = spend;
	split.exposure = exposure;
	PG_RETURN_POINTER(mmm_dataset_flatten(&split));
}
