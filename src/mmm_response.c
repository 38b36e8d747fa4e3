/*
 * mmm_roas and mmm_response_curves: both read the one response function, sum_t coefficient * saturation(adstock(
 * multiplier * exposure))_t, at a multiplier of 1 or along it.
 */
#include "mmm_response.h"

#include <math.h>

#include "arguments.h"

#include "utils/builtins.h"
#include "utils/date.h"

PG_FUNCTION_INFO_V1(attrib_mmm_roas);
PG_FUNCTION_INFO_V1(attrib_mmm_response_curves);

/* Response and its slope along the multiplier of one channel, by geo and period. */
typedef struct Response
{
	double *value; /* [geo][period] */
	double *slope;
} Response;

static Response
response_alloc(const MmmData *data)
{
	Response r;

	r.value = palloc_extended(sizeof(double) * mmm_rows(data), MCXT_ALLOC_HUGE);
	r.slope = palloc_extended(sizeof(double) * mmm_rows(data), MCXT_ALLOC_HUGE);
	return r;
}

static void
respond(const MmmValue *value, int draw, int channel, double multiplier, Response *r)
{
	const MmmModel *m = &value->model;
	const MmmData *data = value->data;
	const double *parameters = mmm_draw(value, draw);
	int n = data->periods;
	double *x = palloc(sizeof(double) * n);

	CHECK_FOR_INTERRUPTS();
	for (int g = 0; g < data->geos; g++)
	{
		double gain = mmm_kpi_unit(m, g) * mmm_coefficient(m, parameters, g, channel);
		Size at = (Size) g * n;

		mmm_scaled_exposure(m, data, g, channel, x);
		mmm_transform_scaled(m, parameters + channel * m->per_channel, x, n, multiplier, r->value + at,
							 r->slope + at, attrib_env());
		for (int t = 0; t < n; t++)
		{
			r->value[at + t] *= gain;
			r->slope[at + t] *= gain;
		}
	}
	pfree(x);
}

/* Cells of the panel that one row of a report sums: a geo or all (-1), over some periods. */
typedef struct ReportGroup
{
	int geo;
	bool is_period; /* the row names its period */
	MmmWindow window;
} ReportGroup;

static double
group_sum(const MmmData *data, const ReportGroup *group, const double *grid)
{
	double sum = 0;

	for (int g = 0; g < data->geos; g++)
		if (group->geo < 0 || group->geo == g)
			for (int t = group->window.from; t < group->window.to; t++)
				sum += grid[(Size) g * data->periods + t];
	return sum;
}

static double
group_spend(const MmmData *data, const ReportGroup *group, int channel)
{
	double sum = 0;

	for (int g = 0; g < data->geos; g++)
		if (group->geo < 0 || group->geo == g)
			for (int t = group->window.from; t < group->window.to; t++)
				sum += mmm_spend(data, g, channel)[t];
	return sum;
}

/* The groups of `by`, in the order of their rows. */
static ReportGroup *
make_groups(const char *by, const MmmData *data, MmmWindow window, int *count)
{
	ReportGroup *groups;

	if (strcmp(by, "total") == 0)
	{
		groups = palloc(sizeof(ReportGroup));
		groups[0] = (ReportGroup){-1, false, window};
		*count = 1;
	}
	else if (strcmp(by, "geo") == 0)
	{
		groups = palloc(sizeof(ReportGroup) * data->geos);
		for (int g = 0; g < data->geos; g++)
			groups[g] = (ReportGroup){g, false, window};
		*count = data->geos;
	}
	else if (strcmp(by, "period") == 0)
	{
		*count = window.to - window.from;
		groups = palloc(sizeof(ReportGroup) * *count);
		for (int i = 0; i < *count; i++)
			groups[i] = (ReportGroup){-1, true, {window.from + i, window.from + i + 1}};
	}
	else
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unrecognized by \"%s\"", by),
						errhint("Known are total, geo and period.")));
	return groups;
}

/* Contribution and slope of each group under the estimate (draw -1, stored first) and each draw. */
typedef struct Figures
{
	double *contribution; /* [1 + draws][groups] */
	double *slope;
} Figures;

/* What is reported of a group's figure. */
static double
reported_figure(const MmmValue *value, const double *figure, int ngroups, int group)
{
	double *draws = palloc(sizeof(double) * value->fit.draws);
	double reported;

	for (int d = 0; d < value->fit.draws; d++)
		draws[d] = figure[(Size) (d + 1) * ngroups + group];
	reported = mmm_reported(value, figure[group], draws);
	pfree(draws);
	return reported;
}

static Figures
channel_figures(const MmmValue *value, int channel, const ReportGroup *groups, int ngroups, Response *scratch)
{
	int draws = value->fit.draws;
	Figures f;

	f.contribution = palloc_extended(sizeof(double) * ngroups * (1 + (Size) draws), MCXT_ALLOC_HUGE);
	f.slope = palloc_extended(sizeof(double) * ngroups * (1 + (Size) draws), MCXT_ALLOC_HUGE);
	for (int d = mmm_first_draw(value); d < draws; d++)
	{
		respond(value, d, channel, 1, scratch);
		for (int i = 0; i < ngroups; i++)
		{
			f.contribution[(Size) (d + 1) * ngroups + i] = group_sum(value->data, &groups[i], scratch->value);
			f.slope[(Size) (d + 1) * ngroups + i] = group_sum(value->data, &groups[i], scratch->slope);
		}
	}
	for (int i = 0; draws > 0 && i < ngroups; i++)
	{
		f.contribution[i] = reported_figure(value, f.contribution, ngroups, i);
		f.slope[i] = reported_figure(value, f.slope, ngroups, i);
	}
	return f;
}

/* One figure of a group with its interval, times `unit`; NULL where unit is not finite. */
static void
put_figure(const MmmValue *value, const double *figure, int ngroups, int group, double unit, double level,
		   double *cell, Datum *values, bool *nulls)
{
	int draws = value->fit.draws;

	nulls[0] = nulls[1] = nulls[2] = !isfinite(unit);
	if (nulls[0])
		return;
	for (int d = 0; d < draws; d++)
		cell[d] = unit * figure[(Size) (d + 1) * ngroups + group];
	mmm_put_figure(value, unit * figure[group], cell, level, values, nulls);
}

static void
put_roas(RowSink *sink, const MmmValue *value, const ReportGroup *groups, int ngroups, int i,
		 const Figures *figures, double level)
{
	const MmmData *data = value->data;
	double *cell = palloc(sizeof(double) * Max(value->fit.draws, 1));
	double all_spend = 0;
	double all_contribution = 0;

	for (int c = 0; c < data->channels; c++)
	{
		all_spend += group_spend(data, &groups[i], c);
		all_contribution += figures[c].contribution[i];
	}
	for (int c = 0; c < data->channels; c++)
	{
		const ReportGroup *group = &groups[i];
		double spend = group_spend(data, group, c);
		double contribution = figures[c].contribution[i];
		double per_spend = value->kpi_value / spend;
		Datum values[16];
		bool nulls[16] = {false};

		nulls[0] = group->geo < 0 || !data->has_geo;
		if (!nulls[0])
			values[0] = CStringGetTextDatum(data->geo_name[group->geo]);
		nulls[1] = !group->is_period;
		if (!nulls[1])
			values[1] = DateADTGetDatum(data->period[group->window.from]);
		values[2] = CStringGetTextDatum(data->channel_name[c]);
		values[3] = Float8GetDatum(spend);
		put_figure(value, figures[c].contribution, ngroups, i, 1, level, cell, values + 4, nulls + 4);
		mmm_put_number(spend / all_spend, values + 7, nulls + 7);
		mmm_put_number(contribution / all_contribution, values + 8, nulls + 8);
		put_figure(value, figures[c].contribution, ngroups, i, per_spend, level, cell, values + 9, nulls + 9);
		put_figure(value, figures[c].slope, ngroups, i, per_spend, level, cell, values + 12, nulls + 12);
		mmm_put_number(spend / contribution, values + 15, nulls + 15);
		row_sink_put(sink, values, nulls);
	}
	pfree(cell);
}

Datum
attrib_mmm_roas(PG_FUNCTION_ARGS)
{
	RowSink sink = row_sink_begin(fcinfo);
	const MmmValue *value;
	Response scratch;
	Figures *figures;
	ReportGroup *groups;
	int ngroups;
	double level;

	if (PG_ARGISNULL(0))
		return (Datum) 0;
	value = mmm_value_arg(fcinfo, 0);
	level = mmm_level_argument(fcinfo, 4);
	groups = make_groups(argument_text(fcinfo, 3, "by"), value->data,
						 mmm_window_argument(fcinfo, 1, value->data), &ngroups);
	scratch = response_alloc(value->data);
	figures = palloc(sizeof(Figures) * value->data->channels);
	for (int c = 0; c < value->data->channels; c++)
		figures[c] = channel_figures(value, c, groups, ngroups, &scratch);
	for (int i = 0; i < ngroups; i++)
		put_roas(&sink, value, groups, ngroups, i, figures, level);
	return (Datum) 0;
}

/* Multiplier j of `points`: evenly up to 1 and evenly on to 2, so that 0, 1 and 2 are among them. */
static double
curve_multiplier(int j, int points)
{
	int below = points / 2;

	return j <= below ? (double) j / below : 1 + (double) (j - below) / (points - 1 - below);
}

double
mmm_observed_reach(const MmmValue *value, MmmWindow window, int channel)
{
	const MmmData *data = value->data;
	double most = 0;

	for (int g = 0; g < data->geos; g++)
		for (int t = window.from; t < window.to; t++)
			most = Max(most, mmm_exposure(data, g, channel)[t] / data->population[g]);
	return most > 0 ? value->model.exposure_scale[channel] / most : INFINITY;
}

double
mmm_window_spend(const MmmData *data, MmmWindow window, int channel)
{
	ReportGroup group = {-1, false, window};

	return group_spend(data, &group, channel);
}

void
mmm_window_responses(const MmmValue *value, int draw, int channel, const double *multiplier, int points,
					 MmmWindow window, double *response, double *slope)
{
	const MmmModel *m = &value->model;
	const MmmData *data = value->data;
	const double *parameters = mmm_draw(value, draw);
	double *x = palloc(sizeof(double) * data->periods);

	CHECK_FOR_INTERRUPTS();
	memset(response, 0, sizeof(double) * points);
	memset(slope, 0, sizeof(double) * points);
	for (int g = 0; g < data->geos; g++)
	{
		mmm_scaled_exposure(m, data, g, channel, x);
		mmm_add_responses(m, parameters + channel * m->per_channel, x, window.from, window.to,
						  mmm_kpi_unit(m, g) * mmm_coefficient(m, parameters, g, channel), multiplier, points,
						  response, slope, attrib_env());
	}
	pfree(x);
}

/* Response over the window at each multiplier and its slope, of the estimate and of each draw: [1 + draw][point]. */
static Response
drawn_curves(const MmmValue *value, int channel, const double *multiplier, int points, MmmWindow window)
{
	const MmmModel *m = &value->model;
	const MmmData *data = value->data;
	Size size = sizeof(double) * points * (1 + (Size) value->fit.draws);
	double *x = palloc(sizeof(double) * data->periods);
	Response sums = {palloc_extended(size, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO),
					 palloc_extended(size, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO)};

	for (int g = 0; g < data->geos; g++)
	{
		mmm_scaled_exposure(m, data, g, channel, x);
		for (int d = mmm_first_draw(value); d < value->fit.draws; d++)
		{
			const double *parameters = mmm_draw(value, d);
			Size at = (Size) points * (d + 1);

			CHECK_FOR_INTERRUPTS();
			mmm_add_responses(m, parameters + channel * m->per_channel, x, window.from, window.to,
							  mmm_kpi_unit(m, g) * mmm_coefficient(m, parameters, g, channel), multiplier,
							  points, sums.value + at, sums.slope + at, attrib_env());
		}
	}
	pfree(x);
	return sums;
}

static void
put_curve(RowSink *sink, const MmmValue *value, int channel, int points, MmmWindow window, double level)
{
	const MmmData *data = value->data;
	double spend = mmm_window_spend(data, window, channel);
	double reach = mmm_observed_reach(value, window, channel);
	int draws = value->fit.draws;
	double *cell = palloc(sizeof(double) * Max(draws, 1));
	double *slope = palloc(sizeof(double) * Max(draws, 1));
	double *multiplier = palloc(sizeof(double) * points);
	Response drawn;

	for (int j = 0; j < points; j++)
		multiplier[j] = curve_multiplier(j, points);
	drawn = drawn_curves(value, channel, multiplier, points, window);
	for (int j = 0; j < points; j++)
	{
		Datum values[8];
		bool nulls[8] = {false};

		for (int d = 0; d < draws; d++)
		{
			cell[d] = drawn.value[(Size) points * (d + 1) + j];
			slope[d] = drawn.slope[(Size) points * (d + 1) + j];
		}
		values[0] = CStringGetTextDatum(data->channel_name[channel]);
		values[1] = Float8GetDatum(multiplier[j]);
		values[2] = Float8GetDatum(multiplier[j] * spend);
		mmm_put_figure(value, mmm_reported(value, drawn.value[j], cell), cell, level, values + 3, nulls + 3);
		mmm_put_number(mmm_reported(value, drawn.slope[j], slope) * value->kpi_value / spend, values + 6,
					   nulls + 6);
		values[7] = BoolGetDatum(multiplier[j] > reach * (1 + 1e-12));
		row_sink_put(sink, values, nulls);
	}
	pfree(slope);
	pfree(cell);
	pfree(multiplier);
	pfree(drawn.value);
	pfree(drawn.slope);
}

Datum
attrib_mmm_response_curves(PG_FUNCTION_ARGS)
{
	RowSink sink = row_sink_begin(fcinfo);
	const MmmValue *value;
	MmmWindow window;
	double level;
	int points;

	if (PG_ARGISNULL(0))
		return (Datum) 0;
	value = mmm_value_arg(fcinfo, 0);
	points = argument_int32(fcinfo, 1, "points", 3, 10000);
	window = mmm_window_argument(fcinfo, 2, value->data);
	level = mmm_level_argument(fcinfo, 4);
	for (int c = 0; c < value->data->channels; c++)
		put_curve(&sink, value, c, points, window, level);
	return (Datum) 0;
}
