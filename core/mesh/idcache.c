/* SPDX-License-Identifier: MIT
 * idcache.c - see idcache.h. */

#include "mesh/idcache.h"

#include <stdlib.h>

/* A bucket grows by so many items: more would stay empty in most. */
enum { IDCACHE_STEP = 2 };

void
idcache_init(struct idcache *cache, struct rng *rng, size_t limit)
{
	memset(cache, 0, sizeof(*cache));
	cache->rng = rng;
	cache->salt = rng_next(rng) | 1;
	cache->limit = limit;
}

void
idcache_fini(struct idcache *cache)
{
	for (size_t i = 0; i < IDCACHE_BUCKETS; i++) {
		free(cache->buckets[i].items);
	}
	memset(cache, 0, sizeof(*cache));
}

/* The number of its bucket. */
static size_t
idcache_of(const struct idcache *cache, const struct nodeid *id)
{
	return nodeid_hash(id, cache->salt) % IDCACHE_BUCKETS;
}

struct idcache_item *
idcache_find(const struct idcache *cache, const struct nodeid *id)
{
	size_t of = idcache_of(cache, id);
	const struct idcache_bucket *bucket = &cache->buckets[of];

	for (uint32_t i = 0; i < bucket->count; i++) {
		if (nodeid_equal(&bucket->items[i].id, id)) {
			return &bucket->items[i];
		}
	}
	return NULL;
}

/* For one more item. */
static enum err
idcache_make_room(struct idcache *cache, struct idcache_bucket *bucket)
{
	uint32_t room = bucket->room + IDCACHE_STEP;
	struct idcache_item *items;

	if (cache->count >= cache->limit && bucket->count > 0) {
		return ERR_FULL;
	}
	if (bucket->count < bucket->room) {
		return ERR_OK;
	}
	items = realloc(bucket->items, room * sizeof(*items));
	if (items == NULL) {
		return ERR_NOMEM;
	}
	bucket->items = items;
	bucket->room = room;
	return ERR_OK;
}

struct idcache_item *
idcache_put(struct idcache *cache, const struct nodeid *id)
{
	struct idcache_bucket *bucket = &cache->buckets[idcache_of(cache, id)];
	struct idcache_item *item = idcache_find(cache, id);

	if (item != NULL) {
		return item;
	}
	if (idcache_make_room(cache, bucket) == ERR_OK) {
		item = &bucket->items[bucket->count++];
		cache->count++;
	} else if (bucket->count > 0) {
		item = &bucket->items[rng_below(cache->rng, bucket->count)];
		cache->replaced++;
	} else {
		return NULL;
	}
	*item = (struct idcache_item){ .id = *id };
	return item;
}

void
idcache_drop(struct idcache *cache, struct idcache_item *item)
{
	size_t of = idcache_of(cache, &item->id);
	struct idcache_bucket *bucket = &cache->buckets[of];

	*item = bucket->items[--bucket->count];
	cache->count--;
}
