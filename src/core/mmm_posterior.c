#include "mmm_posterior.h"

#include <math.h>
#include <string.h>

/* Beyond this a parameter is as good as infinite. */
#define LARGEST 1e100

/* Setting up */

static void
collect_kpi(MmmPosterior *p)
{
	const MmmModel *m = p->model;

	p->seen = CORE_ALLOC_ZERO(p->env, bool, p->rows);
	p->y = CORE_ALLOC_ZERO(p->env, double, p->rows);
	p->observed = 0;
	for (int g = 0; g < m->data->geos; g++)
		for (int t = 0; t < m->train; t++)
		{
			double kpi = m->data->kpi[(size_t) g * m->data->periods + t];
			size_t i = (size_t) g * m->train + t;

			if (isnan(kpi))
				continue;
			p->seen[i] = true;
			p->y[i] = kpi / mmm_kpi_unit(m, g);
			p->observed++;
		}
}

static void
collect_exposure(MmmPosterior *p)
{
	const MmmModel *m = p->model;
	double *whole = CORE_ALLOC(p->env, double, m->data->periods);

	p->x = CORE_ALLOC(p->env, double, p->rows * m->data->channels);
	for (int c = 0; c < m->data->channels; c++)
		for (int g = 0; g < m->data->geos; g++)
		{
			mmm_scaled_exposure(m, m->data, g, c, whole);
			memcpy(p->x + c * p->rows + (size_t) g * m->train, whole, sizeof(double) * m->train);
		}
	core_free(p->env, whole);
}

static void
fill_base_column(const MmmPosterior *p, int j, double *column)
{
	const MmmModel *m = p->model;

	for (int g = 0; g < m->data->geos; g++)
		for (int t = 0; t < m->train; t++)
		{
			size_t i = (size_t) g * m->train + t;

			column[i] = p->seen[i] ? mmm_base_column(m, m->data, j, g, t, t) : 0;
		}
}

/* Normal priors under a Normal likelihood are integrated out, all other base terms are sampled. */
static void
set_up_base(MmmPosterior *p)
{
	const MmmModel *m = p->model;
	const Prior *prior = p->beliefs->prior + m->transforms + m->media;
	double *mean = CORE_ALLOC(p->env, double, m->base);
	double *sd = CORE_ALLOC(p->env, double, m->base);
	double *columns;
	int n = 0;

	p->integrated = CORE_ALLOC(p->env, int, m->base);
	p->sampled = CORE_ALLOC(p->env, int, m->base);
	p->nsampled = 0;
	for (int j = 0; j < m->base; j++)
		if (m->spec.likelihood == MMM_NORMAL && prior[j].kind == PRIOR_NORMAL)
		{
			mean[n] = prior[j].argument[0];
			sd[n] = prior[j].argument[1];
			p->integrated[n++] = m->transforms + m->media + j;
		}
		else
			p->sampled[p->nsampled++] = j;
	columns = CORE_ALLOC(p->env, double, p->rows *n);
	for (int k = 0; k < n; k++)
	{
		fill_base_column(p, p->integrated[k] - m->transforms - m->media, columns + k * p->rows);
		for (size_t i = 0; i < p->rows; i++)
			p->y[i] -= mean[k] * columns[k * p->rows + i];
	}
	p->base = CORE_ALLOC(p->env, double, p->rows * p->nsampled);
	for (int k = 0; k < p->nsampled; k++)
		fill_base_column(p, p->sampled[k], p->base + k * p->rows);
	mmm_gaussian_init(&p->gaussian, columns, m->data->geos, m->train, p->seen, n, mean, sd, p->env);
	p->scratch = CORE_ALLOC(p->env, double, n);
	core_free(p->env, mean);
	core_free(p->env, sd);
}

static void
add_coordinate(MmmPosterior *p, int place, int prior_of, int roi)
{
	MmmCoordinate *c = &p->coordinate[p->dim++];

	*c = (MmmCoordinate){.place = place, .roi = roi, .prior = &p->beliefs->prior[prior_of]};
	c->map = prior_line_map(c->prior);
}

static void
lay_out_coordinates(MmmPosterior *p)
{
	const MmmModel *m = p->model;
	int cells = m->data->geos * m->data->channels;

	p->coordinate = CORE_ALLOC(p->env, MmmCoordinate, m->parameters);
	p->dim = 0;
	for (int k = 0; k < m->transforms; k++)
		add_coordinate(p, k, k, -1);
	for (int k = 0; k < m->media; k++)
		if (m->by_geo < 0 || p->pooled || k >= m->data->channels)
			add_coordinate(p, m->transforms + k, m->transforms + k,
						   k < m->data->channels && p->beliefs->roi[k] ? k : -1);
	for (int k = 0; p->pooled && k < m->data->channels; k++)
		add_coordinate(p, m->geo_sd + k, m->geo_sd + k, -1);
	for (int k = 0; m->by_geo >= 0 && !p->pooled && k < cells; k++)
		add_coordinate(p, m->by_geo + k, m->transforms + k % m->data->channels, -1);
	for (int k = 0; k < p->nsampled; k++)
		add_coordinate(p, m->transforms + m->media + p->sampled[k], m->transforms + m->media + p->sampled[k],
					   -1);
	add_coordinate(p, m->sigma, m->sigma, -1);
	if (m->nu >= 0 && isnan(p->beliefs->fixed_nu))
		add_coordinate(p, m->nu, m->nu, -1);
	p->mapped = p->dim;
	if (p->pooled)
		p->dim += cells;
}

/* Evaluating */

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

/* Columns of the channels and interactions, and the channels' slopes. */
static bool
transform_media(MmmPosterior *p)
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

static void
sum_responses(MmmPosterior *p, int c)
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
			sum_responses(p, c);
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

/* At the middle of the transforms' priors. */
static void
set_up_effects(MmmPosterior *p)
{
	const MmmModel *m = p->model;

	mmm_effects_init(p);
	if (p->pooled)
		mmm_hierarchy_init(p);
	for (int k = 0; k < m->transforms; k++)
		p->parameters[k] = prior_quantile(&p->beliefs->prior[k], 0.5);
	if (!transform_media(p))
		return;
	for (int c = 0; c < m->data->channels; c++)
	{
		sum_responses(p, c);
		p->effects.reference[c] = p->returns[c].response;
	}
	if (p->pooled)
		mmm_hierarchy_center(p);
}

MmmPosteriorFault
mmm_posterior_init(MmmPosterior *p, const MmmModel *model, const MmmBeliefs *beliefs, const CoreEnv *env,
				   int *channel)
{
	size_t widest = (size_t) model->train * (3 + 2 * MMM_MAX_TRANSFORMS);

	memset(p, 0, sizeof(*p));
	p->model = model;
	p->beliefs = beliefs;
	p->env = env;
	p->rows = (size_t) model->data->geos * model->train;
	p->pooled = model->by_geo >= 0 && !beliefs->unpooled;
	collect_kpi(p);
	collect_exposure(p);
	set_up_base(p);
	lay_out_coordinates(p);
	p->scratch_gradient = CORE_ALLOC(env, double, p->dim);
	p->columns = CORE_ALLOC_ZERO(env, double, p->rows * model->media);
	p->slopes = CORE_ALLOC_ZERO(env, double, p->rows * model->transforms);
	p->residual = CORE_ALLOC_ZERO(env, double, p->rows);
	p->weighted = CORE_ALLOC_ZERO(env, double, p->rows);
	p->series = CORE_ALLOC_ZERO(env, double, widest > p->rows ? widest : p->rows);
	p->parameters = CORE_ALLOC_ZERO(env, double, model->parameters);
	p->along = CORE_ALLOC_ZERO(env, double, model->parameters);
	p->returns = CORE_ALLOC_ZERO(env, MmmReturn, model->data->channels);
	for (int c = 0; c < model->data->channels; c++)
	{
		double most = 0;

		for (size_t i = 0; i < p->rows; i++)
			most = fmax(most, p->x[c * p->rows + i]);
		p->returns[c].rate = mmm_spend_of_training(model, c) / beliefs->kpi_value;
		*channel = c;
		if (beliefs->roi[c] && !(p->returns[c].rate > 0 && most > 0))
			return MMM_POSTERIOR_NO_SPEND;
	}
	set_up_effects(p);
	return MMM_POSTERIOR_FINE;
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
	if (!transform_media(p) || !imply_coefficients(p))
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

/* The middle of the priors: their tails are long, and chains that begin there take long to come back. */
void
mmm_posterior_start(const MmmPosterior *p, RandomStream *stream, double *q)
{
	for (int k = 0; k < p->mapped; k++)
	{
		const MmmCoordinate *c = &p->coordinate[k];

		q[k] = line_from_interval(&c->map, prior_quantile(c->prior, 0.1 + 0.8 * random_uniform(stream)));
	}
	if (p->pooled)
		mmm_hierarchy_start(p, stream, q);
}
