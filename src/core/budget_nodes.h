/*
 * Open nodes of the branch and bound, best bound first. Of equal bounds the latest comes first, which dives.
 */
#ifndef ATTRIB_CORE_BUDGET_NODES_H
#define ATTRIB_CORE_BUDGET_NODES_H

#include "core.h"

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

typedef struct NodeHeap
{
	Node **nodes; /* the first is the best */
	int64_t count;
	int64_t size;
	int64_t sequence;
	size_t bytes; /* of all nodes in it */
} NodeHeap;

extern NodeHeap node_heap_create(const CoreEnv *env);
extern void node_heap_free(const CoreEnv *env, NodeHeap *heap); /* and every node in it */

/* With room for this many cuts and none in it. */
extern Node *node_create(const CoreEnv *env, double bound, int cuts);

/* The heap owns a node from push to pop. */
extern void node_push(const CoreEnv *env, NodeHeap *heap, Node *node);
extern Node *node_pop(NodeHeap *heap);

#endif
