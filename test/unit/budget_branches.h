/*
 * Hill curves under one total, solved exactly: at an optimum every channel sits at a bound or where its slope
 * equals the common price, on the concave or on the convex branch of its curve. All combinations are tried.
 */
#ifndef ATTRIB_BUDGET_BRANCHES_H
#define ATTRIB_BUDGET_BRANCHES_H

#include "budget_reference.h"

#define BRANCH_PRICES 200

enum
{
	AT_LOW,
	AT_HIGH,
	CONCAVE,
	CONVEX,
	BRANCHES,
};

static double
branch_slope(const Curve *c, double x)
{
	double w = pow(x / c->shape.half_saturation, c->shape.slope);

	return c->coefficient * c->shape.slope * w / (x * (1 + w) * (1 + w));
}

/* Where the slope equals the price on a branch, or the end of the branch that is nearest to that. */
static double
branch_spend(const BudgetChannel *c, int branch, double price)
{
	double s = c->curve.shape.slope;
	double turn = s > 1 ? c->curve.shape.half_saturation * pow((s - 1) / (s + 1), 1 / s) : 0;
	double from = branch == CONCAVE ? fmin(fmax(turn, c->low), c->high) : c->low;
	double to = branch == CONCAVE ? c->high : fmax(fmin(turn, c->high), c->low);

	if (branch == AT_LOW || branch == AT_HIGH)
		return branch == AT_LOW ? c->low : c->high;
	for (int step = 0; step < 60; step++)
	{
		double middle = 0.5 * (from + to);

		if ((branch_slope(&c->curve, middle) > price) == (branch == CONCAVE))
			from = middle;
		else
			to = middle;
	}
	return from;
}

static double
branch_total(const Reference *r, const int *branch, double price, double *x)
{
	double total = 0;

	for (int i = 0; i < r->request.channels; i++)
	{
		x[i] = branch_spend(&r->channel[i], branch[i], price);
		total += x[i];
	}
	return total;
}

/* Offers every plan on these branches that spends the total. */
static void
branch_offer(Reference *r, const int *branch)
{
	double x[REF_MAX];
	double before = 0;
	double last = 0;

	if (branch_total(r, branch, 1, x) <= r->request.total && r->request.channels > 0)
		reference_offer(r, x, 1e-12);
	for (int k = 0; k <= BRANCH_PRICES; k++)
	{
		double price = exp(-35 + 39.0 * k / BRANCH_PRICES);
		double excess = branch_total(r, branch, price, x) - r->request.total;

		if (excess * before < 0)
		{
			double from = last;
			double to = price;

			for (int step = 0; step < 60; step++)
			{
				double middle = 0.5 * (from + to);

				if ((branch_total(r, branch, middle, x) - r->request.total) * before > 0)
					from = middle;
				else
					to = middle;
			}
			branch_total(r, branch, from, x);
			reference_offer(r, x, 1e-12);
			branch_total(r, branch, to, x);
			reference_offer(r, x, 1e-12);
		}
		before = excess;
		last = price;
	}
}

static void
branches_solve(Reference *r)
{
	int n = r->request.channels;
	int combinations = 1;

	r->found = false;
	for (int i = 0; i < n; i++)
		combinations *= BRANCHES;
	for (int c = 0; c < combinations; c++)
	{
		int branch[REF_MAX];
		int convex = 0;

		for (int i = 0, rest = c; i < n; i++, rest /= BRANCHES)
		{
			branch[i] = rest % BRANCHES;
			convex += branch[i] == CONVEX;
		}
		if (convex <= 1) /* two would gain by a transfer between them */
			branch_offer(r, branch);
	}
}

#endif
