/*
 * What aggregates keep beside their states.
 */
#ifndef ATTRIB_AGGREGATE_H
#define ATTRIB_AGGREGATE_H

#include "journey_options.h"
#include "lib/ilist.h"

/* Options that a node remembers: groups may differ in theirs, and their rows may come in any order. */
#define SPECS_KEPT 16

/*
 * One for each context in which states live, which is one for each aggregation node (and grouping set).
 * Found through a list, not through fn_extra: distributed engines call transition functions with call
 * information that lasts for one row.
 */
typedef struct AggregateNode
{
	MemoryContext context;
	dlist_node link;
	int nspecs;
	const JourneySpec *specs[SPECS_KEPT]; /* decoded options, the last used first; live in `context` */
	Size used;							  /* bytes of events that all states of the node hold */
	Size limit;							  /* work_mem x hash_mem_multiplier */
	dlist_head states;					  /* states worth spilling */
} AggregateNode;

/* The context of this aggregate's states; 0A000 where the function is called by hand. */
extern MemoryContext aggregate_context(FunctionCallInfo fcinfo);

extern AggregateNode *aggregate_node(MemoryContext context);

/* The decoded options, which live as long as the node: for states to point to. NULL: the defaults. */
extern const JourneySpec *aggregate_options(AggregateNode *node, HeapTupleHeader options);

/* The same for one call only, so that rows whose options vary without end take no memory. */
extern const JourneySpec *aggregate_options_of_row(AggregateNode *node, HeapTupleHeader options);

#endif
