/*
 * What aggregates keep beside their states.
 */
#ifndef ATTRIB_AGGREGATE_H
#define ATTRIB_AGGREGATE_H

#include "journey_options.h"
#include "lib/ilist.h"

/*
 * One for each context in which states live, which is one for each aggregation node (and grouping set).
 * Found through a list, not through fn_extra: distributed engines call transition functions with call
 * information that lasts for one row.
 */
typedef struct AggregateNode
{
	MemoryContext context;
	dlist_node link;
	const JourneySpec *spec; /* the last options decoded; lives in `context` */
	Size used;				 /* bytes of events that all states of the node hold */
	Size limit;				 /* work_mem x hash_mem_multiplier */
	dlist_head states;		 /* states worth spilling */
} AggregateNode;

/* The context of this aggregate's states; 0A000 where the function is called by hand. */
extern MemoryContext aggregate_context(FunctionCallInfo fcinfo);

extern AggregateNode *aggregate_node(MemoryContext context);

/* The decoded options, which live as long as the node. NULL: the defaults. */
extern const JourneySpec *aggregate_options(AggregateNode *node, HeapTupleHeader options);

#endif
