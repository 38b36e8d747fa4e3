#include "core/identity.h"

#include <string.h>

#include "unit.h"

#define USERS 40
#define DEVICES 60
#define NODES (USERS + DEVICES)

typedef struct Link
{
	uint32_t device;
	uint32_t user;
} Link;

static uint32_t *
components(const Link *links, int count, uint32_t max_users, bool backwards)
{
	KeyIndex index;

	key_index_init(&index, unit_env());
	for (int i = 0; i < count; i++)
	{
		const Link *link = &links[backwards ? count - 1 - i : i];

		key_index_put(&index, identity_link(link->device, link->user));
	}
	return identity_components(&index, USERS, DEVICES, max_users);
}

static bool
same(const uint32_t *a, const uint32_t *b)
{
	for (int i = 0; i < NODES; i++)
		for (int j = 0; j < NODES; j++)
			if ((a[i] == a[j]) != (b[i] == b[j]))
				return false;
	return true;
}

/* Labels handed from node to node until nothing changes. */
static void
propagate(const Link *links, int count, uint32_t max_users, uint32_t *label)
{
	bool seen[DEVICES][USERS] = {{false}};
	uint32_t users_of[DEVICES] = {0};
	bool changed = true;

	for (int i = 0; i < count; i++)
	{
		users_of[links[i].device] += !seen[links[i].device][links[i].user];
		seen[links[i].device][links[i].user] = true;
	}
	for (uint32_t i = 0; i < NODES; i++)
		label[i] = i;
	while (changed)
	{
		changed = false;
		for (int i = 0; i < count; i++)
		{
			uint32_t *a = &label[links[i].user];
			uint32_t *b = &label[USERS + links[i].device];

			if (users_of[links[i].device] > max_users || *a == *b)
				continue;
			*a = *b = *a < *b ? *a : *b;
			changed = true;
		}
	}
}

static void
test_random(void)
{
	uint32_t seed = 7;
	int failures = 0;

	for (int run = 0; run < 300; run++)
	{
		Link links[70];
		uint32_t expected[NODES];
		uint32_t max_users = run % 3 == 0 ? UINT32_MAX : (uint32_t) (run % 3);

		for (int i = 0; i < 70; i++)
		{
			seed = seed * 1664525 + 1013904223;
			links[i] = (Link){(seed >> 8) % DEVICES, (seed >> 20) % USERS};
		}
		propagate(links, 70, max_users, expected);
		failures += !same(components(links, 70, max_users, false), expected);
		failures += !same(components(links, 70, max_users, true), expected);
	}
	ok(failures == 0, "components agree with labels propagated, whatever the order of links");
}

static void
test_rules(void)
{
	/* user 0 on devices 0 and 1, user 1 on device 1; device 2 is shared by users 1, 2 and 3 */
	static const Link links[] = {{0, 0}, {1, 0}, {1, 1}, {1, 1}, {2, 1}, {2, 2}, {2, 3}};
	uint32_t *c = components(links, 7, 2, false);

	ok(c[0] == c[1] && c[0] == c[USERS] && c[0] == c[USERS + 1], "devices join their users, over two steps");
	ok(c[2] == 2 && c[3] == 3 && c[USERS + 2] == USERS + 2, "a shared device joins nobody and is itself");
	ok(c[9] == 9, "who has no link is alone");
	c = components(links, 7, UINT32_MAX, false);
	ok(c[0] == c[3], "without a limit it joins them all");
	c = components(links, 7, 1, false);
	ok(c[0] == c[USERS] && c[0] != c[USERS + 1] && c[0] != c[1], "a link that comes twice is one user");
}

int
main(void)
{
	test_random();
	test_rules();
	return done();
}
