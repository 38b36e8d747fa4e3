/*
 * Budgets solved another way, with curves written another way: dynamic programming over a grid of spends,
 * then transfers between channels in ever smaller steps. What it finds is a plan, so that no optimizer may
 * find less and no bound may lie below it.
 */
#ifndef ATTRIB_BUDGET_REFERENCE_H
#define ATTRIB_BUDGET_REFERENCE_H

#include <string.h>

#include "core/budget.h"
#include "unit.h"

#define REF_MAX 8
#define REF_STEPS 120

static double
reference_response(const Curve *c, double x)
{
	switch (c->shape.kind)
	{
		case SATURATION_HILL:
			return x <= 0 ? 0 : c->coefficient / (1 + pow(c->shape.half_saturation / x, c->shape.slope));
		case SATURATION_LOGISTIC:
		{
			double e = pow(3, -x / c->shape.half_saturation);

			return c->coefficient * (1 - e) / (1 + e);
		}
		case SATURATION_TANH:
			return c->coefficient * tanh(x / c->shape.half_saturation * atanh(0.5));
		case SATURATION_MICHAELIS_MENTEN:
			return c->coefficient * x / (c->shape.half_saturation + x);
		case SATURATION_ROOT:
			return c->coefficient * pow(x, c->shape.slope);
		case SATURATION_LINEAR:
			return c->coefficient * x;
		case SATURATION_LOG1P:
			return c->coefficient * log(1 + x / c->shape.half_saturation);
		default:
			break;
	}
	return NAN;
}

/* The problem as the reference sees it: groups are disjoint, all intervals finite. */
typedef struct Reference
{
	BudgetRequest request;
	BudgetChannel channel[REF_MAX];
	SaturationKind kind[REF_MAX];
	BudgetGroup group[3];
	int members[3][REF_MAX];
	double x[REF_MAX];
	double value;
	bool found;
} Reference;

static double
reference_channel(const Reference *r, int i, double x)
{
	Curve curve = r->channel[i].curve;

	curve.shape.kind = r->kind[i];
	return reference_response(&curve, x);
}

static void
reference_totals(const Reference *r, const double *x, double *response, double *spend, double *reach)
{
	double missed = 1;

	*response = *spend = 0;
	for (int i = 0; i < r->request.channels; i++)
	{
		double share = reference_channel(r, i, x[i]);

		*response += share;
		*spend += x[i];
		missed *= 1 - share;
	}
	*reach = 1 - missed;
}

/* By how much a plan breaks limits, relative to their size. */
static double
reference_violation(const Reference *r, const double *x)
{
	const BudgetRequest *q = &r->request;
	double response;
	double spend;
	double reach;
	double worst = 0;
	double unit = isfinite(q->total) ? q->total : 1;

	reference_totals(r, x, &response, &spend, &reach);
	for (int i = 0; i < q->channels; i++)
		worst = fmax(worst, fmax(r->channel[i].low - x[i], x[i] - r->channel[i].high) / unit);
	for (int g = 0; g < q->groups; g++)
	{
		double sum = 0;

		for (int m = 0; m < r->group[g].count; m++)
			sum += x[r->group[g].members[m]];
		worst = fmax(worst, fmax(r->group[g].low - sum, sum - r->group[g].high) / unit);
	}
	if (isfinite(q->total))
		worst = fmax(worst, (q->exactly ? fabs(spend - q->total) : spend - q->total) / unit);
	if (q->target == BUDGET_TARGET_ROAS)
		worst = fmax(worst, (q->target_value * spend - response) / fmax(response, 1e-9));
	if (q->target == BUDGET_TARGET_RESPONSE)
		worst = fmax(worst,
					 (q->target_value - (q->objective == BUDGET_REACH ? reach : response)) / q->target_value);
	return worst;
}

/* What is maximised; for a target on the marginal return that is the surplus over it. */
static double
reference_objective(const Reference *r, const double *x)
{
	const BudgetRequest *q = &r->request;
	double response;
	double spend;
	double reach;

	reference_totals(r, x, &response, &spend, &reach);
	if (q->target == BUDGET_TARGET_RESPONSE)
		return -spend;
	if (q->target == BUDGET_TARGET_MARGINAL_ROAS)
		return response - q->target_value * spend;
	switch (q->objective)
	{
		case BUDGET_REVENUE:
			return response;
		case BUDGET_PROFIT:
			return q->margin * response - spend;
		case BUDGET_ROI:
			return spend > 0 ? response / spend : 0;
		case BUDGET_REACH:
			return reach;
	}
	return NAN;
}

static void
reference_offer(Reference *r, const double *x, double slack)
{
	double value;

	if (reference_violation(r, x) > slack)
		return;
	value = reference_objective(r, x);
	if (r->found && value <= r->value)
		return;
	r->found = true;
	r->value = value;
	memcpy(r->x, x, sizeof(double) * r->request.channels);
}

/* Transfers between two channels, or to and from the rest, while they help. */
static void
reference_climb(Reference *r, double step)
{
	int n = r->request.channels;

	for (; step > 1e-9; step *= 0.4)
	{
		bool better = true;

		for (int pass = 0; better && pass < 6; pass++)
		{
			double before = r->value;

			for (int from = -1; from < n; from++)
			{
				for (int to = -1; to < n; to++)
				{
					double x[REF_MAX];

					memcpy(x, r->x, sizeof(x));
					if (from == to)
						continue;
					if (from >= 0)
						x[from] = fmax(x[from] - step, r->channel[from].low);
					if (to >= 0)
						x[to] = fmin(x[to] + (from >= 0 ? r->x[from] - x[from] : step), r->channel[to].high);
					reference_offer(r, x, 1e-12);
				}
			}
			better = r->value > before;
		}
	}
}

typedef struct Table
{
	double best[REF_STEPS + 1];
	short used[REF_MAX][REF_STEPS + 1]; /* steps of each channel */
} Table;

static double
reference_gain(const Reference *r, int i, double x)
{
	double response = reference_channel(r, i, x);

	return r->request.objective == BUDGET_REACH ? -log(1 - response) : response;
}

static void
table_add_channel(const Reference *r, Table *table, int i, double step)
{
	Table next;
	double gain[REF_STEPS + 1];
	int most = 0;

	while (most < REF_STEPS && r->channel[i].low + (most + 1) * step <= r->channel[i].high * (1 + 1e-12))
		most++;
	for (int k = 0; k <= most; k++)
		gain[k] = reference_gain(r, i, fmin(r->channel[i].low + k * step, r->channel[i].high));
	for (int k = 0; k <= REF_STEPS; k++)
	{
		int best = -1;

		next.best[k] = -INFINITY;
		for (int j = 0; j <= k && j <= most; j++)
		{
			if (table->best[k - j] + gain[j] > next.best[k])
			{
				next.best[k] = table->best[k - j] + gain[j];
				best = j;
			}
		}
		for (int c = 0; c < REF_MAX; c++)
			next.used[c][k] = best >= 0 ? table->used[c][k - best] : 0;
		next.used[i][k] = best >= 0 ? best : 0;
	}
	*table = next;
}

static void
table_add_table(Table *table, const Table *other)
{
	Table next;

	for (int k = 0; k <= REF_STEPS; k++)
	{
		int best = -1;

		next.best[k] = -INFINITY;
		for (int j = 0; j <= k; j++)
		{
			if (table->best[k - j] + other->best[j] > next.best[k])
			{
				next.best[k] = table->best[k - j] + other->best[j];
				best = j;
			}
		}
		for (int c = 0; c < REF_MAX; c++)
			next.used[c][k] = best >= 0 ? table->used[c][k - best] + other->used[c][best] : 0;
	}
	*table = next;
}

/* The best plan on a grid of spends for every total, by dynamic programming; then climbed from each. */
__attribute__((unused)) static void
reference_solve(Reference *r, double step)
{
	Table all = {0};
	int n = r->request.channels;
	bool grouped[REF_MAX] = {false};

	for (int k = 1; k <= REF_STEPS; k++)
		all.best[k] = -INFINITY;
	r->found = false;
	for (int g = 0; g < r->request.groups; g++)
	{
		Table part = {0};
		double low = 0;

		for (int k = 1; k <= REF_STEPS; k++)
			part.best[k] = -INFINITY;
		for (int m = 0; m < r->group[g].count; m++)
		{
			int i = r->group[g].members[m];

			grouped[i] = true;
			low += r->channel[i].low;
			table_add_channel(r, &part, i, step);
		}
		for (int k = 0; k <= REF_STEPS; k++)
		{
			double spend = low + k * step;

			if (spend < r->group[g].low - 1e-9 * step || spend > r->group[g].high + 1e-9 * step)
				part.best[k] = -INFINITY;
		}
		table_add_table(&all, &part);
	}
	for (int i = 0; i < n; i++)
	{
		if (!grouped[i])
			table_add_channel(r, &all, i, step);
	}
	for (int k = 0; k <= REF_STEPS; k++)
	{
		double x[REF_MAX] = {0};

		if (all.best[k] == -INFINITY)
			continue;
		for (int i = 0; i < n; i++)
			x[i] = fmin(r->channel[i].low + all.used[i][k] * step, r->channel[i].high);
		reference_offer(r, x, 1e-12);
	}
	if (r->found)
		reference_climb(r, step);
}

#endif
