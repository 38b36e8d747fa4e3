/*
 * Who is who: the connected components of anonymous ids and user ids that were seen together.
 *
 * An anonymous id that more than `max_users` users were seen with is a shared device: a library's computer, a
 * till, a test browser. It joins nobody, and is a component of its own.
 */
#ifndef ATTRIB_IDENTITY_H
#define ATTRIB_IDENTITY_H

#include "key_index.h"

/* Ids are numbered from 0 within their kind. A link is its anonymous id << 32 | its user. */
static inline uint64_t
identity_link(uint32_t anonymous, uint32_t user)
{
	return (uint64_t) anonymous << 32 | user;
}

/*
 * component[node] is the same number for all nodes of a component, and is itself one of its nodes. Nodes are the
 * users 0 .. users - 1, then the anonymous ids. `links` holds each distinct link once. The partition depends on the
 * set of links alone; the numbers depend on their order.
 */
extern uint32_t *identity_components(const KeyIndex *links, uint32_t users, uint32_t anonymous,
									 uint32_t max_users);

#endif
