/*
 * mmm_parameters and mmm_contributions, and what all reports share.
 */
#include "mmm_report.h"

#include <math.h>

#include "arguments.h"
#include "core/mmm_bayes.h"

#include "utils/builtins.h"
#include "utils/date.h"

PG_FUNCTION_INFO_V1(attrib_mmm_parameters);
PG_FUNCTION_INFO_V1(attrib_mmm_contributions);

/* Fewer draws than this say nothing about tails. */
#define MIN_DRAWS 20

/* What mmm_parameters reports as low and high, having no argument for it. */
#define PARAMETER_LEVEL 0.9

/*
 * Moves the k-th smallest of number[from .. n) to its place with nothing greater before it and nothing less behind
 * (Hoare 1961). Reports want two quantiles of each of many cells, and sorting them all would be what takes the time.
 */
static void
select_place(double *number, int from, int n, int k)
{
	int last = n - 1;

	while (from < last)
	{
		double pivot = number[k];
		int i = from;
		int j = last;

		while (i <= j)
		{
			while (number[i] < pivot)
				i++;
			while (pivot < number[j])
				j--;
			if (i <= j)
			{
				double t = number[i];

				number[i++] = number[j];
				number[j--] = t;
			}
		}
		if (j < k)
			from = i;
		if (k < i)
			last = j;
	}
}

/*
 * Linear between the numbers (Hyndman and Fan's type 7); the numbers are moved about. Those before `from` are known
 * to be no greater than the quantile.
 */
static double
quantile(double *number, int from, int n, double p)
{
	double place = p * (n - 1);
	int below = Min((int) place, n - 1);
	double next;

	select_place(number, from, n, below);
	if (below == n - 1)
		return number[below];
	next = number[below + 1];
	for (int i = below + 2; i < n; i++)
		next = Min(next, number[i]);
	return number[below] + (place - below) * (next - number[below]);
}

bool
mmm_interval(double *number, int n, double level, double *low, double *high)
{
	if (n < MIN_DRAWS)
		return false;
	for (int i = 0; i < n; i++)
		if (!isfinite(number[i]))
			return false;
	*low = quantile(number, 0, n, (1 - level) / 2);
	*high = quantile(number, (int) ((1 - level) / 2 * (n - 1)), n, (1 + level) / 2);
	return true;
}

void
mmm_put_interval(double *number, int n, double level, Datum *values, bool *nulls)
{
	double low, high;

	nulls[0] = nulls[1] = !mmm_interval(number, n, level, &low, &high);
	if (!nulls[0])
	{
		values[0] = Float8GetDatum(low);
		values[1] = Float8GetDatum(high);
	}
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

/* mmm_parameters */

/* A linear map of parameters to what is reported under one name. */
typedef struct ReportedParameter
{
	const char *component;
	const char *name;
	int place;
	double unit;
} ReportedParameter;

static void
put_number(double number, Datum *value, bool *null)
{
	*null = !isfinite(number);
	if (!*null)
		*value = Float8GetDatum(number);
}

/* prior_mean to ess_tail */
static void
put_marginal(const MmmMarginal *marginal, double unit, double sd, Datum *values, bool *nulls)
{
	put_number(marginal->prior_mean * unit, values + 7, nulls + 7);
	put_number(marginal->prior_sd * unit, values + 8, nulls + 8);
	put_number(mmm_contraction(marginal, sd / unit), values + 9, nulls + 9);
	put_number(marginal->rhat, values + 10, nulls + 10);
	put_number(marginal->ess_bulk, values + 11, nulls + 11);
	put_number(marginal->ess_tail, values + 12, nulls + 12);
}

static void
put_parameter(RowSink *sink, const MmmValue *value, const ReportedParameter *reported)
{
	int n = value->fit.draws;
	double *draws = palloc(sizeof(double) * Max(n, 1));
	double mean = 0;
	double squares = 0;
	double low, high;
	Datum values[13];
	bool nulls[13];

	memset(nulls, true, sizeof(nulls));
	for (int d = 0; d < n; d++)
	{
		draws[d] = mmm_draw(value, d)[reported->place] * reported->unit;
		mean += draws[d] / n;
	}
	for (int d = 0; d < n; d++)
		squares += (draws[d] - mean) * (draws[d] - mean);
	values[0] = CStringGetTextDatum(reported->component);
	values[1] = CStringGetTextDatum(reported->name);
	values[2] = Float8GetDatum(value->fit.parameters[reported->place] * reported->unit);
	nulls[0] = nulls[1] = nulls[2] = false;
	if (mmm_interval(draws, n, PARAMETER_LEVEL, &low, &high))
	{
		values[3] = Float8GetDatum(sqrt(squares / (n - 1)));
		values[4] = Float8GetDatum(low);
		values[5] = Float8GetDatum(quantile(draws, 0, n, 0.5));
		values[6] = Float8GetDatum(high);
		nulls[3] = nulls[4] = nulls[5] = nulls[6] = false;
	}
	if (value->fit.chains > 0)
		put_marginal(&value->fit.marginal[reported->place], reported->unit, sqrt(squares / (n - 1)), values,
					 nulls);
	row_sink_put(sink, values, nulls);
	pfree(draws);
}

/* The name of a base column's component and of its parameter. */
static ReportedParameter
base_parameter(const MmmValue *value, int j)
{
	const MmmModel *m = &value->model;
	const MmmData *data = value->data;
	ReportedParameter p = {.place = m->transforms + m->media + j, .unit = m->kpi_scale};

	if (j < data->geos)
	{
		p.component = "intercept";
		p.name = data->has_geo ? data->geo_name[j] : "coefficient";
		return p;
	}
	j -= data->geos;
	if (j < m->trend_columns)
	{
		p.component = "trend";
		p.name = j == 0 ? "coefficient" : psprintf("knot_%d", j);
		return p;
	}
	j -= m->trend_columns;
	if (j < 2 * m->spec.fourier_terms)
	{
		p.component = "seasonality";
		p.name = psprintf("%s_%d", j % 2 == 0 ? "sin" : "cos", j / 2 + 1);
		return p;
	}
	j -= 2 * m->spec.fourier_terms;
	p.component = data->control_name[j];
	p.name = "coefficient";
	p.unit = m->kpi_scale / m->control_scale[j];
	return p;
}

static void
put_channel_parameters(RowSink *sink, const MmmValue *value, int c)
{
	const MmmModel *m = &value->model;
	const MmmData *data = value->data;
	ReportedParameter p = {.component = data->channel_name[c]};

	for (int k = 0; k < m->per_channel; k++)
	{
		p.name = mmm_transform_name(m, k);
		p.place = c * m->per_channel + k;
		p.unit = k == m->half_at ? m->exposure_scale[c] : 1;
		put_parameter(sink, value, &p);
	}
	p.name = "coefficient";
	p.place = m->transforms + c;
	p.unit = m->kpi_scale;
	put_parameter(sink, value, &p);
	if (!m->spec.geo_coefficients)
		return;
	p.name = "geo_sd";
	p.place = m->geo_sd + c;
	p.unit = 1;
	put_parameter(sink, value, &p);
	for (int g = 0; g < data->geos; g++)
	{
		p.name = psprintf("coefficient[%s]", data->geo_name[g]);
		p.place = m->by_geo + g * data->channels + c;
		p.unit = m->kpi_scale;
		put_parameter(sink, value, &p);
	}
}

Datum
attrib_mmm_parameters(PG_FUNCTION_ARGS)
{
	RowSink sink = row_sink_begin(fcinfo);
	const MmmValue *value;
	const MmmModel *m;

	if (PG_ARGISNULL(0))
		return (Datum) 0;
	value = mmm_value_arg(fcinfo, 0);
	m = &value->model;
	for (int c = 0; c < value->data->channels; c++)
		put_channel_parameters(&sink, value, c);
	for (int i = 0; i < m->spec.interactions; i++)
	{
		ReportedParameter p = {mmm_component_name(m, MMM_INTERACTION(m, i)), "coefficient",
							   m->transforms + value->data->channels + i, m->kpi_scale};

		put_parameter(&sink, value, &p);
	}
	for (int j = 0; j < m->base; j++)
	{
		ReportedParameter p = base_parameter(value, j);

		put_parameter(&sink, value, &p);
	}
	if (m->sigma >= 0)
	{
		ReportedParameter p = {"likelihood", "sigma", m->sigma, m->kpi_scale};

		put_parameter(&sink, value, &p);
	}
	if (m->nu >= 0)
	{
		ReportedParameter p = {"likelihood", "nu", m->nu, 1};

		put_parameter(&sink, value, &p);
	}
	return (Datum) 0;
}

/* mmm_contributions */

static void
put_geo_contributions(RowSink *sink, const MmmValue *value, MmmWindow window, double level, int geo)
{
	const MmmModel *m = &value->model;
	int n = value->data->periods;
	int components = mmm_components(m);
	int draws = value->fit.draws;
	Size size = (Size) components * n;
	double *estimate = palloc_extended(sizeof(double) * size, MCXT_ALLOC_HUGE);
	double *drawn = palloc_extended(sizeof(double) * Max(size * draws, 1), MCXT_ALLOC_HUGE);
	double *cell = palloc(sizeof(double) * Max(draws, 1));
	MmmGeo g = mmm_geo_prepare(m, value->data, 0, geo, attrib_env());

	mmm_geo_contributions(&g, value->fit.parameters, estimate, attrib_env());
	for (int d = 0; d < draws; d++)
		mmm_geo_contributions(&g, mmm_draw(value, d), drawn + d * size, attrib_env());
	mmm_geo_free(&g, attrib_env());
	for (int t = window.from; t < window.to; t++)
		for (int k = 0; k < components; k++)
		{
			Datum values[6];
			bool nulls[6] = {!value->data->has_geo, false, false, false, false, false};

			CHECK_FOR_INTERRUPTS();
			for (int d = 0; d < draws; d++)
				cell[d] = drawn[d * size + (Size) k * n + t];
			if (value->data->has_geo)
				values[0] = CStringGetTextDatum(value->data->geo_name[geo]);
			values[1] = DateADTGetDatum(value->data->period[t]);
			values[2] = CStringGetTextDatum(mmm_component_name(m, k));
			values[3] = Float8GetDatum(estimate[(Size) k * n + t]);
			mmm_put_interval(cell, draws, level, values + 4, nulls + 4);
			row_sink_put(sink, values, nulls);
		}
	pfree(estimate);
	pfree(drawn);
	pfree(cell);
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
