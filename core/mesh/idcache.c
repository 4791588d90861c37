/* SPDX-License-Identifier: MIT
 * idcache.c - see idcache.h. */

#include "mesh/idcache.h"

#include <stdlib.h>

enum { IDCACHE_WAYS = 8 };

void
idcache_init(
    struct idcache *cache, struct rng *rng, size_t limit, size_t item_len)
{
	*cache = (struct idcache){
		.rng = rng,
		.salt = rng_next(rng) | 1,
		.limit = limit,
		.item_len = item_len,
	};
}

void
idcache_fini(struct idcache *cache)
{
	free(cache->places);
	cache->places = NULL;
	cache->count = 0;
}

/* One of the places where `id` may be. */
static struct idcache_item *
idcache_place(const struct idcache *cache, const struct nodeid *id, size_t way)
{
	size_t bucket = nodeid_hash(id, cache->salt) %
	                (cache->limit / IDCACHE_WAYS);

	return (struct idcache_item *)(void *)(cache->places +
	                                       (bucket * IDCACHE_WAYS + way) *
	                                           cache->item_len);
}

void *
idcache_find(const struct idcache *cache, const struct nodeid *id)
{
	for (size_t way = 0; cache->count > 0 && way < IDCACHE_WAYS; way++) {
		struct idcache_item *item = idcache_place(cache, id, way);

		if (item->max != 0 && nodeid_equal(&item->id, id)) {
			return item;
		}
	}
	return NULL;
}

/* Where a new one goes: an empty place, else any. */
static struct idcache_item *
idcache_room(struct idcache *cache, const struct nodeid *id)
{
	for (size_t way = 0; way < IDCACHE_WAYS; way++) {
		struct idcache_item *item = idcache_place(cache, id, way);

		if (item->max == 0) {
			cache->count++;
			return item;
		}
	}
	cache->replaced++;
	return idcache_place(cache, id, rng_below(cache->rng, IDCACHE_WAYS));
}

void *
idcache_put(struct idcache *cache, const struct nodeid *id)
{
	struct idcache_item *item = idcache_find(cache, id);

	if (item != NULL) {
		return item;
	}
	if (cache->places == NULL) {
		cache->places = calloc(cache->limit, cache->item_len);
		if (cache->places == NULL) {
			return NULL;
		}
	}
	item = idcache_room(cache, id);
	memset(item, 0, cache->item_len);
	item->id = *id;
	return item;
}

void
idcache_drop(struct idcache *cache, struct idcache_item *item)
{
	item->max = 0;
	cache->count--;
}
