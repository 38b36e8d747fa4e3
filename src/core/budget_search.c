#include "budget_search_state.h"

#include <math.h>
#include <string.h>

/* Open nodes may take this much memory; then the search ends as if at its limit of nodes. */
#define MOST_BYTES ((size_t) 256 << 20)

/* Above this many channels, heuristics at every node would cost more than they find. */
#define MANY_CHANNELS 64

/* With more rows than one, nodes between climbs from their plan. */
#define CLIMB_EVERY 8

static double
margin(const SearchState *s)
{
	return 0.9 * s->search->tolerance * fmax(fabs(s->search->value), s->search->unit);
}

/* The value a node must be able to exceed to be worth a look. */
static double
cutoff(const SearchState *s)
{
	return s->search->found ? s->search->value + margin(s) : -INFINITY;
}

static void
offer(SearchState *s, const double *plan)
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
 * Plans from relaxed plans
 * ------------------------------------------------------------------------------------------------------ */

/* The part of [low, high] in which a curve is concave and that `like` lies in, or an end that it is near. */
static CurveArc
same_kind(const Curve *curve, double low, double high, double like)
{
	CurveArc before = {low, low}; /* what lies left of the next arc */

	for (int k = 0; k < curve_arcs(curve); k++)
	{
		CurveArc arc = curve_arc(curve, k);

		if (arc.to <= low)
			continue;
		if (arc.from >= high)
			break;
		arc.from = fmax(arc.from, low);
		arc.to = fmin(arc.to, high);
		if (like < arc.from)
			return k > 0 && like > 0.5 * (before.to + arc.from) ? arc : before;
		if (like <= arc.to)
			return arc;
		before = arc;
	}
	/* Above the last arc, convex or nothing. */
	if (before.to < high && like >= 0.5 * (before.to + high))
		return (CurveArc){high, high};
	return before;
}

void
budget_keep_kind(BudgetPiece *piece, const Curve *curve, double low, double high, double like)
{
	CurveArc kept = same_kind(curve, low, high, like);

	budget_piece_set(piece, curve, kept.from, kept.to);
}

bool
budget_refine(const CoreEnv *env, RelaxWork *work, const BudgetModel *model, const double *low,
			  const double *high, const double *like, double cutoff, BudgetPiece *pieces,
			  BudgetPrices *prices, double *plan)
{
	for (int i = 0; i < model->channels; i++)
		budget_keep_kind(&pieces[i], &model->curves[i], low[i], high[i], like[i]);
	return relax_solve(env, work, model, pieces, cutoff, prices, plan) > cutoff &&
		   budget_violation(model, plan) <= BUDGET_SLACK;
}

/* Channels on the straight part of their envelope go to the end of it that `fraction` says. */
static void
round_plan(SearchState *s, double fraction, bool climb)
{
	for (int i = 0; i < s->n; i++)
	{
		const BudgetPart *line = budget_line_at(&s->pieces[i], s->x[i]);

		s->trial_like[i] = s->x[i];
		if (line)
			s->trial_like[i] =
				s->x[i] > line->from + fraction * (line->to - line->from) ? line->to : line->from;
	}
	if (budget_refine(s->env, s->work, s->model, s->search->low, s->search->high, s->trial_like,
					  s->search->found ? s->search->value : -INFINITY, s->trial_pieces, &s->trial_prices,
					  s->trial))
		offer(s, s->trial);
	if (climb && budget_climb(s->env, s->work, s->model, s->search->low, s->search->high, s->trial_like,
							  s->trial_pieces, &s->trial_prices, s->trial))
		offer(s, s->trial);
}

static void
look_for_plans(SearchState *s, bool root)
{
	bool climb = s->model->rows > 1 && (root || s->search->nodes % CLIMB_EVERY == 0);

	if (!root && s->n > MANY_CHANNELS && s->search->nodes % 8 != 0)
		return;
	round_plan(s, 0.5, climb);
	if (root || !s->search->found)
	{
		round_plan(s, 1e-5, climb);
		round_plan(s, 1 - 1e-5, climb);
	}
	for (int k = 1; k <= 9 && root && climb; k++)
		round_plan(s, 0.1 * k, true);
}

/* ------------------------------------------------------------------------------------------------------
 * Nodes
 * ------------------------------------------------------------------------------------------------------ */

static void
set_pieces(SearchState *s)
{
	for (int i = 0; i < s->n; i++)
	{
		if (s->pieces[i].low != s->low[i] || s->pieces[i].high != s->high[i])
			budget_piece_set(&s->pieces[i], &s->model->curves[i], s->low[i], s->high[i]);
	}
}

static void
discard(SearchState *s, double bound)
{
	s->pruned = fmax(s->pruned, bound);
}

/* The node's box with one channel's interval replaced, as a node of its own. */
static void
push_child(SearchState *s, double bound, int channel, double low, double high)
{
	Node *node;
	int count = 1;

	for (int i = 0; i < s->n; i++)
		count += i != channel && (s->low[i] > s->root_low[i] || s->high[i] < s->root_high[i]);
	node = node_create(s->env, bound, count);
	for (int i = 0; i < s->n; i++)
	{
		if (i == channel)
			node->cuts[node->count++] = (Cut){i, low, high};
		else if (s->low[i] > s->root_low[i] || s->high[i] < s->root_high[i])
			node->cuts[node->count++] = (Cut){i, s->low[i], s->high[i]};
	}
	node_push(s->env, &s->open, node);
}

/* Splits the interval where the relaxed plan is most wrong; without any error, the widest. */
static void
branch(SearchState *s, double bound)
{
	int worst = -1;
	double most = 0;
	double at;

	for (int i = 0; i < s->n; i++)
	{
		const Curve *curve = &s->model->curves[i];
		double error = budget_envelope(&s->pieces[i], curve, s->x[i]) - curve_value(curve, s->x[i]) +
					   (s->x[i] > curve->inflection ? curve->fee : 0);

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
		const BudgetPart *line = budget_line_at(&s->pieces[worst], s->x[worst]);
		double width = line->to - line->from;

		at = fmin(fmax(s->x[worst], line->from + 0.05 * width), line->to - 0.05 * width);
		/* With a fee, whether it is paid is what matters. */
		if (s->model->curves[worst].fee != 0 && s->low[worst] < s->model->curves[worst].inflection &&
			s->model->curves[worst].inflection < s->high[worst])
			at = s->model->curves[worst].inflection;
	}
	push_child(s, bound, worst, s->low[worst], at);
	push_child(s, bound, worst, at, s->high[worst]);
}

static void
process(SearchState *s, const Node *node, bool root)
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
		if (!search_narrow(s))
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
			!search_narrow_by_prices(s, budget_bound(s->model, s->pieces, &s->prices, s->spend_price, NULL) -
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

static double *
copy_of(const CoreEnv *env, const double *values, int n)
{
	double *copy = CORE_ALLOC(env, double, n);

	memcpy(copy, values, sizeof(double) * n);
	return copy;
}

static SearchState
begin(const CoreEnv *env, BudgetSearch *search)
{
	int n = search->model->channels;
	SearchState s = {.env = env, .search = search, .model = search->model, .n = n, .pruned = -INFINITY};

	s.root_low = copy_of(env, search->low, n);
	s.root_high = copy_of(env, search->high, n);
	s.low = CORE_ALLOC(env, double, n);
	s.high = CORE_ALLOC(env, double, n);
	s.pieces = budget_pieces_alloc(env, s.model->curves, n);
	s.trial_pieces = budget_pieces_alloc(env, s.model->curves, n);
	s.knee_value = CORE_ALLOC(env, double, n);
	s.x = CORE_ALLOC(env, double, n);
	s.trial = CORE_ALLOC(env, double, n);
	s.trial_like = CORE_ALLOC(env, double, n);
	s.spend_price = CORE_ALLOC(env, double, n);
	s.prices = budget_prices_alloc(env, s.model);
	s.trial_prices = budget_prices_alloc(env, s.model);
	s.work = relax_work_create(env, s.model);
	s.twin = CORE_ALLOC(env, int, n);
	s.open = node_heap_create(env);
	for (int i = 0; i < n; i++)
	{
		double turn = s.model->curves[i].inflection;

		s.knee_value[i] = isfinite(turn) ? curve_value(&s.model->curves[i], turn) : 0;
	}
	search_find_differences(&s);
	search_find_twins(&s);
	return s;
}

static void
end(SearchState *s)
{
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
	search_free_differences(s);
	node_heap_free(s->env, &s->open);
}

CoreStatus
budget_explore(const CoreEnv *env, BudgetSearch *search)
{
	SearchState s = begin(env, search);
	bool finished = true;

	search->nodes = 0;
	node_push(env, &s.open, node_create(env, INFINITY, 0));
	while (s.open.count > 0)
	{
		Node *node;

		if (s.open.nodes[0]->bound <= cutoff(&s) || (search->found && search->value >= search->enough))
			break;
		if (search->nodes >= search->node_limit || s.open.bytes > MOST_BYTES)
		{
			finished = false;
			break;
		}
		node = node_pop(&s.open);
		process(&s, node, search->nodes++ == 0);
		core_free(env, node);
	}
	search->bound = s.open.count > 0 ? fmax(s.pruned, s.open.nodes[0]->bound) : s.pruned;
	if (search->found)
		search->bound = fmax(search->bound, search->value);
	end(&s);
	return finished ? CORE_OK : CORE_NO_CONVERGE;
}
