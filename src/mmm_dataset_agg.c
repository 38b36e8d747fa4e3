/*
 * mmm_dataset_agg: rows are only collected while they come, in any order and in any worker; all validation is
 * done on the sorted whole, so that the same rows give the same value or the same error.
 */
#include "mmm_dataset.h"

#include <math.h>

#include "aggregate.h"
#include "arguments.h"
#include "jsonb_options.h"

#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/float.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(attrib_dataset_trans);
PG_FUNCTION_INFO_V1(attrib_dataset_geo_trans);
PG_FUNCTION_INFO_V1(attrib_dataset_combine);
PG_FUNCTION_INFO_V1(attrib_dataset_serial);
PG_FUNCTION_INFO_V1(attrib_dataset_deserial);
PG_FUNCTION_INFO_V1(attrib_dataset_final);

/* The fixed part of a packed row; geo, media and controls follow. */
typedef struct PackedRow
{
	int32 size;
	int32 period;
	int32 geo_size; /* with its terminator; 0: the form without geos */
	int32 media_size;
	int32 controls_size; /* 0: none */
	bool has_kpi;
	bool has_population;
	double kpi;
	double population;
} PackedRow;

/* A number of the row under its key; media have two. */
typedef struct NamedAmount
{
	const char *name;
	double spend;
	double exposure;
} NamedAmount;

typedef struct DecodedRow
{
	PackedRow fixed;
	const char *geo;
	NamedAmount *media;
	NamedAmount *controls;
	int nmedia;
	int ncontrols;
} DecodedRow;

void
mmm_rows_append(StringInfo rows, const MmmRow *row)
{
	PackedRow packed = {0};

	packed.period = row->period;
	packed.geo_size = row->geo ? (int32) strlen(row->geo) + 1 : 0;
	packed.media_size = (int32) VARSIZE(row->media);
	packed.controls_size = row->controls ? (int32) VARSIZE(row->controls) : 0;
	packed.has_kpi = row->has_kpi;
	packed.has_population = row->has_population;
	packed.kpi = row->has_kpi ? row->kpi : 0;
	packed.population = row->has_population ? row->population : 0;
	packed.size = (int32) sizeof(packed) + packed.geo_size + packed.media_size + packed.controls_size;
	appendBinaryStringInfo(rows, (char *) &packed, sizeof(packed));
	if (row->geo)
		appendBinaryStringInfo(rows, row->geo, packed.geo_size);
	appendBinaryStringInfo(rows, (char *) row->media, packed.media_size);
	if (row->controls)
		appendBinaryStringInfo(rows, (char *) row->controls, packed.controls_size);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const NamedAmount *) a)->name, ((const NamedAmount *) b)->name);
}

static int
by_geo_and_period(const void *a, const void *b)
{
	const DecodedRow *x = a;
	const DecodedRow *y = b;
	int geo = strcmp(x->geo, y->geo);

	if (geo != 0)
		return geo;
	return x->fixed.period < y->fixed.period ? -1 : x->fixed.period > y->fixed.period;
}

/* "period 2025-01-06", with its geo where there is one */
static char *
row_text(const DecodedRow *row)
{
	if (row->fixed.geo_size == 0)
		return psprintf("period %s", mmm_date_text(row->fixed.period));
	return psprintf("period %s of geo \"%s\"", mmm_date_text(row->fixed.period), row->geo);
}

/* {"spend": ..., "exposure": ...}; exposure is the spend unless given. */
static void
decode_spend_and_exposure(JsonbObjectIter *outer, NamedAmount *amount)
{
	char *what = psprintf("%s: \"%s\"", outer->what, outer->key);
	bool spend = false;
	bool exposure = false;
	JsonbObjectIter it;

	jsonb_object_begin_input(&it, JsonbValueToJsonb(&outer->value), what, outer->escontext);
	while (jsonb_object_next(&it))
	{
		if (strcmp(it.key, "spend") == 0)
		{
			amount->spend = jsonb_option_float8(&it, 0, MMM_MAX_AMOUNT);
			spend = true;
		}
		else if (strcmp(it.key, "exposure") == 0)
		{
			amount->exposure = jsonb_option_float8(&it, 0, MMM_MAX_AMOUNT);
			exposure = true;
		}
		else
			jsonb_option_unknown(&it, "spend and exposure");
	}
	if (!spend && !SOFT_ERROR_OCCURRED(outer->escontext))
		errsave(outer->escontext,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s lacks its \"spend\"", what),
				 errhint("Media that cost nothing have a spend of 0.")));
	if (!exposure)
		amount->exposure = amount->spend;
}

static NamedAmount *
decode_amounts(Jsonb *json, const DecodedRow *row, bool media, int *count, Node *escontext)
{
	char *what = psprintf("%s of %s", media ? "media" : "controls", row_text(row));
	NamedAmount *amounts;
	JsonbObjectIter it;
	int n = 0;

	jsonb_object_begin_input(&it, json, what, escontext);
	*count = (int) JB_ROOT_COUNT(json);
	amounts = palloc(sizeof(NamedAmount) * Max(*count, 1));
	while (jsonb_object_next(&it))
	{
		NamedAmount *amount = &amounts[n++];

		amount->name = it.key;
		if (media && it.value.type == jbvBinary && JsonContainerIsObject(it.value.val.binary.data))
			decode_spend_and_exposure(&it, amount);
		else
			amount->spend = amount->exposure =
				jsonb_option_float8(&it, media ? 0 : -MMM_MAX_AMOUNT, MMM_MAX_AMOUNT);
	}
	qsort(amounts, n, sizeof(NamedAmount), by_name);
	return amounts;
}

/* Unpacks a row; its jsonb is copied to aligned memory. */
static const char *
decode_row(const char *at, DecodedRow *row, Node *escontext)
{
	const char *next;
	Jsonb *json;

	memcpy(&row->fixed, at, sizeof(PackedRow));
	next = at + row->fixed.size;
	at += sizeof(PackedRow);
	row->geo = row->fixed.geo_size ? at : "";
	at += row->fixed.geo_size;
	json = palloc(row->fixed.media_size);
	memcpy(json, at, row->fixed.media_size);
	row->media = decode_amounts(json, row, true, &row->nmedia, escontext);
	row->controls = NULL;
	row->ncontrols = 0;
	if (row->fixed.controls_size)
	{
		json = palloc(row->fixed.controls_size);
		memcpy(json, at + row->fixed.media_size, row->fixed.controls_size);
		row->controls = decode_amounts(json, row, false, &row->ncontrols, escontext);
	}
	return next;
}

/* All names that any row has, sorted; every row must have all of them, else NULL. */
static const char **
common_names(const DecodedRow *rows, int nrows, bool media, int *count, Node *escontext)
{
	const DecodedRow *most = rows;
	const char **names;

	for (int i = 0; i < nrows; i++)
		if ((media ? rows[i].nmedia : rows[i].ncontrols) > (media ? most->nmedia : most->ncontrols))
			most = &rows[i];
	*count = media ? most->nmedia : most->ncontrols;
	names = palloc(sizeof(char *) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
		names[i] = media ? most->media[i].name : most->controls[i].name;
	for (int i = 0; i < nrows; i++)
	{
		const NamedAmount *have = media ? rows[i].media : rows[i].controls;
		int n = media ? rows[i].nmedia : rows[i].ncontrols;

		for (int k = 0; k < *count; k++)
			if (k >= n || strcmp(have[k].name, names[k]) != 0)
			{
				/* the smaller of the two names is the one that the other row lacks */
				bool extra = k < n && strcmp(have[k].name, names[k]) < 0;

				ereturn(escontext, NULL,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("%s lacks %s \"%s\"", row_text(extra ? most : &rows[i]),
								media ? "channel" : "control", extra ? have[k].name : names[k]),
						 errhint("Every row must name all of them; write 0 where nothing was spent.")));
			}
	}
	return names;
}

static int
by_number(const void *a, const void *b)
{
	int32 x = *(const int32 *) a;
	int32 y = *(const int32 *) b;

	return x < y ? -1 : x > y;
}

/* All periods of any row, ascending. */
static int32 *
distinct_periods(const DecodedRow *rows, int nrows, int *count)
{
	int32 *period = palloc(sizeof(int32) * nrows);

	for (int i = 0; i < nrows; i++)
		period[i] = rows[i].fixed.period;
	qsort(period, nrows, sizeof(int32), by_number);
	*count = 1;
	for (int i = 1; i < nrows; i++)
		if (period[i] != period[*count - 1])
			period[(*count)++] = period[i];
	return period;
}

/* Rows sorted by geo and period must be a full grid. Returns the number of geos; 0 after an error. */
static int
check_grid(const DecodedRow *rows, int nrows, const int32 *period, int periods, Node *escontext)
{
	for (int i = 1; i < nrows; i++)
		if (by_geo_and_period(&rows[i - 1], &rows[i]) == 0)
			ereturn(escontext, 0,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s occurs twice", row_text(&rows[i])),
					 errhint("Aggregate to one row a period%s first.",
							 rows[i].fixed.geo_size ? " and geo" : "")));
	for (int i = 0; i < nrows || i % periods != 0; i++)
	{
		const DecodedRow *first = &rows[i - i % periods];

		if (i >= nrows || strcmp(rows[i].geo, first->geo) != 0 || rows[i].fixed.period != period[i % periods])
			ereturn(escontext, 0,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("geo \"%s\" has no row for period %s", first->geo,
							mmm_date_text(period[i % periods])),
					 errhint("Every geo needs a row for every period; its kpi may be NULL.")));
	}
	return nrows / periods;
}

/* The grid as series. */
static bool
fill_series(const DecodedRow *rows, MmmData *data, Node *escontext)
{
	size_t n = mmm_rows(data);
	double *population = palloc(sizeof(double) * data->geos);
	double *kpi = palloc_extended(sizeof(double) * n, MCXT_ALLOC_HUGE);
	double *spend = palloc_extended(sizeof(double) * Max(n * data->channels, 1), MCXT_ALLOC_HUGE);
	double *exposure = palloc_extended(sizeof(double) * Max(n * data->channels, 1), MCXT_ALLOC_HUGE);
	double *control = palloc_extended(sizeof(double) * Max(n * data->controls, 1), MCXT_ALLOC_HUGE);

	for (size_t i = 0; i < n; i++)
	{
		const DecodedRow *row = &rows[i];
		size_t geo = i / data->periods;
		size_t t = i % data->periods;

		kpi[i] = row->fixed.has_kpi ? row->fixed.kpi : get_float8_nan();
		population[geo] = row->fixed.has_population ? row->fixed.population : 1;
		if (t > 0 && row->fixed.population != row[-1].fixed.population)
			ereturn(escontext, false,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("population of geo \"%s\" changes from %g to %g in %s", row->geo,
							row[-1].fixed.population, row->fixed.population, row_text(row)),
					 errhint("Population scales a geo and is one number; give for instance its mean.")));
		for (int c = 0; c < data->channels; c++)
		{
			size_t at = (geo * data->channels + c) * data->periods + t;

			/* -0 equals 0, and equal content is equal bytes */
			spend[at] = row->media[c].spend + 0.0;
			exposure[at] = row->media[c].exposure + 0.0;
			data->has_exposure = data->has_exposure || spend[at] != exposure[at];
		}
		for (int c = 0; c < data->controls; c++)
			control[(geo * data->controls + c) * data->periods + t] = row->controls[c].spend + 0.0;
	}
	data->population = population;
	data->kpi = kpi;
	data->spend = spend;
	data->exposure = exposure;
	data->control = control;
	return true;
}

struct varlena *
mmm_dataset_build(StringInfo packed, Node *escontext)
{
	const char *at = packed->data;
	const char *end = packed->data + packed->len;
	DecodedRow *rows;
	MmmData data = {0};
	const char **geo_name;
	int nrows = 0;
	int capacity = 256;

	rows = palloc(sizeof(DecodedRow) * capacity);
	while (at < end)
	{
		CHECK_FOR_INTERRUPTS();
		if (nrows == capacity)
			rows = repalloc_huge(rows, sizeof(DecodedRow) * (capacity *= 2));
		at = decode_row(at, &rows[nrows++], escontext);
		if (SOFT_ERROR_OCCURRED(escontext))
			return NULL;
	}
	qsort(rows, nrows, sizeof(DecodedRow), by_geo_and_period);
	data.period = distinct_periods(rows, nrows, &data.periods);
	data.geos = check_grid(rows, nrows, data.period, data.periods, escontext);
	if (data.geos == 0)
		return NULL;
	data.has_geo = rows[0].fixed.geo_size > 0;
	data.has_population = rows[0].fixed.has_population;
	data.channel_name = common_names(rows, nrows, true, &data.channels, escontext);
	if (data.channel_name == NULL)
		return NULL;
	data.control_name = common_names(rows, nrows, false, &data.controls, escontext);
	if (data.control_name == NULL)
		return NULL;
	geo_name = palloc(sizeof(char *) * data.geos);
	for (int g = 0; g < data.geos; g++)
		geo_name[g] = rows[g * data.periods].geo;
	data.geo_name = geo_name;
	if (!fill_series(rows, &data, escontext) || !mmm_dataset_check(&data, escontext))
		return NULL;
	return mmm_dataset_flatten(&data);
}

/* The state: packed rows in the aggregate's context. */
static StringInfo
state_arg(FunctionCallInfo fcinfo, int argno, MemoryContext context)
{
	MemoryContext previous;
	StringInfo rows;

	if (!PG_ARGISNULL(argno))
		return (StringInfo) PG_GETARG_POINTER(argno);
	previous = MemoryContextSwitchTo(context);
	rows = makeStringInfo();
	MemoryContextSwitchTo(previous);
	return rows;
}

/* Arguments from `argno` on: period, kpi, media, then controls and population where the form has them. */
static Datum
transition(FunctionCallInfo fcinfo, int argno, const char *geo)
{
	StringInfo rows = state_arg(fcinfo, 0, aggregate_context(fcinfo));
	MmmRow row = {.geo = geo};

	argument_not_null(fcinfo, argno, "period");
	row.period = PG_GETARG_DATEADT(argno);
	if (DATE_NOT_FINITE(row.period))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("period must not be infinite"),
						errhint("A period is named by its first (or last) day.")));
	row.has_kpi = !PG_ARGISNULL(argno + 1);
	if (row.has_kpi)
		row.kpi = PG_GETARG_FLOAT8(argno + 1);
	if (row.has_kpi && !(fabs(row.kpi) <= MMM_MAX_AMOUNT))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("kpi of period %s must be between %g and %g, not %g",
							   mmm_date_text(row.period), -MMM_MAX_AMOUNT, MMM_MAX_AMOUNT, row.kpi),
						errhint("A period to be predicted has a kpi of NULL.")));
	argument_not_null(fcinfo, argno + 2, "media");
	row.media = PG_GETARG_JSONB_P(argno + 2);
	if (PG_NARGS() > argno + 3 && !PG_ARGISNULL(argno + 3))
		row.controls = PG_GETARG_JSONB_P(argno + 3);
	if (PG_NARGS() > argno + 4)
	{
		row.has_population = true;
		row.population = argument_float8(fcinfo, argno + 4, "population");
	}
	mmm_rows_append(rows, &row);
	PG_RETURN_POINTER(rows);
}

Datum
attrib_dataset_trans(PG_FUNCTION_ARGS)
{
	return transition(fcinfo, 1, NULL);
}

Datum
attrib_dataset_geo_trans(PG_FUNCTION_ARGS)
{
	argument_not_null(fcinfo, 1, "geo");
	return transition(fcinfo, 2, text_to_cstring(PG_GETARG_TEXT_PP(1)));
}

Datum
attrib_dataset_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	StringInfo into;

	if (PG_ARGISNULL(0) && PG_ARGISNULL(1))
		PG_RETURN_NULL();
	into = state_arg(fcinfo, 0, context);
	if (!PG_ARGISNULL(1))
	{
		StringInfo from = (StringInfo) PG_GETARG_POINTER(1);

		appendBinaryStringInfo(into, from->data, from->len);
	}
	PG_RETURN_POINTER(into);
}

Datum
attrib_dataset_serial(PG_FUNCTION_ARGS)
{
	StringInfo rows = (StringInfo) PG_GETARG_POINTER(0);

	(void) aggregate_context(fcinfo);
	PG_RETURN_BYTEA_P(cstring_to_text_with_len(rows->data, rows->len));
}

Datum
attrib_dataset_deserial(PG_FUNCTION_ARGS)
{
	bytea *bytes = PG_GETARG_BYTEA_PP(0);
	StringInfo rows = makeStringInfo();

	(void) aggregate_context(fcinfo);
	appendBinaryStringInfo(rows, VARDATA_ANY(bytes), (int) VARSIZE_ANY_EXHDR(bytes));
	PG_RETURN_POINTER(rows);
}

Datum
attrib_dataset_final(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_POINTER(mmm_dataset_build((StringInfo) PG_GETARG_POINTER(0), NULL));
}
