/* SPDX-License-Identifier: MIT
 * inspect.h - a look inside, for tests and the simulator: what must hold after
 * every event.  Nothing here changes anything. */
#ifndef SIM_INSPECT_H
#define SIM_INSPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mesh/mesh.h"
#include "wire/nodeid.h"

/* What is known of one origin. */
struct inspect_origin {
	struct nodeid id;
	uint64_t max, base; /* of its numbers */
	uint64_t last;      /* of the boot before */
	uint64_t first_end; /* of the oldest boot that is known; 0: no such */
	uint64_t mute, pruned; /* slots */
	int parent;            /* slot, -1: none */
	uint64_t parent_seq;
	size_t held, missing; /* messages */
	bool is_self, is_wide;
};

/* Tables, and how large they may grow. */
struct inspect_tables {
	size_t origins, origins_max;
	size_t tombstones, tombstones_max;
	size_t history, history_bytes, history_bytes_max;
	size_t missing, missing_max; /* runs */
	size_t missing_ids;
	size_t lazy, lazy_max;
	size_t told, told_max; /* ends of origins */
	size_t wide, wide_max; /* windows */
	size_t unicast, unicast_max;
	size_t members, members_max;
};

/* Call `each` for every origin, this node (if it has published) last. */
void inspect_origins(const struct mesh *mesh,
    void (*each)(void *ctx, const struct inspect_origin *origin), void *ctx);
/* One of them; false: nothing is known of `id`. */
bool inspect_find(const struct mesh *mesh, const struct nodeid *id,
    struct inspect_origin *origin);
void inspect_tables(const struct mesh *mesh, struct inspect_tables *tables);
/* Who begins in a later second is missed from its first word. */
uint32_t inspect_since_s(const struct mesh *mesh);
/* What the C library gave for the tombstones. */
size_t inspect_tombstone_bytes(const struct mesh *mesh);
/* The link that is UP in `slot`, NULL: none; its slot, UINT_MAX: not UP. */
struct link *inspect_link(const struct mesh *mesh, unsigned slot);
unsigned inspect_slot(const struct link *link);
/* Has the window of `id` taken `seq`?  True for the node's own. */
bool inspect_has(
    const struct mesh *mesh, const struct nodeid *id, uint64_t seq);

/* Is `seq` of `id` missing, and noted so lately that it need not be told as a
 * gap yet? */
bool inspect_waits(
    const struct mesh *mesh, const struct nodeid *id, uint64_t seq);

/* What is wrong, in a few words; NULL: all invariants hold.  Bits only of
 * links that are UP, parents alive and not pruned, as many fetches as are not
 * answered, nobody shut out twice or for too long, tables within their limits
 * and consistent. */
const char *inspect_check(const struct mesh *mesh);

#endif
