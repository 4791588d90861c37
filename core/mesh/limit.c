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
	[LIMIT_SYNC] = 10,
	[LIMIT_SYNC_RUN] = 16384,
	[LIMIT_GONE] = UINT32_C(1) << 20,
	[LIMIT_MISSING] = UINT32_C(1) << 16,
	[LIMIT_MARK] = UINT32_C(1) << 17,
	[LIMIT_REPAIR] = UINT32_C(1) << 25,
	[LIMIT_WALK_SENT] = 10,
	[LIMIT_ANNOUNCE_SENT] = 2500,
	[LIMIT_GRAFT_SENT] = 500,
};

/* What is left of the time from `second_ms` on. */
static void
limit_save(struct limits *limits, enum limit_kind kind, uint64_t past_ms)
{
	uint64_t most = (uint64_t)limit_of[kind] * LIMIT_SAVED_S;
	uint64_t left = limits->saved[kind] +
	                limit_of[kind] * past_ms / LIMIT_SECOND_MS;

	left -= limits->counts[kind] < left ? limits->counts[kind] : left;
	limits->saved[kind] = (uint32_t)(left < most ? left : most);
}

/* Begin a second, if the last one is over. */
static void
limit_turn(struct limits *limits, uint64_t now_ms)
{
	uint64_t past_ms = now_ms - limits->second_ms;

	if (past_ms < LIMIT_SECOND_MS) {
		return;
	}
	for (int kind = 0; kind < LIMIT_SAVED_KINDS; kind++) {
		limit_save(limits, (enum limit_kind)kind, past_ms);
	}
	memset(limits->counts, 0, sizeof(limits->counts));
	limits->second_ms = now_ms;
}

bool
limit_takes(struct link *link, enum limit_kind kind, uint32_t count)
{
	struct limits *limits = &link->limits;
	bool is_theirs = kind < LIMIT_WALK_SENT;
	uint32_t *used = &limits->counts[kind];
	uint32_t most = limit_of[kind];

	limit_turn(limits, link->mesh->now_ms);
	most += kind < LIMIT_SAVED_KINDS ? limits->saved[kind] : 0;
	*used += count; /* of one record: far from 2^32 before it is abuse */
	if (*used <= most) {
		return true;
	}
	if (is_theirs && *used - most > limit_of[kind] * (LIMIT_ABUSE - 1)) {
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

bool
limit_spend(struct link *link, enum limit_kind kind, uint32_t count)
{
	if (limit_room(link, kind) == 0) {
		return false;
	}
	(void)limit_takes(link, kind, count);
	return true;
}
