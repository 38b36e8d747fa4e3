/*
 * Lift tests in the likelihood: what was measured against what the model's response to the changed exposure is.
 */
#include <math.h>
#include <string.h>

#include "mmm_posterior.h"

#define LOG_2PI 1.8378770664093454836
#define LOG_PI 1.1447298858494001741

/* A channel's columns around a test in one geo, with and without the change. */
typedef struct Window
{
	int begin; /* period: as far before the test as adstock reaches back */
	int n;
	int from; /* of the test, counted from begin */
	double *changed;
	double *slope[MMM_MAX_TRANSFORMS]; /* of changed */
} Window;

static void
open_window(MmmPosterior *p, const MmmLiftTest *test, int geo, Window *w)
{
	const MmmModel *m = p->model;
	int lag = m->spec.max_lag;
	const double *x;
	double *series = p->series;

	w->begin = lag == ADSTOCK_ALL_HISTORY || lag > test->from ? 0 : test->from - lag;
	w->n = test->measured - w->begin;
	w->from = test->from - w->begin;
	x = p->x + test->channel * p->rows + (size_t) geo * m->train + w->begin;
	memcpy(series, x, sizeof(double) * w->n);
	for (int t = 0; t < test->until - test->from; t++)
		series[w->from + t] =
			fmax(0, series[w->from + t] + test->change[geo * (test->until - test->from) + t]);
	w->changed = series + w->n;
	for (int k = 0; k < m->per_channel; k++)
		w->slope[k] = series + (size_t) (2 + k) * w->n;
	mmm_transform(m, p->parameters + test->channel * m->per_channel, series, w->n, w->changed, w->slope,
				  p->env);
}

/* Sum over the measured periods of b - a, times `other` unless that is NULL. */
static double
difference(const double *b, const double *a, const double *other, int n)
{
	double sum = 0;

	for (int t = 0; t < n; t++)
		sum += other ? (b[t] - a[t]) * other[t] : b[t] - a[t];
	return sum;
}

/*
 * A geo's expected lift in units of the KPI. With `gain` not 0 adds gain times its slopes to `along`; a product
 * with another channel answers to the change, too.
 */
static double
geo_lift(MmmPosterior *p, const MmmLiftTest *test, int geo, double gain)
{
	const MmmModel *m = p->model;
	int c = test->channel;
	double unit = mmm_kpi_unit(m, geo);
	double total = 0;
	Window w;
	int n;

	open_window(p, test, geo, &w);
	n = w.n - w.from;
	for (int j = 0; j < m->media; j++)
	{
		int pair = j - m->data->channels;
		int partner = -1;
		size_t at = (size_t) geo * m->train + test->from;
		double coefficient = mmm_coefficient(m, p->parameters, geo, j);
		const double *other = NULL;
		double moved;

		if (pair >= 0)
		{
			const int *both = m->spec.interaction[pair];

			if (both[0] != c && both[1] != c)
				continue;
			partner = both[0] == c ? both[1] : both[0];
			other = p->columns + partner * p->rows + at;
		}
		else if (j != c)
			continue;
		moved = difference(w.changed + w.from, p->columns + c * p->rows + at, other, n);
		total += unit * coefficient * moved;
		if (gain == 0)
			continue;
		mmm_along_coefficient(p, geo, j, gain * unit * moved);
		for (int k = 0; k < m->per_channel; k++)
		{
			int place = c * m->per_channel + k;

			p->along[place] += gain * unit * coefficient *
							   difference(w.slope[k] + w.from, p->slopes + place * p->rows + at, other, n);
			if (other)
				p->along[partner * m->per_channel + k] +=
					gain * unit * coefficient *
					difference(w.changed + w.from, p->columns + c * p->rows + at,
							   p->slopes + (partner * m->per_channel + k) * p->rows + at, n);
		}
	}
	return total;
}

double
mmm_lift_expected(MmmPosterior *p, const MmmLiftTest *test)
{
	double total = 0;

	for (int g = 0; g < p->model->data->geos; g++)
		if (test->geo < 0 || test->geo == g)
			total += geo_lift(p, test, g, 0);
	return total;
}

/* Log density of an error in units of its standard error, and its slope. */
static double
error_density(double z, double nu, double *slope)
{
	int sign;

	if (isinf(nu))
	{
		*slope = -z;
		return -(LOG_2PI + z * z) / 2;
	}
	*slope = -(nu + 1) * z / (nu + z * z);
	return lgamma_r((nu + 1) / 2, &sign) - lgamma_r(nu / 2, &sign) - (log(nu) + LOG_PI) / 2 -
		   (nu + 1) / 2 * log1p(z * z / nu);
}

double
mmm_lift_likelihood(MmmPosterior *p)
{
	double log_density = 0;

	for (int i = 0; i < p->beliefs->lifts; i++)
	{
		const MmmLiftTest *test = &p->beliefs->lift[i];
		double expected = mmm_lift_expected(p, test);
		double slope;

		log_density +=
			error_density((expected - test->lift) / test->standard_error, p->beliefs->lift_nu, &slope) -
			log(test->standard_error);
		for (int g = 0; g < p->model->data->geos; g++)
			if (test->geo < 0 || test->geo == g)
				geo_lift(p, test, g, slope / test->standard_error);
	}
	return log_density;
}
