/* SPDX-License-Identifier: MIT
 * limit.c - see limit.h. */

#include "mesh/limit.h"

#include <string.h>

#include "mesh/inside.h"

enum { LIMIT_SECOND_MS = 1000, LIMIT_ABUSE = 10 };

static const uint32_t limit_of[LIMIT_KINDS] = {
	[LIMIT_WALK] = 10,
	[LIMIT_SHUFFLE] = 2,
	[LIMIT_ANNOUNCE] = 5000,
	[LIMIT_GRAFT] = 1000,
	[LIMIT_GONE] = UINT32_C(1) << 20,
	[LIMIT_MISSING] = UINT32_C(1) << 16,
	[LIMIT_MARK] = UINT32_C(1) << 17,
	[LIMIT_SYNC] = 10,
	[LIMIT_SYNC_RUN] = 16384,
	[LIMIT_WALK_SENT] = 10,
	[LIMIT_ANNOUNCE_SENT] = 2500,
	[LIMIT_GRAFT_SENT] = 500,
};

bool
limit_takes(struct link *link, enum limit_kind kind, uint32_t count)
{
	struct limits *limits = &link->limits;
	bool is_theirs = kind < LIMIT_WALK_SENT;
	uint32_t limit = limit_of[kind];
	uint32_t *used = &limits->counts[kind];

	if (link->mesh->now_ms >= limits->second_ms + LIMIT_SECOND_MS) {
		memset(limits, 0, sizeof(*limits));
		limits->second_ms = link->mesh->now_ms;
	}
	if (count > UINT32_MAX - *used) {
		count = UINT32_MAX - *used;
	}
	*used += count;
	if (*used <= limit) {
		return true;
	}
	if (is_theirs && *used > limit * LIMIT_ABUSE) {
		link->mesh->stats.abuse++;
		link_bye(link, BYE_ABUSE);
	}
	return false;
}

uint32_t
limit_room(const struct link *link, enum limit_kind kind)
{
	const struct limits *limits = &link->limits;
	uint32_t limit = limit_of[kind];
	uint32_t used = limits->counts[kind];

	if (link->mesh->now_ms >= limits->second_ms + LIMIT_SECOND_MS) {
		return limit;
	}
	return used < limit ? limit - used : 0;
}
