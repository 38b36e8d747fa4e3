#include "budget_nodes.h"

#include <stddef.h>
#include <string.h>

static size_t
node_bytes(int cuts)
{
	return offsetof(Node, cuts) + sizeof(Cut) * cuts;
}

NodeHeap
node_heap_create(const CoreEnv *env)
{
	NodeHeap heap = {.size = 64};

	heap.nodes = CORE_ALLOC(env, Node *, heap.size);
	return heap;
}

void
node_heap_free(const CoreEnv *env, NodeHeap *heap)
{
	for (int64_t k = 0; k < heap->count; k++)
		core_free(env, heap->nodes[k]);
	core_free(env, heap->nodes);
}

Node *
node_create(const CoreEnv *env, double bound, int cuts)
{
	Node *node = env->alloc(env->arg, node_bytes(cuts));

	node->bound = bound;
	node->count = 0;
	return node;
}

static bool
before(const Node *a, const Node *b)
{
	return a->bound > b->bound || (a->bound == b->bound && a->sequence > b->sequence);
}

void
node_push(const CoreEnv *env, NodeHeap *heap, Node *node)
{
	int64_t at = heap->count++;

	if (heap->count > heap->size)
	{
		int64_t size = 2 * heap->size;
		Node **grown = CORE_ALLOC(env, Node *, size);

		memcpy(grown, heap->nodes, sizeof(Node *) * heap->size);
		core_free(env, heap->nodes);
		heap->nodes = grown;
		heap->size = size;
	}
	node->sequence = heap->sequence++;
	heap->bytes += node_bytes(node->count);
	while (at > 0 && before(node, heap->nodes[(at - 1) / 2]))
	{
		heap->nodes[at] = heap->nodes[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap->nodes[at] = node;
}

Node *
node_pop(NodeHeap *heap)
{
	Node *top = heap->nodes[0];
	Node *last = heap->nodes[--heap->count];
	int64_t at = 0;

	heap->bytes -= node_bytes(top->count);
	for (;;)
	{
		int64_t child = 2 * at + 1;

		if (child >= heap->count)
			break;
		if (child + 1 < heap->count && before(heap->nodes[child + 1], heap->nodes[child]))
			child++;
		if (!before(heap->nodes[child], last))
			break;
		heap->nodes[at] = heap->nodes[child];
		at = child;
	}
	heap->nodes[at] = last;
	return top;
}
