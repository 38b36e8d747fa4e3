/*
 * Coefficients by geo. Partial pooling: log coefficient[g] ~ Normal(log common, geo_sd), so that every geo's effect is
 * positive and what the data of a geo do not tell is taken from the others (Gelman and Hill 2007; Sun, Wang, Jin,
 * Chan and Koehler 2017).
 *
 * What the sampler moves is chosen for its geometry. M = log common + a is the size of the effect (mmm_effect.c). A
 * geo's number z lies between the geo's own effect (centred, weight 1: good where the geo's data tell its effect) and
 * its standardised deviation (0: good where they do not), after Papaspiliopoulos, Roberts and Skold 2007:
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

/* Between geos, as chains begin, and what the centring may suppose. */
#define USUAL_SD 0.3
#define MOST_PILOT_SD 1

static int
cell_of(const MmmPosterior *p, int geo, int channel)
{
	return geo * p->model->data->channels + channel;
}

void
mmm_hierarchy_init(MmmPosterior *p)
{
	const MmmModel *m = p->model;
	MmmHierarchy *h = &p->hierarchy;
	int channels = m->data->channels;
	size_t cells = (size_t) m->data->geos * channels;

	h->along_roi = CORE_ALLOC_ZERO(p->env, double, channels);
	h->response = CORE_ALLOC_ZERO(p->env, double, cells);
	h->slope = CORE_ALLOC_ZERO(p->env, double, cells *MMM_MAX_TRANSFORMS);
	h->level = CORE_ALLOC_ZERO(p->env, double, channels);
	h->centring = CORE_ALLOC_ZERO(p->env, double, cells);
	h->gain = CORE_ALLOC_ZERO(p->env, double, cells);
	h->deviation = CORE_ALLOC_ZERO(p->env, double, cells);
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

/* Least squares at the reference transforms, with the base taken out, one coefficient for all geos. */
typedef struct Pilot
{
	double *rest; /* [channel][rows] of the columns */
	double *residual;
	double *b;	   /* [channel] */
	double *apart; /* [cell] by how much a geo's own coefficient would differ */
	double *told;  /* [cell] squared length of a geo's column */
	double noise;  /* variance of what is left with the geos' own coefficients */
} Pilot;

static void
fit_pilot(MmmPosterior *p, Pilot *f)
{
	int channels = p->model->data->channels;
	double *gram = CORE_ALLOC(p->env, double, (size_t) channels *channels);

	for (int c = 0; c <= channels; c++)
	{
		double *rest = c < channels ? f->rest + c * p->rows : f->residual;

		core_check(p->env);
		mmm_gaussian_rest(&p->gaussian, c < channels ? p->columns + c * p->rows : p->y, rest);
		remove_levels(p, rest);
	}
	for (int c = 0; c < channels; c++)
	{
		for (int k = 0; k <= c; k++)
			gram[c * channels + k] = mmm_dot(f->rest + c * p->rows, f->rest + k * p->rows, p->rows);
		gram[c * channels + c] += 1e-9 * p->rows;
		f->b[c] = mmm_dot(f->rest + c * p->rows, f->residual, p->rows);
	}
	if (!cholesky(channels, channels, gram))
		memset(f->b, 0, sizeof(double) * channels);
	else
		cholesky_solve(channels, channels, gram, f->b);
	for (int c = 0; c < channels; c++)
		for (size_t i = 0; i < p->rows; i++)
			f->residual[i] -= f->b[c] * f->rest[c * p->rows + i];
	core_free(p->env, gram);
}

static void
part_geos(MmmPosterior *p, Pilot *f)
{
	const MmmModel *m = p->model;
	double squares = mmm_dot(f->residual, f->residual, p->rows);
	double freedom = (double) p->observed - m->base;

	for (int g = 0; g < m->data->geos; g++)
		for (int c = 0; c < m->data->channels; c++)
		{
			size_t at = (size_t) g * m->train;
			const double *s = f->rest + c * p->rows + at;
			int cell = cell_of(p, g, c);

			f->told[cell] = mmm_dot(s, s, m->train);
			f->apart[cell] = f->told[cell] > 0 ? mmm_dot(s, f->residual + at, m->train) / f->told[cell] : 0;
			squares -= f->apart[cell] * f->apart[cell] * f->told[cell];
			freedom--;
		}
	f->noise = squares > 0 && freedom > p->observed / 4.0
				   ? squares / freedom
				   : mmm_dot(f->residual, f->residual, p->rows) / (double) p->observed;
}

/*
 * Deviation of log coefficients between geos, by moments: how far they lie apart less what noise makes of it, and less
 * three standard errors of that. It had better be too small: where the deviation may be 0, what is centred on it ends in
 * a funnel that no step size suits.
 */
static double
pilot_deviation(const MmmPosterior *p, const Pilot *f, int c)
{
	double geos = p->model->data->geos;
	double excess = -geos - 3 * sqrt(2 * geos);
	double weights = 0;

	for (int g = 0; g < p->model->data->geos; g++)
	{
		int cell = cell_of(p, g, c);

		excess += f->told[cell] * f->apart[cell] * f->apart[cell] / f->noise;
		weights += f->told[cell];
	}
	if (!(weights > 0 && f->b[c] > 0 && excess > 0))
		return 0;
	return fmin(MOST_PILOT_SD, sqrt(excess * f->noise / weights) / f->b[c]);
}

/* How well each geo's data tell its effect, against how far geos seem to lie apart. */
void
mmm_hierarchy_center(MmmPosterior *p)
{
	const MmmModel *m = p->model;
	int channels = m->data->channels;
	size_t cells = (size_t) m->data->geos * channels;
	Pilot f;

	if (p->beliefs->prior_only)
		return;
	f.rest = CORE_ALLOC(p->env, double, p->rows *((size_t) channels + 1) + channels + 2 * cells);
	f.residual = f.rest + p->rows * channels;
	f.b = f.residual + p->rows;
	f.apart = f.b + channels;
	f.told = f.apart + cells;
	fit_pilot(p, &f);
	part_geos(p, &f);
	for (int c = 0; c < channels; c++)
	{
		double sd = pilot_deviation(p, &f, c);

		for (int g = 0; f.b[c] > 0 && g < m->data->geos; g++)
		{
			int cell = cell_of(p, g, c);
			double own = fmax(f.b[c] + f.apart[cell], f.b[c] / 10);
			double told = f.told[cell] * own * own * sd * sd;

			if (told > 0)
				p->hierarchy.centring[cell] = told / (told + f.noise);
		}
	}
	core_free(p->env, f.rest);
}

static double
place_channel(MmmPosterior *p, const double *q, int c)
{
	const MmmModel *m = p->model;
	MmmHierarchy *h = &p->hierarchy;
	double log_sd = log(p->parameters[m->geo_sd + c]);
	double log_common = log(p->parameters[m->transforms + c]);
	double log_density = 0;

	h->level[c] = log_common + mmm_log_response(p, c);
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

static double
total_contribution(const MmmPosterior *p, int c)
{
	double sum = 0;

	for (int g = 0; g < p->model->data->geos; g++)
		sum += p->parameters[p->model->by_geo + cell_of(p, g, c)] * p->hierarchy.response[cell_of(p, g, c)];
	return sum;
}

/*
 * ROI of all geos is that of the common coefficient times an average of how geos deviate: given the deviations its
 * logarithm moves with that of the common coefficient, so its prior needs no more of a Jacobian than that has.
 */
static double
place_roi(MmmPosterior *p, int c)
{
	const MmmCoordinate *common = &p->coordinate[p->effects.coordinate[c]];
	double u = log(total_contribution(p, c) / p->returns[c].rate);
	double roi;

	return prior_line_log_density(common->prior, &common->map, u, &roi, &p->hierarchy.along_roi[c]);
}

static void
along_roi(MmmPosterior *p, int c)
{
	const MmmModel *m = p->model;
	const MmmHierarchy *h = &p->hierarchy;
	double per_total = h->along_roi[c] / total_contribution(p, c);

	for (int g = 0; g < m->data->geos; g++)
	{
		int cell = cell_of(p, g, c);

		p->along[m->by_geo + cell] += per_total * h->response[cell];
		for (int k = 0; k < m->per_channel; k++)
			p->along[c * m->per_channel + k] +=
				per_total * p->parameters[m->by_geo + cell] * h->slope[cell * MMM_MAX_TRANSFORMS + k];
	}
}

double
mmm_hierarchy_place(MmmPosterior *p, const double *q)
{
	const MmmModel *m = p->model;
	double log_density = 0;

	for (int c = 0; c < m->data->channels; c++)
	{
		if (!(p->parameters[m->transforms + c] > 0 && p->parameters[m->transforms + c] <= LARGEST) ||
			!(p->parameters[m->geo_sd + c] > 0))
			return -INFINITY;
		log_density += place_channel(p, q, c);
		if (p->beliefs->roi[c])
			log_density += place_roi(p, c);
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
	double response = 0;
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
	p->effects.along_response[c] += response;
}

void
mmm_hierarchy_along(MmmPosterior *p, double *gradient)
{
	for (int c = 0; c < p->model->data->channels; c++)
	{
		if (p->beliefs->roi[c])
			along_roi(p, c);
		along_channel(p, gradient, c);
	}
}

void
mmm_hierarchy_start(const MmmPosterior *p, RandomStream *stream, double *q)
{
	const MmmModel *m = p->model;
	const MmmHierarchy *h = &p->hierarchy;

	for (int c = 0; c < m->data->channels; c++)
	{
		const MmmCoordinate *common = &p->coordinate[p->effects.coordinate[c]];
		double value = line_to_interval(&common->map, q[p->effects.coordinate[c]]).x;
		double level = log(value);

		if (p->beliefs->roi[c])
			level += log(p->returns[c].rate / p->effects.reference[c]);
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
