/* SPDX-License-Identifier: MIT
 * idcache.h - the newest number of each of many nodes, and one thing that is
 * kept with it, for as long as there is room (PROTOCOL 8, 11).
 *
 * There may be many, and most are never asked for again: so they take little
 * memory, as it is needed, and are looked for one by one in a bucket, which the
 * hash of the id leads to.  At the limit a new one takes the place of any of
 * its bucket.  The hash is salted, so that nobody can have one bucket hold all,
 * or aim at the place of another. */
#ifndef MESH_IDCACHE_H
#define MESH_IDCACHE_H

#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "wire/nodeid.h"

#define IDCACHE_BUCKETS 512u

struct idcache_item {
	struct nodeid id;
	uint64_t max;
	union {                /* the owner's */
		uint64_t last; /* origin.h */
		uint64_t bits; /* unicast.h */
	};
};

struct idcache_bucket {
	struct idcache_item *items;
	uint32_t count, room;
};

struct idcache {
	struct rng *rng; /* borrowed */
	uint64_t salt;
	size_t limit, count;
	uint64_t replaced; /* ever, for lack of room */
	struct idcache_bucket buckets[IDCACHE_BUCKETS];
};

/* `limit`: of the items.  A bucket that is empty then takes one all the same:
 * with many items there is none. */
void idcache_init(struct idcache *cache, struct rng *rng, size_t limit);
void idcache_fini(struct idcache *cache);

/* The item of `id`, or NULL. */
struct idcache_item *idcache_find(
    const struct idcache *cache, const struct nodeid *id);
/* The same, made if there is none: all zeros but for its id.  NULL: no memory
 * for the first of its bucket.  Other items may move. */
struct idcache_item *idcache_put(
    struct idcache *cache, const struct nodeid *id);
/* Forget an item that was found.  Other items may move. */
void idcache_drop(struct idcache *cache, struct idcache_item *item);

#endif
