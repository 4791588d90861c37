/* SPDX-License-Identifier: MIT
 * tombstone.c - see tombstone.h. */

#include "mesh/tombstone.h"

#include <stdlib.h>
#include <string.h>

enum { TOMBSTONES_WAYS = 8 };

void
tombstones_init(struct tombstones *tombstones, struct rng *rng)
{
	tombstones->places = NULL;
	tombstones->rng = rng;
	tombstones->salt = rng_next(rng) | 1;
	tombstones->count = 0;
}

void
tombstones_fini(struct tombstones *tombstones)
{
	free(tombstones->places);
	tombstones->places = NULL;
	tombstones->count = 0;
}

/* The first of the places where `id` may be. */
static struct tombstone *
tombstones_bucket(const struct tombstones *tombstones, const struct nodeid *id)
{
	uint64_t words[2];
	uint64_t hash;

	memcpy(words, id->bytes, sizeof(words));
	hash = (words[0] ^ tombstones->salt) * UINT64_C(0x9e3779b97f4a7c15);
	hash = (hash ^ (hash >> 32) ^ words[1]) * tombstones->salt;
	hash ^= hash >> 29;
	hash %= TOMBSTONES_MAX / TOMBSTONES_WAYS;
	return &tombstones->places[hash * TOMBSTONES_WAYS];
}

static struct tombstone *
tombstones_at(const struct tombstones *tombstones, const struct nodeid *id)
{
	struct tombstone *bucket;

	if (tombstones->places == NULL) {
		return NULL;
	}
	bucket = tombstones_bucket(tombstones, id);
	for (size_t i = 0; i < TOMBSTONES_WAYS; i++) {
		if (bucket[i].max != 0 && nodeid_equal(&bucket[i].id, id)) {
			return &bucket[i];
		}
	}
	return NULL;
}

/* Where a new one goes: an empty place, else any. */
static struct tombstone *
tombstones_room(struct tombstones *tombstones, const struct nodeid *id)
{
	struct tombstone *bucket = tombstones_bucket(tombstones, id);

	for (size_t i = 0; i < TOMBSTONES_WAYS; i++) {
		if (bucket[i].max == 0) {
			tombstones->count++;
			return &bucket[i];
		}
	}
	return &bucket[rng_below(tombstones->rng, TOMBSTONES_WAYS)];
}

enum err
tombstones_put(
    struct tombstones *tombstones, const struct nodeid *id, uint64_t max)
{
	struct tombstone *place;

	if (tombstones->places == NULL) {
		tombstones->places = calloc(
		    TOMBSTONES_MAX, sizeof(*tombstones->places));
		if (tombstones->places == NULL) {
			return ERR_NOMEM;
		}
	}
	place = tombstones_at(tombstones, id);
	if (place == NULL) {
		place = tombstones_room(tombstones, id);
	}
	place->id = *id;
	place->max = max;
	return ERR_OK;
}

uint64_t
tombstones_find(const struct tombstones *tombstones, const struct nodeid *id)
{
	const struct tombstone *place = tombstones_at(tombstones, id);

	return place != NULL ? place->max : 0;
}

uint64_t
tombstones_take(struct tombstones *tombstones, const struct nodeid *id)
{
	struct tombstone *place = tombstones_at(tombstones, id);
	uint64_t max = 0;

	if (place != NULL) {
		max = place->max;
		place->max = 0;
		tombstones->count--;
	}
	return max;
}
