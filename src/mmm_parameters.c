/*
 * mmm_parameters and mmm_draws: parameters under their names, in the user's units.
 */
#include "mmm_report.h"

#include <math.h>

#include "core/mmm_bayes.h"

#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(attrib_mmm_parameters);
PG_FUNCTION_INFO_V1(attrib_mmm_draws);

/* What mmm_parameters reports as low and high, having no argument for it. */
#define PARAMETER_LEVEL 0.9

/* A base column's parameter. */
static MmmReportedParameter
base_parameter(const MmmValue *value, int j)
{
	const MmmModel *m = &value->model;
	const MmmData *data = value->data;
	MmmReportedParameter p = {.place = m->transforms + m->media + j, .unit = m->kpi_scale};

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

static MmmReportedParameter *
channel_parameters(const MmmValue *value, int c, MmmReportedParameter *p)
{
	const MmmModel *m = &value->model;
	const MmmData *data = value->data;
	const char *name = data->channel_name[c];

	for (int k = 0; k < m->per_channel; k++)
		*p++ = (MmmReportedParameter){name, mmm_transform_name(m, k), c * m->per_channel + k,
									  k == m->half_at ? m->exposure_scale[c] : 1};
	*p++ = (MmmReportedParameter){name, "coefficient", m->transforms + c, m->kpi_scale};
	if (!m->spec.geo_coefficients)
		return p;
	*p++ = (MmmReportedParameter){name, "geo_sd", m->geo_sd + c, 1};
	for (int g = 0; g < data->geos; g++)
		*p++ = (MmmReportedParameter){name, psprintf("coefficient[%s]", data->geo_name[g]),
									  m->by_geo + g * data->channels + c, m->kpi_scale};
	return p;
}

MmmReportedParameter *
mmm_reported_parameters(const MmmValue *value, int *count)
{
	const MmmModel *m = &value->model;
	MmmReportedParameter *all = palloc(sizeof(MmmReportedParameter) * m->parameters);
	MmmReportedParameter *p = all;

	for (int c = 0; c < value->data->channels; c++)
		p = channel_parameters(value, c, p);
	for (int i = 0; i < m->spec.interactions; i++)
		*p++ = (MmmReportedParameter){mmm_component_name(m, MMM_INTERACTION(m, i)), "coefficient",
									  m->transforms + value->data->channels + i, m->kpi_scale};
	for (int j = 0; j < m->base; j++)
		*p++ = base_parameter(value, j);
	if (m->sigma >= 0)
		*p++ = (MmmReportedParameter){"likelihood", "sigma", m->sigma, m->kpi_scale};
	if (m->nu >= 0)
		*p++ = (MmmReportedParameter){"likelihood", "nu", m->nu, 1};
	*count = (int) (p - all);
	return all;
}

double
mmm_parameter_sd(const MmmValue *value, const MmmReportedParameter *parameter)
{
	int n = value->fit.draws;
	double mean = 0;
	double squares = 0;

	for (int d = 0; d < n; d++)
		mean += mmm_draw(value, d)[parameter->place] / n;
	for (int d = 0; d < n; d++)
	{
		double off = mmm_draw(value, d)[parameter->place] - mean;

		squares += off * off;
	}
	return n > 1 ? sqrt(squares / (n - 1)) * parameter->unit : NAN;
}

/* prior_mean to ess_tail */
static void
put_marginal(const MmmMarginal *marginal, double unit, double sd, Datum *values, bool *nulls)
{
	mmm_put_number(marginal->prior_mean * unit, values + 7, nulls + 7);
	mmm_put_number(marginal->prior_sd * unit, values + 8, nulls + 8);
	mmm_put_number(mmm_contraction(marginal, sd / unit), values + 9, nulls + 9);
	mmm_put_number(marginal->rhat, values + 10, nulls + 10);
	mmm_put_number(marginal->ess_bulk, values + 11, nulls + 11);
	mmm_put_number(marginal->ess_tail, values + 12, nulls + 12);
}

static void
put_parameter(RowSink *sink, const MmmValue *value, const MmmReportedParameter *reported)
{
	int n = value->fit.draws;
	double *draws = palloc(sizeof(double) * Max(n, 1));
	double mean = value->fit.parameters[reported->place] * reported->unit;
	double sd = mmm_parameter_sd(value, reported);
	double low, high;
	Datum values[13];
	bool nulls[13];

	memset(nulls, true, sizeof(nulls));
	for (int d = 0; d < n; d++)
		draws[d] = mmm_draw(value, d)[reported->place] * reported->unit;
	values[0] = CStringGetTextDatum(reported->component);
	values[1] = CStringGetTextDatum(reported->name);
	values[2] = Float8GetDatum(mean);
	nulls[0] = nulls[1] = nulls[2] = false;
	if (mmm_interval(value, mean, draws, PARAMETER_LEVEL, &low, &high))
	{
		values[3] = Float8GetDatum(sd);
		values[4] = Float8GetDatum(low);
		values[5] = Float8GetDatum(mmm_quantile(draws, n, 0.5));
		values[6] = Float8GetDatum(high);
		nulls[3] = nulls[4] = nulls[5] = nulls[6] = false;
	}
	if (value->fit.chains > 0)
		put_marginal(&value->fit.marginal[reported->place], reported->unit, sd, values, nulls);
	row_sink_put(sink, values, nulls);
	pfree(draws);
}

Datum
attrib_mmm_parameters(PG_FUNCTION_ARGS)
{
	RowSink sink = row_sink_begin(fcinfo);
	const MmmValue *value;
	MmmReportedParameter *parameters;
	int count;

	if (PG_ARGISNULL(0))
		return (Datum) 0;
	value = mmm_value_arg(fcinfo, 0);
	parameters = mmm_reported_parameters(value, &count);
	for (int i = 0; i < count; i++)
		put_parameter(&sink, value, &parameters[i]);
	return (Datum) 0;
}

/* Replicates of a ridge fit are one chain. */
Datum
attrib_mmm_draws(PG_FUNCTION_ARGS)
{
	RowSink sink = row_sink_begin(fcinfo);
	const MmmValue *value;
	MmmReportedParameter *parameters;
	int count;
	int each;

	if (PG_ARGISNULL(0))
		return (Datum) 0;
	value = mmm_value_arg(fcinfo, 0);
	parameters = mmm_reported_parameters(value, &count);
	each = value->fit.draws / Max(value->fit.chains, 1);
	for (int d = 0; d < value->fit.draws; d++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < count; i++)
		{
			Datum values[5] = {Int32GetDatum(d / each + 1), Int32GetDatum(d % each + 1),
							   CStringGetTextDatum(parameters[i].component),
							   CStringGetTextDatum(parameters[i].name),
							   Float8GetDatum(mmm_draw(value, d)[parameters[i].place] * parameters[i].unit)};
			bool nulls[5] = {false};

			row_sink_put(&sink, values, nulls);
			pfree(DatumGetPointer(values[2]));
			pfree(DatumGetPointer(values[3]));
		}
	}
	return (Datum) 0;
}
