/*
 * The saturation formulas as SQL functions. All arguments are checked here: the formulas want finite numbers
 * and, where they would divide or take powers, positive ones.
 */
#include "compat.h"

#include <math.h>

#include "core/saturation.h"

/* Which numbers an argument may be. */
typedef enum Domain
{
	NOT_NEGATIVE,
	POSITIVE,
} Domain;

static double
number(FunctionCallInfo fcinfo, int argno, const char *name, Domain domain)
{
	double value = PG_GETARG_FLOAT8(argno);

	if (!isfinite(value) || (domain == POSITIVE ? value <= 0 : value < 0))
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must be a finite number %s, not %g", name, domain == POSITIVE ? "> 0" : ">= 0",
					value),
			 errhint(argno == 0 ? "Saturation is a function of spend or exposure, which is never negative."
								: "The documentation lists the limits of every parameter.")));
	return value;
}

#define X number(fcinfo, 0, "x", NOT_NEGATIVE)
#define ARG(argno, name, domain) number(fcinfo, argno, name, domain)

/* The SQL function attrib_<formula> and its derivative, over the two core functions of the same name. */
#define FORMULA(formula, ...)                                                                                \
	PG_FUNCTION_INFO_V1(attrib_##formula##_saturation);                                                      \
	Datum attrib_##formula##_saturation(PG_FUNCTION_ARGS)                                                    \
	{                                                                                                        \
		PG_RETURN_FLOAT8(formula##_value(__VA_ARGS__));                                                      \
	}                                                                                                        \
	PG_FUNCTION_INFO_V1(attrib_##formula##_saturation_derivative);                                           \
	Datum attrib_##formula##_saturation_derivative(PG_FUNCTION_ARGS)                                         \
	{                                                                                                        \
		PG_RETURN_FLOAT8(formula##_derivative(__VA_ARGS__));                                                 \
	}

/* clang-format off */
FORMULA(hill, X, ARG(1, "half_saturation", POSITIVE), ARG(2, "slope", POSITIVE))
FORMULA(logistic, X, ARG(1, "lam", POSITIVE))
FORMULA(tanh, X, ARG(1, "b", POSITIVE), ARG(2, "c", POSITIVE))
FORMULA(michaelis_menten, X, ARG(1, "alpha", NOT_NEGATIVE), ARG(2, "lam", POSITIVE))
FORMULA(root, X, ARG(1, "alpha", POSITIVE))
FORMULA(inverse_scaled_logistic, X, ARG(1, "lam", POSITIVE))
FORMULA(hill_sigmoid, X, ARG(1, "sigma", NOT_NEGATIVE), ARG(2, "b", POSITIVE), ARG(3, "l", NOT_NEGATIVE))
FORMULA(log1p, X)
/* clang-format on */
