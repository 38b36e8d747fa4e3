#include "budget_search.h"

#include <math.h>
#include <string.h>

/* A bound on one channel's interval, where it is narrower than the root's. */
typedef struct Cut
{
	int channel;
	double low;
	double high;
} Cut;

typedef struct Node
{
	double bound;
	int64_t sequence;
	int count;
	Cut cuts[];
} Node;

typedef struct State
{
	const CoreEnv *env;
	BudgetSearch *search;
	const BudgetModel *model;
	int n;

	double *root_low;
	double *root_high;
	double *low; /* the node's box */
	double *high;
	BudgetPiece *pieces;
	BudgetPiece *trial_pieces;
	double *knee_value; /* each curve's value at its inflection, if that is inside the root */
	double *x;
	double *trial;
	double *trial_like;
	double *spend_price;
	BudgetPrices prices;
	BudgetPrices trial_prices;
	RelaxWork *work;
	int *twin; /* the next channel with the same curve, box and rows; -1 if none */

	Node **heap;
	int64_t heap_count;
	int64_t heap_size;
	int64_t sequence;
	size_t heap_bytes;
	double pruned; /* the highest bound of what was discarded */
} State;

/* Open nodes may take this much memory; then the search ends as if at its limit of nodes. */
#define MOST_BYTES ((size_t) 256 << 20)

/* Above this many channels, heuristics at every node would cost more than they find. */
#define MANY_CHANNELS 64

static size_t
node_bytes(int cuts)
{
	return offsetof(Node, cuts) + sizeof(Cut) * cuts;
}

static double
margin(const State *s)
{
	return 0.9 * s->search->tolerance * fmax(fabs(s->search->value), s->search->unit);
}

/* The value a node must be able to exceed to be worth a look. */
static double
cutoff(const State *s)
{
	return s->search->found ? s->search->value + margin(s) : -INFINITY;
}

static void
offer(State *s, const double *plan)
{
	double value;

	for (int i = 0; i < s->n; i++)
	{
		if (!(plan[i] >= s->search->low[i] && plan[i] <= s->search->high[i]))
			return;
	}
	value = budget_value(s->model, plan);
	if ((s->search->found && value <= s->search->value) ||
		!(budget_violation(s->model, plan) <= BUDGET_SLACK))
		return;
	s->search->found = true;
	s->search->value = value;
	memcpy(s->search->plan, plan, sizeof(double) * s->n);
}

/* ------------------------------------------------------------------------------------------------------
 * The heap of open nodes, best bound first
 * ------------------------------------------------------------------------------------------------------ */

static bool
before(const Node *a, const Node *b)
{
	return a->bound > b->bound || (a->bound == b->bound && a->sequence > b->sequence);
}

static void
push(State *s, Node *node)
{
	int64_t at = s->heap_count++;

	if (s->heap_count > s->heap_size)
	{
		int64_t size = 2 * s->heap_size;
		Node **grown = CORE_ALLOC(s->env, Node *, size);

		memcpy(grown, s->heap, sizeof(Node *) * s->heap_size);
		core_free(s->env, s->heap);
		s->heap = grown;
		s->heap_size = size;
	}
	node->sequence = s->sequence++;
	s->heap_bytes += node_bytes(node->count);
	while (at > 0 && before(node, s->heap[(at - 1) / 2]))
	{
		s->heap[at] = s->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	s->heap[at] = node;
}

static Node *
pop(State *s)
{
	Node *top = s->heap[0];
	Node *last = s->heap[--s->heap_count];
	int64_t at = 0;

	s->heap_bytes -= node_bytes(top->count);
	for (;;)
	{
		int64_t child = 2 * at + 1;

		if (child >= s->heap_count)
			break;
		if (child + 1 < s->heap_count && before(s->heap[child + 1], s->heap[child]))
			child++;
		if (!before(s->heap[child], last))
			break;
		s->heap[at] = s->heap[child];
		at = child;
	}
	s->heap[at] = last;
	return top;
}

/* The node's box with one channel's interval replaced, as a node of its own. */
static void
push_child(State *s, double bound, int channel, double low, double high)
{
	Node *node;
	int count = 1;

	for (int i = 0; i < s->n; i++)
		count += i != channel && (s->low[i] > s->root_low[i] || s->high[i] < s->root_high[i]);
	node = s->env->alloc(s->env->arg, node_bytes(count));
	node->bound = bound;
	node->count = 0;
	for (int i = 0; i < s->n; i++)
	{
		if (i == channel)
			node->cuts[node->count++] = (Cut){i, low, high};
		else if (s->low[i] > s->root_low[i] || s->high[i] < s->root_high[i])
			node->cuts[node->count++] = (Cut){i, s->low[i], s->high[i]};
	}
	push(s, node);
}

/* ------------------------------------------------------------------------------------------------------
 * Narrowing a box
 * ------------------------------------------------------------------------------------------------------ */

/* What a row leaves for each of its channels once the others have their least, or their most. */
static bool
narrow_by_row(State *s, const BudgetRow *row)
{
	double least = 0;
	double most = 0;

	for (int m = 0; m < row->count; m++)
	{
		least += s->low[row->members[m]];
		most += s->high[row->members[m]];
	}
	if (least > row->high + BUDGET_SLACK || most < row->low - BUDGET_SLACK)
		return false;
	for (int m = 0; m < row->count; m++)
	{
		int i = row->members[m];
		double high = row->high - (least - s->low[i]);
		double low = row->low - (most - s->high[i]);

		if (high < s->high[i])
			s->high[i] = fmax(high, s->low[i]);
		if (low > s->low[i])
			s->low[i] = fmin(low, s->high[i]);
	}
	return true;
}

/* Of channels that are alike, an earlier one spends no less than a later one. */
static bool
narrow_by_order(State *s)
{
	for (int i = 0; i < s->n; i++)
	{
		if (s->twin[i] >= 0)
			s->high[s->twin[i]] = fmin(s->high[s->twin[i]], s->high[i]);
	}
	for (int i = s->n - 1; i >= 0; i--)
	{
		if (s->twin[i] >= 0)
			s->low[i] = fmax(s->low[i], s->low[s->twin[i]]);
	}
	for (int i = 0; i < s->n; i++)
	{
		if (s->low[i] > s->high[i] + BUDGET_SLACK)
			return false;
		s->high[i] = fmax(s->high[i], s->low[i]);
	}
	return true;
}

static bool
narrow(State *s)
{
	for (int round = 0; round < 2; round++)
	{
		for (int k = 0; k < s->model->rows; k++)
		{
			if (!narrow_by_row(s, &s->model->row[k]))
				return false;
		}
		if (!narrow_by_order(s))
			return false;
	}
	return true;
}

/*
 * Shuts out the part of an interval whose use costs more than the bound has to spare. Returns whether an
 * envelope changed.
 */
static bool
narrow_by_prices(State *s, double spare)
{
	double response_price = budget_response_price(s->model, &s->prices);
	bool changed = false;

	budget_spend_prices(s->model, &s->prices, s->spend_price);
	for (int i = 0; i < s->n; i++)
	{
		const Curve *curve = &s->model->curves[i];
		double turn = curve->inflection;
		double price = s->spend_price[i];
		double best;
		double at_low;
		double at_turn;
		double upper;
		BudgetPiece beyond;

		if (!(s->low[i] < turn && turn < s->high[i]))
			continue;
		budget_best_spend(&s->pieces[i], curve, response_price, price, &best);
		at_low = response_price * s->pieces[i].base - price * s->low[i];
		at_turn = response_price * s->knee_value[i] - price * turn;
		if (fmax(at_low, at_turn) < best - spare)
		{
			s->low[i] = turn;
			changed = true;
			continue;
		}
		beyond = (BudgetPiece){.low = turn, .high = s->high[i], .base = s->knee_value[i]};
		budget_best_spend(&beyond, curve, response_price, price, &upper);
		if (upper < best - spare)
		{
			/* Convex below the turn: what it is worth falls from the low end and rises nowhere above it. */
			double from = s->low[i];
			double to = turn;

			for (int step = 0; step < 20; step++)
			{
				double middle = 0.5 * (from + to);

				if (response_price * curve_value(curve, middle) - price * middle < best - spare)
					to = middle;
				else
					from = middle;
			}
			s->high[i] = to;
			changed = true;
		}
	}
	return changed;
}

/* ------------------------------------------------------------------------------------------------------
 * Plans from relaxed plans
 * ------------------------------------------------------------------------------------------------------ */

bool
budget_refine(const CoreEnv *env, RelaxWork *work, const BudgetModel *model, const double *low,
			  const double *high, const double *like, BudgetPiece *pieces, BudgetPrices *prices, double *plan)
{
	for (int i = 0; i < model->channels; i++)
	{
		const Curve *curve = &model->curves[i];
		double from = low[i];
		double to = high[i];

		if (from < curve->inflection)
		{
			if (curve->inflection < to && like[i] >= curve->inflection)
				from = curve->inflection;
			else if (to <= curve->inflection && like[i] >= 0.5 * (from + to))
				from = to;
			else
				to = from;
		}
		budget_piece_set(&pieces[i], curve, from, to);
	}
	return relax_solve(env, work, model, pieces, -INFINITY, prices, plan) > -INFINITY &&
		   budget_violation(model, plan) <= BUDGET_SLACK;
}

/* Channels on the straight part of their envelope go to the end of it that `fraction` says. */
static void
round_plan(State *s, double fraction)
{
	for (int i = 0; i < s->n; i++)
	{
		const BudgetPiece *piece = &s->pieces[i];

		s->trial_like[i] = s->x[i];
		if (s->x[i] < piece->knee)
			s->trial_like[i] =
				s->x[i] > piece->low + fraction * (piece->knee - piece->low) ? piece->knee : piece->low;
	}
	if (budget_refine(s->env, s->work, s->model, s->search->low, s->search->high, s->trial_like,
					  s->trial_pieces, &s->trial_prices, s->trial))
		offer(s, s->trial);
}

static void
look_for_plans(State *s, bool root)
{
	if (!root && s->n > MANY_CHANNELS && s->search->nodes % 8 != 0)
		return;
	round_plan(s, 0.5);
	if (root || !s->search->found)
	{
		round_plan(s, 1e-5);
		round_plan(s, 1 - 1e-5);
	}
}

/* ------------------------------------------------------------------------------------------------------
 * Nodes
 * ------------------------------------------------------------------------------------------------------ */

static void
set_pieces(State *s)
{
	for (int i = 0; i < s->n; i++)
	{
		if (s->pieces[i].low != s->low[i] || s->pieces[i].high != s->high[i])
			budget_piece_set(&s->pieces[i], &s->model->curves[i], s->low[i], s->high[i]);
	}
}

static void
discard(State *s, double bound)
{
	s->pruned = fmax(s->pruned, bound);
}

/* Splits the interval where the relaxed plan is most wrong; without any error, the widest. */
static void
branch(State *s, double bound)
{
	int worst = -1;
	double most = 0;
	double at;

	for (int i = 0; i < s->n; i++)
	{
		double error = budget_envelope(&s->pieces[i], &s->model->curves[i], s->x[i]) -
					   curve_value(&s->model->curves[i], s->x[i]);

		if (error > most + 1e-300)
		{
			most = error;
			worst = i;
		}
	}
	if (most < 1e-14)
	{
		worst = 0;
		for (int i = 1; i < s->n; i++)
		{
			if (s->high[i] - s->low[i] > s->high[worst] - s->low[worst])
				worst = i;
		}
		at = 0.5 * (s->low[worst] + s->high[worst]);
		if (s->high[worst] - s->low[worst] < 1e-9)
		{
			discard(s, bound);
			return;
		}
	}
	else
	{
		const BudgetPiece *piece = &s->pieces[worst];
		double width = piece->knee - piece->low;

		at = fmin(fmax(s->x[worst], piece->low + 0.05 * width), piece->knee - 0.05 * width);
	}
	push_child(s, bound, worst, s->low[worst], at);
	push_child(s, bound, worst, at, s->high[worst]);
}

static void
process(State *s, const Node *node, bool root)
{
	double bound = node->bound;

	memcpy(s->low, s->root_low, sizeof(double) * s->n);
	memcpy(s->high, s->root_high, sizeof(double) * s->n);
	for (int c = 0; c < node->count; c++)
	{
		s->low[node->cuts[c].channel] = node->cuts[c].low;
		s->high[node->cuts[c].channel] = node->cuts[c].high;
	}
	for (int round = 0; round < 4; round++)
	{
		if (!narrow(s))
			return;
		set_pieces(s);
		bound = fmin(bound, relax_solve(s->env, s->work, s->model, s->pieces, cutoff(s), &s->prices, s->x));
		if (bound <= cutoff(s))
		{
			discard(s, bound);
			return;
		}
		offer(s, s->x);
		if (round == 0)
			look_for_plans(s, root);
		if (bound <= cutoff(s))
		{
			discard(s, bound);
			return;
		}
		if (!s->search->found ||
			!narrow_by_prices(s, budget_bound(s->model, s->pieces, &s->prices, s->spend_price, NULL) -
									 s->search->value))
			break;
	}
	if (root)
	{
		memcpy(s->root_low, s->low, sizeof(double) * s->n);
		memcpy(s->root_high, s->high, sizeof(double) * s->n);
	}
	set_pieces(s);
	branch(s, bound);
}

static bool
same_rows(const BudgetModel *model, const bool *member, int a, int b)
{
	for (int k = 0; k < model->rows; k++)
	{
		if (member[(size_t) k * model->channels + a] != member[(size_t) k * model->channels + b])
			return false;
	}
	return true;
}

static bool
same_curve(const Curve *a, const Curve *b)
{
	return a->shape.kind == b->shape.kind && a->coefficient == b->coefficient &&
		   a->shape.half_saturation == b->shape.half_saturation && a->shape.slope == b->shape.slope &&
		   a->weight == b->weight && a->log_miss == b->log_miss;
}

/* Twins are found by comparing everything with everything: cheap beside one relaxation. */
static void
find_twins(State *s)
{
	const BudgetModel *model = s->model;
	bool *member = CORE_ALLOC_ZERO(s->env, bool, (size_t) model->rows * s->n);

	for (int k = 0; k < model->rows; k++)
	{
		for (int m = 0; m < model->row[k].count; m++)
			member[(size_t) k * s->n + model->row[k].members[m]] = true;
	}
	memcpy(s->low, s->root_low, sizeof(double) * s->n);
	memcpy(s->high, s->root_high, sizeof(double) * s->n);
	for (int i = 0; i < s->n; i++)
		s->twin[i] = -1;
	narrow(s); /* rows often make alike what was not */
	for (int i = 0; i < s->n; i++)
	{
		core_check(s->env);
		for (int j = i + 1; j < s->n && s->twin[i] < 0; j++)
		{
			if (s->low[i] == s->low[j] && s->high[i] == s->high[j] && model->cost[i] == model->cost[j] &&
				same_curve(&model->curves[i], &model->curves[j]) && same_rows(model, member, i, j))
				s->twin[i] = j;
		}
	}
	core_free(s->env, member);
}

static double *
copy_of(const CoreEnv *env, const double *values, int n)
{
	double *copy = CORE_ALLOC(env, double, n);

	memcpy(copy, values, sizeof(double) * n);
	return copy;
}

static State
begin(const CoreEnv *env, BudgetSearch *search)
{
	int n = search->model->channels;
	State s = {
		.env = env, .search = search, .model = search->model, .n = n, .pruned = -INFINITY, .heap_size = 64};

	s.root_low = copy_of(env, search->low, n);
	s.root_high = copy_of(env, search->high, n);
	s.low = CORE_ALLOC(env, double, n);
	s.high = CORE_ALLOC(env, double, n);
	s.pieces = CORE_ALLOC(env, BudgetPiece, n);
	s.trial_pieces = CORE_ALLOC(env, BudgetPiece, n);
	s.knee_value = CORE_ALLOC(env, double, n);
	s.x = CORE_ALLOC(env, double, n);
	s.trial = CORE_ALLOC(env, double, n);
	s.trial_like = CORE_ALLOC(env, double, n);
	s.spend_price = CORE_ALLOC(env, double, n);
	s.prices = budget_prices_alloc(env, s.model);
	s.trial_prices = budget_prices_alloc(env, s.model);
	s.work = relax_work_create(env, s.model);
	s.twin = CORE_ALLOC(env, int, n);
	s.heap = CORE_ALLOC(env, Node *, s.heap_size);
	for (int i = 0; i < n; i++)
	{
		double turn = s.model->curves[i].inflection;

		s.knee_value[i] = isfinite(turn) ? curve_value(&s.model->curves[i], turn) : 0;
		s.pieces[i] = (BudgetPiece){.low = NAN};
	}
	find_twins(&s);
	return s;
}

static void
end(State *s)
{
	while (s->heap_count > 0)
		core_free(s->env, pop(s));
	core_free(s->env, s->root_low);
	core_free(s->env, s->root_high);
	core_free(s->env, s->low);
	core_free(s->env, s->high);
	core_free(s->env, s->pieces);
	core_free(s->env, s->trial_pieces);
	core_free(s->env, s->knee_value);
	core_free(s->env, s->x);
	core_free(s->env, s->trial);
	core_free(s->env, s->trial_like);
	core_free(s->env, s->spend_price);
	budget_prices_free(s->env, &s->prices);
	budget_prices_free(s->env, &s->trial_prices);
	relax_work_free(s->env, s->work);
	core_free(s->env, s->twin);
	core_free(s->env, s->heap);
}

CoreStatus
budget_search(const CoreEnv *env, BudgetSearch *search)
{
	State s = begin(env, search);
	Node *root = env->alloc(env->arg, sizeof(Node));
	bool finished = true;

	search->nodes = 0;
	*root = (Node){.bound = INFINITY};
	push(&s, root);
	while (s.heap_count > 0)
	{
		Node *node;

		if (s.heap[0]->bound <= cutoff(&s) || (search->found && search->value >= search->enough))
			break;
		if (search->nodes >= search->node_limit || s.heap_bytes > MOST_BYTES)
		{
			finished = false;
			break;
		}
		node = pop(&s);
		process(&s, node, search->nodes++ == 0);
		core_free(env, node);
	}
	search->bound = s.heap_count > 0 ? fmax(s.pruned, s.heap[0]->bound) : s.pruned;
	if (search->found)
		search->bound = fmax(search->bound, search->value);
	end(&s);
	return finished ? CORE_OK : CORE_NO_CONVERGE;
}
