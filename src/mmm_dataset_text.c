/*
 * The text form of mmm_dataset: rows as JSON objects, in canonical order, numbers exact.
 */
#include "mmm_dataset.h"

#include <math.h>

#include "jsonb_options.h"

#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/float.h"
#include "utils/json.h"

PG_FUNCTION_INFO_V1(attrib_dataset_in);
PG_FUNCTION_INFO_V1(attrib_dataset_out);

/* Optional fields, which all rows have or none has. */
#define ROW_HAS_GEO 1
#define ROW_HAS_POPULATION 2

static void
put_number(StringInfo out, double value)
{
	appendStringInfoString(out, exact_float8(value));
}

static void
put_media(StringInfo out, const MmmData *data, int geo, int t)
{
	for (int c = 0; c < data->channels; c++)
	{
		double spend = mmm_spend(data, geo, c)[t];
		double exposure = mmm_exposure(data, geo, c)[t];

		appendStringInfoString(out, c > 0 ? ", " : "");
		escape_json(out, data->channel_name[c]);
		appendStringInfoString(out, ": ");
		if (spend == exposure)
		{
			put_number(out, spend);
			continue;
		}
		appendStringInfoString(out, "{\"spend\": ");
		put_number(out, spend);
		appendStringInfoString(out, ", \"exposure\": ");
		put_number(out, exposure);
		appendStringInfoChar(out, '}');
	}
}

static void
put_row(StringInfo out, const MmmData *data, int geo, int t)
{
	double kpi = data->kpi[(size_t) geo * data->periods + t];

	appendStringInfoChar(out, '{');
	if (data->has_geo)
	{
		appendStringInfoString(out, "\"geo\": ");
		escape_json(out, data->geo_name[geo]);
		appendStringInfoString(out, ", ");
	}
	appendStringInfo(out, "\"period\": \"%s\", \"kpi\": ", mmm_date_text(data->period[t]));
	if (isnan(kpi))
		appendStringInfoString(out, "null");
	else
		put_number(out, kpi);
	appendStringInfoString(out, ", \"media\": {");
	put_media(out, data, geo, t);
	appendStringInfoChar(out, '}');
	if (data->controls > 0)
		appendStringInfoString(out, ", \"controls\": {");
	for (int k = 0; k < data->controls; k++)
	{
		appendStringInfoString(out, k > 0 ? ", " : "");
		escape_json(out, data->control_name[k]);
		appendStringInfoString(out, ": ");
		put_number(out, mmm_control(data, geo, k)[t]);
	}
	if (data->controls > 0)
		appendStringInfoChar(out, '}');
	if (data->has_population)
	{
		appendStringInfoString(out, ", \"population\": ");
		put_number(out, data->population[geo]);
	}
	appendStringInfoChar(out, '}');
}

void
mmm_dataset_json(StringInfo out, const MmmData *data)
{
	appendStringInfo(out, "{\"version\": %d, \"rows\": [", MMM_DATASET_VERSION);
	for (int g = 0; g < data->geos; g++)
		for (int t = 0; t < data->periods; t++)
		{
			CHECK_FOR_INTERRUPTS();
			appendStringInfoString(out, g + t > 0 ? ", " : "");
			put_row(out, data, g, t);
		}
	appendStringInfoString(out, "]}");
}

Datum
attrib_dataset_out(PG_FUNCTION_ARGS)
{
	StringInfoData out;

	initStringInfo(&out);
	mmm_dataset_json(&out, mmm_dataset_arg(fcinfo, 0));
	PG_RETURN_CSTRING(out.data);
}

/* 22P02 to `escontext`, and false. */
static bool
bad_row(Node *escontext, const char *detail)
{
	ereturn(escontext, false,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type mmm_dataset"), errdetail("%s", detail)));
}

static Jsonb *
value_object(JsonbObjectIter *it)
{
	if (it->value.type != jbvBinary || !JsonContainerIsObject(it->value.val.binary.data))
		(void) bad_row(it->escontext,
					   psprintf("\"%s\" must be an object, not %s.", it->key, jsonb_value_text(&it->value)));
	return JsonbValueToJsonb(&it->value);
}

/* A date as mmm_date_text writes it: not "today", nor in the order of days and months of some session. */
static int32
iso_date(JsonbObjectIter *it)
{
	char *text = jsonb_option_text(it);
	Datum date;

	if (SOFT_ERROR_OCCURRED(it->escontext) ||
		!DirectInputFunctionCallSafe(date_in, text, InvalidOid, -1, it->escontext, &date))
		return 0;
	if (DATE_NOT_FINITE(DatumGetDateADT(date)) || strcmp(mmm_date_text(DatumGetDateADT(date)), text) != 0)
		(void) bad_row(it->escontext,
					   psprintf("\"period\" must be a date such as 2025-01-31, not \"%s\".", text));
	return DatumGetDateADT(date);
}

/* Every row must have the same kinds of fields; *forms remembers those of the first. */
static bool
append_json_row(StringInfo rows, JsonbValue *value, int *forms, Node *escontext)
{
	MmmRow row = {0};
	bool has_period = false;
	JsonbObjectIter it;
	int form;

	jsonb_object_begin_input(&it, JsonbValueToJsonb(value), "a row of a mmm_dataset", escontext);
	while (jsonb_object_next(&it))
	{
		if (strcmp(it.key, "geo") == 0)
			row.geo = jsonb_option_text(&it);
		else if (strcmp(it.key, "period") == 0)
		{
			row.period = iso_date(&it);
			has_period = true;
		}
		else if (strcmp(it.key, "kpi") == 0)
		{
			row.has_kpi = it.value.type != jbvNull;
			row.kpi = row.has_kpi ? jsonb_option_float8(&it, -MMM_MAX_AMOUNT, MMM_MAX_AMOUNT) : 0;
		}
		else if (strcmp(it.key, "media") == 0)
			row.media = value_object(&it);
		else if (strcmp(it.key, "controls") == 0)
			row.controls = value_object(&it);
		else if (strcmp(it.key, "population") == 0)
		{
			row.population = jsonb_option_float8(&it, 0, MMM_MAX_AMOUNT);
			row.has_population = true;
		}
		else
			jsonb_option_unknown(&it, "geo, period, kpi, media, controls and population");
	}
	if (SOFT_ERROR_OCCURRED(escontext))
		return false;
	form = (row.geo ? ROW_HAS_GEO : 0) | (row.has_population ? ROW_HAS_POPULATION : 0);
	if (!has_period || !row.media)
		return bad_row(escontext, "A row lacks its \"period\" or its \"media\".");
	if (*forms >= 0 && *forms != form)
		return bad_row(escontext, "Either all rows have a \"geo\" (a \"population\") or none.");
	*forms = form;
	mmm_rows_append(rows, &row);
	return true;
}

static void
append_json_rows(StringInfo rows, JsonbObjectIter *it)
{
	JsonbIterator *iter;
	JsonbValue element;
	int forms = -1;

	if (it->value.type != jbvBinary || !JsonContainerIsArray(it->value.val.binary.data) ||
		JsonContainerIsScalar(it->value.val.binary.data))
	{
		(void) bad_row(it->escontext, "\"rows\" must be an array.");
		return;
	}
	iter = JsonbIteratorInit(it->value.val.binary.data);
	(void) JsonbIteratorNext(&iter, &element, true);
	while (JsonbIteratorNext(&iter, &element, true) == WJB_ELEM &&
		   append_json_row(rows, &element, &forms, it->escontext))
		CHECK_FOR_INTERRUPTS();
}

struct varlena *
mmm_dataset_from_json(Jsonb *json, Node *escontext)
{
	StringInfoData rows;
	bool versioned = false;
	JsonbObjectIter it;

	initStringInfo(&rows);
	jsonb_object_begin_input(&it, json, "a mmm_dataset", escontext);
	while (jsonb_object_next(&it))
	{
		if (strcmp(it.key, "version") == 0)
			versioned = jsonb_option_int64(&it, MMM_DATASET_VERSION, MMM_DATASET_VERSION) != 0;
		else if (strcmp(it.key, "rows") == 0)
			append_json_rows(&rows, &it);
		else
			jsonb_option_unknown(&it, "version and rows");
	}
	if (SOFT_ERROR_OCCURRED(escontext))
		return NULL;
	if (!versioned || rows.len == 0)
	{
		(void) bad_row(escontext, "\"version\" or \"rows\" is missing.");
		return NULL;
	}
	return mmm_dataset_build(&rows, escontext);
}

Datum
attrib_dataset_in(PG_FUNCTION_ARGS)
{
	struct varlena *dataset;
	Datum json;

	if (!DirectInputFunctionCallSafe(jsonb_in, PG_GETARG_CSTRING(0), InvalidOid, -1, fcinfo->context, &json))
		PG_RETURN_NULL();
	dataset = mmm_dataset_from_json(DatumGetJsonbP(json), fcinfo->context);
	if (dataset == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(dataset);
}
