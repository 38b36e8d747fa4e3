#include "identity.h"

#define STEPS_PER_CHECK 65536u

/* Path halving: with it alone, any order of joins costs O(log n) a step, amortised (Tarjan, van Leeuwen 1984). */
static uint32_t
root_of(uint32_t *parent, uint32_t node)
{
	while (parent[node] != node)
	{
		parent[node] = parent[parent[node]];
		node = parent[node];
	}
	return node;
}

static void
join(uint32_t *parent, uint32_t a, uint32_t b)
{
	a = root_of(parent, a);
	b = root_of(parent, b);
	if (a < b)
		parent[b] = a;
	else
		parent[a] = b;
}

uint32_t *
identity_components(const KeyIndex *links, uint32_t users, uint32_t anonymous, uint32_t max_users)
{
	const CoreEnv *env = links->env;
	uint32_t nodes = users + anonymous;
	uint32_t *parent = CORE_ALLOC(env, uint32_t, nodes);
	uint32_t *users_of = CORE_ALLOC_ZERO(env, uint32_t, anonymous);

	for (uint32_t i = 0; i < nodes; i++)
	{
		parent[i] = i;
		if (i % STEPS_PER_CHECK == 0)
			core_check(env);
	}
	for (uint32_t i = 0; i < links->count; i++)
	{
		users_of[links->key[i] >> 32]++;
		if (i % STEPS_PER_CHECK == 0)
			core_check(env);
	}
	for (uint32_t i = 0; i < links->count; i++)
	{
		uint32_t device = (uint32_t) (links->key[i] >> 32);

		if (users_of[device] <= max_users)
			join(parent, (uint32_t) links->key[i], users + device);
		if (i % STEPS_PER_CHECK == 0)
			core_check(env);
	}
	for (uint32_t i = 0; i < nodes; i++)
	{
		parent[i] = root_of(parent, i);
		if (i % STEPS_PER_CHECK == 0)
			core_check(env);
	}
	core_free(env, users_of);
	return parent;
}
