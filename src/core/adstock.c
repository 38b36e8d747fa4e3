/*
 * A truncated geometric window could be slid by subtracting what leaves it, but the rounding of a great burst
 * would then stay behind as ghost spend. Instead the rows are cut into blocks as long as the window; a window
 * is the end of one block and the beginning of the next, whose decayed sums are both running sums. Nothing is
 * subtracted, and each row costs the same however long the window is (van Herk 1992, Gil and Werman 1993, who
 * did so for minima).
 */
#include "adstock.h"

#include <math.h>
#include <string.h>

static const struct
{
	const char *name;
	int parameters;
	const char *parameter[ADSTOCK_MAX_PARAMETERS];
} kinds[ADSTOCK_KINDS] = {
	[ADSTOCK_NONE] = {"none", 0, {NULL, NULL}},
	[ADSTOCK_GEOMETRIC] = {"geometric", 1, {"decay", NULL}},
	[ADSTOCK_DELAYED] = {"delayed", 2, {"decay", "peak"}},
	[ADSTOCK_BINOMIAL] = {"binomial", 1, {"decay", NULL}},
	[ADSTOCK_WEIBULL_PDF] = {"weibull_pdf", 2, {"shape", "scale"}},
	[ADSTOCK_WEIBULL_CDF] = {"weibull_cdf", 2, {"shape", "scale"}},
};

const char *
adstock_name(AdstockKind kind)
{
	return kinds[kind].name;
}

bool
adstock_by_name(const char *name, AdstockKind *kind)
{
	for (int k = 0; k < ADSTOCK_KINDS; k++)
		if (strcmp(name, kinds[k].name) == 0)
		{
			*kind = (AdstockKind) k;
			return true;
		}
	return false;
}

const char *
adstock_names(void)
{
	return "none, geometric, delayed, binomial, weibull_pdf, weibull_cdf";
}

int
adstock_parameters(AdstockKind kind)
{
	return kinds[kind].parameters;
}

const char *
adstock_parameter_name(AdstockKind kind, int parameter)
{
	return kinds[kind].parameter[parameter];
}

AdstockBounds
adstock_bounds(const Adstock *adstock, int parameter)
{
	switch (adstock->kind)
	{
		case ADSTOCK_GEOMETRIC:
			/* Over all history a decay of 1 would forget nothing for ever. */
			return (AdstockBounds){0, 1, false, adstock->max_lag == ADSTOCK_ALL_HISTORY};
		case ADSTOCK_DELAYED:
			return (AdstockBounds){0, parameter == 1 ? adstock->max_lag : 1, false, false};
		case ADSTOCK_BINOMIAL:
			return (AdstockBounds){0, 1, false, false};
		case ADSTOCK_WEIBULL_PDF:
		case ADSTOCK_WEIBULL_CDF:
			return (AdstockBounds){0, 1e6, true, false};
		case ADSTOCK_NONE:
			break;
	}
	return (AdstockBounds){0, 0, false, false};
}

bool
adstock_parameter_valid(const Adstock *adstock, int parameter)
{
	AdstockBounds b = adstock_bounds(adstock, parameter);
	double value = adstock->parameter[parameter];

	return (b.min_open ? value > b.min : value >= b.min) && (b.max_open ? value < b.max : value <= b.max);
}

/* Powers, with 0^0 = 1 and the slope of 0^l at 0. */
static void
geometric_weights(double decay, int n, double *w, double *d)
{
	for (int l = 0; l < n; l++)
	{
		w[l] = l == 0 ? 1 : w[l - 1] * decay;
		if (d)
			d[l] = l == 0 ? 0 : l * w[l - 1];
	}
}

/* a^((l - peak)^2) */
static void
delayed_weights(double decay, double peak, int n, double *w, double **d)
{
	for (int l = 0; l < n; l++)
	{
		double distance = l - peak;

		w[l] = pow(decay, distance * distance);
		if (d)
		{
			d[0][l] = distance * distance * w[l] / decay;
			d[1][l] = -2 * distance * log(decay) * w[l];
		}
	}
}

/* (1 - l/n)^(1/a - 1); at a = 0 its limit, no carry-over */
static void
binomial_weights(double decay, int n, double *w, double *d)
{
	for (int l = 0; l < n; l++)
	{
		double base = 1 - (double) l / n;

		w[l] = l == 0 ? 1 : decay > 0 ? pow(base, 1 / decay - 1) : 0;
		if (d)
			d[l] = w[l] > 0 ? -log(base) * w[l] / (decay * decay) : 0;
	}
}

/* ln of the density at t, and its slopes along shape and scale */
static double
weibull_log_density(double t, double shape, double scale, double *dshape, double *dscale)
{
	double u = log(t / scale);
	double p = exp(shape * u); /* (t/scale)^shape */

	*dshape = 1 / shape + u * (1 - p);
	*dscale = shape / scale * (p - 1);
	return log(shape / scale) + (shape - 1) * u - p;
}

/* Densities at t = 1..n, moved and stretched to [0, 1]; no carry-over where they are all the same (all nil). */
static void
weibull_pdf_weights(double shape, double scale, int n, double *w, double **d)
{
	int low = 0;
	int high = 0;
	double range, bottom, dshape, dscale;

	for (int l = 0; l < n; l++)
	{
		double t = l + 1;

		w[l] = shape / scale * pow(t / scale, shape - 1) * exp(-pow(t / scale, shape));
		if (d)
		{
			weibull_log_density(t, shape, scale, &dshape, &dscale);
			d[0][l] = w[l] > 0 ? w[l] * dshape : 0;
			d[1][l] = w[l] > 0 ? w[l] * dscale : 0;
		}
		if (w[l] < w[low])
			low = l;
		if (w[l] > w[high])
			high = l;
	}
	bottom = w[low];
	range = w[high] - bottom;
	for (int p = 0; d && p < 2; p++)
	{
		double dbottom = d[p][low];
		double drange = d[p][high] - dbottom;

		for (int l = 0; l < n; l++)
			d[p][l] = range > 0 ? (d[p][l] - dbottom - (w[l] - bottom) / range * drange) / range : 0;
	}
	for (int l = 0; l < n; l++)
		w[l] = range > 0 ? (w[l] - bottom) / range : l == 0;
}

/* 1, then the product of the survival at 1..l: e^-(1^k + ... + l^k)/scale^k */
static void
weibull_cdf_weights(double shape, double scale, int n, double *w, double **d)
{
	double dlog_shape = 0;
	double dlog_scale = 0;

	w[0] = 1;
	if (d)
		d[0][0] = d[1][0] = 0;
	for (int l = 1; l < n; l++)
	{
		double hazard = pow(l / scale, shape);

		w[l] = w[l - 1] * exp(-hazard);
		if (d)
		{
			dlog_shape -= hazard * log(l / scale);
			dlog_scale += hazard * shape / scale;
			d[0][l] = w[l] > 0 ? w[l] * dlog_shape : 0;
			d[1][l] = w[l] > 0 ? w[l] * dlog_scale : 0;
		}
	}
}

/* Divides by the sum. Weights that underflow together stay what they are. */
static void
normalize(int n, double *w, double **d, int parameters)
{
	double sum = 0;

	for (int l = 0; l < n; l++)
		sum += w[l];
	if (!(sum > 0))
		return;
	for (int p = 0; d && p < parameters; p++)
	{
		double dsum = 0;

		for (int l = 0; l < n; l++)
			dsum += d[p][l];
		for (int l = 0; l < n; l++)
			d[p][l] = (d[p][l] - w[l] / sum * dsum) / sum;
	}
	for (int l = 0; l < n; l++)
		w[l] /= sum;
}

void
adstock_weights(const Adstock *adstock, double *w, double *d[ADSTOCK_MAX_PARAMETERS])
{
	const double *parameter = adstock->parameter;
	int n = adstock->max_lag + 1;

	switch (adstock->kind)
	{
		case ADSTOCK_NONE:
			for (int l = 0; l < n; l++)
				w[l] = l == 0;
			return;
		case ADSTOCK_GEOMETRIC:
			geometric_weights(parameter[0], n, w, d ? d[0] : NULL);
			break;
		case ADSTOCK_DELAYED:
			delayed_weights(parameter[0], parameter[1], n, w, d);
			break;
		case ADSTOCK_BINOMIAL:
			binomial_weights(parameter[0], n, w, d ? d[0] : NULL);
			break;
		case ADSTOCK_WEIBULL_PDF:
			weibull_pdf_weights(parameter[0], parameter[1], n, w, d);
			break;
		case ADSTOCK_WEIBULL_CDF:
			weibull_cdf_weights(parameter[0], parameter[1], n, w, d);
			break;
	}
	if (adstock->normalized)
		normalize(n, w, d, kinds[adstock->kind].parameters);
}

size_t
adstock_stream_doubles(const Adstock *adstock)
{
	return adstock->max_lag == ADSTOCK_ALL_HISTORY ? 0 : 2 * ((size_t) adstock->max_lag + 1);
}

/* 1 / (1 + a + ... + a^L), or 1 - a */
static double
geometric_scale(const Adstock *adstock)
{
	double decay = adstock->parameter[0];
	double sum = 0;

	if (!adstock->normalized)
		return 1;
	if (adstock->max_lag == ADSTOCK_ALL_HISTORY)
		return 1 - decay;
	for (int l = adstock->max_lag; l >= 0; l--)
		sum = sum * decay + 1;
	return 1 / sum;
}

void
adstock_stream_begin(AdstockStream *stream, const Adstock *adstock, double *room)
{
	size_t n = adstock_stream_doubles(adstock) / 2;

	memset(stream, 0, sizeof(*stream));
	stream->adstock = adstock;
	stream->ring = room;
	if (n > 0)
		memset(room, 0, n * sizeof(double));
	if (adstock->kind == ADSTOCK_GEOMETRIC)
	{
		stream->scale = geometric_scale(adstock);
		stream->carry = adstock->parameter[0];
		stream->suffix = room + n;
		if (n > 0)
			memset(stream->suffix, 0, n * sizeof(double));
		return;
	}
	stream->weights = room + n;
	adstock_weights(adstock, stream->weights, NULL);
}

static double
geometric_push(AdstockStream *s, double x)
{
	double decay = s->adstock->parameter[0];
	int n = s->adstock->max_lag + 1;
	double y;

	s->sum = x + decay * s->sum;
	if (n == 0)
		return s->scale * s->sum;
	s->ring[s->place] = x;
	/* the place after this one in the block before is where the window begins */
	y = s->place + 1 < n ? s->sum + s->carry * s->suffix[s->place + 1] : s->sum;
	s->carry *= decay;
	if (++s->place == n)
	{
		double tail = 0;
		double power = 1;

		/* each place's input decayed to the block's end, summed from there */
		for (int i = n - 1; i >= 0; i--)
		{
			tail += power * s->ring[i];
			s->suffix[i] = tail;
			power *= decay;
		}
		s->place = 0;
		s->sum = 0;
		s->carry = decay;
	}
	return s->scale * y;
}

double
adstock_stream_push(AdstockStream *s, double x)
{
	int n = s->adstock->max_lag + 1;
	double y = 0;

	if (s->adstock->kind == ADSTOCK_GEOMETRIC)
		return geometric_push(s, x);
	s->ring[s->place] = x;
	for (int l = 0; l < n; l++)
	{
		int from = s->place - l;

		y += s->weights[l] * s->ring[from < 0 ? from + n : from];
	}
	if (++s->place == n)
		s->place = 0;
	return y;
}

#define CHECK_STEPS 1000000
#define FEW_LAGS 24

/* Rows that are added up side by side, for a single one would wait for each addition before the next. */
#define ABREAST 4

/* Written out, because compilers left alone go over the lags side by side. */
typedef double Pair __attribute__((vector_size(16), aligned(8), may_alias));

/* Room for a series with nothing before it as far as the window reaches, and something behind. */
#define PADDED(n, lags) ((n) + (size_t) (lags) + ABREAST)

static const double *
pad(const double *x, size_t n, int lags, double *room)
{
	memset(room, 0, sizeof(double) * lags);
	memcpy(room + lags, x, sizeof(double) * n);
	memset(room + lags + n, 0, sizeof(double) * ABREAST);
	return room + lags;
}

static inline void
store(double *to, size_t room, Pair a, Pair b)
{
	Pair both[2] = {a, b};

	memcpy(to, both, sizeof(double) * (room < ABREAST ? room : ABREAST));
}

/*
 * Sums over lags of w x and of v x (v may be NULL), in the order in which the stream adds. x is padded. Both at once,
 * because reading x costs as much as multiplying it.
 */
static void
convolve(const double *w, const double *v, int lags, const double *x, size_t n, double *y, double *z,
		 const CoreEnv *env)
{
	size_t steps = 0;

	for (size_t t = 0; t < n; t += ABREAST)
	{
		Pair a = {0}, b = {0}, c = {0}, d = {0};

		for (int l = 0; l < lags; l++)
		{
			const Pair *from = (const Pair *) (x + t - l);
			Pair first = from[0];
			Pair second = from[1];

			a += w[l] * first;
			b += w[l] * second;
			if (v)
			{
				c += v[l] * first;
				d += v[l] * second;
			}
		}
		store(y + t, n - t, a, b);
		if (v)
			store(z + t, n - t, c, d);
		steps += (size_t) lags * ABREAST;
		if (steps >= CHECK_STEPS)
		{
			core_check(env);
			steps = 0;
		}
	}
}

/* The slope of the recursion, by the recursion of the slope. */
static void
history_slope(const Adstock *adstock, const double *x, size_t n, double *d)
{
	double decay = adstock->parameter[0];
	double sum = 0;
	double slope = 0;

	for (size_t t = 0; t < n; t++)
	{
		slope = sum + decay * slope;
		sum = x[t] + decay * sum;
		d[t] = adstock->normalized ? (1 - decay) * slope - sum : slope;
	}
}

static void
geometric_series(const Adstock *adstock, const double *x, size_t n, double *y, const CoreEnv *env)
{
	double *room = CORE_ALLOC(env, double, adstock_stream_doubles(adstock));
	AdstockStream stream;

	adstock_stream_begin(&stream, adstock, room);
	for (size_t t = 0; t < n; t++)
	{
		if (t % CHECK_STEPS == CHECK_STEPS - 1)
			core_check(env);
		y[t] = geometric_push(&stream, x[t]);
	}
	core_free(env, room);
}

void
adstock_series(const Adstock *adstock, const double *x, size_t n, double *y,
			   double *d[ADSTOCK_MAX_PARAMETERS], const CoreEnv *env)
{
	int lags = adstock->max_lag + 1;
	double *w;
	double *dw[ADSTOCK_MAX_PARAMETERS];
	int slopes = d ? kinds[adstock->kind].parameters : 0;
	/* with slopes the weights are needed anyway, and few of them are added faster than the stream is run */
	bool streamed = adstock->kind == ADSTOCK_GEOMETRIC && (!d || lags == 0 || lags > FEW_LAGS);

	if (streamed)
	{
		geometric_series(adstock, x, n, y, env);
		if (d && adstock->max_lag == ADSTOCK_ALL_HISTORY)
			history_slope(adstock, x, n, d[0]);
		if (!d || adstock->max_lag == ADSTOCK_ALL_HISTORY)
			return;
	}
	w = CORE_ALLOC(env, double, (size_t) lags *(1 + ADSTOCK_MAX_PARAMETERS) + PADDED(n, lags));
	dw[0] = w + lags;
	dw[1] = dw[0] + lags;
	x = pad(x, n, lags, dw[1] + lags);
	adstock_weights(adstock, w, d ? dw : NULL);
	if (!streamed)
		convolve(w, slopes > 0 ? dw[0] : NULL, lags, x, n, y, slopes > 0 ? d[0] : NULL, env);
	for (int p = streamed ? 0 : 1; p < slopes; p++)
		convolve(dw[p], NULL, lags, x, n, d[p], NULL, env);
	core_free(env, w);
}
