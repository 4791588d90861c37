/* SPDX-License-Identifier: MIT
 * recent.c - see recent.h. */

#include "mesh/recent.h"

#include <string.h>

#include "base/hash.h"
#include "mesh/inside.h"

/* With a salt: nobody can aim at the place of another. */
static uint64_t
recent_hash(const struct mesh *mesh, const char *addr)
{
	return hash_more(mesh->views.salt, addr, strlen(addr));
}

bool
recent_put(struct mesh *mesh, const char *addr, uint64_t ms)
{
	uint64_t hash = recent_hash(mesh, addr);
	struct recent *room = NULL;

	for (size_t i = 0; i < RECENT_MAX; i++) {
		struct recent *recent = &mesh->views.recent[i];

		if (recent->until_ms > mesh->now_ms && recent->hash == hash) {
			room = recent;
			break;
		}
		if (recent->until_ms <= mesh->now_ms) {
			room = recent;
		}
	}
	if (room == NULL) {
		return false;
	}
	if (room->hash != hash || room->until_ms < mesh->now_ms + ms) {
		room->until_ms = mesh->now_ms + ms;
	}
	room->hash = hash;
	return true;
}

bool
recent_has(const struct mesh *mesh, const char *addr)
{
	uint64_t hash = recent_hash(mesh, addr);

	for (size_t i = 0; i < RECENT_MAX; i++) {
		const struct recent *recent = &mesh->views.recent[i];

		if (recent->until_ms > mesh->now_ms && recent->hash == hash) {
			return true;
		}
	}
	return false;
}
