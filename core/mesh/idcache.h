/* SPDX-License-Identifier: MIT
 * idcache.h - the newest number of each of many nodes, and whatever else is
 * kept with it, for as long as there is room (PROTOCOL 8, 11).
 *
 * There may be many, and most are never asked for again: so the items lie
 * close together, in pages that come as they are needed, and only an index of
 * their places has holes.  At the limit a new one takes the place of any.  The
 * index is salted, so that nobody can aim at the place of another. */
#ifndef MESH_IDCACHE_H
#define MESH_IDCACHE_H

#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "wire/nodeid.h"

#define IDCACHE_PAGE 128u /* items of a page */

struct idcache_item { /* or what begins with one */
	struct nodeid id;
	uint64_t max;
};

struct idcache {
	uint8_t **pages; /* limit / IDCACHE_PAGE, NULL before the first item */
	uint32_t *index; /* `room` of them: of an item its place + 1, or 0 */
	struct rng *rng; /* borrowed */
	uint64_t salt;
	size_t limit, item_len;
	size_t room; /* 0 before the first item, or a power of two */
	size_t count;
	size_t bytes;      /* of memory */
	uint64_t replaced; /* ever, for lack of room */
};

/* `limit`: a multiple of IDCACHE_PAGE; `item_len`: of what begins with an
 * item. */
void idcache_init(
    struct idcache *cache, struct rng *rng, size_t limit, size_t item_len);
void idcache_fini(struct idcache *cache);

/* The item of `id`, or NULL. */
void *idcache_find(const struct idcache *cache, const struct nodeid *id);
/* The same, made if there is none: all zeros but for its id.  NULL: no memory
 * for the first.  Other items may move. */
void *idcache_put(struct idcache *cache, const struct nodeid *id);
/* Forget an item that was found.  Other items may move. */
void idcache_drop(struct idcache *cache, struct idcache_item *item);

#endif
