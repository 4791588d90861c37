/* SPDX-License-Identifier: MIT
 * announce.c - spread.h: messages that some links are only told of. */

#include "mesh/fetch.h"
#include "mesh/inside.h"
#include "mesh/limit.h"
#include "mesh/sync.h"

enum { SPREAD_TURN = 4 }; /* ends of a link take turns every 16 messages */

/* It was the other end's turn to announce these, and it is silent. */
static void
spread_doubt(struct mesh *mesh, uint64_t slots)
{
	struct link *link;

	MESH_EACH_UP (mesh, slots, link) {
		fetch_doubt(link, LAZY_LATE_MS, &mesh->stats.quiet);
	}
}

/* How many of so many runs the link may be told of in this second.  Of the
 * others it hears by SYNC, which needs an entry for each run of what is held,
 * however the ids of many origins were mixed. */
static size_t
spread_may_announce(struct link *link, size_t runs)
{
	size_t room = limit_room(link, LIMIT_ANNOUNCE_SENT);

	if (runs > room) {
		link->mesh->stats.announce_busy += runs - room;
		sync_again(link);
		runs = room;
	}
	(void)limit_takes(link, LIMIT_ANNOUNCE_SENT, (uint32_t)runs);
	return runs;
}

static void
spread_flush(struct mesh *mesh, struct lazy *lazy)
{
	uint64_t slots = lazy_settle(lazy, &mesh->spread.history);
	struct link *link;

	MESH_EACH_UP (mesh, slots & mesh->up_slots, link) {
		size_t runs = lazy_gather(lazy, link_bit(link), mesh->now_ms);

		if (lazy->type == RECORD_SYNC) {
			mesh->stats.syncs++;
		} else {
			runs = spread_may_announce(link, runs);
			mesh->stats.announced += runs;
		}
		spread_send_runs(link, lazy->type, lazy->runs, runs);
	}
	lazy_clear(lazy);
}

static void
spread_put(struct mesh *mesh, struct lazy *lazy, const struct lazy_item *item)
{
	if (item->slots == 0) {
		return;
	}
	if (lazy->count == LAZY_MAX) {
		spread_flush(mesh, lazy);
	}
	if (lazy_put(lazy, item) != ERR_OK) {
		spread_untold(mesh, &mesh->stats.nomem);
		return;
	}
	mesh_wake_at(mesh, lazy->due_ms);
}

/* Both ends of a link that is in no tree have the message at about the same
 * time, and one announcement between them will do.  They take turns; the other
 * one waits for it, and speaks only if it does not come. */
void
spread_announce(struct mesh *mesh, struct origin *origin, uint64_t slots,
    const struct record_data *data)
{
	struct spread *spread = &mesh->spread;
	struct lazy_item item = {
		.origin = origin->id,
		.seq = data->seq,
		.place = spread->history.next - 1, /* it was put in just now */
		.put_ms = mesh->now_ms,
	};
	bool swap = ((data->seq >> SPREAD_TURN ^ origin->id.bytes[0]) & 1) != 0;
	uint64_t late = swap ? ~spread->second : spread->second;

	late &= ~spread->congested; /* those wait for nothing else */
	item.slots = slots & ~late;
	spread_put(mesh, &spread->lazies[SPREAD_EARLY], &item);
	item.slots = slots & late;
	spread_put(mesh, &spread->lazies[SPREAD_LATE], &item);
}

void
spread_announce_due(struct mesh *mesh)
{
	struct spread *spread = &mesh->spread;

	for (size_t i = 0; i < SPREAD_LAZIES; i++) {
		struct lazy *lazy = &spread->lazies[i];
		bool is_due = mesh->now_ms >= lazy->due_ms;

		if (is_due && i == SPREAD_LATE) {
			spread_doubt(mesh, lazy_settle(lazy, &spread->history) &
			                       mesh->up_slots);
		}
		if (is_due) {
			spread_flush(mesh, lazy);
		}
		mesh_wake_at(mesh, lazy->due_ms);
	}
}

void
spread_announce_all(struct mesh *mesh)
{
	for (size_t i = 0; i < SPREAD_LAZIES; i++) {
		spread_flush(mesh, &mesh->spread.lazies[i]);
	}
}
