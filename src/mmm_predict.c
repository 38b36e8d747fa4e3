/*
 * mmm_predict: the KPI of a dataset's periods. They may lie in the training, after it (its adstock carries over),
 * or across its end.
 */
#include "mmm_report.h"

#include <math.h>

#include "core/generator.h"
#include "core/prior.h"

#include "utils/builtins.h"
#include "utils/date.h"

PG_FUNCTION_INFO_V1(attrib_mmm_predict);

/* The model's data and the asked-for data as one series: asked-for values where there are some. */
typedef struct Merged
{
	MmmData data;
	int first; /* place of its first period, counted from the training's */
	int from;  /* where the asked-for periods begin in it */
} Merged;

static void
check_names(const char *what, const char *const *name, int count, const char *const *known, int nknown)
{
	for (int i = 0; i < Max(count, nknown); i++)
		if (i >= count || i >= nknown || strcmp(name[i], known[i]) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the dataset's %s differ from the model's at \"%s\"", what,
							i >= count || (i < nknown && strcmp(known[i], name[i]) < 0) ? known[i] : name[i]),
					 errhint("A dataset to predict names the same %s as the one that was fitted.", what)));
}

/* Place of a period counted from the training's first, on the model's calendar. */
static int
place_of(const MmmData *data, const CalendarStep *step, int32 period)
{
	double length = step->months ? step->months * 30.436875 : Max(step->days, 1);
	int guess = (int) ((period - data->period[0]) / length);

	for (int place = guess - 2; place <= guess + 2; place++)
		if (calendar_add(step, data->period[0], place) == period)
			return place;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("period %s is not one of the model's calendar", mmm_date_text(period)),
					errhint("Its periods go on from %s by %d %s.", mmm_date_text(data->period[0]),
							step->months ? step->months : step->days, step->months ? "months" : "days")));
	pg_unreachable();
}

/* Rows of one series of the merged data. */
static void
merge_series(const double *old, int nold, const double *asked, int nasked, const Merged *m, double *out)
{
	for (int t = 0; t < m->data.periods; t++)
	{
		int in_old = t + m->first;

		if (t >= m->from && t < m->from + nasked)
			out[t] = asked[t - m->from];
		else
			out[t] = in_old >= 0 && in_old < nold ? old[in_old] : 0;
	}
}

/* Geos of the asked-for data by the model's numbers; -1 where it lacks one. */
static int *
map_geos(const MmmData *model, const MmmData *asked)
{
	int *map = palloc(sizeof(int) * model->geos);
	int found = 0;

	if (model->has_geo != asked->has_geo)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg(model->has_geo ? "the model has geos and the dataset has none"
											  : "the dataset has geos and the model has none")));
	for (int g = 0; g < model->geos; g++)
	{
		map[g] = -1;
		for (int a = 0; a < asked->geos; a++)
			if (strcmp(model->geo_name[g], asked->geo_name[a]) == 0)
			{
				map[g] = a;
				found++;
			}
	}
	if (found < asked->geos)
		for (int a = 0; a < asked->geos; a++)
		{
			bool known = false;

			for (int g = 0; g < model->geos; g++)
				known = known || map[g] == a;
			if (!known)
				ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
								errmsg("geo \"%s\" is not one of the model's", asked->geo_name[a])));
		}
	return map;
}

static void
fill_merged(Merged *m, const MmmData *old, const MmmData *asked, const int *geos)
{
	Size rows = mmm_rows(&m->data);
	double *exposure = palloc_extended(sizeof(double) * Max(rows * old->channels, 1), MCXT_ALLOC_HUGE);
	double *control = palloc_extended(sizeof(double) * Max(rows * old->controls, 1), MCXT_ALLOC_HUGE);
	int n = m->data.periods;

	m->data.exposure = m->data.spend = exposure;
	m->data.control = control;
	for (int g = 0; g < old->geos; g++)
	{
		/* a geo that is not asked for is computed over its own past alone, and not reported */
		const MmmData *source = geos[g] < 0 ? old : asked;
		int from = geos[g] < 0 ? g : geos[g];
		int nasked = geos[g] < 0 ? 0 : asked->periods;

		for (int c = 0; c < old->channels; c++)
			merge_series(mmm_exposure(old, g, c), old->periods, mmm_exposure(source, from, c), nasked, m,
						 exposure + ((Size) g * old->channels + c) * n);
		for (int k = 0; k < old->controls; k++)
			merge_series(mmm_control(old, g, k), old->periods, mmm_control(source, from, k), nasked, m,
						 control + ((Size) g * old->controls + k) * n);
	}
}

static Merged
merge(const MmmValue *value, const MmmData *asked, int **geos)
{
	const MmmData *old = value->data;
	CalendarStep step = mmm_dataset_step(old);
	Merged m = {.data = *old};
	int begin, end;

	check_names("channels", asked->channel_name, asked->channels, old->channel_name, old->channels);
	check_names("controls", asked->control_name, asked->controls, old->control_name, old->controls);
	*geos = map_geos(old, asked);
	begin = place_of(old, &step, asked->period[0]);
	end = place_of(old, &step, asked->period[asked->periods - 1]) + 1;
	if (end - begin != asked->periods)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the dataset's periods are not as far apart as the model's")));
	if (begin > old->periods)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the dataset begins at %s, but the model's data end at %s",
							   mmm_date_text(asked->period[0]), mmm_date_text(old->period[old->periods - 1])),
						errhint("Add the periods between: their spend carries over.")));
	m.first = Min(begin, 0);
	m.from = begin - m.first;
	m.data.periods = Max(end, Min(begin, old->periods)) - m.first;
	fill_merged(&m, old, asked, *geos);
	return m;
}

/* Residuals of the training, one geo behind the other, in scaled units. */
static double *
training_residuals(const MmmValue *value, int *count)
{
	const MmmModel *m = &value->model;
	const MmmData *data = value->data;
	double *predicted = palloc_extended(sizeof(double) * mmm_rows(data), MCXT_ALLOC_HUGE);
	int n = 0;

	mmm_predictions(m, value->fit.parameters, data, 0, predicted, attrib_env());
	for (int g = 0; g < data->geos; g++)
		for (int t = 0; t < m->train; t++)
		{
			Size at = (Size) g * data->periods + t;

			if (!isnan(data->kpi[at]))
				predicted[n++] = (data->kpi[at] - predicted[at]) / mmm_kpi_unit(m, g);
		}
	*count = n;
	return predicted;
}

/*
 * Adds to each draw's expectation an error: such as the training had, or one of the draw's own likelihood.
 */
typedef struct Noise
{
	const MmmValue *value;
	const double *residual;
	int residuals;
} Noise;

static void
add_noise(const Noise *noise, uint64 number, double unit, double *cell)
{
	const MmmValue *value = noise->value;
	const MmmModel *m = &value->model;
	GeneratorStream plain = generator_stream((uint64) value->seed, number);
	RandomStream stream = random_stream((uint64) value->seed, number);

	for (int d = 0; d < value->fit.draws; d++)
	{
		const double *parameters = mmm_draw(value, d);

		if (m->sigma < 0)
			cell[d] += unit * noise->residual[(int) (generator_uniform(&plain) * noise->residuals)];
		else if (m->nu < 0)
			cell[d] += unit * parameters[m->sigma] * random_normal(&stream);
		else
		{
			double arguments[PRIOR_MAX_ARGUMENTS] = {parameters[m->nu], 0, parameters[m->sigma]};
			Prior student;

			if (prior_init(&student, PRIOR_STUDENT_T, arguments) < 0)
				continue;
			cell[d] += unit * prior_draw(&student, &stream);
		}
	}
}

static void
put_prediction(RowSink *sink, const MmmValue *value, const MmmData *asked, int geo, int t, double predicted,
			   double *cell, double level)
{
	Datum values[5];
	bool nulls[5] = {!asked->has_geo, false, false, false, false};

	if (asked->has_geo)
		values[0] = CStringGetTextDatum(asked->geo_name[geo]);
	values[1] = DateADTGetDatum(asked->period[t]);
	mmm_put_figure(value, predicted, cell, level, values + 2, nulls + 2);
	row_sink_put(sink, values, nulls);
}

/* The asked-for periods of a geo, `geo` of the model and `asked_geo` of the data asked for. */
static void
put_geo(RowSink *sink, const Noise *noise, const Merged *m, const MmmData *asked, int geo, int asked_geo,
		double level)
{
	const MmmValue *value = noise->value;
	int draws = value->fit.draws;
	Size n = m->data.periods;
	MmmGeoColumns columns = mmm_geo_columns(&value->model, &m->data, m->first, geo, attrib_env());
	double *parts = palloc_extended(sizeof(double) * n * mmm_components(&value->model), MCXT_ALLOC_HUGE);
	double *drawn =
		palloc_extended(sizeof(double) * n * (1 + (Size) draws), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	double *cell = palloc(sizeof(double) * Max(draws, 1));

	for (int d = mmm_first_draw(value); d < draws; d++)
		mmm_geo_predictions(&columns, mmm_draw(value, d), parts, drawn + n * (d + 1), attrib_env());
	for (int t = 0; t < asked->periods; t++)
	{
		Size at = m->from + t;
		double predicted;

		CHECK_FOR_INTERRUPTS();
		for (int d = 0; d < draws; d++)
			cell[d] = drawn[n * (d + 1) + at];
		predicted = mmm_reported(value, drawn[at], cell);
		add_noise(noise, (uint64) geo * 1000003 + asked->period[t], mmm_kpi_unit(&value->model, geo), cell);
		put_prediction(sink, value, asked, asked_geo, t, predicted, cell, level);
	}
	mmm_geo_columns_free(&columns, attrib_env());
	pfree(parts);
	pfree(drawn);
	pfree(cell);
}

Datum
attrib_mmm_predict(PG_FUNCTION_ARGS)
{
	RowSink sink = row_sink_begin(fcinfo);
	const MmmValue *value;
	const MmmData *asked;
	Noise noise = {0};
	Merged m;
	double level;
	int *geos;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;
	value = mmm_value_arg(fcinfo, 0);
	asked = mmm_dataset_arg(fcinfo, 1);
	level = mmm_level_argument(fcinfo, 2);
	m = merge(value, asked, &geos);
	noise.value = value;
	if (value->model.sigma < 0)
		noise.residual = training_residuals(value, &noise.residuals);
	for (int g = 0; g < value->data->geos; g++)
		if (geos[g] >= 0)
			put_geo(&sink, &noise, &m, asked, g, geos[g], level);
	return (Datum) 0;
}
