/*
 * Channels that are nearly alike: the relaxation fills any of them by a fraction, and splitting one channel's interval
 * only hands the fraction to the next. What it cannot do is to use a whole number of them. So the search splits on
 * that number: at most k channels spend beyond their inflection, or at least k + 1. Either limit is priced like any
 * other, by a fee on every such channel; any fee proves a bound, and the bound as a function of the number is concave,
 * so the two whole numbers next to the relaxation's own are the worst ones.
 */
#include "budget_search.h"

#include <math.h>
#include <string.h>

/* Nodes before an ordinary search is seen to have difficulties. */
#define PROBE 200
#define BISECTIONS 40

typedef struct Counted
{
	const CoreEnv *env;
	BudgetSearch search; /* over the model with fees */
	BudgetModel model;
	Curve *curves;
	BudgetPiece *pieces;
	BudgetPrices prices;
	RelaxWork *work;
	double *x;
} Counted;

static bool
is_countable(const Curve *curve, double low, double high)
{
	return budget_turns_once(curve) && low < curve->inflection && curve->inflection < high;
}

/* The bound at a fee, without its constant; *used channels are beyond their inflection, fractions included. */
static double
bound_at(Counted *c, double fee, double *used)
{
	const BudgetSearch *s = &c->search;
	double bound;

	for (int i = 0; i < c->model.channels; i++)
	{
		c->curves[i].fee = is_countable(&c->curves[i], s->low[i], s->high[i]) ? fee : 0;
		budget_piece_set(&c->pieces[i], &c->curves[i], s->low[i], s->high[i]);
	}
	c->model.constant = 0;
	bound = relax_solve(c->env, c->work, &c->model, c->pieces, -INFINITY, &c->prices, c->x);
	*used = 0;
	for (int i = 0; i < c->model.channels; i++)
	{
		const BudgetPart *line = budget_line_at(&c->pieces[i], c->x[i]);

		if (!is_countable(&c->curves[i], s->low[i], s->high[i]))
			continue;
		/* With a fee below 0 the inflection itself counts as beyond, otherwise not. */
		if (line == NULL)
			*used += c->x[i] > c->curves[i].inflection || (fee < 0 && c->x[i] == c->curves[i].inflection);
		else if (line->to > c->curves[i].inflection || (fee < 0 && line->to == c->curves[i].inflection))
			*used += (c->x[i] - line->from) / (line->to - line->from);
	}
	return bound;
}

/* The fee at which about `count` channels are used, and the bound it proves for plans on that side of the count. */
static double
fee_for(Counted *c, double count, double sign, double *fee)
{
	double low = 0;
	double high = 1;
	double best = INFINITY;
	double used;

	for (int step = 0; step < BISECTIONS; step++)
	{
		double middle = 0.5 * (low + high);
		double bound = bound_at(c, sign * middle, &used) + c->model.gain * sign * middle * count;

		if (bound < best)
		{
			best = bound;
			*fee = sign * middle;
		}
		if (sign * (used - count) > 0)
			low = middle;
		else
			high = middle;
	}
	return best;
}

/* Searches with a fee; only a plan and the bound come back. */
static void
explore_side(Counted *c, double fee, double count, int64_t nodes)
{
	BudgetSearch *s = &c->search;
	double used;

	(void) bound_at(c, fee, &used);
	c->model.constant = c->model.gain * fee * count;
	s->node_limit = nodes;
	budget_explore(c->env, s);
}

static Counted
begin(const CoreEnv *env, const BudgetSearch *search)
{
	int n = search->model->channels;
	Counted c = {.env = env, .search = *search, .model = *search->model};

	c.curves = CORE_ALLOC(env, Curve, n);
	memcpy(c.curves, search->model->curves, sizeof(Curve) * n);
	c.model.curves = c.curves;
	c.pieces = budget_pieces_alloc(env, c.curves, n);
	c.prices = budget_prices_alloc(env, &c.model);
	c.work = relax_work_create(env, &c.model);
	c.x = CORE_ALLOC(env, double, n);
	return c;
}

static void
end(Counted *c)
{
	core_free(c->env, c->curves);
	core_free(c->env, c->pieces);
	budget_prices_free(c->env, &c->prices);
	relax_work_free(c->env, c->work);
	core_free(c->env, c->x);
}

/* Takes what the two sides find and prove together, if their bounds are worth it. */
static void
search_by_count(const CoreEnv *env, BudgetSearch *search, int64_t nodes)
{
	Counted c = begin(env, search);
	double missing = search->bound - search->value;
	double bound[2];
	double fee[2] = {0, 0};
	double used;
	double count;
	bool promising;

	c.search.model = &c.model;
	(void) bound_at(&c, 0, &used);
	count = floor(used);
	bound[0] = fee_for(&c, count, 1, &fee[0]);
	bound[1] = fee_for(&c, count + 1, -1, &fee[1]);
	promising = fmax(bound[0], bound[1]) - search->value < 0.5 * missing;
	for (int side = 0; side < 2 && promising; side++)
	{
		/* The better side first: its plan may be enough to close the other. */
		int this = (bound[1] > bound[0]) != (side == 1) ? 1 : 0;

		explore_side(&c, fee[this], count + this, nodes / 4);
		bound[this] = c.search.bound;
		search->nodes += c.search.nodes;
	}
	if (promising)
	{
		search->value = c.search.value;
		search->bound = fmin(search->bound, fmax(fmax(bound[0], bound[1]), search->value));
	}
	end(&c);
}

static bool
is_proven(const BudgetSearch *search)
{
	return search->bound - search->value <= search->tolerance * fmax(fabs(search->value), search->unit);
}

CoreStatus
budget_search(const CoreEnv *env, BudgetSearch *search)
{
	int64_t limit = search->node_limit;
	CoreStatus status;
	double bound;

	if (limit <= PROBE || search->model->has_floor || !(search->model->gain > 0))
		return budget_explore(env, search);
	search->node_limit = PROBE;
	status = budget_explore(env, search);
	search->node_limit = limit;
	if (status == CORE_OK || !search->found)
		return status == CORE_OK ? status : budget_explore(env, search);
	search_by_count(env, search, limit - PROBE);
	if (is_proven(search))
		return CORE_OK;
	bound = search->bound;
	status = budget_explore(env, search);
	search->bound = fmax(fmin(search->bound, bound), search->value);
	return is_proven(search) ? CORE_OK : status;
}
