/*
 * optimize_flighting(): spend per channel and period after the training, with what history still carries.
 */
#include "budget.h"

#include <math.h>

#include "core/flighting.h"
#include "mmm_response.h"

#include "utils/builtins.h"
#include "utils/date.h"

PG_FUNCTION_INFO_V1(attrib_optimize_flighting);

#define BAD_VALUE ERRCODE_INVALID_PARAMETER_VALUE
#define FUNCTION "optimize_flighting"
#define MOST_PERIODS 366

/* Channels that had spend in the training, which tells what exposure costs and how geos share it. */
typedef struct Flighting
{
	const MmmValue *value;
	int periods;
	BudgetCurves curves;
	int *channel;			/* the model's, of each curve */
	FlightChannel *flights; /* of each curve */
	double **effect;		/* saturation first: what of an effect arrives so many periods later; else NULL */
	double **late;			/* and what history's effects still bring: [period], KPI units */
} Flighting;

static double
training_spend(const MmmValue *value, int channel)
{
	MmmWindow training = {0, value->model.train};

	return mmm_window_spend(value->data, training, channel);
}

static double
training_exposure(const MmmValue *value, int geo, int channel)
{
	double sum = 0;

	for (int t = 0; t < value->model.train; t++)
		sum += mmm_exposure(value->data, geo, channel)[t];
	return sum;
}

static void
gather(Flighting *f)
{
	const MmmData *data = f->value->data;
	double share = (double) f->periods / f->value->model.train;

	f->curves.names = palloc(sizeof(char *) * data->channels);
	f->curves.channels = palloc0(sizeof(BudgetChannel) * data->channels);
	f->channel = palloc(sizeof(int) * data->channels);
	for (int c = 0; c < data->channels; c++)
	{
		double spend = training_spend(f->value, c);

		if (!(spend > 0))
			continue;
		f->channel[f->curves.count] = c;
		f->curves.names[f->curves.count] = pstrdup(data->channel_name[c]);
		f->curves.channels[f->curves.count++].current = spend * share;
	}
	if (f->curves.count == 0)
		ereport(ERROR, (errcode(BAD_VALUE), errmsg("no channel has spend in the training"),
						errhint("Without it nothing is known of what spend buys.")));
}

/* What one unit in the first period is in each. */
static double *
impulse(const Flighting *f, const Adstock *adstock)
{
	double *unit = palloc0(sizeof(double) * f->periods);
	double *lag = palloc(sizeof(double) * f->periods);

	unit[0] = 1;
	adstock_series(adstock, unit, f->periods, lag, NULL, attrib_env());
	pfree(unit);
	return lag;
}

/* The history of a geo's scaled exposures, then nothing, as it is carried over. */
static void
carried(const Flighting *f, const Adstock *adstock, const Saturation *first, int geo, int channel,
		double *out)
{
	const MmmModel *m = &f->value->model;
	int n = m->train + f->periods;
	double *exposure = palloc(sizeof(double) * Max(n, f->value->data->periods));
	double *stock = palloc(sizeof(double) * n);

	mmm_scaled_exposure(m, f->value->data, geo, channel, exposure);
	for (int t = 0; t < n; t++)
	{
		if (t >= m->train)
			exposure[t] = 0;
		else if (first)
			exposure[t] = saturation_value(first, exposure[t]);
	}
	adstock_series(adstock, exposure, n, stock, NULL, attrib_env());
	memcpy(out, stock + m->train, sizeof(double) * f->periods);
	pfree(exposure);
	pfree(stock);
}

static void
make_flight(Flighting *f, int i)
{
	const MmmModel *m = &f->value->model;
	const MmmData *data = f->value->data;
	const double *parameters = mmm_draw(f->value, -1);
	int channel = f->channel[i];
	const double *transforms = parameters + channel * m->per_channel;
	Adstock adstock = mmm_adstock(m, transforms);
	double *lag = impulse(f, &adstock);
	double *weight = palloc(sizeof(double) * f->periods);
	double *gain = palloc(sizeof(double) * data->geos);
	double *rate = palloc(sizeof(double) * data->geos);
	double *base = palloc0(sizeof(double) * data->geos * f->periods);
	FlightChannel *flight = &f->flights[i];

	*flight = (FlightChannel){mmm_saturation(m, transforms), data->geos, gain, rate, base, weight, 1, lag};
	f->late[i] = palloc0(sizeof(double) * f->periods);
	for (int g = 0; g < data->geos; g++)
	{
		double *own = base + (Size) g * f->periods;

		gain[g] = mmm_kpi_unit(m, g) * mmm_coefficient(m, parameters, g, channel);
		rate[g] = training_exposure(f->value, g, channel) / training_spend(f->value, channel) /
				  (m->exposure_scale[channel] * data->population[g]);
		carried(f, &adstock, m->spec.adstock_first ? NULL : &flight->shape, g, channel, own);
		for (int t = 0; t < f->periods && !m->spec.adstock_first; t++)
		{
			f->late[i][t] += gain[g] * own[t];
			own[t] = 0;
		}
	}
	f->effect[i] = NULL;
	for (int t = f->periods - 1; t >= 0; t--)
		weight[t] = m->spec.adstock_first ? 1 : lag[f->periods - 1 - t];
	if (m->spec.adstock_first)
		flight->lags = f->periods;
	else
	{
		static const double alone = 1;

		f->effect[i] = lag;
		flight->lag = &alone;
		for (int t = f->periods - 2; t >= 0; t--) /* all that arrives until the end */
			weight[t] += weight[t + 1];
	}
}

/* What the model says of a channel's periods under a plan, in KPI units. */
static void
respond(const Flighting *f, int i, const double *spend, double *out)
{
	double *effect = palloc(sizeof(double) * f->periods);

	flight_respond(&f->flights[i], f->periods, spend, effect);
	for (int t = 0; t < f->periods; t++)
	{
		out[t] = f->effect[i] ? f->late[i][t] : effect[t];
		for (int l = 0; f->effect[i] && l <= t; l++)
			out[t] += f->effect[i][l] * effect[t - l];
	}
	pfree(effect);
}

static double
total_argument(FunctionCallInfo fcinfo, const BudgetCurves *curves)
{
	double total = 0;

	if (!PG_ARGISNULL(1))
		return budget_float8_between(fcinfo, 1, "total_budget", 0, BUDGET_LARGEST_AMOUNT);
	for (int i = 0; i < curves->count; i++)
		total += curves->channels[i].current;
	return total;
}

static void
put_plan(RowSink *sink, const Flighting *f, const FlightPlan *plan)
{
	const MmmData *data = f->value->data;
	CalendarStep step = mmm_dataset_step(data);
	int n = f->curves.count;
	double *response = palloc(sizeof(double) * n * f->periods);
	double bound = plan->bound;

	for (int i = 0; i < n; i++)
	{
		respond(f, i, plan->spend + (Size) i * f->periods, response + (Size) i * f->periods);
		for (int t = 0; t < f->periods; t++)
			bound += f->late[i][t];
	}
	for (int t = 0; t < f->periods; t++)
		for (int i = 0; i < n; i++)
		{
			Datum values[5];
			bool nulls[5] = {false};

			values[0] = DateADTGetDatum(calendar_add(&step, data->period[f->value->model.train - 1], t + 1));
			values[1] = CStringGetTextDatum(f->curves.names[i]);
			budget_put_number(values, nulls, 2, plan->spend[(Size) i * f->periods + t]);
			budget_put_number(values, nulls, 3, response[(Size) i * f->periods + t]);
			budget_put_number(values, nulls, 4, bound);
			row_sink_put(sink, values, nulls);
		}
}

Datum
attrib_optimize_flighting(PG_FUNCTION_ARGS)
{
	RowSink sink = row_sink_begin(fcinfo);
	Flighting f = {0};
	FlightRequest request = {0};
	BudgetRequest limits = {0};
	BudgetConstraints constraints;
	BudgetTrouble trouble;
	FlightPlan plan;
	double *current;
	CoreStatus status;

	if (PG_ARGISNULL(0))
		return (Datum) 0;
	f.value = mmm_value_arg(fcinfo, 0);
	f.periods = argument_int32(fcinfo, 2, "periods", 1, MOST_PERIODS);
	argument_not_null(fcinfo, 3, "constraints");
	if (f.value->spec.interactions > 0)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg(FUNCTION " cannot take a model with interactions"),
						errhint("Its response is no sum over channels. Fit it without interactions.")));
	gather(&f);
	constraints = budget_constraints_read(PG_GETARG_JSONB_P(3), &f.curves);
	f.flights = palloc(sizeof(FlightChannel) * f.curves.count);
	f.effect = palloc(sizeof(double *) * f.curves.count);
	f.late = palloc(sizeof(double *) * f.curves.count);
	current = palloc(sizeof(double) * f.curves.count);
	for (int i = 0; i < f.curves.count; i++)
	{
		make_flight(&f, i);
		current[i] = f.curves.channels[i].current;
	}
	request = (FlightRequest){.channels = f.curves.count,
							  .periods = f.periods,
							  .channel = f.flights,
							  .current = current,
							  .groups = constraints.count,
							  .group = constraints.groups,
							  .total = total_argument(fcinfo, &f.curves)};
	status = flight_optimize(attrib_env(), &request, &plan, &trouble);
	if (status == CORE_BAD_INPUT)
		budget_raise(&trouble, &limits, &f.curves, &constraints);
	attrib_check_status(status, FUNCTION);
	put_plan(&sink, &f, &plan);
	return (Datum) 0;
}
