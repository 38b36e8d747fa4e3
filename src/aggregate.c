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

/* The remembered spec of the same bytes, brought to the front; NULL if there is none. */
static const JourneySpec *
find_spec(AggregateNode *node, HeapTupleHeader options)
{
	for (int i = 0; i < node->nspecs; i++)
	{
		const JourneySpec *spec = node->specs[i];

		if (journey_spec_same_bytes(spec, options))
		{
			node->specs[i] = node->specs[0];
			node->specs[0] = spec;
			return spec;
		}
	}
	return NULL;
}

/* In place of the last one if all places are taken; that one is not freed, since states may point to it. */
static const JourneySpec *
add_spec(AggregateNode *node, HeapTupleHeader options)
{
	MemoryContext previous = MemoryContextSwitchTo(node->context);
	const JourneySpec *spec = journey_spec_decode(options);

	MemoryContextSwitchTo(previous);
	if (node->nspecs < SPECS_KEPT)
		node->nspecs++;
	node->specs[node->nspecs - 1] = node->specs[0];
	node->specs[0] = spec;
	return spec;
}

const JourneySpec *
aggregate_options(AggregateNode *node, HeapTupleHeader options)
{
	const JourneySpec *spec = find_spec(node, options);

	return spec ? spec : add_spec(node, options);
}

const JourneySpec *
aggregate_options_of_row(AggregateNode *node, HeapTupleHeader options)
{
	const JourneySpec *spec = find_spec(node, options);

	if (spec)
		return spec;
	return node->nspecs < SPECS_KEPT ? add_spec(node, options) : journey_spec_decode(options);
}
