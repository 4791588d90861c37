/* SPDX-License-Identifier: MIT
 * idcache.h - the newest number of each of many nodes, and whatever else is
 * kept with it, for as long as there is room (PROTOCOL 8, 11).
 *
 * In buckets of eight.  When one is full there are twice as many, up to `limit`
 * places in all; then it replaces one of its own at random.  Buckets are chosen
 * with a salt, so that nobody can aim at the place of another. */
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
	uint8_t *places; /* `room` of them */
	struct rng *rng; /* borrowed */
	uint64_t salt;
	size_t limit, item_len;
	size_t room; /* 0 before the first item */
	size_t count;
	uint64_t replaced; /* ever, for lack of room */
};

/* `limit`: a power of two, 64 or more; `item_len`: of what begins with an
 * item. */
void idcache_init(
    struct idcache *cache, struct rng *rng, size_t limit, size_t item_len);
void idcache_fini(struct idcache *cache);

/* The item of `id`, or NULL. */
void *idcache_find(const struct idcache *cache, const struct nodeid *id);
/* The same, made if there is none: all zeros but for its id, and the caller
 * gives it a `max`.  NULL: no memory for the first.  Other items may move. */
void *idcache_put(struct idcache *cache, const struct nodeid *id);
/* Forget an item that was found. */
void idcache_drop(struct idcache *cache, struct idcache_item *item);

#endif
