/* Adstock: stream = series = convolution, and slopes against finite differences. */
#include <string.h>

#include "core/adstock.h"
#include "unit.h"

#define N 60

static double input[N];

static void
fill(void)
{
	unsigned state = 12345;

	for (int t = 0; t < N; t++)
	{
		state = state * 1103515245u + 12345u;
		input[t] = (state >> 16) % 5 == 0 ? 0 : (double) ((state >> 8) % 1000) / 10;
	}
}

static double
worst(const double *a, const double *b)
{
	double most = 0;

	for (int t = 0; t < N; t++)
		most = fmax(most, fabs(a[t] - b[t]) / fmax(1, fabs(b[t])));
	return most;
}

static void
check_stream(const Adstock *adstock, const double *y, const char *name)
{
	double *room = CORE_ALLOC(unit_env(), double, adstock_stream_doubles(adstock));
	AdstockStream stream;
	bool same = true;

	adstock_stream_begin(&stream, adstock, room);
	for (int t = 0; t < N; t++)
		same = same && adstock_stream_push(&stream, input[t]) == y[t];
	ok(same, "%s: stream gives the digits of the series", name);
	core_free(unit_env(), room);
}

static void
check_convolution(const Adstock *adstock, const double *y, const char *name)
{
	double w[N + 1];
	double direct[N];
	double sum = 0;

	adstock_weights(adstock, w, NULL);
	for (int t = 0; t < N; t++)
	{
		direct[t] = 0;
		for (int l = 0; l <= adstock->max_lag && l <= t; l++)
			direct[t] += w[l] * input[t - l];
	}
	ok(worst(y, direct) < 1e-13, "%s: series is the convolution with the weights", name);
	for (int l = 0; l <= adstock->max_lag; l++)
		sum += w[l];
	if (adstock->normalized)
		is_close(sum, 1, 1e-14, name);
}

static void
check_slopes(const Adstock *adstock, double **d, const char *name)
{
	for (int p = 0; p < adstock_parameters(adstock->kind); p++)
	{
		Adstock up = *adstock;
		Adstock down = *adstock;
		double h = 1e-6;
		double above[N], below[N];

		up.parameter[p] += h;
		down.parameter[p] -= h;
		adstock_series(&up, input, N, above, NULL, unit_env());
		adstock_series(&down, input, N, below, NULL, unit_env());
		for (int t = 0; t < N; t++)
			above[t] = (above[t] - below[t]) / (2 * h);
		ok(worst(d[p], above) < 1e-6, "%s: slope along %s (off by %g)", name,
		   adstock_parameter_name(adstock->kind, p), worst(d[p], above));
	}
}

static void
check(Adstock adstock)
{
	double y[N], again[N], d0[N], d1[N];
	double *d[2] = {d0, d1};
	char name[100];

	snprintf(name, sizeof(name), "%s(%g, %g) max_lag %d%s", adstock_name(adstock.kind), adstock.parameter[0],
			 adstock.parameter[1], adstock.max_lag, adstock.normalized ? " normalized" : "");
	adstock_series(&adstock, input, N, y, NULL, unit_env());
	adstock_series(&adstock, input, N, again, d, unit_env());
	ok(worst(again, y) < 1e-14, "%s: slopes change no digit but the last", name);
	check_stream(&adstock, y, name);
	if (adstock.max_lag >= 0)
		check_convolution(&adstock, y, name);
	check_slopes(&adstock, d, name);
}

int
main(void)
{
	static const int lags[] = {1, 3, 8, 40};

	fill();
	for (int normalized = 0; normalized < 2; normalized++)
	{
		check((Adstock){ADSTOCK_GEOMETRIC, ADSTOCK_ALL_HISTORY, normalized, {0.8, 0}});
		check((Adstock){ADSTOCK_NONE, 0, normalized, {0, 0}});
		for (int i = 0; i < 4; i++)
		{
			check((Adstock){ADSTOCK_GEOMETRIC, lags[i], normalized, {0.6, 0}});
			check((Adstock){ADSTOCK_GEOMETRIC, lags[i], normalized, {0.99, 0}});
			check((Adstock){ADSTOCK_DELAYED, lags[i], normalized, {0.7, 0.8}});
			check((Adstock){ADSTOCK_BINOMIAL, lags[i], normalized, {0.4, 0}});
			check((Adstock){ADSTOCK_WEIBULL_PDF, lags[i], normalized, {1.5, 2.5}});
			check((Adstock){ADSTOCK_WEIBULL_CDF, lags[i], normalized, {1.5, 2.5}});
		}
	}
	return done();
}
