/* SPDX-License-Identifier: MIT
 * unicast.h - messages for one node: along the tree of that node, backwards
 * (PROTOCOL 11).
 *
 * They are not stored and not announced; the destination remembers the last 64
 * numbers of each sender.  UNICAST_MAX senders at the most, in buckets of
 * eight; a full bucket replaces one at random. */
#ifndef MESH_UNICAST_H
#define MESH_UNICAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/nodeid.h"
#include "wire/record.h"

#define UNICAST_MAX 4096u

struct mesh;
struct link;

struct unicast_window {
	struct nodeid id;
	uint64_t max;  /* 0: an empty place */
	uint64_t bits; /* of max - 1, max - 2, ... */
};

struct unicast {
	struct unicast_window *places; /* allocated with the first message */
	uint64_t salt;
	uint64_t seq; /* of the last one sent */
};

void unicast_init(struct unicast *unicast, uint64_t salt);
void unicast_fini(struct unicast *unicast);

/* True if `data` takes one way to one node, and no tree. */
static inline bool
unicast_is_direct(const struct record_data *data)
{
	return (data->flags & (DATA_UNICAST | DATA_FLOOD)) == DATA_UNICAST;
}

/* True once for each number of this sender, as far as memory reaches. */
bool unicast_is_new(struct mesh *mesh, const struct nodeid *id, uint64_t seq);

/* DATA with UNICAST and without FLOOD came, and is fit. */
void unicast_on_data(
    struct link *link, uint64_t now_ms, struct record_data *data);

#endif
