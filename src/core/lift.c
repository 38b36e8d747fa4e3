#include "lift.h"

#include <gsl/gsl_cdf.h>
#include <math.h>

typedef struct Moments
{
	double mean;
	double variance; /* of the mean */
	double count;
} Moments;

static Moments
gap_moments(const double *treated, const double *control, int first, int end)
{
	Moments moments = {.count = end - first};
	double squares = 0;

	for (int i = first; i < end; i++)
		moments.mean += (treated[i] - control[i]) / moments.count;
	for (int i = first; i < end; i++)
	{
		double u = treated[i] - control[i] - moments.mean;

		squares += u * u;
	}
	moments.variance = squares / (moments.count - 1) / moments.count;
	return moments;
}

void
lift_test(const double *treated, const double *control, int periods, int before, double level, Lift *result)
{
	Moments pre = gap_moments(treated, control, 0, before);
	Moments post = gap_moments(treated, control, before, periods);
	double variance = pre.variance + post.variance;
	double after = 0;
	double margin;

	for (int i = before; i < periods; i++)
		after += treated[i] / post.count;
	*result = (Lift){.lift = post.mean - pre.mean, .std_error = sqrt(variance)};
	result->expected = after - result->lift;
	if (!(variance > 0))
	{
		result->degrees = result->p_value = NAN;
		result->interval = (ConfidenceInterval){result->lift, result->lift};
		return;
	}
	/* shares of the variance first, so that its square cannot underflow */
	result->degrees = 1 / (pre.variance / variance * (pre.variance / variance) / (pre.count - 1) +
						   post.variance / variance * (post.variance / variance) / (post.count - 1));
	margin = gsl_cdf_tdist_Pinv((1 + level) / 2, result->degrees) * result->std_error;
	result->interval = (ConfidenceInterval){result->lift - margin, result->lift + margin};
	result->p_value = 2 * gsl_cdf_tdist_Q(fabs(result->lift) / result->std_error, result->degrees);
}
