/* SPDX-License-Identifier: MIT
 * recent.c - see recent.h. */

#include "mesh/recent.h"

#include "mesh/inside.h"

/* FNV-1a with a salt: nobody can aim at the place of another. */
static uint64_t
recent_hash(const struct mesh *mesh, const char *addr)
{
	uint64_t hash = mesh->views.salt;

	for (; *addr != '\0'; addr++) {
		hash = (hash ^ (uint8_t)*addr) * UINT64_C(0x100000001b3);
	}
	return hash;
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
