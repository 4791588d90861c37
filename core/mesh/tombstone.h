/* SPDX-License-Identifier: MIT
 * tombstone.h - what is kept of an origin that was forgotten: its newest
 * number, so that old ids stay old (PROTOCOL 8).
 *
 * TOMBSTONES_MAX at the most, in buckets of eight; a full bucket replaces one
 * at random.  Buckets are chosen with a salt, so that nobody can aim at the
 * tombstone of another. */
#ifndef MESH_TOMBSTONE_H
#define MESH_TOMBSTONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rng.h"
#include "wire/nodeid.h"

#define TOMBSTONES_MAX 65536u

struct tombstone {
	struct nodeid id;
	uint64_t max; /* 0: an empty place */
};

struct tombstones {
	struct tombstone *places; /* allocated with the first tombstone */
	struct rng *rng;          /* borrowed */
	uint64_t salt;
	size_t count;
};

void tombstones_init(struct tombstones *tombstones, struct rng *rng);
void tombstones_fini(struct tombstones *tombstones);

/* Remember `max` (> 0) of `id`.  ERR_NOMEM. */
NODISCARD enum err tombstones_put(
    struct tombstones *tombstones, const struct nodeid *id, uint64_t max);

/* Its newest number, 0: none is known. */
uint64_t tombstones_find(
    const struct tombstones *tombstones, const struct nodeid *id);

/* As tombstones_find, and forget it. */
uint64_t tombstones_take(
    struct tombstones *tombstones, const struct nodeid *id);

#endif
