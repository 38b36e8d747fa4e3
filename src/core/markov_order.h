/*
 * Which order of chain tells conversions apart best, as ChannelAttribution's choose_order measures it.
 */
#ifndef ATTRIB_MARKOV_ORDER_H
#define ATTRIB_MARKOV_ORDER_H

#include "summary_view.h"

/*
 * A path's score is the chance to convert at once from its last state. Their ROC curve over 100 equally
 * spaced thresholds has the area auc; penalized_auc = 1 - (1 - auc) (n - 1) / (n - nodes - 1), n being the
 * matured journeys with a path, nodes the number of multisets of `order` channels.
 */
typedef struct MarkovOrderFit
{
	uint32_t order;
	int64_t states;
	int64_t nodes;
	bool known; /* false: nobody converted or everybody did, there is no curve */
	double auc;
	double penalized_auc;
} MarkovOrderFit;

typedef struct MarkovOrders
{
	const SummaryView *view;
	const CoreEnv *env;
	int64_t journeys;
	int64_t conversions;
	MarkovOrderFit fit; /* of the last order: from the longest path on only nodes and the penalty change */
} MarkovOrders;

extern void markov_orders_begin(const SummaryView *view, const CoreEnv *env, MarkovOrders *orders);

/*
 * Fits the next order, the first being 1, into orders->fit. `more` is false if it has no fewer nodes than
 * there are journeys; no order beyond has then.
 */
extern CoreStatus markov_orders_next(MarkovOrders *orders, bool *more);

#endif
