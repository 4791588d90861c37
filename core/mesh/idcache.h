/* SPDX-License-Identifier: MIT
 * idcache.h - the newest number of each of many nodes, and whatever else is
 * kept with it, for as long as there is room (PROTOCOL 8, 11).
 *
 * `limit` nodes at the most, in buckets of eight; a full bucket replaces one at
 * random.  Buckets are chosen with a salt, so that nobody can aim at the place
 * of another. */
#ifndef MESH_IDCACHE_H
#define MESH_IDCACHE_H

#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "wire/nodeid.h"

struct idcache_item { /* or what begins with one */
	struct nodeid id;
	uint64_t max; /* 0: an empty place */
};

struct idcache {
	uint8_t *places; /* allocated with the first item */
	struct rng *rng; /* borrowed */
	uint64_t salt;
	size_t limit, item_len;
	size_t count;
	uint64_t replaced; /* ever, for lack of room */
};

/* `limit`: a multiple of eight; `item_len`: of what begins with an item. */
void idcache_init(
    struct idcache *cache, struct rng *rng, size_t limit, size_t item_len);
void idcache_fini(struct idcache *cache);

/* The item of `id`, or NULL. */
void *idcache_find(const struct idcache *cache, const struct nodeid *id);
/* The same, made if there is none: all zeros but for its id, and the caller
 * gives it a `max`.  NULL: no memory. */
void *idcache_put(struct idcache *cache, const struct nodeid *id);
/* Forget an item that was found. */
void idcache_drop(struct idcache *cache, struct idcache_item *item);

#endif
