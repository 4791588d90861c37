/* SPDX-License-Identifier: MIT
 * unicast.h - messages for one node: along the tree of that node, backwards
 * (PROTOCOL 11).
 *
 * They are not stored and not announced; the destination remembers the last 64
 * numbers of each of UNICAST_MAX senders. */
#ifndef MESH_UNICAST_H
#define MESH_UNICAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "mesh/idcache.h"
#include "wire/nodeid.h"
#include "wire/record.h"

#define UNICAST_MAX 4096u

struct mesh;
struct link;

struct unicast {
	struct idcache windows; /* of senders; `bits`: which came */
	uint64_t seq;           /* of the last one sent */
};

/* True if `data` takes one way to one node, and no tree. */
static inline bool
unicast_is_direct(const struct record_data *data)
{
	return (data->flags & (DATA_UNICAST | DATA_FLOOD)) == DATA_UNICAST;
}

/* DATA with UNICAST and without FLOOD came, and is fit. */
void unicast_on_data(struct link *link, struct record_data *data);

#endif
