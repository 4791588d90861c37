/* SPDX-License-Identifier: MIT
 * inspect.c - see inspect.h. */

#include "sim/inspect.h"

#include <limits.h>
#include <malloc.h>

#include "mesh/fetch.h"
#include "mesh/inside.h"
#include "mesh/sync.h"

static size_t
inspect_missing_of(const struct mesh *mesh, const struct origin *origin)
{
	const struct missing *missing = &mesh->spread.missing;
	const struct missing_run *run;
	size_t ids = 0;

	for (uint64_t seq = 0;
	     (run = missing_find(missing, origin, seq)) != NULL;
	     seq = run->seq + run->count) {
		ids += run->count;
	}
	return ids;
}

/* Where the oldest boot but the newest has ended. */
static uint64_t
inspect_first_end(const struct mesh *mesh, const struct origin *origin)
{
	uint64_t end = origin->last;
	uint64_t before = end;

	while (origin->has_ends && before != 0) {
		end = before;
		before = ends_before(&mesh->spread.ends, &origin->id, end);
	}
	return end;
}

static void
inspect_one(const struct mesh *mesh, const struct origin *origin,
    struct inspect_origin *out)
{
	bool is_self = origin == &mesh->spread.self;

	*out = (struct inspect_origin){
		.id = origin->id,
		.max = is_self ? mesh->seq : origin->window.max,
		.base = origin->base,
		.mute = origin->mute,
		.pruned = origin->pruned,
		.parent = origin->parent,
		.parent_seq = origin->parent_seq,
		.last = origin->last,
		.first_end = inspect_first_end(mesh, origin),
		.held = origin->held,
		.missing = inspect_missing_of(mesh, origin),
		.is_self = is_self,
		.is_wide = origin->window.wide != NULL,
	};
}

void
inspect_origins(const struct mesh *mesh,
    void (*each)(void *ctx, const struct inspect_origin *origin), void *ctx)
{
	const struct origin *origin;
	struct inspect_origin seen;

	TAILQ_FOREACH (origin, &mesh->origins.all, by_age) {
		inspect_one(mesh, origin, &seen);
		each(ctx, &seen);
	}
	if (mesh->spread.has_published) {
		inspect_one(mesh, &mesh->spread.self, &seen);
		each(ctx, &seen);
	}
}

bool
inspect_find(const struct mesh *mesh, const struct nodeid *id,
    struct inspect_origin *out)
{
	const struct origin *origin = nodeid_equal(id, &mesh->node_id)
	                                  ? &mesh->spread.self
	                                  : origins_find(&mesh->origins, id);

	if (origin != NULL) {
		inspect_one(mesh, origin, out);
	}
	return origin != NULL;
}

uint32_t
inspect_since_s(const struct mesh *mesh)
{
	return mesh->origins.since_s;
}

size_t
inspect_tombstone_bytes(const struct mesh *mesh)
{
	const struct idcache *tombstones = &mesh->origins.tombstones;
	size_t bytes = 0;

	for (size_t i = 0; i < IDCACHE_BUCKETS; i++) {
		bytes += malloc_usable_size(tombstones->buckets[i].items);
	}
	return bytes;
}

void
inspect_tables(const struct mesh *mesh, struct inspect_tables *tables)
{
	const struct spread *spread = &mesh->spread;
	const struct missing_run *run;

	*tables = (struct inspect_tables){
		.origins = mesh->origins.table.count,
		.origins_max = ORIGINS_MAX,
		.tombstones = mesh->origins.tombstones.count,
		.tombstones_max = TOMBSTONES_MAX,
		.history = history_count(&spread->history),
		.history_bytes = spread->history.bytes,
		.history_bytes_max = spread->history.limit,
		.missing = spread->missing.count,
		.missing_max = MISSING_MAX,
		.lazy = spread->lazies[SPREAD_EARLY].count +
		        spread->lazies[SPREAD_LATE].count,
		.lazy_max = (size_t)2 * LAZY_MAX,
		.told = spread->lazies[SPREAD_TOLD].count,
		.told_max = SYNC_EMPTY_MAX,
		.wide = mesh->origins.wide,
		.wide_max = ORIGINS_WIDE_MAX,
		.unicast = spread->unicast.windows.count,
		/* An empty bucket takes one more (idcache.h). */
		.unicast_max = UNICAST_MAX + IDCACHE_BUCKETS,
		.members = members_count(&mesh->members),
		.members_max = MEMBERS_MAX,
	};
	TAILQ_FOREACH (run, &spread->missing.runs, by_age) {
		tables->missing_ids += run->count;
	}
}

struct link *
inspect_link(const struct mesh *mesh, unsigned slot)
{
	return slot < MESH_LINKS_MAX ? mesh->up[slot] : NULL;
}

unsigned
inspect_slot(const struct link *link)
{
	return link->state == LINK_UP ? (unsigned)link->slot : UINT_MAX;
}

bool
inspect_has(const struct mesh *mesh, const struct nodeid *id, uint64_t seq)
{
	const struct origin *origin = origins_find(&mesh->origins, id);

	if (nodeid_equal(id, &mesh->node_id)) {
		return seq <= mesh->seq;
	}
	return origin != NULL && window_has(&origin->window, seq);
}

bool
inspect_waits(const struct mesh *mesh, const struct nodeid *id, uint64_t seq)
{
	const struct origin *origin = origins_find(&mesh->origins, id);
	const struct missing_run *run = origin != NULL && !origin->is_named
	                                    ? missing_get(&mesh->spread.missing,
	                                          origin, seq)
	                                    : NULL;

	return run != NULL && mesh->now_ms - run->born_ms < FETCH_KEEP_MS;
}

static const char *
inspect_check_origin(const struct mesh *mesh, const struct origin *origin)
{
	const struct origin *older = NULL;
	uint64_t up = mesh->up_slots;

	if ((origin->mute & ~up) != 0) {
		return "a mute bit of a link that is not UP";
	}
	if ((origin->pruned & ~up) != 0) {
		return "a pruned bit of a link that is not UP";
	}
	if (origin->parent != ORIGIN_NO_SLOT &&
	    (up >> origin->parent & 1) == 0) {
		return "a parent that is not UP";
	}
	if (origin->parent != ORIGIN_NO_SLOT &&
	    (origin->pruned >> origin->parent & 1) != 0) {
		return "a parent that is pruned";
	}
	if (origin->is_named) {
		older = TAILQ_PREV(origin, origin_list, by_age);
	}
	if (origin->is_named &&
	    (origin->held > 0 || (older != NULL && !older->is_named))) {
		return "an origin that is not only named among those that are";
	}
	return NULL;
}

static const char *
inspect_check_runs(const struct mesh *mesh)
{
	const struct missing_run *run;

	TAILQ_FOREACH (run, &mesh->spread.missing.runs, by_age) {
		uint64_t first = run->seq;
		uint64_t count;

		if (((run->known | run->tried) & ~mesh->up_slots) != 0) {
			return "a missing id known to a link that is not UP";
		}
		if (run->asked != ORIGIN_NO_SLOT &&
		    (mesh->up_slots >> run->asked & 1) == 0) {
			return "a fetch from a link that is not UP";
		}
		if (first >> 32 < run->origin->window.max >> 32) {
			continue; /* the table is all that is known of it */
		}
		if (!window_next_unset(&run->origin->window, &first,
		        first + run->count - 1, &count) ||
		    first != run->seq || count != run->count) {
			return "a missing id that was taken";
		}
	}
	return NULL;
}

/* More of a link than FETCH_LINK_MAX only where a run that was asked for was
 * split: what counts is that none is forgotten. */
static const char *
inspect_check_fetches(const struct mesh *mesh)
{
	const struct missing_run *run;
	const struct link *link;
	size_t asked[MESH_LINKS_MAX] = { 0 };

	TAILQ_FOREACH (run, &mesh->spread.missing.runs, by_age) {
		if (run->asked != ORIGIN_NO_SLOT) {
			asked[run->asked]++;
		}
	}
	MESH_EACH_UP (mesh, mesh->up_slots, link) {
		if (link->fetches != asked[link->slot]) {
			return "a link with fetches that are none, or are not "
			       "counted";
		}
	}
	return NULL;
}

/* Places whose time is over are free. */
static const char *
inspect_check_refusals(const struct mesh *mesh)
{
	const struct recent *end = mesh->recent[RECENT_SLOW] + RECENT_MAX;

	for (const struct recent *one = mesh->recent[RECENT_SLOW]; one < end;
	     one++) {
		if (one->until_ms <= mesh->now_ms) {
			continue;
		}
		if (one->until_ms > mesh->now_ms + MESH_REFUSAL_MS) {
			return "a node shut out for too long";
		}
		for (const struct recent *other = one + 1; other < end;
		     other++) {
			if (other->until_ms > mesh->now_ms &&
			    one->hash == other->hash) {
				return "a node shut out twice";
			}
		}
	}
	return NULL;
}

static const char *
inspect_check_tables(const struct mesh *mesh)
{
	struct inspect_tables tables;

	inspect_tables(mesh, &tables);
	if (tables.origins > tables.origins_max ||
	    tables.tombstones > tables.tombstones_max ||
	    tables.history_bytes > tables.history_bytes_max ||
	    tables.missing > tables.missing_max ||
	    tables.lazy > tables.lazy_max || tables.told > tables.told_max ||
	    tables.wide > tables.wide_max ||
	    tables.unicast > tables.unicast_max ||
	    tables.members > tables.members_max) {
		return "a table over its limit";
	}
	return NULL;
}

const char *
inspect_check(const struct mesh *mesh)
{
	const struct origin *origin;
	const char *wrong = inspect_check_origin(mesh, &mesh->spread.self);

	TAILQ_FOREACH (origin, &mesh->origins.all, by_age) {
		if (wrong == NULL) {
			wrong = inspect_check_origin(mesh, origin);
		}
	}
	if (wrong == NULL) {
		wrong = inspect_check_runs(mesh);
	}
	if (wrong == NULL) {
		wrong = inspect_check_fetches(mesh);
	}
	if (wrong == NULL) {
		wrong = inspect_check_refusals(mesh);
	}
	return wrong != NULL ? wrong : inspect_check_tables(mesh);
}
