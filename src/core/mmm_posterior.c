/*
 * The posterior evaluated: from the sampler's numbers to parameters, predictions and the log density, and back along
 * the same way for its gradient.
 */
#include "mmm_posterior.h"

#include <math.h>
#include <string.h>

/* Beyond this a parameter is as good as infinite. */
#define LARGEST 1e100

static bool
is_effect(const MmmPosterior *p, const MmmCoordinate *c)
{
	int channel = c->place - p->model->transforms;

	return channel >= 0 && channel < p->model->data->channels && p->effects.is_effect[channel];
}

/* From q to parameters; returns the log prior with its Jacobian, and fills gradient with its slopes. */
static double
place_coordinates(MmmPosterior *p, const double *q, double *gradient)
{
	double log_prior = 0;

	for (int k = 0; k < p->mapped; k++)
	{
		MmmCoordinate *c = &p->coordinate[k];

		/* these wait for the transforms */
		if (is_effect(p, c))
			continue;
		if (p->pooled && c->roi >= 0)
		{
			/* the prior is of what all geos return together */
			LinePoint point = line_to_interval(&c->map, q[k]);

			c->value = point.x;
			gradient[k] = 0;
		}
		else
			log_prior += prior_line_log_density(c->prior, &c->map, q[k], &c->value, &gradient[k]);
		c->dvalue = line_to_interval(&c->map, q[k]).dx;
		if (!(fabs(c->value) <= LARGEST))
			return -INFINITY;
		p->parameters[c->place] = c->value;
	}
	if (p->model->nu >= 0 && !isnan(p->beliefs->fixed_nu))
		p->parameters[p->model->nu] = p->beliefs->fixed_nu;
	if (!(p->parameters[p->model->sigma] > 0))
		return -INFINITY;
	return log_prior;
}

static bool
transforms_valid(const MmmModel *m, const double *transforms)
{
	Adstock adstock = mmm_adstock(m, transforms);

	for (int k = 0; k < m->per_channel; k++)
		if (k < adstock_parameters(adstock.kind) ? !adstock_parameter_valid(&adstock, k)
												 : !(transforms[k] > 0))
			return false;
	return true;
}

bool
mmm_transform_media(MmmPosterior *p)
{
	const MmmModel *m = p->model;

	for (int c = 0; c < m->data->channels; c++)
	{
		const double *transforms = p->parameters + c * m->per_channel;

		if (!transforms_valid(m, transforms))
			return false;
		for (int g = 0; g < m->data->geos; g++)
		{
			size_t at = (size_t) g * m->train;
			double *d[MMM_MAX_TRANSFORMS];

			for (int k = 0; k < m->per_channel; k++)
				d[k] = p->slopes + (c * m->per_channel + k) * p->rows + at;
			mmm_transform(m, transforms, p->x + c * p->rows + at, m->train, p->columns + c * p->rows + at, d,
						  p->env);
		}
	}
	for (int i = 0; i < m->spec.interactions; i++)
	{
		const double *a = p->columns + m->spec.interaction[i][0] * p->rows;
		const double *b = p->columns + m->spec.interaction[i][1] * p->rows;
		double *product = p->columns + (m->data->channels + i) * p->rows;

		for (size_t r = 0; r < p->rows; r++)
			product[r] = a[r] * b[r];
	}
	return true;
}

void
mmm_sum_responses(MmmPosterior *p, int c)
{
	const MmmModel *m = p->model;
	MmmReturn *r = &p->returns[c];

	r->response = 0;
	memset(r->slope, 0, sizeof(r->slope));
	for (int g = 0; g < m->data->geos; g++)
	{
		double unit = mmm_kpi_unit(m, g);
		size_t at = (size_t) g * m->train;

		double response = unit * mmm_sum(p->columns + c * p->rows + at, m->train);
		int cell = g * m->data->channels + c;

		r->response += response;
		if (p->pooled)
			p->hierarchy.response[cell] = response;
		for (int k = 0; k < m->per_channel; k++)
		{
			double slope = unit * mmm_sum(p->slopes + (c * m->per_channel + k) * p->rows + at, m->train);

			r->slope[k] += slope;
			if (p->pooled)
				p->hierarchy.slope[cell * MMM_MAX_TRANSFORMS + k] = slope;
		}
	}
}

/* ROI = coefficient * response / rate, where response is what the training's columns sum to in units of the KPI. */
static bool
imply_coefficients(MmmPosterior *p)
{
	const MmmModel *m = p->model;

	for (int c = 0; c < m->data->channels; c++)
	{
		MmmReturn *r = &p->returns[c];
		double *coefficient = &p->parameters[m->transforms + c];

		if (p->beliefs->roi[c] || p->effects.is_effect[c] || p->pooled)
			mmm_sum_responses(p, c);
		if (!p->beliefs->roi[c])
			continue;
		*coefficient *= r->rate / r->response;
		if (!(fabs(*coefficient) <= LARGEST))
			return false;
	}
	return true;
}

static void
compute_residual(MmmPosterior *p)
{
	const MmmModel *m = p->model;

	memcpy(p->residual, p->y, sizeof(double) * p->rows);
	for (int j = 0; j < m->media; j++)
		for (int g = 0; g < m->data->geos; g++)
		{
			double coefficient = mmm_coefficient(m, p->parameters, g, j);
			const double *column = p->columns + j * p->rows + (size_t) g * m->train;
			double *r = p->residual + (size_t) g * m->train;

			for (int t = 0; t < m->train; t++)
				r[t] -= coefficient * column[t];
		}
	for (int k = 0; k < p->nsampled; k++)
	{
		double coefficient = p->parameters[m->transforms + m->media + p->sampled[k]];
		const double *column = p->base + k * p->rows;

		for (size_t i = 0; i < p->rows; i++)
			p->residual[i] -= coefficient * column[i];
	}
	for (size_t i = 0; p->observed < p->rows && i < p->rows; i++)
		if (!p->seen[i])
			p->residual[i] = 0;
}

/* Slopes along the transform parameters of a channel whose column moves the prediction by w times its own move. */
static void
along_transforms(MmmPosterior *p, int c, int geo, double coefficient, const double *w)
{
	const MmmModel *m = p->model;

	for (int k = 0; k < m->per_channel; k++)
	{
		int place = c * m->per_channel + k;

		p->along[place] +=
			coefficient * mmm_dot(w, p->slopes + place * p->rows + (size_t) geo * m->train, m->train);
	}
}

static void
along_media(MmmPosterior *p)
{
	const MmmModel *m = p->model;
	int channels = m->data->channels;

	for (int g = 0; g < m->data->geos; g++)
	{
		const double *w = p->weighted + (size_t) g * m->train;

		for (int j = 0; j < m->media; j++)
			mmm_along_coefficient(p, g, j,
								  mmm_dot(w, p->columns + j * p->rows + (size_t) g * m->train, m->train));
		for (int c = 0; c < channels; c++)
			along_transforms(p, c, g, mmm_coefficient(m, p->parameters, g, c), w);
		for (int i = 0; i < m->spec.interactions; i++)
			for (int side = 0; side < 2; side++)
			{
				int c = m->spec.interaction[i][side];
				const double *other =
					p->columns + m->spec.interaction[i][1 - side] * p->rows + (size_t) g * m->train;

				for (int t = 0; t < m->train; t++)
					p->series[t] = w[t] * other[t];
				along_transforms(p, c, g, mmm_coefficient(m, p->parameters, g, channels + i), p->series);
			}
	}
	for (int k = 0; k < p->nsampled; k++)
		p->along[m->transforms + m->media + p->sampled[k]] =
			mmm_dot(p->weighted, p->base + k * p->rows, p->rows);
}

/* From slopes along coefficients to those along ROI, which the transforms also move. */
static void
along_returns(MmmPosterior *p)
{
	const MmmModel *m = p->model;

	for (int c = 0; c < m->data->channels; c++)
	{
		const MmmReturn *r = &p->returns[c];
		double slope = p->along[m->transforms + c];

		if (!p->beliefs->roi[c])
			continue;
		for (int k = 0; k < m->per_channel; k++)
			p->along[c * m->per_channel + k] -=
				slope * p->parameters[m->transforms + c] * r->slope[k] / r->response;
		p->along[m->transforms + c] = slope * r->rate / r->response;
	}
}

double
mmm_posterior_log_density(void *state, const double *q, double *gradient)
{
	MmmPosterior *p = state;
	const MmmModel *m = p->model;
	double log_density = place_coordinates(p, q, gradient);

	p->evaluations++;
	if (!isfinite(log_density))
		return log_density;
	core_check(p->env);
	if (!mmm_transform_media(p) || !imply_coefficients(p))
		return -INFINITY;
	log_density += mmm_effects_place(p, q, gradient);
	if (p->pooled && isfinite(log_density))
		log_density += mmm_hierarchy_place(p, q);
	if (!isfinite(log_density))
		return log_density;
	memset(p->along, 0, sizeof(double) * m->parameters);
	if (!p->beliefs->prior_only)
	{
		compute_residual(p);
		log_density += mmm_likelihood(p);
		along_media(p);
		if (p->beliefs->lifts > 0)
			log_density += mmm_lift_likelihood(p);
	}
	if (p->pooled)
		mmm_hierarchy_along(p, gradient);
	mmm_effects_along(p);
	along_returns(p);
	for (int k = 0; k < p->mapped; k++)
	{
		const MmmCoordinate *c = &p->coordinate[k];
		double slope = p->along[c->place];

		/* slopes along a logarithm are per share of the parameter */
		if (c->place < m->transforms && mmm_transform_is_log(m, c->place % m->per_channel))
			slope /= c->value;
		gradient[k] += slope * c->dvalue;
		if (!isfinite(gradient[k]))
			return -INFINITY;
	}
	return log_density;
}

void
mmm_posterior_parameters(MmmPosterior *p, const double *q, RandomStream *stream, double *parameters)
{
	double *b = p->along; /* free between evaluations */

	/* coefficients implied by ROI, and the residual that the base is drawn by */
	mmm_posterior_log_density(p, q, p->scratch_gradient);
	memcpy(parameters, p->parameters, sizeof(double) * p->model->parameters);
	if (p->beliefs->prior_only)
		mmm_gaussian_draw_prior(&p->gaussian, stream, b);
	else
		mmm_gaussian_draw(&p->gaussian, p->parameters[p->model->sigma], stream, p->scratch, b);
	for (int k = 0; k < p->gaussian.terms; k++)
		parameters[p->integrated[k]] = b[k];
	if (p->model->by_geo >= 0 && !p->pooled)
		mmm_unpooled_summary(p->model, parameters);
}
