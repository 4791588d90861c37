/* SPDX-License-Identifier: MIT
 * recent.h - addresses and ids of which something was so, for a while.
 *
 * RECENT_MAX of each kind at a time, so that none of them takes another's place.
 * A full kind takes no more, and that is counted: nothing learned is dialled,
 * any link may be one that was lost.  But of slow nodes the one that ends first
 * goes: whoever makes many of them must not have everybody refused. */
#ifndef MESH_RECENT_H
#define MESH_RECENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECENT_MAX 128u

struct mesh;

enum recent_kind {
	RECENT_DIALLED, /* addresses that were learned: not to be dialled yet */
	RECENT_SLOW,    /* ids: BYE 8, and not dialled */
	RECENT_LOST,    /* ids: a link ended, and not in favour of another */
	RECENT_KINDS,
};

struct recent {
	uint64_t hash; /* of the address, or id */
	uint64_t until_ms;
};

/* It is so for `ms` from now.  False, and counted: there is no room. */
bool recent_put(struct mesh *mesh, enum recent_kind kind, const void *key,
    size_t len, uint64_t ms);
bool recent_has(const struct mesh *mesh, enum recent_kind kind, const void *key,
    size_t len);

#endif
