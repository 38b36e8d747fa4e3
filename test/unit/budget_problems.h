/*
 * Budget problems for tests: random ones of every kind, and the parts of simple ones.
 */
#ifndef ATTRIB_BUDGET_PROBLEMS_H
#define ATTRIB_BUDGET_PROBLEMS_H

#include <gsl/gsl_rng.h>

#include "budget_reference.h"

/* main() allocates it. */
static gsl_rng *rng;

static double
uniform(double low, double high)
{
	return low + (high - low) * gsl_rng_uniform(rng);
}

__attribute__((unused)) static BudgetChannel
hill_channel(double coefficient, double half, double slope, double low, double high)
{
	BudgetChannel c = {
		{.shape = {SATURATION_HILL, half, slope}, .coefficient = coefficient, .weight = 1}, NAN, low, high};

	curve_prepare(&c.curve);
	return c;
}

__attribute__((unused)) static BudgetRequest
request_for(int n, const BudgetChannel *channels, double total)
{
	return (BudgetRequest){.channels = n,
						   .channel = channels,
						   .total = total,
						   .margin = 1,
						   .tolerance = 1e-6,
						   .node_limit = 100000};
}

static void
random_channel(Reference *r, int i, bool reach)
{
	SaturationKind kind = curve_kinds[gsl_rng_uniform_int(rng, reach ? 4 : CURVE_KINDS)];
	BudgetChannel *c = &r->channel[i];

	if (gsl_rng_uniform_int(rng, 2) == 0)
		kind = SATURATION_HILL;
	r->kind[i] = kind;
	c->curve = (Curve){.shape = {.kind = kind}, .weight = 1, .log_miss = reach};
	c->curve.coefficient = reach ? uniform(0.05, 0.95) : uniform(0.2, 2);
	c->curve.shape.half_saturation = uniform(0.1, 1.5);
	c->curve.shape.slope = kind == SATURATION_ROOT ? uniform(0.2, 0.95) : exp(uniform(log(0.5), log(8)));
	if (kind == SATURATION_MICHAELIS_MENTEN)
		c->curve.shape.slope = 1;
	if (kind == SATURATION_LINEAR || kind == SATURATION_ROOT || kind == SATURATION_LOG1P)
		c->curve.coefficient *= 0.5;
	if (i > 0 && gsl_rng_uniform_int(rng, 6) == 0)
	{
		c->curve = r->channel[i - 1].curve;
		r->kind[i] = r->kind[i - 1];
	}
	else
		curve_prepare(&c->curve);
	c->current = NAN;
	c->low = gsl_rng_uniform_int(rng, 3) == 0 ? uniform(0, 0.2) : 0;
	c->high = c->low + uniform(0.3, 2);
}

/* Groups of neighbours, with limits on the grid so that the reference can meet equalities. */
static void
random_groups(Reference *r, double step)
{
	int next = 0;

	r->request.groups = 0;
	while (next + 2 <= r->request.channels && r->request.groups < 3 && gsl_rng_uniform_int(rng, 2) == 0)
	{
		BudgetGroup *g = &r->group[r->request.groups];
		double low = 0;
		double high = 0;
		double at;

		g->members = r->members[r->request.groups++];
		g->count = 1 + gsl_rng_uniform_int(rng, r->request.channels - next);
		for (int m = 0; m < g->count; m++)
		{
			g->members[m] = next + m;
			low += r->channel[next + m].low;
			high += r->channel[next + m].high;
		}
		next += g->count;
		at = low + step * gsl_rng_uniform_int(rng, 40);
		g->low = -INFINITY;
		g->high = INFINITY;
		switch (gsl_rng_uniform_int(rng, 4))
		{
			case 0:
				g->low = at;
				break;
			case 1:
				g->high = at;
				break;
			case 2:
				g->low = g->high = at;
				break;
			default:
				g->low = at;
				g->high = at + step * gsl_rng_uniform_int(rng, 20);
		}
		if (g->low > high)
			g->low = g->high = low + floor((high - low) / step) * step;
	}
}

static void
random_goal(Reference *r, double base, double room, double *step)
{
	BudgetRequest *q = &r->request;
	bool free_total = false;

	q->total = base + uniform(0.05, 0.9) * room;
	q->margin = 1;
	switch (gsl_rng_uniform_int(rng, 8))
	{
		case 0:
			q->exactly = true;
			break;
		case 1:
			q->objective = BUDGET_PROFIT;
			q->margin = uniform(0.5, 3);
			free_total = gsl_rng_uniform_int(rng, 2) == 0;
			break;
		case 2:
			q->objective = BUDGET_ROI;
			if (base == 0)
				q->exactly = true;
			break;
		case 3:
			q->target = BUDGET_TARGET_ROAS;
			q->target_value = uniform(0.3, 2);
			free_total = gsl_rng_uniform_int(rng, 2) == 0;
			break;
		case 4:
			q->target = BUDGET_TARGET_MARGINAL_ROAS;
			q->target_value = uniform(0.2, 2);
			free_total = gsl_rng_uniform_int(rng, 2) == 0;
			break;
		case 5:
			q->target = BUDGET_TARGET_RESPONSE;
			q->target_value = uniform(0.1, 1.2);
			if (q->objective == BUDGET_REACH)
				q->target_value = uniform(0.1, 0.8);
			free_total = true;
			break;
		default:
			break;
	}
	if (free_total)
		q->total = INFINITY;
	*step = (free_total ? room : q->total - base) / REF_STEPS;
}

/* A problem: 2-8 channels of any kinds, bounds, groups, an objective or a target. */
__attribute__((unused)) static double
random_problem(Reference *r)
{
	bool reach = gsl_rng_uniform_int(rng, 8) == 0;
	double base = 0;
	double room = 0;
	double step;

	memset(r, 0, sizeof(*r));
	r->request = (BudgetRequest){.channels = 2 + gsl_rng_uniform_int(rng, REF_MAX - 1),
								 .channel = r->channel,
								 .group = r->group,
								 .tolerance = 1e-6,
								 .node_limit = 20000};
	for (int i = 0; i < r->request.channels; i++)
	{
		random_channel(r, i, reach);
		base += r->channel[i].low;
		room += r->channel[i].high - r->channel[i].low;
	}
	if (reach)
	{
		r->request.objective = BUDGET_REACH;
		r->request.total = base + uniform(0.05, 0.9) * room;
		r->request.margin = 1;
		step = (r->request.total - base) / REF_STEPS;
		if (gsl_rng_uniform_int(rng, 3) == 0)
		{
			r->request.total = INFINITY;
			r->request.target = BUDGET_TARGET_RESPONSE;
			r->request.target_value = uniform(0.1, 0.8);
			step = room / REF_STEPS;
		}
	}
	else
		random_goal(r, base, room, &step);
	random_groups(r, step);
	return step;
}

#endif
