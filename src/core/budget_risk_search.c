/*
 * Branch and bound for the tail. One set of weights bounds all plans; where several plans are best for it that share
 * no channel's use, no weights bring the bound down to any of them. Within a part of the plans other weights do. So
 * the interval of the channel in which those plans differ most is split between them, and each half begins with the
 * weights that it inherits.
 */
#include "budget_risk_state.h"

#include <math.h>
#include <string.h>

/* Of elementary steps, some nanoseconds each: about a second. */
#define MOST_WORK 1e9
/* What a node of the search over the curves of some weights makes of them, a channel; and what else it does, in nodes. */
#define WORK_OF_NODE 4e4
#define FIXED_NODES 3

/* Weights are moved so often in each part, by less and less. */
#define ROUNDS 6
#define FIRST_ROUND 4
/* As long as that brings the bound down by this part of its gap, the part is not divided. */
#define PROGRESS 0.2

/* Plans that bring the same but for this part of the whole are alike. */
#define SAME 1e-6

typedef struct TailNode
{
	double bound;
	double *low;
	double *high;
	double *weight;
} TailNode;

typedef struct TailTree
{
	TailSearch *search;
	int n;
	int nodes; /* open */
	int room;
	TailNode *node;
	double pruned; /* the highest bound of what was discarded */
	double work;
	double *least; /* of each channel among the plans of a node */
	double *most;
} TailTree;

static double *
copy_of(const TailTree *tree, const double *numbers, int n)
{
	double *copy = CORE_ALLOC(tree->search->env, double, n);

	memcpy(copy, numbers, sizeof(double) * n);
	return copy;
}

static void
free_node(const TailTree *tree, TailNode *node)
{
	core_free(tree->search->env, node->low);
	core_free(tree->search->env, node->high);
	core_free(tree->search->env, node->weight);
}

static void
push(TailTree *tree, double bound, const double *low, const double *high, const double *weight)
{
	if (tree->nodes == tree->room)
	{
		TailNode *grown = CORE_ALLOC(tree->search->env, TailNode, 2 * (size_t) tree->room + 16);

		if (tree->nodes > 0)
			memcpy(grown, tree->node, sizeof(TailNode) * tree->nodes);
		core_free(tree->search->env, tree->node);
		tree->node = grown;
		tree->room = 2 * tree->room + 16;
	}
	tree->node[tree->nodes++] = (TailNode){bound, copy_of(tree, low, tree->n), copy_of(tree, high, tree->n),
										   copy_of(tree, weight, tree->search->draws->draws)};
}

/* The one with the highest bound; of equal ones the latest. */
static TailNode
pop(TailTree *tree)
{
	int best = tree->nodes - 1;
	TailNode node;

	for (int k = tree->nodes - 2; k >= 0; k--)
		if (tree->node[k].bound > tree->node[best].bound)
			best = k;
	node = tree->node[best];
	tree->node[best] = tree->node[--tree->nodes];
	return node;
}

static double
cutoff(const TailTree *tree)
{
	return tree->search->value + 0.9 * tree->search->request.tolerance * fabs(tree->search->value);
}

/* The elementary steps of one set of weights: the tables of its curves, and the search over them. */
static double
work_of_weights(const TailTree *tree, int64_t nodes)
{
	const BudgetDraws *draws = tree->search->draws;
	double numbers = 0;
	int used = 0;

	for (int d = 0; d < draws->draws; d++)
		used += tree->search->weight[d] > 0;
	for (int c = 0; c < tree->n; c++)
		numbers += draws->grid[c].knots * CURVE_GRID_JET;
	return used * numbers + WORK_OF_NODE * tree->n * (nodes + FIXED_NODES);
}

static void
note(TailTree *tree, const double *plan)
{
	for (int c = 0; c < tree->n; c++)
	{
		tree->least[c] = fmin(tree->least[c], plan[c]);
		tree->most[c] = fmax(tree->most[c], plan[c]);
	}
}

/* Where to split so that the plans of the node that differ most in what a channel brings are kept apart. */
static double
between_plans(const TailTree *tree, int *channel)
{
	double most = SAME * fabs(tree->search->value);

	*channel = -1;
	for (int c = 0; c < tree->n; c++)
	{
		double differ = tail_channel_value(tree->search, c, tree->most[c]) -
						tail_channel_value(tree->search, c, tree->least[c]);

		if (differ > most)
		{
			most = differ;
			*channel = c;
		}
	}
	return *channel < 0 ? 0 : 0.5 * (tree->least[*channel] + tree->most[*channel]);
}

/* Where all plans are alike: in the middle of the interval over which a channel brings the most. */
static double
middle_of_widest(const TailTree *tree, const TailNode *node, int *channel)
{
	double most = -INFINITY;

	for (int c = 0; c < tree->n; c++)
	{
		double high = fmin(node->high[c], tree->search->request.total);
		double differ =
			tail_channel_value(tree->search, c, high) - tail_channel_value(tree->search, c, node->low[c]);

		if (differ > most)
		{
			most = differ;
			*channel = c;
		}
	}
	return 0.5 * (node->low[*channel] + fmin(node->high[*channel], tree->search->request.total));
}

static void
split(TailTree *tree, TailNode *node)
{
	int channel;
	double at = between_plans(tree, &channel);

	if (channel < 0)
		at = middle_of_widest(tree, node, &channel);
	if (!(at > node->low[channel] && at < node->high[channel]))
	{
		tree->pruned = fmax(tree->pruned, node->bound);
		return;
	}
	for (int side = 0; side < 2; side++)
	{
		double *end = side ? &node->low[channel] : &node->high[channel];
		double kept = *end;

		*end = at;
		push(tree, node->bound, node->low, node->high, node->weight);
		*end = kept;
	}
}

static void
process(TailTree *tree, TailNode *node)
{
	TailSearch *s = tree->search;
	double before = node->bound;

	for (int c = 0; c < tree->n; c++)
	{
		s->channel[c].low = node->low[c];
		s->channel[c].high = node->high[c];
		tree->least[c] = INFINITY;
		tree->most[c] = -INFINITY;
	}
	memcpy(s->weight, node->weight, sizeof(double) * s->draws->draws);
	for (int round = 1; round <= ROUNDS; round++)
	{
		BudgetPlan plan;
		BudgetTrouble trouble;

		if (tail_solve(s, &plan, &trouble) != CORE_OK)
		{
			/* The limits may leave no plan in this part; for any other reason its bound stands. */
			if (trouble.kind != BUDGET_LIMITS_CONFLICT)
				tree->pruned = fmax(tree->pruned, node->bound);
			return;
		}
		tree->work += work_of_weights(tree, plan.nodes);
		if (plan.bound < node->bound)
		{
			node->bound = plan.bound;
			memcpy(node->weight, s->weight, sizeof(double) * s->draws->draws);
		}
		tail_offer(s, plan.spend); /* leaves this plan's own weights */
		note(tree, plan.spend);
		tail_plan_free(s, &plan);
		if (node->bound <= cutoff(tree))
		{
			tree->pruned = fmax(tree->pruned, node->bound);
			return;
		}
		tail_move(s, FIRST_ROUND + round);
	}
	if (before - node->bound > PROGRESS * (before - s->value))
		push(tree, node->bound, node->low, node->high, node->weight);
	else
		split(tree, node);
}

void
tail_branch(TailSearch *s)
{
	int n = s->draws->channels;
	TailTree tree = {.search = s, .n = n, .pruned = -INFINITY};
	BudgetChannel *whole = CORE_ALLOC(s->env, BudgetChannel, n);
	double *low = CORE_ALLOC(s->env, double, n);
	double *high = CORE_ALLOC(s->env, double, n);

	memcpy(whole, s->channel, sizeof(BudgetChannel) * n);
	for (int c = 0; c < n; c++)
	{
		low[c] = whole[c].low;
		high[c] = whole[c].high;
	}
	tree.least = CORE_ALLOC(s->env, double, n);
	tree.most = CORE_ALLOC(s->env, double, n);
	push(&tree, s->bound, low, high, s->weight);
	while (tree.nodes > 0 && tree.work < MOST_WORK)
	{
		TailNode node = pop(&tree);

		if (node.bound <= cutoff(&tree))
		{
			tree.pruned = fmax(tree.pruned, node.bound);
			free_node(&tree, &node);
			break; /* so are all others */
		}
		s->request.start = s->best;
		process(&tree, &node);
		free_node(&tree, &node);
	}
	for (int k = 0; k < tree.nodes; k++)
	{
		tree.pruned = fmax(tree.pruned, tree.node[k].bound);
		free_node(&tree, &tree.node[k]);
	}
	s->bound = fmin(s->bound, fmax(tree.pruned, s->value));
	memcpy(s->channel, whole, sizeof(BudgetChannel) * n);
	core_free(s->env, tree.node);
	core_free(s->env, tree.least);
	core_free(s->env, tree.most);
	core_free(s->env, whole);
	core_free(s->env, low);
	core_free(s->env, high);
}
