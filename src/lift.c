/*
 * lift_test(): an experiment's effect, as the ground truth that attribution lacks.
 */
#include "attrib.h"

#include <math.h>

#include "arguments.h"
#include "catalog/pg_type.h"
#include "core/lift.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(attrib_lift_test);

/* A float8[] of finite numbers. */
static double *
series_argument(FunctionCallInfo fcinfo, int argno, const char *name, int *count)
{
	ArrayType *array;
	Datum *elements;
	bool *nulls;
	double *series;

	array = PG_GETARG_ARRAYTYPE_P(argno);
	if (ARR_NDIM(array) > 1)
		ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
						errmsg("%s must be a one-dimensional array, not one of %d dimensions", name,
							   ARR_NDIM(array)),
						errhint("It has one element a period.")));
	deconstruct_array(array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &elements, &nulls,
					  count);
	series = palloc(sizeof(double) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
	{
		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("%s must not contain NULL, but element %d is", name, i + 1),
							errhint("Leave out periods that either group lacks.")));
		series[i] = DatumGetFloat8(elements[i]);
		if (!(fabs(series[i]) <= 1e100))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("element %d of %s is out of range: %g", i + 1, name, series[i]),
							errhint("Numbers are finite and at most 1e100.")));
	}
	return series;
}

static void
check_periods(int treated, int control, int before)
{
	if (treated != control)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("treated has %d periods, but control has %d", treated, control),
						errhint("Both hold the same periods in the same order.")));
	if (treated < 4 || before < 2 || before > treated - 2)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("pre_periods must leave two periods or more on either side, not %d of %d",
							   before, treated),
						errhint("One period before or after tells nothing of how much periods vary.")));
}

/* (treated, control, pre_periods, channel, x, delta_x, level) */
Datum
attrib_lift_test(PG_FUNCTION_ARGS)
{
	RowSink sink = row_sink_begin(fcinfo);
	Datum values[14];
	bool nulls[14] = {false};
	double *treated;
	double *control;
	double level = argument_float8(fcinfo, 6, "level");
	int before;
	int ntreated;
	int ncontrol;
	Lift lift;

	if (!(level > 0 && level < 1))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("level must be between 0 and 1, not %g", level),
						errhint("0.95 asks for intervals that hold the true value 95 times in 100.")));
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;
	before = argument_int32(fcinfo, 2, "pre_periods", 0, PG_INT32_MAX);
	treated = series_argument(fcinfo, 0, "treated", &ntreated);
	control = series_argument(fcinfo, 1, "control", &ncontrol);
	check_periods(ntreated, ncontrol, before);
	lift_test(treated, control, ntreated, before, level, &lift);

	for (int i = 0; i < 3; i++)
	{
		nulls[i] = PG_ARGISNULL(3 + i);
		values[i] = nulls[i] ? (Datum) 0 : PG_GETARG_DATUM(3 + i);
	}
	values[3] = Float8GetDatum(lift.lift);
	values[4] = Float8GetDatum(lift.std_error);
	values[5] = Float8GetDatum(lift.interval.low);
	values[6] = Float8GetDatum(lift.interval.high);
	nulls[7] = isnan(lift.degrees);
	values[7] = Float8GetDatum(lift.degrees);
	nulls[8] = isnan(lift.p_value);
	values[8] = Float8GetDatum(lift.p_value);
	nulls[9] = lift.expected == 0;
	values[9] = Float8GetDatum(nulls[9] ? 0 : lift.lift / lift.expected);
	values[10] = Int32GetDatum(ntreated - before);
	values[11] = Float8GetDatum(lift.lift * (ntreated - before));
	values[12] = Float8GetDatum(lift.interval.low * (ntreated - before));
	values[13] = Float8GetDatum(lift.interval.high * (ntreated - before));
	row_sink_put(&sink, values, nulls);
	return (Datum) 0;
}
