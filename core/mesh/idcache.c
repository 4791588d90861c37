/* SPDX-License-Identifier: MIT
 * idcache.c - see idcache.h.  The index: open addressing, linear probing, at
 * most 3/4 full. */

#include "mesh/idcache.h"

#include <stdlib.h>
#include <string.h>

enum { IDCACHE_ROOM_MIN = 64 };

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
	for (size_t i = 0;
	     cache->pages != NULL && i < cache->limit / IDCACHE_PAGE; i++) {
		free(cache->pages[i]);
	}
	free(cache->pages);
	free(cache->index);
	cache->pages = NULL;
	cache->index = NULL;
	cache->room = 0;
	cache->count = 0;
	cache->bytes = 0;
}

static struct idcache_item *
idcache_at(const struct idcache *cache, size_t place)
{
	return (
	    struct idcache_item *)(void *)(cache->pages[place / IDCACHE_PAGE] +
	                                   place % IDCACHE_PAGE *
	                                       cache->item_len);
}

/* Where the index has `id`, or the hole where it would be. */
static uint32_t *
idcache_index(const struct idcache *cache, const struct nodeid *id)
{
	size_t at = nodeid_hash(id, cache->salt) & (cache->room - 1);

	while (
	    cache->index[at] != 0 &&
	    !nodeid_equal(&idcache_at(cache, cache->index[at] - 1)->id, id)) {
		at = (at + 1) & (cache->room - 1);
	}
	return &cache->index[at];
}

void *
idcache_find(const struct idcache *cache, const struct nodeid *id)
{
	uint32_t place = cache->count > 0 ? *idcache_index(cache, id) : 0;

	return place != 0 ? idcache_at(cache, place - 1) : NULL;
}

/* The pages are looked at in turn, once: some ms for all that there may be. */
static enum err
idcache_grow_index(struct idcache *cache)
{
	struct idcache more = *cache;

	more.room = cache->room == 0 ? IDCACHE_ROOM_MIN : cache->room * 2;
	more.index = calloc(more.room, sizeof(*more.index));
	if (more.index == NULL) {
		return ERR_NOMEM;
	}
	for (uint32_t place = 0; place < cache->count; place++) {
		const struct idcache_item *item = idcache_at(cache, place);

		*idcache_index(&more, &item->id) = place + 1;
	}
	more.bytes += (more.room - cache->room) * sizeof(*more.index);
	free(cache->index);
	*cache = more;
	return ERR_OK;
}

static enum err
idcache_add_page(struct idcache *cache)
{
	size_t page_len = IDCACHE_PAGE * cache->item_len;
	size_t pages_len = cache->limit / IDCACHE_PAGE * sizeof(*cache->pages);
	uint8_t **page;

	if (cache->pages == NULL) {
		cache->pages = calloc(1, pages_len);
		if (cache->pages == NULL) {
			return ERR_NOMEM;
		}
		cache->bytes += pages_len;
	}
	page = &cache->pages[cache->count / IDCACHE_PAGE];
	if (*page == NULL) {
		*page = malloc(page_len);
		cache->bytes += *page != NULL ? page_len : 0;
	}
	return *page != NULL ? ERR_OK : ERR_NOMEM;
}

/* For one more item. */
static enum err
idcache_make_room(struct idcache *cache)
{
	if (cache->count == cache->limit) {
		return ERR_FULL;
	}
	if ((cache->count + 1) * 4 > cache->room * 3 &&
	    idcache_grow_index(cache) != ERR_OK) {
		return ERR_NOMEM;
	}
	return cache->count % IDCACHE_PAGE == 0 ? idcache_add_page(cache)
	                                        : ERR_OK;
}

void *
idcache_put(struct idcache *cache, const struct nodeid *id)
{
	struct idcache_item *item = idcache_find(cache, id);

	if (item != NULL) {
		return item;
	}
	if (idcache_make_room(cache) != ERR_OK) {
		if (cache->count == 0) {
			return NULL;
		}
		idcache_drop(cache,
		    idcache_at(cache, rng_below(cache->rng, cache->count)));
		cache->replaced++;
	}
	*idcache_index(cache, id) = (uint32_t)cache->count + 1;
	item = idcache_at(cache, cache->count++);
	memset(item, 0, cache->item_len);
	item->id = *id;
	return item;
}

/* Whoever is behind and was pushed over the hole moves up into it. */
static void
idcache_forget(struct idcache *cache, size_t hole)
{
	size_t mask = cache->room - 1;

	for (size_t at = (hole + 1) & mask; cache->index[at] != 0;
	     at = (at + 1) & mask) {
		const struct idcache_item *item = idcache_at(
		    cache, cache->index[at] - 1);
		uint64_t hash = nodeid_hash(&item->id, cache->salt);

		if (((at - hash) & mask) >= ((at - hole) & mask)) {
			cache->index[hole] = cache->index[at];
			hole = at;
		}
	}
	cache->index[hole] = 0;
}

void
idcache_drop(struct idcache *cache, struct idcache_item *item)
{
	const struct idcache_item *last = idcache_at(cache, cache->count - 1);
	uint32_t *index = idcache_index(cache, &item->id);
	uint32_t place = *index;

	idcache_forget(cache, (size_t)(index - cache->index));
	if (last != item) {
		*idcache_index(cache, &last->id) = place;
		memcpy(item, last, cache->item_len);
	}
	cache->count--;
}
