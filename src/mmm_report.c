/*
 * mmm_contributions, and what all reports share.
 */
#include "mmm_report.h"

#include <math.h>

#include "arguments.h"
#include "core/interval.h"

#include "utils/builtins.h"
#include "utils/date.h"

PG_FUNCTION_INFO_V1(attrib_mmm_contributions);

/* Fewer draws than this say nothing about tails. */
#define MIN_DRAWS 20

/* The numbers before `from` are known to be no greater than the quantile. */
static double
quantile_behind(double *number, int from, int n, double p)
{
	int below = (int) (p * (n - 1));

	select_place(number + from, n - from, below - from);
	if (below < n - 1)
	{
		int next = below + 1;
		double least;

		for (int i = below + 2; i < n; i++)
			next = number[i] < number[next] ? i : next;
		least = number[next];
		number[next] = number[below + 1];
		number[below + 1] = least;
	}
	return sorted_quantile(number, n, p);
}

double
mmm_quantile(double *number, int n, double p)
{
	return quantile_behind(number, 0, n, p);
}

/* The central interval of n numbers (moved in the act); false if there are too few or some are not finite. */
static bool
central_interval(double *number, int n, double level, double *low, double *high)
{
	if (n < MIN_DRAWS)
		return false;
	for (int i = 0; i < n; i++)
		if (!isfinite(number[i]))
			return false;
	*low = mmm_quantile(number, n, (1 - level) / 2);
	*high = quantile_behind(number, (int) ((1 - level) / 2 * (n - 1)), n, (1 + level) / 2);
	return true;
}

/*
 * Percentiles of the replicates of a ridge fit may miss its estimate: a coefficient at 0 can only move upwards in
 * them, where the bootstrap is inconsistent (Andrews 2000), and each of them shrinks what was shrunk before.
 * Reaching out to the estimate covers the truth no less often, stays where the parameter may be, and commutes
 * with units and other monotone maps, so that contributions, ROAS and curves still tell one story. Percentiles
 * reflected about the estimate leave the parameter's range, and where replicates pile up on the bound there is
 * nothing to correct their bias by.
 */
bool
mmm_interval(const MmmValue *value, double reported, double *draws, double level, double *low, double *high)
{
	if (!central_interval(draws, value->fit.draws, level, low, high))
		return false;
	if (value->fit.chains == 0)
	{
		*low = Min(*low, reported);
		*high = Max(*high, reported);
	}
	return true;
}

double
mmm_reported(const MmmValue *value, double estimate, const double *draws)
{
	double sum = 0;

	if (value->fit.chains == 0)
		return estimate;
	for (int d = 0; d < value->fit.draws; d++)
		sum += draws[d];
	return sum / value->fit.draws;
}

void
mmm_reported_predictions(const MmmValue *value, const MmmData *data, int first, double *out)
{
	const MmmModel *m = &value->model;
	int components = mmm_components(m);
	int draws = value->fit.chains > 0 ? value->fit.draws : 1;
	double *parts = palloc_extended(sizeof(double) * data->periods * components, MCXT_ALLOC_HUGE);

	for (int g = 0; g < data->geos; g++)
	{
		MmmGeoColumns columns = mmm_geo_columns(m, data, first, g, attrib_env());
		double *into = out + (Size) g * data->periods;

		memset(into, 0, sizeof(double) * data->periods);
		for (int d = 0; d < draws; d++)
		{
			mmm_geo_contributions(&columns, mmm_draw(value, d + mmm_first_draw(value)), parts, attrib_env());
			for (int k = 0; k < components; k++)
				for (int t = 0; t < data->periods; t++)
					into[t] += parts[k * data->periods + t];
		}
		for (int t = 0; t < data->periods; t++)
			into[t] /= draws;
		mmm_geo_columns_free(&columns, attrib_env());
	}
	pfree(parts);
}

void
mmm_put_interval(double *number, int n, double level, Datum *values, bool *nulls)
{
	double low, high;

	nulls[0] = nulls[1] = !central_interval(number, n, level, &low, &high);
	if (!nulls[0])
	{
		values[0] = Float8GetDatum(low);
		values[1] = Float8GetDatum(high);
	}
}

void
mmm_put_figure(const MmmValue *value, double reported, double *draws, double level, Datum *values,
			   bool *nulls)
{
	double low, high;

	values[0] = Float8GetDatum(reported);
	nulls[0] = false;
	nulls[1] = nulls[2] = !mmm_interval(value, reported, draws, level, &low, &high);
	if (!nulls[1])
	{
		values[1] = Float8GetDatum(low);
		values[2] = Float8GetDatum(high);
	}
}

void
mmm_put_number(double number, Datum *value, bool *null)
{
	*null = !isfinite(number);
	if (!*null)
		*value = Float8GetDatum(number);
}

const double *
mmm_draw(const MmmValue *value, int d)
{
	return d < 0 ? value->fit.parameters : value->fit.draw + (Size) d * value->model.parameters;
}

double
mmm_level_argument(FunctionCallInfo fcinfo, int argno)
{
	double level = argument_float8(fcinfo, argno, "level");

	if (!(level > 0 && level < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("level must be > 0 and < 1, not %g", level),
				 errhint("0.9 gives the interval from the 5th to the 95th percentile.")));
	return level;
}

MmmWindow
mmm_window_argument(FunctionCallInfo fcinfo, int argno, const MmmData *data)
{
	DateADT from = PG_ARGISNULL(argno) ? DATEVAL_NOBEGIN : PG_GETARG_DATEADT(argno);
	DateADT to = PG_ARGISNULL(argno + 1) ? DATEVAL_NOEND : PG_GETARG_DATEADT(argno + 1);
	MmmWindow window = {0, data->periods};

	while (window.from < data->periods && data->period[window.from] < from)
		window.from++;
	while (window.to > 0 && data->period[window.to - 1] > to)
		window.to--;
	if (window.from >= window.to)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("no period of the model lies between period_from and period_to"),
						errhint("Its periods run from %s to %s.", mmm_date_text(data->period[0]),
								mmm_date_text(data->period[data->periods - 1]))));
	return window;
}

/* mmm_contributions */

/* As many draws as doubles fill a line of the cache. */
#define DRAWS_ABREAST 8

/* Contributions of a geo, [component][period][1 + draw], so that what a row of the report is made of lies together. */
static double *
drawn_contributions(const MmmValue *value, int geo)
{
	const MmmModel *m = &value->model;
	Size size = (Size) mmm_components(m) * value->data->periods;
	Size each = 1 + (Size) value->fit.draws;
	double *drawn = palloc_extended(sizeof(double) * size * each, MCXT_ALLOC_HUGE);
	double *block = palloc_extended(sizeof(double) * size * DRAWS_ABREAST, MCXT_ALLOC_HUGE);
	MmmGeoColumns columns = mmm_geo_columns(m, value->data, 0, geo, attrib_env());

	/* the estimate first, where there is one of its own */
	for (int first = mmm_first_draw(value); first < value->fit.draws; first += DRAWS_ABREAST)
	{
		int count = Min(DRAWS_ABREAST, value->fit.draws - first);

		for (int d = 0; d < count; d++)
			mmm_geo_contributions(&columns, mmm_draw(value, first + d), block + d * size, attrib_env());
		for (Size i = 0; i < size; i++)
			for (int d = 0; d < count; d++)
				drawn[i * each + 1 + first + d] = block[d * size + i];
	}
	mmm_geo_columns_free(&columns, attrib_env());
	pfree(block);
	return drawn;
}

static void
put_geo_contributions(RowSink *sink, const MmmValue *value, MmmWindow window, double level, int geo)
{
	const MmmData *data = value->data;
	int draws = value->fit.draws;
	double *drawn = drawn_contributions(value, geo);

	for (int t = window.from; t < window.to; t++)
		for (int k = 0; k < mmm_components(&value->model); k++)
		{
			double *cell = drawn + ((Size) k * data->periods + t) * (1 + (Size) draws);
			Datum values[6];
			bool nulls[6] = {!data->has_geo, false, false, false, false, false};

			CHECK_FOR_INTERRUPTS();
			if (data->has_geo)
				values[0] = CStringGetTextDatum(data->geo_name[geo]);
			values[1] = DateADTGetDatum(data->period[t]);
			values[2] = CStringGetTextDatum(mmm_component_name(&value->model, k));
			mmm_put_figure(value, mmm_reported(value, cell[0], cell + 1), cell + 1, level, values + 3,
						   nulls + 3);
			row_sink_put(sink, values, nulls);
		}
	pfree(drawn);
}

Datum
attrib_mmm_contributions(PG_FUNCTION_ARGS)
{
	RowSink sink = row_sink_begin(fcinfo);
	const MmmValue *value;
	MmmWindow window;
	double level;

	if (PG_ARGISNULL(0))
		return (Datum) 0;
	value = mmm_value_arg(fcinfo, 0);
	window = mmm_window_argument(fcinfo, 1, value->data);
	level = mmm_level_argument(fcinfo, 3);
	for (int g = 0; g < value->data->geos; g++)
		put_geo_contributions(&sink, value, window, level, g);
	return (Datum) 0;
}
