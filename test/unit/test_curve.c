/*
 * Response curves against the formulas written another way, their derivatives, demand and tangents.
 */
#include <gsl/gsl_errno.h>

#include "budget_problems.h"
#include "core/saturation.h"

static void
tests_of_curves(void)
{
	const SaturationKind kinds[] = {SATURATION_HILL, SATURATION_LOGISTIC, SATURATION_TANH,
									SATURATION_ROOT, SATURATION_LINEAR,	  SATURATION_LOG1P};
	double worst = 0;
	double worst_slope = 0;
	double worst_bend = 0;
	double worst_demand = 0;
	double worst_tangent = 0;
	bool shaped = true;

	for (int k = 0; k < 6000; k++)
	{
		Curve c = {.shape = {.kind = kinds[k % 6]}, .coefficient = uniform(0.05, 0.99), .weight = 1};
		double x = uniform(0.01, 5);
		double h = 1e-5 * x;
		double demand;
		CurvePoint at;

		c.shape.half_saturation = uniform(0.1, 3);
		c.shape.slope = exp(uniform(log(0.3), log(6)));
		curve_prepare(&c);
		worst = fmax(worst, fabs(curve_value(&c, x) / reference_response(&c, x) - 1));
		c.log_miss = curve_saturates(c.shape.kind) && k % 4 < 2;
		curve_prepare(&c);
		at = curve_at(&c, x);
		worst_slope =
			fmax(worst_slope, fabs((curve_value(&c, x + h) - curve_value(&c, x - h)) / (2 * h) - at.first) /
								  fmax(at.first, 1e-3));
		worst_bend = fmax(
			worst_bend, fabs((curve_slope_at(&c, x + h) - curve_slope_at(&c, x - h)) / (2 * h) - at.second) /
							fmax(fabs(at.second), 1));
		if (fabs(x / c.inflection - 1) > 1e-6 && c.shape.kind != SATURATION_LINEAR)
			shaped = shaped && (x < c.inflection ? at.second >= 0 : at.second <= 0);
		if (x > c.inflection && at.second < -1e-6)
		{
			demand = curve_demand(&c, at.first, c.inflection, 50);
			worst_demand = fmax(worst_demand, fabs(demand / x - 1) * fmin(-at.second / at.first * x, 1));
		}
		if (c.inflection > 0 && c.inflection < 40)
		{
			double low = uniform(0, 1) * c.inflection;
			double t = curve_tangent(&c, low, 50);
			double rise = (curve_value(&c, t) - curve_value(&c, low)) / (t - low);

			if (t < 50)
				worst_tangent = fmax(worst_tangent, fabs(rise - curve_slope_at(&c, t)) / rise);
		}
	}
	ok(worst < 1e-12, "curves agree with the reference's, %g", worst);
	ok(worst_slope < 1e-5 && worst_bend < 1e-4, "derivatives are derivatives, %g %g", worst_slope,
	   worst_bend);
	ok(shaped, "curves are convex up to the inflection and concave from there on");
	ok(worst_demand < 1e-9, "demand inverts the slope, %g", worst_demand);
	ok(worst_tangent < 1e-9, "tangents touch, %g", worst_tangent);
}

/* A channel's curve is its saturation by name, times coefficient and weight, whatever the kind folds into. */
static void
tests_of_saturations(void)
{
	double worst = 0;

	for (int k = 0; k < 500 * CURVE_KINDS; k++)
	{
		Saturation shape = {curve_kinds[k % CURVE_KINDS], exp(uniform(-3, 3)), exp(uniform(-1, 2))};
		Curve curve = {.shape = shape, .coefficient = 0.7, .weight = 3};
		double x = exp(uniform(-4, 4));
		double slope = saturation_derivative(&shape, x);

		curve_prepare(&curve);
		worst = fmax(worst, fabs(curve_value(&curve, x) / (2.1 * saturation_value(&shape, x)) - 1));
		if (slope > 1e-250)
			worst = fmax(worst, fabs(curve_slope_at(&curve, x) / (2.1 * slope) - 1));
	}
	ok(worst < 1e-14, "curves are the saturation functions, worst %g", worst);
}

int
main(void)
{
	gsl_set_error_handler_off();
	rng = gsl_rng_alloc(gsl_rng_taus2);
	tests_of_curves();
	tests_of_saturations();
	gsl_rng_free(rng);
	return done();
}
