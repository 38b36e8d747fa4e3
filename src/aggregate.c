#include "aggregate.h"

#include "utils/memutils.h"

static dlist_head nodes = DLIST_STATIC_INIT(nodes);

MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("this function is part of an aggregate and cannot be called by itself")));
	return context;
}

static void
forget_node(void *arg)
{
	dlist_delete(&((AggregateNode *) arg)->link);
}

AggregateNode *
aggregate_node(MemoryContext context)
{
	dlist_iter iter;
	AggregateNode *node;
	MemoryContextCallback *callback;

	dlist_foreach(iter, &nodes)
	{
		node = dlist_container(AggregateNode, link, iter.cur);
		if (node->context == context)
			return node;
	}
	node = MemoryContextAllocZero(context, sizeof(AggregateNode));
	callback = MemoryContextAllocZero(context, sizeof(MemoryContextCallback));
	node->context = context;
	node->limit = attrib_hash_memory_limit();
	dlist_init(&node->states);
	dlist_push_head(&nodes, &node->link);
	callback->func = forget_node;
	callback->arg = node;
	MemoryContextRegisterResetCallback(context, callback);
	return node;
}

const JourneySpec *
aggregate_options(AggregateNode *node, HeapTupleHeader options)
{
	return journey_spec_cached(&node->spec, node->context, options);
}
