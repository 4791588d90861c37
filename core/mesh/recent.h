/* SPDX-License-Identifier: MIT
 * recent.h - addresses and ids of which something was so, for a while.
 *
 * RECENT_MAX of each kind at a time, so that none of them takes another's place.
 * What comes when its kind is full is counted.  A link that was lost is not
 * noted then: any may be one.  Of the others one goes, as whoever makes many of
 * them must not have everybody refused, nor all dials: the slow node that ends
 * first, or any address, so that nobody picks the one that is dialled again. */
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

/* It is so for `ms` from now. */
void recent_put(struct mesh *mesh, enum recent_kind kind, const void *key,
    size_t len, uint64_t ms);
bool recent_has(const struct mesh *mesh, enum recent_kind kind, const void *key,
    size_t len);

#endif
