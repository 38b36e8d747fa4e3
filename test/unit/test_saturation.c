/* Saturation: slopes against finite differences, half-saturation, tails. */
#include "core/saturation.h"
#include "unit.h"

#define STEP 1e-6

static double
along(const Saturation *curve, double x, double dx, double dhalf, double dslope)
{
	Saturation moved = *curve;

	moved.half_saturation *= exp(dhalf);
	moved.slope *= exp(dslope);
	return saturation_value(&moved, x + dx);
}

static void
check_slopes(const Saturation *curve, double x)
{
	SaturationPoint p = saturation_point(curve, x);
	const char *name = saturation_name(curve->kind);

	is_close(p.dx, (along(curve, x, STEP, 0, 0) - along(curve, x, -STEP, 0, 0)) / (2 * STEP), 1e-8, name);
	is_close(p.dlog_half, (along(curve, x, 0, STEP, 0) - along(curve, x, 0, -STEP, 0)) / (2 * STEP), 1e-8,
			 name);
	is_close(p.dlog_slope, (along(curve, x, 0, 0, STEP) - along(curve, x, 0, 0, -STEP)) / (2 * STEP), 1e-8,
			 name);
	ok(p.value == saturation_value(curve, x) && p.dx == saturation_derivative(curve, x),
	   "%s: one value whoever asks", name);
}

/* What is missing, and the bend, which only optimizers ask for. */
static void
check_growth(const Saturation *curve, double x)
{
	SaturationGrowth g = saturation_growth(curve, x);
	const char *name = saturation_name(curve->kind);
	double bend =
		(saturation_derivative(curve, x + STEP) - saturation_derivative(curve, x - STEP)) / (2 * STEP);

	ok(g.value == saturation_value(curve, x) && g.first == saturation_derivative(curve, x),
	   "%s: one growth whoever asks", name);
	is_close(g.second, bend, 1e-7, name);
	if (isfinite(g.missing))
		is_close(g.value + g.missing, 1, 1e-15, name);
	else
		ok(curve->kind == SATURATION_LINEAR || curve->kind == SATURATION_ROOT ||
			   curve->kind == SATURATION_LOG1P,
		   "%s has no limit", name);
}

static void
check_kind(SaturationKind kind)
{
	static const double points[] = {0.01, 0.3, 0.8, 1, 4};
	Saturation curve = {kind, 0.8, 1.7};
	SaturationKind found;
	SaturationPoint nought = saturation_point(&curve, 0);

	ok(saturation_by_name(saturation_name(kind), &found) && found == kind, "%s has its name",
	   saturation_name(kind));
	ok(nought.value == 0 && nought.dlog_half == 0 && nought.dlog_slope == 0, "%s begins at 0",
	   saturation_name(kind));
	for (int i = 0; i < 5; i++)
	{
		check_slopes(&curve, points[i]);
		check_growth(&curve, points[i]);
	}
	if (saturation_has_half(kind) && kind != SATURATION_LOG1P)
	{
		is_close(saturation_value(&curve, curve.half_saturation), 0.5, 1e-15, "half at half_saturation");
		is_close(saturation_value(&curve, 1e300), 1, 1e-12, "1 in the end");
	}
}

int
main(void)
{
	SaturationKind none;

	for (int kind = 0; kind < SATURATION_KINDS; kind++)
		check_kind((SaturationKind) kind);
	ok(!saturation_by_name("magic", &none), "unknown names are unknown");
	/* Small numbers keep their digits: nothing is subtracted. */
	is_close(hill_sigmoid_value(1e-20, 1, 2, 1) * 1e20, 2 * 0.88079707797788243 * 0.11920292202211756, 1e-14,
			 "hill_sigmoid near 0");
	is_close(hill_value(1e-200, 1e-100, 3) * 1e300, 1, 1e-13, "hill near 0");
	is_close(logistic_derivative(100, 1) * exp(100), 2, 1e-13, "logistic slope far out");
	is_close(saturation_growth(&(Saturation){SATURATION_LOGISTIC, 1, 1}, 50).missing * pow(3, 50), 2, 1e-13,
			 "what is missing far out");
	is_close(root_derivative(1e-200, 2) * 1e200, 2, 1e-15, "root's slope where its value vanishes");
	ok(isinf(hill_derivative(0, 1, 0.5)) && hill_derivative(0, 4, 1) == 0.25 && hill_derivative(0, 1, 2) == 0,
	   "hill's slope at 0");
	return done();
}
