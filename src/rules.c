/*
 * first_touch_attr() to time_decay_attr(): each journey's credit by rule.
 */
#include "models.h"
#include "summary.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(attrib_first_touch_attr);
PG_FUNCTION_INFO_V1(attrib_last_touch_attr);
PG_FUNCTION_INFO_V1(attrib_linear_attr);
PG_FUNCTION_INFO_V1(attrib_position_based_attr);
PG_FUNCTION_INFO_V1(attrib_position_decay_attr);
PG_FUNCTION_INFO_V1(attrib_time_decay_attr);

/* Rows of type channel_credit. */
typedef struct ChannelRows
{
	RowSink sink;
	const SummaryView *view;
} ChannelRows;

static void
put_channel_row(void *arg, int64 channel, const char *name, Credit credit)
{
	ChannelRows *rows = arg;
	double share = 0;
	Datum values[4];
	bool nulls[4] = {false};

	(void) channel;
	values[0] = CStringGetTextDatum(name);
	values[1] = Float8GetDatum(credit.conversions);
	values[2] = Float8GetDatum(credit.value);
	nulls[3] = !credit_share(rows->view, credit.conversions, &share);
	values[3] = Float8GetDatum(share);
	row_sink_put(&rows->sink, values, nulls);
	pfree(DatumGetPointer(values[0]));
}

/* The common course: `options` hold the model's arguments, already read. */
static Datum
rule_rows(FunctionCallInfo fcinfo, AttributionModel model, const ModelOptions *options)
{
	ChannelRows rows = {.sink = row_sink_begin(fcinfo)};
	CreditTable table;

	if (PG_ARGISNULL(0))
		return (Datum) 0;
	rows.view = summary_view_arg(fcinfo, 0);
	table = credit_table_alloc(rows.view);
	(void) model_credits(rows.view, model, options, &table);
	credit_rows(rows.view, &table, put_channel_row, &rows);
	return (Datum) 0;
}

Datum
attrib_first_touch_attr(PG_FUNCTION_ARGS)
{
	ModelOptions options = {.first_ignore = argument_names(fcinfo, 1, "ignore")};

	return rule_rows(fcinfo, MODEL_FIRST_TOUCH, &options);
}

Datum
attrib_last_touch_attr(PG_FUNCTION_ARGS)
{
	ModelOptions options = {.last_ignore = argument_names(fcinfo, 1, "ignore")};

	return rule_rows(fcinfo, MODEL_LAST_TOUCH, &options);
}

Datum
attrib_linear_attr(PG_FUNCTION_ARGS)
{
	ModelOptions options = {.first = 0};

	return rule_rows(fcinfo, MODEL_LINEAR, &options);
}

Datum
attrib_position_based_attr(PG_FUNCTION_ARGS)
{
	ModelOptions options = {.first = argument_float8(fcinfo, 1, "first"),
							.last = argument_float8(fcinfo, 2, "last")};

	position_based_check(options.first, options.last);
	return rule_rows(fcinfo, MODEL_POSITION_BASED, &options);
}

Datum
attrib_position_decay_attr(PG_FUNCTION_ARGS)
{
	ModelOptions options = {.ratio = argument_float8(fcinfo, 1, "ratio")};

	position_decay_check(options.ratio);
	return rule_rows(fcinfo, MODEL_POSITION_DECAY, &options);
}

Datum
attrib_time_decay_attr(PG_FUNCTION_ARGS)
{
	ModelOptions options = {.first = 0};

	return rule_rows(fcinfo, MODEL_TIME_DECAY, &options);
}
