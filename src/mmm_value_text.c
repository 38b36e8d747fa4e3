/*
 * The text form of mmm_model: JSON with exact digits, NaN as null.
 */
#include "mmm_value.h"

#include <float.h>
#include <math.h>

#include "jsonb_options.h"

#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/json.h"

PG_FUNCTION_INFO_V1(attrib_model_in);
PG_FUNCTION_INFO_V1(attrib_model_out);

static void
put_number(StringInfo out, double number)
{
	if (isnan(number))
		appendStringInfoString(out, "null");
	else
		appendStringInfoString(out, exact_float8(number));
}

static void
put_numbers(StringInfo out, const double *number, int count)
{
	appendStringInfoChar(out, '[');
	for (int i = 0; i < count; i++)
	{
		appendStringInfoString(out, i > 0 ? ", " : "");
		put_number(out, number[i]);
	}
	appendStringInfoChar(out, ']');
}

static void
put_spec(StringInfo out, const MmmValue *value)
{
	const MmmSpec *spec = &value->spec;

	appendStringInfo(out, "\"adstock\": \"%s\", \"saturation\": \"%s\", \"adstock_first\": %s, \"max_lag\": ",
					 adstock_name(spec->adstock), saturation_name(spec->saturation),
					 spec->adstock_first ? "true" : "false");
	if (spec->max_lag == ADSTOCK_ALL_HISTORY)
		appendStringInfoString(out, "null");
	else
		appendStringInfo(out, "%d", spec->max_lag);
	appendStringInfo(out,
					 ", \"normalized\": %s, \"free_slope\": %s, \"trend\": \"%s\", \"fourier_terms\": %d, "
					 "\"season_length\": ",
					 spec->normalized ? "true" : "false", spec->free_slope ? "true" : "false",
					 mmm_name(MMM_TREND_NAMES, spec->trend), spec->fourier_terms);
	put_number(out, spec->season_length);
	appendStringInfoString(out, ", \"interactions\": [");
	for (int i = 0; i < spec->interactions; i++)
	{
		appendStringInfoString(out, i > 0 ? ", " : "");
		escape_json(out, mmm_component_name(&value->model, MMM_INTERACTION(&value->model, i)));
	}
	appendStringInfo(out, "], \"geo_coefficients\": %s, \"holdout_periods\": %d, \"kpi_value\": ",
					 spec->geo_coefficients ? "true" : "false", spec->holdout);
	put_number(out, value->kpi_value);
	if (spec->likelihood != MMM_LEAST_SQUARES)
		appendStringInfo(out, ", \"likelihood\": \"%s\"", mmm_name(MMM_LIKELIHOOD_NAMES, spec->likelihood));
	appendStringInfo(out, ", \"seed\": " INT64_FORMAT, value->seed);
}

Datum
attrib_model_out(PG_FUNCTION_ARGS)
{
	const MmmValue *value = mmm_value_arg(fcinfo, 0);
	const MmmFit *fit = &value->fit;
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out, "{\"version\": %d, \"method\": \"%s\", \"arguments\": {", MMM_MODEL_VERSION,
					 mmm_name(MMM_METHOD_NAMES, value->method));
	put_spec(&out, value);
	appendStringInfoString(&out, "}, \"fit\": {\"penalty\": ");
	put_number(&out, fit->penalty);
	appendStringInfoString(&out, ", \"validation_nrmse\": ");
	put_number(&out, fit->validation_nrmse);
	appendStringInfoString(&out, ", \"kkt\": ");
	put_number(&out, fit->kkt);
	appendStringInfo(&out, ", \"evaluations\": " INT64_FORMAT ", \"share_low\": ", (int64) fit->evaluations);
	put_numbers(&out, fit->share_low, value->data->channels);
	appendStringInfoString(&out, ", \"share_high\": ");
	put_numbers(&out, fit->share_high, value->data->channels);
	if (fit->chains > 0)
	{
		appendStringInfo(&out, ", \"chains\": %d, \"sampling\": ", fit->chains);
		put_numbers(&out, (const double *) &fit->sampling, MMM_SAMPLING_NUMBERS);
		appendStringInfoString(&out, ", \"marginals\": ");
		put_numbers(&out, (const double *) fit->marginal, MMM_MARGINAL_NUMBERS * value->model.parameters);
	}
	appendStringInfoString(&out, "}, \"parameters\": ");
	put_numbers(&out, fit->parameters, value->model.parameters);
	appendStringInfoString(&out, ", \"draws\": [");
	for (int d = 0; d < fit->draws; d++)
	{
		CHECK_FOR_INTERRUPTS();
		appendStringInfoString(&out, d > 0 ? ", " : "");
		put_numbers(&out, fit->draw + (Size) d * value->model.parameters, value->model.parameters);
	}
	appendStringInfoString(&out, "], \"dataset\": ");
	mmm_dataset_json(&out, value->data);
	appendStringInfoChar(&out, '}');
	PG_RETURN_CSTRING(out.data);
}

/* A number, or NaN for null. */
static double
number_or_null(JsonbObjectIter *it)
{
	return it->value.type == jbvNull ? get_float8_nan() : jsonb_option_float8(it, -DBL_MAX, DBL_MAX);
}

/* After an error, which stays in the iterator, there are none. */
static double *
numbers_or_nulls(JsonbObjectIter *it, int *count)
{
	JsonbIterator *iter;
	JsonbValue element;
	double *number;
	JsonbObjectIter one = *it;

	*count = 0;
	if (it->value.type != jbvBinary || !JsonContainerIsArray(it->value.val.binary.data))
	{
		(void) mmm_value_invalid(it->escontext, psprintf("\"%s\" must be an array.", it->key));
		return palloc0(sizeof(double));
	}
	*count = JsonContainerSize(it->value.val.binary.data);
	number = palloc_extended(sizeof(double) * Max(*count, 1), MCXT_ALLOC_HUGE);
	iter = JsonbIteratorInit(it->value.val.binary.data);
	(void) JsonbIteratorNext(&iter, &element, true);
	for (int i = 0; i < *count; i++)
	{
		(void) JsonbIteratorNext(&iter, &one.value, true);
		number[i] = number_or_null(&one);
		if (SOFT_ERROR_OCCURRED(it->escontext))
			*count = 0;
	}
	return number;
}

/* The current value is no string, which is said already, or one that names nothing. */
static void
unknown_kind(JsonbObjectIter *it)
{
	if (!SOFT_ERROR_OCCURRED(it->escontext))
		(void) mmm_value_invalid(it->escontext, psprintf("The %s is unknown.", it->key));
}

static int
number_of_name(JsonbObjectIter *it, MmmNames of)
{
	int number = mmm_number_of_name(of, jsonb_option_text(it));

	if (number >= 0)
		return number;
	unknown_kind(it);
	return 0;
}

/* What the JSON says before the dataset tells what it means. */
typedef struct ModelText
{
	Node *escontext; /* where errors go; NULL raises them */
	MmmValue value;
	bool versioned;
	bool has_arguments;
	bool has_fit;
	char **interactions;
	int parameters;
	int shares[2];
	int marginals;
	JsonbValue draws;
	int ndraws;
} ModelText;

static void
read_arguments(ModelText *text, JsonbValue *object)
{
	MmmSpec *spec = &text->value.spec;
	JsonbObjectIter it;

	jsonb_object_begin_input(&it, JsonbValueToJsonb(object), "arguments of a mmm_model", text->escontext);
	while (jsonb_object_next(&it))
	{
		if (strcmp(it.key, "adstock") == 0)
		{
			if (!adstock_by_name(jsonb_option_text(&it), &spec->adstock))
				unknown_kind(&it);
		}
		else if (strcmp(it.key, "saturation") == 0)
		{
			if (!saturation_by_name(jsonb_option_text(&it), &spec->saturation))
				unknown_kind(&it);
		}
		else if (strcmp(it.key, "trend") == 0)
			spec->trend = (MmmTrend) number_of_name(&it, MMM_TREND_NAMES);
		else if (strcmp(it.key, "adstock_first") == 0)
			spec->adstock_first = jsonb_option_bool(&it);
		else if (strcmp(it.key, "max_lag") == 0)
			spec->max_lag = it.value.type == jbvNull ? ADSTOCK_ALL_HISTORY
													 : (int) jsonb_option_int64(&it, 0, ADSTOCK_MAX_LAG);
		else if (strcmp(it.key, "normalized") == 0)
			spec->normalized = jsonb_option_bool(&it);
		else if (strcmp(it.key, "free_slope") == 0)
			spec->free_slope = jsonb_option_bool(&it);
		else if (strcmp(it.key, "fourier_terms") == 0)
			spec->fourier_terms = (int) jsonb_option_int64(&it, 0, 50);
		else if (strcmp(it.key, "season_length") == 0)
			spec->season_length = jsonb_option_float8(&it, 0, MMM_MAX_SEASON);
		else if (strcmp(it.key, "interactions") == 0)
			text->interactions = jsonb_option_text_array(&it, &spec->interactions);
		else if (strcmp(it.key, "geo_coefficients") == 0)
			spec->geo_coefficients = jsonb_option_bool(&it);
		else if (strcmp(it.key, "holdout_periods") == 0)
			spec->holdout = (int) jsonb_option_int64(&it, 0, PG_INT32_MAX);
		else if (strcmp(it.key, "kpi_value") == 0)
			text->value.kpi_value = jsonb_option_float8(&it, 0, MMM_MAX_AMOUNT);
		else if (strcmp(it.key, "likelihood") == 0)
			spec->likelihood = (MmmLikelihood) number_of_name(&it, MMM_LIKELIHOOD_NAMES);
		else if (strcmp(it.key, "seed") == 0)
			text->value.seed = jsonb_option_int64(&it, PG_INT64_MIN, PG_INT64_MAX);
		else
			jsonb_option_unknown(&it, "those that a mmm_model prints");
	}
	text->has_arguments = true;
}

static void
read_sampling(JsonbObjectIter *it, MmmSampling *sampling)
{
	int count;
	double *numbers = numbers_or_nulls(it, &count);

	if (count == MMM_SAMPLING_NUMBERS)
		memcpy(sampling, numbers, sizeof(*sampling));
	else if (!SOFT_ERROR_OCCURRED(it->escontext))
		(void) mmm_value_invalid(it->escontext, psprintf("\"sampling\" has %d numbers, not %d.", count,
														 (int) MMM_SAMPLING_NUMBERS));
}

static void
read_fit(ModelText *text, JsonbValue *object)
{
	MmmFit *fit = &text->value.fit;
	JsonbObjectIter it;

	jsonb_object_begin_input(&it, JsonbValueToJsonb(object), "fit of a mmm_model", text->escontext);
	while (jsonb_object_next(&it))
	{
		if (strcmp(it.key, "penalty") == 0)
			fit->penalty = number_or_null(&it);
		else if (strcmp(it.key, "validation_nrmse") == 0)
			fit->validation_nrmse = number_or_null(&it);
		else if (strcmp(it.key, "kkt") == 0)
			fit->kkt = number_or_null(&it);
		else if (strcmp(it.key, "evaluations") == 0)
			fit->evaluations = (long) jsonb_option_int64(&it, 0, PG_INT64_MAX);
		else if (strcmp(it.key, "share_low") == 0)
			fit->share_low = numbers_or_nulls(&it, &text->shares[0]);
		else if (strcmp(it.key, "share_high") == 0)
			fit->share_high = numbers_or_nulls(&it, &text->shares[1]);
		else if (strcmp(it.key, "chains") == 0)
			fit->chains = (int) jsonb_option_int64(&it, 1, PG_INT32_MAX);
		else if (strcmp(it.key, "sampling") == 0)
			read_sampling(&it, &fit->sampling);
		else if (strcmp(it.key, "marginals") == 0)
			fit->marginal = (MmmMarginal *) numbers_or_nulls(&it, &text->marginals);
		else
			jsonb_option_unknown(&it, "those that a mmm_model prints");
	}
	text->has_fit = true;
}

static bool
read_draws(ModelText *text)
{
	MmmFit *fit = &text->value.fit;
	int parameters = text->value.model.parameters;
	JsonbObjectIter row = {.what = "a mmm_model", .key = "draws", .escontext = text->escontext};
	JsonbIterator *iter;
	JsonbValue element;

	if (text->draws.type != jbvBinary || !JsonContainerIsArray(text->draws.val.binary.data))
		return mmm_value_invalid(text->escontext, "\"draws\" must be an array of arrays.");
	fit->draws = JsonContainerSize(text->draws.val.binary.data);
	fit->draw = palloc_extended(sizeof(double) * Max((Size) fit->draws * parameters, 1), MCXT_ALLOC_HUGE);
	iter = JsonbIteratorInit(text->draws.val.binary.data);
	(void) JsonbIteratorNext(&iter, &element, true);
	for (int d = 0; d < fit->draws; d++)
	{
		double *numbers;
		int count;

		CHECK_FOR_INTERRUPTS();
		(void) JsonbIteratorNext(&iter, &row.value, true);
		numbers = numbers_or_nulls(&row, &count);
		if (SOFT_ERROR_OCCURRED(text->escontext))
			return false;
		if (count != parameters)
			return mmm_value_invalid(text->escontext,
									 psprintf("A draw has %d numbers, not %d.", count, parameters));
		memcpy(fit->draw + (Size) d * parameters, numbers, sizeof(double) * parameters);
		pfree(numbers);
	}
	return true;
}

static bool
lay_out(ModelText *text)
{
	MmmValue *value = &text->value;
	int(*pair)[2] = palloc(sizeof(int[2]) * Max(value->spec.interactions, 1));

	for (int i = 0; i < value->spec.interactions; i++)
		if (!mmm_interaction_parse(text->interactions[i], value->data, pair[i], text->escontext))
			return false;
	value->spec.interaction = (const int(*)[2]) pair;
	value->fit.draws =
		text->draws.type == jbvBinary ? (int) JsonContainerSize(text->draws.val.binary.data) : 0;
	if (!mmm_value_check_spec(value, text->escontext))
		return false;
	mmm_model_init(&value->model, value->data, &value->spec, attrib_env());
	if (text->parameters != value->model.parameters || text->shares[0] != value->data->channels ||
		text->shares[1] != value->data->channels)
		return mmm_value_invalid(text->escontext, psprintf("There are %d parameters, not %d.",
														   text->parameters, value->model.parameters));
	if (text->marginals != (value->fit.chains > 0 ? (int) MMM_MARGINAL_NUMBERS * text->parameters : 0))
		return mmm_value_invalid(text->escontext, psprintf("There are %d marginals.", text->marginals));
	return true;
}

/* All of the object but what only makes sense once the dataset and the arguments are there. */
static bool
read_model(ModelText *text, Jsonb *json)
{
	JsonbObjectIter it;

	jsonb_object_begin_input(&it, json, "a mmm_model", text->escontext);
	while (jsonb_object_next(&it))
	{
		if (strcmp(it.key, "version") == 0)
			text->versioned = jsonb_option_int64(&it, MMM_MODEL_VERSION, MMM_MODEL_VERSION) != 0;
		else if (strcmp(it.key, "method") == 0)
			text->value.method = (MmmMethod) number_of_name(&it, MMM_METHOD_NAMES);
		else if (strcmp(it.key, "arguments") == 0)
			read_arguments(text, &it.value);
		else if (strcmp(it.key, "fit") == 0)
			read_fit(text, &it.value);
		else if (strcmp(it.key, "parameters") == 0)
			text->value.fit.parameters = numbers_or_nulls(&it, &text->parameters);
		else if (strcmp(it.key, "draws") == 0)
			text->draws = it.value;
		else if (strcmp(it.key, "dataset") == 0)
		{
			struct varlena *dataset = mmm_dataset_from_json(JsonbValueToJsonb(&it.value), text->escontext);

			if (dataset)
				text->value.data = mmm_dataset_view(PointerGetDatum(dataset));
		}
		else
			jsonb_option_unknown(&it, "those that a mmm_model prints");
	}
	if (SOFT_ERROR_OCCURRED(text->escontext))
		return false;
	if (!text->versioned || !text->has_arguments || !text->has_fit || !text->value.data)
		return mmm_value_invalid(text->escontext,
								 "\"version\", \"arguments\", \"fit\" or \"dataset\" is missing.");
	return true;
}

Datum
attrib_model_in(PG_FUNCTION_ARGS)
{
	Datum json;
	ModelText text;

	memset(&text, 0, sizeof(text));
	text.escontext = fcinfo->context;
	if (!DirectInputFunctionCallSafe(jsonb_in, PG_GETARG_CSTRING(0), InvalidOid, -1, text.escontext, &json) ||
		!read_model(&text, DatumGetJsonbP(json)) || !lay_out(&text) || !read_draws(&text) ||
		!mmm_value_check_numbers(&text.value, text.escontext))
		PG_RETURN_NULL();
	PG_RETURN_POINTER(mmm_value_flatten(&text.value));
}
