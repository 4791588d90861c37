/* SPDX-License-Identifier: MIT
 * announce.c - spread.h: messages that some links are only told of. */

#include "mesh/fetch.h"
#include "mesh/inside.h"

enum { SPREAD_TURN = 4 }; /* ends of a link take turns every 16 messages */

/* It was the other end's turn to announce these, and it is silent. */
static void
spread_doubt(struct mesh *mesh, uint64_t slots, uint64_t now_ms)
{
	for (; slots != 0; slots &= slots - 1) {
		fetch_doubt(mesh->up[__builtin_ctzll(slots)], now_ms,
		    LAZY_LATE_MS, &mesh->stats.quiet);
	}
}

static void
spread_flush(struct mesh *mesh, struct lazy *lazy, uint64_t now_ms)
{
	struct spread *spread = &mesh->spread;
	uint64_t slots = lazy_settle(lazy, &spread->history);

	for (slots &= mesh->up_slots; slots != 0; slots &= slots - 1) {
		unsigned slot = (unsigned)__builtin_ctzll(slots);
		size_t runs;

		buf_clear(&spread->out);
		if (lazy_encode(lazy, slot, now_ms, &spread->out, &runs) !=
		    ERR_OK) {
			mesh->stats.nomem++;
			continue;
		}
		if (runs > 0) {
			mesh->stats.announced += runs;
			mesh->stats.control_bytes += spread->out.len;
			mesh->io->send(mesh->io->ctx, mesh->up[slot],
			    spread->out.bytes, spread->out.len, true);
		}
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
		spread_flush(mesh, lazy, item->put_ms);
	}
	if (lazy_put(lazy, item) != ERR_OK) {
		mesh->stats.nomem++;
		return;
	}
	mesh_wake_at(mesh, lazy->due_ms);
}

/* Both ends of a link that is in no tree have the message at about the same
 * time, and one announcement between them will do.  They take turns; the other
 * one waits for it, and speaks only if it does not come. */
void
spread_announce(struct mesh *mesh, struct origin *origin, uint64_t slots,
    const struct record_data *data, uint64_t now_ms)
{
	struct spread *spread = &mesh->spread;
	struct lazy_item item = {
		.origin = origin->id,
		.seq = data->seq,
		.place = spread->history.next - 1, /* it was put in just now */
		.put_ms = now_ms,
	};
	bool swap = ((data->seq >> SPREAD_TURN ^ origin->id.bytes[0]) & 1) != 0;
	uint64_t late = swap ? ~spread->second : spread->second;

	late &= ~spread->congested; /* those wait for nothing else */
	item.slots = slots & ~late;
	spread_put(mesh, &spread->early, &item);
	item.slots = slots & late;
	spread_put(mesh, &spread->late, &item);
}

void
spread_announce_due(struct mesh *mesh, uint64_t now_ms)
{
	struct spread *spread = &mesh->spread;

	if (now_ms >= spread->early.due_ms) {
		spread_flush(mesh, &spread->early, now_ms);
	}
	if (now_ms >= spread->late.due_ms) {
		spread_doubt(mesh,
		    lazy_settle(&spread->late, &spread->history) &
		        mesh->up_slots,
		    now_ms);
		spread_flush(mesh, &spread->late, now_ms);
	}
}
