/*
 * The posterior set up: observations, exposure, the base's columns, and which numbers the sampler moves and where it
 * begins.
 */
#include <math.h>
#include <string.h>

#include "mmm_posterior.h"

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
	if (!mmm_transform_media(p))
		return;
	for (int c = 0; c < m->data->channels; c++)
	{
		mmm_sum_responses(p, c);
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
