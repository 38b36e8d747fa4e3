#include "markov_order.h"

#include <float.h>

#include "markov_chain.h"
#include "progress.h"

#define THRESHOLDS 100

void
markov_orders_begin(const SummaryView *view, const CoreEnv *env, MarkovOrders *orders)
{
	Progress progress = {env, 0};

	*orders = (MarkovOrders){.view = view, .env = env, .fit = {.nodes = 1}};
	for (size_t i = 0; i < view->npaths; i++)
	{
		const SummaryPath *path = &view->paths[i];

		if (path->ntouches == 0 || markov_weight(path) == 0)
			continue;
		orders->journeys += markov_weight(path);
		orders->conversions += path->matured_conversions;
		progress_made(&progress, 4);
	}
}

/* Journeys that end in each state. */
typedef struct LastStates
{
	uint32_t nstates;
	int64_t *converted;
	int64_t *lost;
	double *score;
} LastStates;

static CoreStatus
collect_last_states(const MarkovOrders *orders, uint32_t order, LastStates *last)
{
	const CoreEnv *env = orders->env;
	MarkovStates states;
	CoreStatus status = markov_states_build(orders->view, order, env, &states);

	if (status != CORE_OK)
		return status;
	last->nstates = states.nstates;
	last->converted = CORE_ALLOC_ZERO(env, int64_t, states.nstates);
	last->lost = CORE_ALLOC_ZERO(env, int64_t, states.nstates);
	last->score = CORE_ALLOC_ZERO(env, double, states.nstates);
	for (size_t p = 0; p < states.npaths; p++)
	{
		const SummaryPath *path = &states.view->paths[states.path[p]];
		uint32_t state = states.window[states.window_first[p] + markov_window_count(&states, path) - 1];

		last->converted[state] += path->matured_conversions;
		last->lost[state] += path->lost;
	}
	for (uint32_t i = 0; i < last->nstates; i++)
	{
		int64_t ended = last->converted[i] + last->lost[i];

		if (ended > 0)
			last->score[i] = (double) last->converted[i] / (double) ended;
	}
	markov_states_free(&states);
	return CORE_OK;
}

/*
 * The area under the ROC curve by the trapezoidal rule. A score that equals a threshold reaches it; the few
 * units in the last place by which a threshold may be rounded upwards must not undo that.
 */
static double
area_under_curve(const MarkovOrders *orders, const LastStates *last)
{
	Progress progress = {orders->env, 0};
	double min = 1;
	double max = 0;
	double area = 0;
	double tpr_before = 0;
	double fpr_before = 0;

	for (uint32_t i = 0; i < last->nstates; i++)
	{
		if (last->converted[i] + last->lost[i] == 0)
			continue;
		min = last->score[i] < min ? last->score[i] : min;
		max = last->score[i] > max ? last->score[i] : max;
	}
	for (int k = THRESHOLDS; k >= 0; k--)
	{
		double threshold =
			k > 0 ? min + (k - 1) * (max - min) / (THRESHOLDS - 1) : -1; /* the last takes all */
		int64_t true_positives = 0;
		int64_t false_positives = 0;
		double tpr;
		double fpr;

		threshold -= 8 * DBL_EPSILON * max;
		for (uint32_t i = 0; i < last->nstates; i++)
		{
			if (last->score[i] >= threshold)
			{
				true_positives += last->converted[i];
				false_positives += last->lost[i];
			}
			progress_made(&progress, 1);
		}
		tpr = (double) true_positives / (double) orders->conversions;
		fpr = (double) false_positives / (double) (orders->journeys - orders->conversions);
		area += (fpr - fpr_before) * (tpr + tpr_before) / 2;
		tpr_before = tpr;
		fpr_before = fpr;
	}
	return area;
}

/* C(channels + order - 1, order) from that of the order before; false if it is `journeys` or more. */
static bool
count_nodes(const MarkovOrders *orders, uint32_t order, int64_t *nodes)
{
	fixed128 next = (fixed128) orders->fit.nodes * ((fixed128) orders->view->nchannels + order - 1) / order;

	if (next >= orders->journeys)
		return false;
	*nodes = (int64_t) next;
	return true;
}

static void
penalize(MarkovOrderFit *fit, int64_t journeys)
{
	int64_t room = journeys - fit->nodes - 1;

	fit->penalized_auc = 0;
	if (fit->known && room > 0)
		fit->penalized_auc = 1 - (1 - fit->auc) * ((double) (journeys - 1) / (double) room);
	if (fit->penalized_auc < 0 || fit->penalized_auc > 1)
		fit->penalized_auc = 0;
}

CoreStatus
markov_orders_next(MarkovOrders *orders, bool *more)
{
	MarkovOrderFit *fit = &orders->fit;
	uint32_t order = fit->order + 1;

	core_check(orders->env);
	*more = orders->view->nchannels > 0 && count_nodes(orders, order, &fit->nodes);
	if (!*more)
		return CORE_OK;
	fit->order = order;
	if (order == 1 || order <= orders->view->longest_path)
	{
		LastStates last;
		CoreStatus status = collect_last_states(orders, order, &last);

		if (status != CORE_OK)
			return status;
		fit->states = last.nstates;
		fit->known = orders->conversions > 0 && orders->conversions < orders->journeys;
		fit->auc = fit->known ? area_under_curve(orders, &last) : 0;
		core_free(orders->env, last.converted);
		core_free(orders->env, last.lost);
		core_free(orders->env, last.score);
	}
	penalize(fit, orders->journeys);
	return CORE_OK;
}
