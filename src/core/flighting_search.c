/*
 * Branch and bound for S-shaped saturations behind carry-over. What stands between the best plan of the majorants and
 * the truth is what they overstate at the stocks of that plan; so the range of the stock that is overstated most is
 * split there, and the majorants of both halves come down to the saturation at that point. Plans are divided by stocks
 * and not by spend, as spend of one period is in the stocks of many.
 */
#include "budget_nodes.h"
#include "flighting_state.h"

#include <math.h>
#include <string.h>

#define TOLERANCE 1e-6

/* Of elementary steps, some nanoseconds each: about a second. */
#define MOST_WORK 1e9
/* Where that is enough for fewer nodes than this, they would change little. */
#define LEAST_NODES 10
/* What one relaxation makes of them, a cell and iteration: powers, and a block's row in the normal equations. */
#define ITERATIONS 25.0
#define POWER 60.0

/* After so many nodes, or when they took as long as the last time, the relaxed plan is improved as the first plans are. */
#define IMPROVE_EVERY 64

typedef struct FlightTree
{
	Flight *flight;
	FlightBest *best;
	int cells;
	NodeHeap open;
	double *x;
	double *error; /* [cell] */
	double *stock;
	double pruned; /* the highest bound of what was discarded */
	double work;
	double improve_at; /* this much of it */
} FlightTree;

static double
cutoff(const FlightTree *tree)
{
	return tree->best->value + 0.9 * TOLERANCE * fabs(tree->best->value);
}

/* The elementary steps of a node's relaxation. */
static double
work_of_node(const Flight *f)
{
	double work = 0;

	for (int c = 0; c < f->n; c++)
		work += f->periods * (POWER * f->request->channel[c].geos + (double) f->periods * f->periods);
	return ITERATIONS * work;
}

static void
take_ranges(FlightTree *tree, const Node *node)
{
	Flight *f = tree->flight;

	memcpy(f->range, f->all, sizeof(StockRange) * tree->cells);
	for (int k = 0; k < node->count; k++)
		f->range[node->cuts[k].channel] = (StockRange){node->cuts[k].low, node->cuts[k].high};
	flight_set_majorants(f);
}

static void
push_half(FlightTree *tree, const Node *parent, double bound, int cell, StockRange range)
{
	Node *node = node_create(tree->flight->env, bound, parent->count + 1);

	for (int k = 0; k < parent->count; k++)
		if (parent->cuts[k].channel != cell)
			node->cuts[node->count++] = parent->cuts[k];
	node->cuts[node->count++] = (Cut){cell, range.low, range.high};
	node_push(tree->flight->env, &tree->open, node);
}

static void
split(FlightTree *tree, const Node *node, double bound)
{
	Flight *f = tree->flight;
	int worst = 0;
	StockRange range;
	double width;
	double at;

	for (int c = 0; c < f->n; c++)
		flight_errors(f, c, tree->x + (size_t) c * f->periods, tree->error + (size_t) c * f->periods,
					  tree->stock + (size_t) c * f->periods);
	for (int i = 1; i < tree->cells; i++)
		if (tree->error[i] > tree->error[worst])
			worst = i;
	range = f->range[worst];
	width = range.high - range.low;
	if (tree->error[worst] <= 1e-13 || width < 1e-9 * f->all[worst].high)
	{
		tree->pruned = fmax(tree->pruned, bound);
		return;
	}
	at = fmin(fmax(tree->stock[worst], range.low + 0.02 * width), range.high - 0.02 * width);
	push_half(tree, node, bound, worst, (StockRange){range.low, at});
	push_half(tree, node, bound, worst, (StockRange){at, range.high});
}

static void
process(FlightTree *tree, const Node *node)
{
	Flight *f = tree->flight;
	double *plan = CORE_ALLOC(f->env, double, tree->cells);
	double bound;

	take_ranges(tree, node);
	bound = fmin(node->bound, flight_relax(f, cutoff(tree), tree->x));
	if (bound <= cutoff(tree))
		tree->pruned = fmax(tree->pruned, bound);
	else
	{
		memcpy(plan, tree->x, sizeof(double) * tree->cells);
		flight_tidy(f, plan);
		flight_offer(f, plan, tree->best);
		if (tree->work >= tree->improve_at)
		{
			double work = POWER * flight_improve(f, plan);

			flight_offer(f, plan, tree->best);
			tree->work += work;
			tree->improve_at = tree->work + fmax(work, IMPROVE_EVERY * work_of_node(f));
		}
		split(tree, node, bound);
	}
	core_free(f->env, plan);
}

double
flight_search(Flight *f, double bound, FlightBest *best)
{
	FlightTree tree = {.flight = f, .best = best, .cells = f->n * f->periods, .pruned = -INFINITY};

	if (LEAST_NODES * work_of_node(f) > MOST_WORK)
		return bound;
	tree.improve_at = IMPROVE_EVERY * work_of_node(f);
	tree.open = node_heap_create(f->env);
	tree.x = CORE_ALLOC_ZERO(f->env, double, tree.cells);
	tree.error = CORE_ALLOC(f->env, double, tree.cells);
	tree.stock = CORE_ALLOC(f->env, double, tree.cells);
	node_push(f->env, &tree.open, node_create(f->env, bound, 0));
	while (tree.open.count > 0 && tree.work < MOST_WORK)
	{
		Node *node;

		if (tree.open.nodes[0]->bound <= cutoff(&tree))
			break;
		node = node_pop(&tree.open);
		tree.work += work_of_node(f);
		process(&tree, node);
		core_free(f->env, node);
	}
	if (tree.open.count > 0)
		tree.pruned = fmax(tree.pruned, tree.open.nodes[0]->bound);
	memcpy(f->range, f->all, sizeof(StockRange) * tree.cells);
	node_heap_free(f->env, &tree.open);
	core_free(f->env, tree.x);
	core_free(f->env, tree.error);
	core_free(f->env, tree.stock);
	return fmax(fmin(bound, tree.pruned), best->value);
}
