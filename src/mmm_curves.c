/*
 * steady_state_curves: a model as response_curves of the spend per period, for the optimizer over curves. An
 * approximation: it supposes that every period spends the same, so that carry-over only multiplies by the sum of
 * its weights, and that a channel's exposure costs what it cost on average.
 */
#include "mmm_report.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(attrib_steady_state_curves);

#define CURVE_COLUMNS 8

/* A channel's totals over the training. */
typedef struct ChannelTotals
{
	double spend;
	double exposure;
} ChannelTotals;

static ChannelTotals
training_totals(const MmmModel *model, int channel)
{
	ChannelTotals totals = {0, 0};

	for (int g = 0; g < model->data->geos; g++)
		for (int t = 0; t < model->train; t++)
		{
			totals.spend += mmm_spend(model->data, g, channel)[t];
			totals.exposure += mmm_exposure(model->data, g, channel)[t];
		}
	return totals;
}

/* Sum of the adstock's weights: what a constant exposure piles up to. */
static double
stock(const MmmModel *model, const double *transforms)
{
	Adstock adstock = mmm_adstock(model, transforms);
	double sum = 0;
	double *w;

	if (adstock.max_lag == ADSTOCK_ALL_HISTORY)
		return adstock.normalized ? 1 : 1 / (1 - adstock.parameter[0]);
	w = palloc(sizeof(double) * (adstock.max_lag + 1));
	adstock_weights(&adstock, w, NULL);
	for (int l = 0; l <= adstock.max_lag; l++)
		sum += w[l];
	pfree(w);
	return sum;
}

/*
 * With x scaled exposure = rate * spend, the response per period is coefficient * sat(W rate spend), or W times
 * sat(rate spend) where saturation comes first.
 */
static Datum
channel_curve(const MmmValue *value, int channel, ChannelTotals totals, TupleDesc desc)
{
	const MmmModel *m = &value->model;
	const double *transforms = value->fit.parameters + channel * m->per_channel;
	Saturation curve = mmm_saturation(m, transforms);
	double people = 0;
	double gain = 0; /* of all geos, if each gets its share of the spend */
	double w = stock(m, transforms);
	double coefficient, rate;
	Datum values[CURVE_COLUMNS];
	bool nulls[CURVE_COLUMNS] = {false};

	for (int g = 0; g < value->data->geos; g++)
	{
		people += value->data->population[g];
		gain += value->data->population[g] * mmm_coefficient(m, value->fit.parameters, g, channel);
	}
	/* without population every geo has its own saturation, and gets its share of the spend */
	rate = totals.exposure / totals.spend / people / m->exposure_scale[channel];
	coefficient = m->kpi_scale * gain * value->kpi_value;
	if (m->spec.adstock_first)
		rate *= w;
	else
		coefficient *= w;
	if (curve.kind == SATURATION_LINEAR)
		coefficient *= rate;
	else if (curve.kind == SATURATION_ROOT)
		coefficient *= pow(rate, curve.slope);
	/* the same curve under the name that takes its half-saturation */
	if (curve.kind == SATURATION_INVERSE_SCALED_LOGISTIC)
		curve.kind = SATURATION_LOGISTIC;
	values[0] = CStringGetTextDatum(value->data->channel_name[channel]);
	values[1] = CStringGetTextDatum(saturation_name(curve.kind));
	values[2] = Float8GetDatum(coefficient);
	values[3] = Float8GetDatum(curve.half_saturation / rate);
	nulls[3] = !saturation_has_half(curve.kind);
	values[4] = Float8GetDatum(curve.slope);
	values[5] = Float8GetDatum(totals.spend / m->train);
	values[6] = Float8GetDatum(0);
	nulls[7] = true;
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

Datum
attrib_steady_state_curves(PG_FUNCTION_ARGS)
{
	Oid element = get_element_type(get_func_rettype(fcinfo->flinfo->fn_oid));
	const MmmValue *value;
	TupleDesc desc;
	Datum *curves;
	int n = 0;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	value = mmm_value_arg(fcinfo, 0);
	if (value->spec.saturation == SATURATION_HILL_SIGMOID)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("hill_sigmoid saturation has no response_curve"),
						errhint("Fit saturation => 'hill' with free_slope => true for S-shaped curves.")));
	if (value->spec.interactions > 0)
		ereport(WARNING, (errmsg("interactions are left out of the response curves")));
	desc = lookup_rowtype_tupdesc_copy(element, -1);
	curves = palloc(sizeof(Datum) * value->data->channels);
	for (int c = 0; c < value->data->channels; c++)
	{
		ChannelTotals totals = training_totals(&value->model, c);

		/* what cost nothing cannot be bought */
		if (totals.spend > 0 && totals.exposure > 0)
			curves[n++] = channel_curve(value, c, totals, desc);
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(curves, n, element, -1, false, TYPALIGN_DOUBLE));
}
