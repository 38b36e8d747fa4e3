/*
 * Adstock as aggregates, for OVER (ORDER BY period), and over arrays. Both run the stream of core/adstock.
 */
#include "arguments.h"
#include "attrib.h"

#include <math.h>

#include "core/adstock.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(attrib_adstock_carry);
PG_FUNCTION_INFO_V1(attrib_adstock_final);

/* An aggregate's memory: its parameters, which every row repeats, and the stream that they began. */
typedef struct AdstockState
{
	Adstock adstock;
	AdstockStream stream;
	double last;
	double room[FLEXIBLE_ARRAY_MEMBER];
} AdstockState;

static double
check_input(double x)
{
	if (!isfinite(x))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("x must be a finite number, not %g", x),
				 errhint("NULL counts as 0; turn other marks of missing data into NULL.")));
	return x;
}

static void
check_parameter(const Adstock *adstock, int p)
{
	AdstockBounds b = adstock_bounds(adstock, p);

	if (!adstock_parameter_valid(adstock, p))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s must be %s %g and %s %g, not %g", adstock_parameter_name(adstock->kind, p),
							   b.min_open ? ">" : ">=", b.min, b.max_open ? "<" : "<=", b.max,
							   adstock->parameter[p]),
						errhint("This is the limit for %s adstock.", adstock_name(adstock->kind))));
}

/* max_lag, which only geometric adstock may leave open. */
static int
lag_argument(FunctionCallInfo fcinfo, int argno, AdstockKind kind)
{
	if (PG_ARGISNULL(argno) && kind == ADSTOCK_GEOMETRIC)
		return ADSTOCK_ALL_HISTORY;
	if (PG_ARGISNULL(argno))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("max_lag must not be NULL for %s adstock", adstock_name(kind)),
				 errhint("Only geometric adstock runs over all history; give the number of periods - 1.")));
	return argument_int32(fcinfo, argno, "max_lag", 0, ADSTOCK_MAX_LAG);
}

static AdstockKind
weibull_argument(FunctionCallInfo fcinfo, int argno)
{
	char *kind = argument_text(fcinfo, argno, "kind");
	bool pdf = strcmp(kind, "pdf") == 0;

	if (!pdf && strcmp(kind, "cdf") != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unrecognized kind \"%s\"", kind),
						errhint("Known kinds are pdf and cdf.")));
	pfree(kind);
	return pdf ? ADSTOCK_WEIBULL_PDF : ADSTOCK_WEIBULL_CDF;
}

/* The arguments after x or series: parameters, max_lag, (kind,) normalized. */
static Adstock
adstock_arguments(FunctionCallInfo fcinfo, AdstockKind kind)
{
	Adstock adstock = {0};
	int argno;
	int lag_argno;
	int parameters;

	adstock.kind = kind;
	parameters = adstock_parameters(kind);
	lag_argno = argno = PG_NARGS() - (kind == ADSTOCK_WEIBULL_PDF ? 3 : 2);
	if (kind == ADSTOCK_WEIBULL_PDF)
		adstock.kind = weibull_argument(fcinfo, ++argno);
	adstock.max_lag = lag_argument(fcinfo, lag_argno, adstock.kind);
	adstock.normalized = argument_bool(fcinfo, ++argno, "normalized");
	for (int p = 0; p < parameters; p++)
	{
		adstock.parameter[p] =
			argument_float8(fcinfo, lag_argno - parameters + p, adstock_parameter_name(adstock.kind, p));
		check_parameter(&adstock, p);
	}
	return adstock;
}

static bool
same_adstock(const Adstock *a, const Adstock *b)
{
	return a->kind == b->kind && a->max_lag == b->max_lag && a->normalized == b->normalized &&
		   a->parameter[0] == b->parameter[0] && a->parameter[1] == b->parameter[1];
}

/* Rows are added up in their order, so there is nothing to combine. */
static Datum
transition(FunctionCallInfo fcinfo, AdstockKind kind)
{
	AdstockState *state = PG_ARGISNULL(0) ? NULL : (AdstockState *) PG_GETARG_POINTER(0);
	double x = PG_ARGISNULL(1) ? 0 : check_input(PG_GETARG_FLOAT8(1));
	Adstock adstock;
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("this function can only be called by its aggregate")));
	adstock = adstock_arguments(fcinfo, kind);
	if (state == NULL)
	{
		state = MemoryContextAlloc(context, offsetof(AdstockState, room) +
												adstock_stream_doubles(&adstock) * sizeof(double));
		state->adstock = adstock;
		adstock_stream_begin(&state->stream, &state->adstock, state->room);
	}
	else if (!same_adstock(&state->adstock, &adstock))
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the parameters of adstock must be the same in every row"),
			 errhint("Put what the parameters vary with into PARTITION BY; adstock(x, decay) takes a decay "
					 "that changes from row to row.")));
	state->last = adstock_stream_push(&state->stream, x);
	PG_RETURN_POINTER(state);
}

Datum
attrib_adstock_final(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(((AdstockState *) PG_GETARG_POINTER(0))->last);
}

/* adstock(x, decay): the state is the answer. */
Datum
attrib_adstock_carry(PG_FUNCTION_ARGS)
{
	double before = PG_ARGISNULL(0) ? 0 : PG_GETARG_FLOAT8(0);
	double x = PG_ARGISNULL(1) ? 0 : check_input(PG_GETARG_FLOAT8(1));
	Adstock adstock = {ADSTOCK_GEOMETRIC, ADSTOCK_ALL_HISTORY, false, {0, 0}};

	adstock.parameter[0] = argument_float8(fcinfo, 2, "decay");
	check_parameter(&adstock, 0);
	PG_RETURN_FLOAT8(x + adstock.parameter[0] * before);
}

static double *
series_argument(ArrayType *array, int *n)
{
	Datum *elements;
	bool *nulls;
	double *x;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("series must be a one-dimensional array, not one of %d dimensions", ARR_NDIM(array)),
				 errhint("Make it by array_agg(spend ORDER BY period).")));
	deconstruct_array(array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &elements, &nulls,
					  n);
	x = palloc_extended(sizeof(double) * Max(*n, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < *n; i++)
		x[i] = nulls[i] ? 0 : check_input(DatumGetFloat8(elements[i]));
	return x;
}

static Datum
series(FunctionCallInfo fcinfo, AdstockKind kind)
{
	Adstock adstock = adstock_arguments(fcinfo, kind);
	Datum *elements;
	double *x;
	double *y;
	int n;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	x = series_argument(PG_GETARG_ARRAYTYPE_P(0), &n);
	if (n == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(FLOAT8OID));
	y = palloc_extended(sizeof(double) * n, MCXT_ALLOC_HUGE);
	elements = palloc_extended(sizeof(Datum) * n, MCXT_ALLOC_HUGE);
	adstock_series(&adstock, x, n, y, NULL, attrib_env());
	for (int i = 0; i < n; i++)
		elements[i] = Float8GetDatum(y[i]);
	PG_RETURN_ARRAYTYPE_P(
		construct_array(elements, n, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* A form's two SQL functions: the aggregate's transition, and over an array. Weibull's arguments say which it is. */
#define FORM(form, kind)                                                                                     \
	PG_FUNCTION_INFO_V1(attrib_##form##_trans);                                                              \
	Datum attrib_##form##_trans(PG_FUNCTION_ARGS)                                                            \
	{                                                                                                        \
		return transition(fcinfo, kind);                                                                     \
	}                                                                                                        \
	PG_FUNCTION_INFO_V1(attrib_##form##_series);                                                             \
	Datum attrib_##form##_series(PG_FUNCTION_ARGS)                                                           \
	{                                                                                                        \
		return series(fcinfo, kind);                                                                         \
	}

/* clang-format off */
FORM(adstock, ADSTOCK_GEOMETRIC)
FORM(adstock_delayed, ADSTOCK_DELAYED)
FORM(adstock_binomial, ADSTOCK_BINOMIAL)
FORM(adstock_weibull, ADSTOCK_WEIBULL_PDF)
/* clang-format on */
