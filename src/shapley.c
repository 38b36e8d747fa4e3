/*
 * shapley_attr(), as a function of a summary and as the end of an aggregate, and shapley_attr_ordered().
 */
#include "models.h"
#include "summary.h"

#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(attrib_shapley_attr);
PG_FUNCTION_INFO_V1(attrib_shapley_final);
PG_FUNCTION_INFO_V1(attrib_shapley_attr_ordered);

#define SHAPLEY_COLUMNS 6

/* What a row of type shapley_credit is made from. */
typedef struct ShapleyRows
{
	const SummaryView *view;
	const ShapleyResult *result;
	bool credited; /* conversions, value and share are known */
	RowSink sink;
} ShapleyRows;

static void
put_shapley_row(void *arg, int64 channel, const char *name, Credit credit)
{
	ShapleyRows *rows = arg;
	Datum values[SHAPLEY_COLUMNS];
	bool nulls[SHAPLEY_COLUMNS];
	const ShapleyResult *result = rows->result;
	double share = 0;

	values[0] = CStringGetTextDatum(name);
	nulls[0] = false;
	nulls[1] = channel < 0;
	values[1] = Float8GetDatum(channel < 0 ? 0 : result->phi[channel]);
	nulls[2] = nulls[3] = !rows->credited;
	values[2] = Float8GetDatum(credit.conversions);
	values[3] = Float8GetDatum(credit.value);
	nulls[4] = !rows->credited || !credit_share(rows->view, credit.conversions, &share);
	values[4] = Float8GetDatum(share);
	nulls[5] = channel < 0 || result->std_error == NULL;
	values[5] = Float8GetDatum(nulls[5] ? 0 : result->std_error[channel]);
	row_sink_put(&rows->sink, values, nulls);
	pfree(DatumGetPointer(values[0]));
}

Datum
attrib_shapley_attr(PG_FUNCTION_ARGS)
{
	ShapleyRows rows = {.sink = row_sink_begin(fcinfo)};
	ShapleyOptions options;
	ShapleyResult result;
	bool scale;

	options.game = shapley_game_by_name(argument_text(fcinfo, 1, "game"));
	scale = argument_bool(fcinfo, 2, "scale");
	options.max_exact = argument_int32(fcinfo, 3, "max_exact", 0, SHAPLEY_MAX_EXACT);
	options.samples = argument_int32(fcinfo, 4, "samples", 1, SHAPLEY_MAX_SAMPLES);
	argument_not_null(fcinfo, 5, "seed");
	options.seed = (uint64) PG_GETARG_INT64(5);
	if (PG_ARGISNULL(0))
		return (Datum) 0;

	rows.view = summary_view_arg(fcinfo, 0);
	attrib_check_status(shapley_values(rows.view, &options, attrib_env(), &result), "Shapley value");
	rows.result = &result;
	rows.credited = scale || options.game == SHAPLEY_CONVERSIONS;
	if (rows.credited && options.game != SHAPLEY_CONVERSIONS && result.grand == 0)
		shapley_unscalable();
	if (!rows.credited)
		result.credit.unattributed = (Credit){0, 0}; /* a rate has no row for conversions outside the game */
	credit_rows(rows.view, &result.credit, put_shapley_row, &rows);
	return (Datum) 0;
}

/*
 * shapley_attr(path, converted, value).
 */
Datum
attrib_shapley_final(PG_FUNCTION_ARGS)
{
	ModelOptions options = model_options_default();
	ShapleyRows rows = {.view = summary_view_state(fcinfo), .credited = true};
	ShapleyResult result;

	if (rows.view == NULL)
		PG_RETURN_NULL();
	attrib_check_status(shapley_values(rows.view, &options.shapley, attrib_env(), &result), "Shapley value");
	rows.result = &result;
	rows.sink = row_sink_begin_array(fcinfo);
	credit_rows(rows.view, &result.credit, put_shapley_row, &rows);
	return row_sink_array(&rows.sink);
}

/* Position 0 stands for none: the conversions of empty paths. */
static void
put_ordered_row(RowSink *sink, const char *channel, const OrderedCredit *credit)
{
	Datum values[4];
	bool nulls[4] = {false};

	values[0] = CStringGetTextDatum(channel);
	values[1] = Int32GetDatum((int32) credit->position);
	nulls[1] = credit->position == 0;
	values[2] = Float8GetDatum(credit->conversions);
	values[3] = Float8GetDatum(credit->value);
	row_sink_put(sink, values, nulls);
	pfree(DatumGetPointer(values[0]));
}

Datum
attrib_shapley_attr_ordered(PG_FUNCTION_ARGS)
{
	RowSink sink = row_sink_begin(fcinfo);
	const SummaryView *view;
	OrderedCredit *credits;
	OrderedCredit unattributed = {0};
	size_t ncredits;
	bool pending;

	if (PG_ARGISNULL(0))
		return (Datum) 0;
	view = summary_view_arg(fcinfo, 0);
	attrib_check_status(shapley_ordered(view, attrib_env(), &credits, &ncredits), "ordered Shapley value");
	pending = view->npaths > 0 && view->paths[0].ntouches == 0 && view->paths[0].conversions > 0;
	if (pending)
	{
		unattributed.conversions = (double) view->paths[0].conversions;
		unattributed.value = fixed_to_double(view->paths[0].value);
	}
	for (size_t i = 0; i < ncredits; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (pending && strcmp(UNATTRIBUTED_NAME, view->channels[credits[i].channel]) < 0)
		{
			put_ordered_row(&sink, UNATTRIBUTED_NAME, &unattributed);
			pending = false;
		}
		put_ordered_row(&sink, view->channels[credits[i].channel], &credits[i]);
	}
	if (pending)
		put_ordered_row(&sink, UNATTRIBUTED_NAME, &unattributed);
	return (Datum) 0;
}
