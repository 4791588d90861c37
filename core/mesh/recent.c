/* SPDX-License-Identifier: MIT
 * recent.c - see recent.h. */

#include "mesh/recent.h"

#include "base/hash.h"
#include "mesh/inside.h"

void
recent_put(struct mesh *mesh, enum recent_kind kind, const void *key,
    size_t len, uint64_t ms)
{
	uint64_t hash = hash_more(mesh->recent_salt, key, len);
	struct recent *table = mesh->recent[kind];
	struct recent *place = table;

	/* Its own, else the one that ends first. */
	for (size_t i = 0; i < RECENT_MAX && place->hash != hash; i++) {
		if (table[i].hash == hash ||
		    table[i].until_ms < place->until_ms) {
			place = &table[i];
		}
	}
	if (place->hash != hash) {
		bool is_full = place->until_ms > mesh->now_ms;

		mesh->stats.recent_full += is_full ? 1 : 0;
		if (is_full && kind == RECENT_LOST) {
			return;
		}
		if (is_full && kind == RECENT_DIALLED) {
			place = &table[rng_below(mesh->rng, RECENT_MAX)];
		}
		*place = (struct recent){ .hash = hash };
	}
	if (place->until_ms < mesh->now_ms + ms) {
		place->until_ms = mesh->now_ms + ms;
	}
}

bool
recent_has(
    const struct mesh *mesh, enum recent_kind kind, const void *key, size_t len)
{
	uint64_t hash = hash_more(mesh->recent_salt, key, len);
	size_t count = 0;

	for (size_t i = 0; i < RECENT_MAX; i++) {
		const struct recent *recent = &mesh->recent[kind][i];

		if (recent->until_ms > mesh->now_ms) {
			if (recent->hash == hash) {
				return true;
			}
			count++;
		}
	}
	return count == RECENT_MAX && kind == RECENT_LOST;
}
