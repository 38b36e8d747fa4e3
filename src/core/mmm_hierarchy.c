/*
 * Coefficients by geo. Partial pooling: log coefficient[g] ~ Normal(log common, geo_sd), so that every geo's effect is
 * positive and what the data of a geo do not tell is taken from the others (Gelman and Hill 2007; Sun, Wang, Jin,
 * Chan and Koehler 2017).
 *
 * What the sampler moves is chosen for its geometry. With a = log of the channel's total response at its transforms, in
 * units of what it was at a reference, M = log common + a is the size of the effect, which the data know far better
 * than a coefficient that any half-saturation may be exchanged for. A geo's number z lies between the geo's own effect
 * (centred, weight 1: good where the geo's data tell its effect) and its standardised deviation (0: good where they do
 * not), after Papaspiliopoulos, Roberts and Skold 2007:
 *
 *    z ~ Normal(w M, geo_sd^w),    log coefficient[g] = log common + geo_sd^(1 - w) (z - w M)
 */
#include <math.h>
#include <string.h>

#include "mmm_posterior.h"
#include "nnls.h"

#define LARGEST 1e100
#define LOG_2PI 1.8378770664093454836

/* Spread of a chain's first numbers about the common ones, in standard deviations of theirs. */
#define START_SPREAD 0.1

/* Between-geo deviation that the centring supposes. */
#define USUAL_SD 0.3

static int
cell_of(const MmmPosterior *p, int geo, int channel)
{
	return geo * p->model->data->channels + channel;
}

/* Log response over what it was at the reference; 0 for a channel that has none. */
static double
log_response(const MmmPosterior *p, int c)
{
	double response = p->returns[c].response;

	return response > 0 && p->hierarchy.reference[c] > 0 ? log(response / p->hierarchy.reference[c]) : 0;
}

void
mmm_hierarchy_init(MmmPosterior *p)
{
	const MmmModel *m = p->model;
	MmmHierarchy *h = &p->hierarchy;
	int channels = m->data->channels;
	size_t cells = (size_t) m->data->geos * channels;

	h->coordinate = CORE_ALLOC(p->env, int, channels);
	h->effect = CORE_ALLOC_ZERO(p->env, bool, channels);
	h->reference = CORE_ALLOC_ZERO(p->env, double, channels);
	h->along_response = CORE_ALLOC_ZERO(p->env, double, channels);
	h->level = CORE_ALLOC_ZERO(p->env, double, channels);
	h->centring = CORE_ALLOC_ZERO(p->env, double, cells);
	h->gain = CORE_ALLOC_ZERO(p->env, double, cells);
	h->deviation = CORE_ALLOC_ZERO(p->env, double, cells);
	for (int k = 0; k < p->mapped; k++)
	{
		int c = p->coordinate[k].place - m->transforms;

		if (c < 0 || c >= channels)
			continue;
		h->coordinate[c] = k;
		h->effect[c] =
			!p->beliefs->roi[c] && p->coordinate[k].map.kind == LINE_LOG && p->coordinate[k].map.low == 0;
	}
}

/* Where the base is sampled, nothing else takes the geos' levels out. */
static void
remove_levels(const MmmPosterior *p, double *column)
{
	int n = p->model->train;

	for (int g = 0; g < p->model->data->geos; g++)
	{
		double *x = column + (size_t) g * n;
		double mean = 0;
		int seen = 0;

		for (int t = 0; t < n; t++)
		{
			if (!p->seen[(size_t) g * n + t])
				x[t] = 0;
			mean += x[t];
			seen += p->seen[(size_t) g * n + t];
		}
		for (int t = 0; t < n; t++)
			if (p->seen[(size_t) g * n + t])
				x[t] -= mean / seen;
	}
}

/*
 * How well each geo's data tell its effect, against how much geos are expected to differ: by the pooled least squares
 * fit at the reference transforms, with the base taken out.
 */
void
mmm_hierarchy_center(MmmPosterior *p)
{
	const MmmModel *m = p->model;
	MmmHierarchy *h = &p->hierarchy;
	int channels = m->data->channels;
	double *rest = CORE_ALLOC(p->env, double, p->rows *((size_t) channels + 1));
	double *gram = CORE_ALLOC(p->env, double, (size_t) channels *(channels + 1));
	double *b = gram + (size_t) channels * channels;
	double *y = rest + p->rows * channels;
	double noise = 0;

	for (int c = 0; c <= channels; c++)
	{
		core_check(p->env);
		mmm_gaussian_rest(&p->gaussian, c < channels ? p->columns + c * p->rows : p->y, rest + c * p->rows);
		remove_levels(p, rest + c * p->rows);
	}
	for (int c = 0; c < channels; c++)
	{
		for (int k = 0; k <= c; k++)
			gram[c * channels + k] = mmm_dot(rest + c * p->rows, rest + k * p->rows, p->rows);
		gram[c * channels + c] += 1e-9 * p->rows;
		b[c] = mmm_dot(rest + c * p->rows, y, p->rows);
	}
	if (!cholesky(channels, channels, gram))
		memset(b, 0, sizeof(double) * channels);
	else
		cholesky_solve(channels, channels, gram, b);
	for (size_t i = 0; i < p->rows; i++)
	{
		double r = y[i];

		for (int c = 0; c < channels; c++)
			r -= b[c] * rest[c * p->rows + i];
		noise += r * r / (double) p->observed;
	}
	for (int c = 0; c < channels; c++)
		for (int g = 0; g < m->data->geos; g++)
		{
			const double *s = rest + c * p->rows + (size_t) g * m->train;
			double told = b[c] > 0 ? b[c] * b[c] * mmm_dot(s, s, m->train) : 0;

			if (told > 0 && !p->beliefs->prior_only)
				h->centring[cell_of(p, g, c)] = told / (told + noise / (USUAL_SD * USUAL_SD));
		}
	core_free(p->env, rest);
	core_free(p->env, gram);
}

static double
place_channel(MmmPosterior *p, const double *q, int c)
{
	const MmmModel *m = p->model;
	MmmHierarchy *h = &p->hierarchy;
	double log_sd = log(p->parameters[m->geo_sd + c]);
	double log_common = log(p->parameters[m->transforms + c]);
	double log_density = 0;

	h->level[c] = log_common + log_response(p, c);
	for (int g = 0; g < m->data->geos; g++)
	{
		int cell = cell_of(p, g, c);
		double w = h->centring[cell];
		double deviation = q[p->mapped + cell] - w * h->level[c];
		double gain = exp((1 - w) * log_sd);
		double standard = gain * deviation / p->parameters[m->geo_sd + c];

		h->deviation[cell] = deviation;
		h->gain[cell] = gain;
		p->parameters[m->by_geo + cell] = exp(log_common + gain * deviation);
		log_density -= (LOG_2PI + standard * standard) / 2 + w * log_sd;
		if (!(p->parameters[m->by_geo + cell] <= LARGEST))
			return -INFINITY;
	}
	return log_density;
}

double
mmm_hierarchy_place(MmmPosterior *p, const double *q, double *gradient)
{
	const MmmModel *m = p->model;
	MmmHierarchy *h = &p->hierarchy;
	double log_density = 0;

	for (int c = 0; c < m->data->channels; c++)
	{
		int k = h->coordinate[c];
		MmmCoordinate *common = &p->coordinate[k];

		h->along_response[c] = 0;
		if (h->effect[c])
		{
			double u = q[k] - log_response(p, c);

			log_density +=
				prior_line_log_density(common->prior, &common->map, u, &common->value, &gradient[k]);
			common->dvalue = line_to_interval(&common->map, u).dx;
			p->parameters[common->place] = common->value;
			h->along_response[c] = -gradient[k];
		}
		if (!(p->parameters[m->transforms + c] > 0 && p->parameters[m->transforms + c] <= LARGEST) ||
			!(p->parameters[m->geo_sd + c] > 0))
			return -INFINITY;
		log_density += place_channel(p, q, c);
	}
	return log_density;
}

static void
along_channel(MmmPosterior *p, double *gradient, int c)
{
	const MmmModel *m = p->model;
	MmmHierarchy *h = &p->hierarchy;
	double sd = p->parameters[m->geo_sd + c];
	double *along_common = &p->along[m->transforms + c];
	double common = 0;
	double response = h->along_response[c];
	double log_sd = 0;

	for (int g = 0; g < m->data->geos; g++)
	{
		int cell = cell_of(p, g, c);
		double w = h->centring[cell];
		double gain = h->gain[cell];
		double deviation = h->deviation[cell];
		double precise = deviation * gain * gain / (sd * sd); /* over sd^2w */
		double slope = p->along[m->by_geo + cell] * p->parameters[m->by_geo + cell];

		gradient[p->mapped + cell] = slope * gain - precise;
		common += slope - w * (slope * gain - precise);
		response -= w * (slope * gain - precise);
		log_sd += slope * (1 - w) * gain * deviation + w * (precise * deviation - 1);
	}
	p->along[m->geo_sd + c] += log_sd / sd;
	*along_common += common / p->parameters[m->transforms + c];
	/* a common coefficient that stands for the effect falls as the response rises */
	if (h->effect[c])
		response -= *along_common * p->parameters[m->transforms + c];
	for (int k = 0; p->returns[c].response > 0 && k < m->per_channel; k++)
		p->along[c * m->per_channel + k] += response * p->returns[c].slope[k] / p->returns[c].response;
}

void
mmm_hierarchy_along(MmmPosterior *p, double *gradient)
{
	for (int c = 0; c < p->model->data->channels; c++)
		along_channel(p, gradient, c);
}

void
mmm_hierarchy_start(const MmmPosterior *p, RandomStream *stream, double *q)
{
	const MmmModel *m = p->model;
	const MmmHierarchy *h = &p->hierarchy;

	for (int c = 0; c < m->data->channels; c++)
	{
		const MmmCoordinate *common = &p->coordinate[h->coordinate[c]];
		double value = line_to_interval(&common->map, q[h->coordinate[c]]).x;
		double level = log(value);

		if (p->beliefs->roi[c])
			level += log(p->returns[c].rate / h->reference[c]);
		for (int g = 0; g < m->data->geos; g++)
		{
			double w = h->centring[cell_of(p, g, c)];

			q[p->mapped + cell_of(p, g, c)] =
				w * level + START_SPREAD * pow(USUAL_SD, w) * random_normal(stream);
		}
	}
}

void
mmm_unpooled_summary(const MmmModel *m, double *parameters)
{
	int geos = m->data->geos;

	for (int c = 0; c < m->data->channels; c++)
	{
		double mean = 0;
		double squares = 0;

		for (int g = 0; g < geos; g++)
			mean += log(mmm_coefficient(m, parameters, g, c)) / geos;
		for (int g = 0; g < geos; g++)
		{
			double difference = log(mmm_coefficient(m, parameters, g, c)) - mean;

			squares += difference * difference;
		}
		parameters[m->transforms + c] = exp(mean);
		parameters[m->geo_sd + c] = geos > 1 && isfinite(squares) ? sqrt(squares / (geos - 1)) : 0;
	}
}
