/* SPDX-License-Identifier: MIT
 * ends.h - how far origins came in boots that two others have followed: the
 * origin itself knows the last one only (PROTOCOL 8).
 *
 * Who was cut off while an author restarted twice and more is told of them, so
 * that what it missed is fetched, or a gap.  ENDS_MAX of them; then the one put
 * first goes, with all of its origin: what is known of that has no holes. */
#ifndef MESH_ENDS_H
#define MESH_ENDS_H

#include <stddef.h>
#include <stdint.h>

#include "wire/nodeid.h"

#define ENDS_MAX 128u

struct ends_item {
	struct nodeid id;
	uint64_t seq; /* the newest number heard of its boot; 0: free */
};

/* All zeros: empty. */
struct ends {
	struct ends_item items[ENDS_MAX];
	size_t count;  /* ever put */
	uint64_t lost; /* to make room */
};

/* A boot that is not here has come as far as `seq`.  If that needs the room of
 * others of its origin, only the newest of them and it is here afterwards. */
void ends_put(struct ends *ends, const struct nodeid *id, uint64_t seq);

/* Of this origin nothing is to be known; how many there were. */
size_t ends_forget(struct ends *ends, const struct nodeid *id);

/* The newest number heard of the boot of `seq`, which may grow; or NULL. */
uint64_t *ends_find(struct ends *ends, const struct nodeid *id, uint64_t seq);

/* The same of the newest boot before that one; 0: none is known. */
uint64_t ends_before(
    const struct ends *ends, const struct nodeid *id, uint64_t seq);

#endif
