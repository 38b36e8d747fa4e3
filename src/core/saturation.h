/*
 * Saturation: how the effect of media grows with what was put in. The formulas as the field writes them, and
 * one family of curves with common parameters for the fit, the response curves and the optimizer. All go
 * through the same kernels.
 */
#ifndef ATTRIB_SATURATION_H
#define ATTRIB_SATURATION_H

#include "core.h"

typedef enum SaturationKind
{
	SATURATION_LINEAR,
	SATURATION_HILL,
	SATURATION_LOGISTIC,
	SATURATION_TANH,
	SATURATION_MICHAELIS_MENTEN,
	SATURATION_ROOT,
	SATURATION_INVERSE_SCALED_LOGISTIC,
	SATURATION_HILL_SIGMOID,
	SATURATION_LOG1P,
} SaturationKind;

#define SATURATION_KINDS 9

/*
 * A curve that a coefficient multiplies. half_saturation is where a saturating kind reaches half of the
 * coefficient, whatever the kind (log1p grows without end: ln(1 + x/half_saturation)); linear and root have
 * none. slope is Hill's exponent, root's power, and for hill_sigmoid steepness times midpoint: from 0 (concave)
 * up, the same in any unit.
 */
typedef struct Saturation
{
	SaturationKind kind;
	double half_saturation;
	double slope;
} Saturation;

/* The value at x, what is missing there to the limit, and the first and second derivative along x. */
typedef struct SaturationGrowth
{
	double value;
	double missing; /* without cancellation; INFINITY of kinds without a limit */
	double first;
	double second;
} SaturationGrowth;

/* The value at x with its slopes along x and along the logarithms of both parameters. */
typedef struct SaturationPoint
{
	double value;
	double dx;
	double dlog_half;
	double dlog_slope;
} SaturationPoint;

extern const char *saturation_name(SaturationKind kind);
extern bool saturation_by_name(const char *name, SaturationKind *kind);
extern const char *saturation_names(void); /* "linear, hill, ..." for messages */
extern bool saturation_has_half(SaturationKind kind);
extern bool saturation_has_slope(SaturationKind kind);

/* x >= 0, possibly INFINITY. At 0 a power below 1 rises with infinite slope. */
extern double saturation_value(const Saturation *curve, double x);
extern double saturation_derivative(const Saturation *curve, double x);
extern SaturationGrowth saturation_growth(const Saturation *curve, double x);
extern SaturationPoint saturation_point(const Saturation *curve, double x);

/*
 * Whole series of finite x. saturation_values has the digits of saturation_value; saturation_slopes is for fits, which
 * take the slopes along x, ln half_saturation and ln slope with the value, to its accuracy but not its last digit. Any
 * slope may be NULL; value may be x itself.
 */
extern void saturation_values(const Saturation *curve, const double *x, size_t n, double *value);
extern void saturation_slopes(const Saturation *curve, const double *x, size_t n, double *value, double *dx,
							  double *dlog_half, double *dlog_slope);

/* The formulas with their own parameters, and their derivatives along x. All want x >= 0. */
extern double hill_value(double x, double half, double slope);
extern double hill_derivative(double x, double half, double slope);
extern double logistic_value(double x, double lam); /* (1 - e^(-lam x)) / (1 + e^(-lam x)) */
extern double logistic_derivative(double x, double lam);
extern double tanh_value(double x, double b, double c); /* b tanh(x / (b c)) */
extern double tanh_derivative(double x, double b, double c);
extern double michaelis_menten_value(double x, double alpha, double lam); /* alpha x / (lam + x) */
extern double michaelis_menten_derivative(double x, double alpha, double lam);
extern double root_value(double x, double alpha);
extern double root_derivative(double x, double alpha);
extern double inverse_scaled_logistic_value(double x, double lam); /* half at x = lam */
extern double inverse_scaled_logistic_derivative(double x, double lam);
extern double hill_sigmoid_value(double x, double sigma, double b, double l);
extern double hill_sigmoid_derivative(double x, double sigma, double b, double l);
extern double log1p_value(double x);
extern double log1p_derivative(double x);

#endif
