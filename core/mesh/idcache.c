/* SPDX-License-Identifier: MIT
 * idcache.c - see idcache.h. */

#include "mesh/idcache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { IDCACHE_WAYS = 8, IDCACHE_FIRST = 64 };

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
	cache->room = 0;
	cache->count = 0;
}

/* One of the places where `id` may be. */
static struct idcache_item *
idcache_place(const struct idcache *cache, const struct nodeid *id, size_t way)
{
	size_t bucket = nodeid_hash(id, cache->salt) &
	                (cache->room / IDCACHE_WAYS - 1);

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

/* An empty place for it, or NULL. */
static struct idcache_item *
idcache_empty(const struct idcache *cache, const struct nodeid *id)
{
	for (size_t way = 0; way < IDCACHE_WAYS; way++) {
		struct idcache_item *item = idcache_place(cache, id, way);

		if (item->max == 0) {
			return item;
		}
	}
	return NULL;
}

/* A bucket's items go to one of two: so there is room for them. */
static enum err
idcache_grow(struct idcache *cache)
{
	struct idcache more = *cache;

	more.room = cache->room == 0 ? IDCACHE_FIRST : cache->room * 2;
	more.places = calloc(more.room, more.item_len);
	if (more.places == NULL) {
		return ERR_NOMEM;
	}
	for (size_t at = 0; at < cache->room; at++) {
		const struct idcache_item *item =
		    (const void *)(cache->places + at * cache->item_len);

		if (item->max != 0) {
			struct idcache_item *to = idcache_empty(
			    &more, &item->id);

			assert(to != NULL);
			memcpy(to, item, cache->item_len);
		}
	}
	free(cache->places);
	*cache = more;
	return ERR_OK;
}

/* Where a new one goes: an empty place, else any of its bucket. */
static struct idcache_item *
idcache_room(struct idcache *cache, const struct nodeid *id)
{
	struct idcache_item *item = idcache_empty(cache, id);

	while (item == NULL && cache->room < cache->limit &&
	       idcache_grow(cache) == ERR_OK) {
		item = idcache_empty(cache, id);
	}
	if (item != NULL) {
		cache->count++;
		return item;
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
	if (cache->room == 0 && idcache_grow(cache) != ERR_OK) {
		return NULL;
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
