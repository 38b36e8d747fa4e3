/*
 * The coordinate of a channel's coefficient. The data know the size of a channel's effect far better than a
 * coefficient that any half-saturation may be exchanged for, so what the sampler moves is log coefficient + a, where
 * a is the log of the channel's total response at its transforms, in units of what it was at a reference. The map has
 * Jacobian 1: a depends on the transforms alone.
 */
#include <math.h>

#include "mmm_posterior.h"

#define LARGEST 1e100

/* Log response over what it was at the reference; 0 for a channel that has none. */
double
mmm_log_response(const MmmPosterior *p, int c)
{
	double response = p->returns[c].response;

	return response > 0 && p->effects.reference[c] > 0 ? log(response / p->effects.reference[c]) : 0;
}

void
mmm_effects_init(MmmPosterior *p)
{
	MmmEffects *e = &p->effects;
	int channels = p->model->data->channels;

	e->coordinate = CORE_ALLOC(p->env, int, channels);
	e->is_effect = CORE_ALLOC_ZERO(p->env, bool, channels);
	e->reference = CORE_ALLOC_ZERO(p->env, double, channels);
	e->along_response = CORE_ALLOC_ZERO(p->env, double, channels);
	for (int c = 0; c < channels; c++)
		e->coordinate[c] = -1;
	for (int k = 0; k < p->mapped; k++)
	{
		const MmmCoordinate *coordinate = &p->coordinate[k];
		int c = coordinate->place - p->model->transforms;

		if (c < 0 || c >= channels)
			continue;
		e->coordinate[c] = k;
		/* a prior on ROI says the same by itself */
		e->is_effect[c] = !p->beliefs->roi[c] && coordinate->map.kind == LINE_LOG && coordinate->map.low == 0;
	}
}

double
mmm_effects_place(MmmPosterior *p, const double *q, double *gradient)
{
	MmmEffects *e = &p->effects;
	double log_density = 0;

	for (int c = 0; c < p->model->data->channels; c++)
	{
		MmmCoordinate *coordinate = &p->coordinate[e->coordinate[c]];
		double u;

		e->along_response[c] = 0;
		if (!e->is_effect[c])
			continue;
		u = q[e->coordinate[c]] - mmm_log_response(p, c);
		log_density += prior_line_log_density(coordinate->prior, &coordinate->map, u, &coordinate->value,
											  &gradient[e->coordinate[c]]);
		coordinate->dvalue = line_to_interval(&coordinate->map, u).dx;
		if (!(coordinate->value > 0 && coordinate->value <= LARGEST))
			return -INFINITY;
		p->parameters[coordinate->place] = coordinate->value;
		e->along_response[c] = -gradient[e->coordinate[c]];
	}
	return log_density;
}

void
mmm_effects_along(MmmPosterior *p)
{
	const MmmModel *m = p->model;

	for (int c = 0; c < m->data->channels; c++)
	{
		double response = p->effects.along_response[c];

		/* the coefficient falls as the response rises */
		if (p->effects.is_effect[c])
			response -= p->along[m->transforms + c] * p->parameters[m->transforms + c];
		for (int k = 0; p->returns[c].response > 0 && k < m->per_channel; k++)
			p->along[c * m->per_channel + k] += response * p->returns[c].slope[k] / p->returns[c].response;
	}
}
