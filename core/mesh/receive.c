/* SPDX-License-Identifier: MIT
 * receive.c - see spread.h: a message that comes over a link, until it is new
 * or is not. */

#include <endian.h>
#include <string.h>

#include "mesh/fetch.h"
#include "mesh/inside.h"
#include "mesh/spread.h"
#include "mesh/sync.h"
#include "mesh/tree.h"
#include "mesh/wall.h"
#include "wire/utf8.h"

static void
spread_on_reply(struct link *link, const struct record_data *data)
{
	struct mesh *mesh = link->mesh;

	if (!nodeid_equal(&data->origin, &link->node_id)) {
		mesh->stats.spoofed++;
		return;
	}
	mesh->stats.replies++;
	spread_deliver(link, data);
}

/* One that is not new.  False: the history has it not, as it was told as a gap,
 * or is long ago. */
static bool
spread_on_copy(
    struct link *link, struct origin *origin, const struct record_data *data)
{
	struct history_entry *entry = history_find(
	    &link->mesh->spread.history, origin, data->seq);

	if (link->state == LINK_UP) {
		if (entry != NULL) {
			entry->known |= link_bit(link);
		}
		tree_on_duplicate(
		    link, origin, data->seq, (data->flags & DATA_REPAIR) != 0);
	}
	return entry != NULL;
}

bool
spread_on_own(struct link *link, uint64_t seq)
{
	if (seq > link->mesh->seq) {
		identity_on_spoof(link, seq);
		return false;
	}
	sync_on_own(link, seq);
	return true;
}

/* The checks that need no table; false: counted, drop it. */
static bool
spread_is_fit(struct link *link, const struct record_data *data)
{
	struct mesh *mesh = link->mesh;

	if (data->hops > mesh->max_hops) {
		mesh->stats.hop_limit++;
		if ((data->flags & DATA_REPAIR) != 0) {
			fetch_on_far(link, data);
		}
		return false;
	}
	if ((data->flags & DATA_TEXT) != 0 &&
	    !utf8_is_valid(data->payload, data->payload_len)) {
		mesh->stats.bad_utf8++;
		return false;
	}
	if ((data->flags & DATA_REPLY) != 0) {
		spread_on_reply(link, data);
		return false;
	}
	if (nodeid_equal(&data->origin, &mesh->node_id) &&
	    !unicast_is_direct(data)) {
		if (spread_on_own(link, data->seq)) {
			mesh->stats.own++;
			(void)spread_on_copy(link, &mesh->spread.self, data);
		}
		return false;
	}
	return !wall_is_ahead(
	    mesh, &data->origin, data->seq >> 32, MESH_BOOT_AHEAD_S);
}

/* What a first copy says of its origin's tree, and of others that must exist:
 * `max` and `seen_ms` are what the origin had until then. */
static void
spread_learn(struct link *link, struct origin *origin,
    const struct record_data *data, uint64_t max, uint64_t seen_ms)
{
	struct mesh *mesh = link->mesh;
	struct tree_copy copy = {
		.slot = link->state == LINK_UP ? link->slot : ORIGIN_NO_SLOT,
		.seq = data->seq,
		.first = ORIGIN_NO_SLOT,
		/* The first message of all: nothing else is in flight. */
		.quiet_ms = origin->has_come ? mesh->now_ms - seen_ms
		                             : UINT64_MAX,
	};

	if (UNLIKELY(origin->runs > 0) && fetch_on_first(mesh, origin, &copy)) {
		copy.first_ms += data->payload_len / TREE_WIRE;
	}
	if (UNLIKELY(data->seq > max + 1)) {
		uint64_t first = data->seq >> 32 == max >> 32 ? max + 1
		                                              : origin->base;

		fetch_note_holes(mesh, origin, first, data->seq);
	}
	if (UNLIKELY(max == 0)) {
		sync_recall(mesh, origin);
	}
	origin->has_come = true;
	tree_on_first(mesh, origin, &copy);
}

/* Never seen before: on with it, but not to `from`. */
static inline void
spread_accept(struct link *link, struct origin *origin,
    struct record_data *data, uint64_t from)
{
	struct mesh *mesh = link->mesh;

	/* Forward before deliver: no plugin slows the backbone. */
	spread_relay(mesh, origin, from, data);
	if (UNLIKELY((data->flags & DATA_UNICAST) != 0) &&
	    !nodeid_equal(&data->dest, &mesh->node_id)) {
		return;
	}
	mesh->stats.delivered++;
	spread_deliver(link, data);
}

/* Below the window, or of a smaller boot: it is new if it is missing still.
 * It says nothing of the tree as it is now. */
static void
spread_on_old(
    struct link *link, struct origin *origin, struct record_data *data)
{
	struct mesh *mesh = link->mesh;
	struct tree_copy copy = {
		.slot = link->state == LINK_UP ? link->slot : ORIGIN_NO_SLOT,
		.seq = data->seq,
	};

	if (data->seq >> 32 < origin->window.max >> 32) {
		(void)fetch_expect_old(mesh, origin, data->seq, data->seq + 1);
	}
	if (LIKELY(!fetch_on_first(mesh, origin, &copy))) {
		mesh->stats.old++;
		return;
	}
	origins_on_come(&mesh->origins, origin, mesh->now_ms);
	spread_accept(link, origin, data, link_up_bit(link));
}

/* Never seen before. */
static void
spread_on_first(struct link *link, struct origin *origin,
    struct record_data *data, uint64_t max, uint64_t seen_ms)
{
	uint64_t from = link_up_bit(link);

	if (LIKELY(from != 0 && origin->parent == link->slot &&
	           origin->runs == 0 && data->seq == max + 1 &&
	           origin->has_come)) {
		tree_on_next(origin, link->mesh->now_ms, data->seq,
		    link->mesh->now_ms - seen_ms);
	} else {
		spread_learn(link, origin, data, max, seen_ms);
	}
	spread_accept(link, origin, data, from);
}

void
spread_on_data(struct link *link, const struct record *record)
{
	struct mesh *mesh = link->mesh;
	struct origin *origin;
	struct record_data data;
	uint64_t max, seen_ms;

	if (UNLIKELY(record_data_decode(record, &data) != ERR_OK)) {
		link_violate(link, 1002, "malformed DATA");
		return;
	}
	if (UNLIKELY(data.payload_len > mesh->max_message)) {
		link_violate(link, 1009, "message too long");
		return;
	}
	mesh->stats.received++;
	if (!spread_is_fit(link, &data)) {
		return;
	}
	if (UNLIKELY(unicast_is_direct(&data))) {
		unicast_on_data(link, &data);
		return;
	}
	origin = link->last;
	if (UNLIKELY(
	        origin == NULL || !nodeid_equal(&origin->id, &data.origin))) {
		origin = spread_origin(link, &data.origin, data.seq, false);
	}
	if (UNLIKELY(origin == NULL)) {
		mesh->stats.old += origins_is_buried(
		                       &mesh->origins, &data.origin, data.seq)
		                       ? 1
		                       : 0;
		return;
	}
	if (UNLIKELY(data.seq >> 32 > origin->window.max >> 32)) {
		fetch_on_boot(mesh, origin, data.seq);
	}
	max = origin->window.max;
	seen_ms = origin->seen_ms;
	switch (origins_take(&mesh->origins, origin, data.seq, mesh->now_ms)) {
	case WINDOW_NEW:
		spread_on_first(link, origin, &data, max, seen_ms);
		return;
	case WINDOW_SEEN:
		*(spread_on_copy(link, origin, &data) ? &mesh->stats.duplicates
		                                      : &mesh->stats.late) += 1;
		return;
	case WINDOW_OLD:
		spread_on_old(link, origin, &data);
		return;
	}
}

/* Where a record that is DATA has origin and number; or NULL. */
static const uint8_t *
spread_peek(const struct record *record)
{
	size_t before;

	if (record->type != RECORD_DATA || record->len < 3) {
		return NULL;
	}
	before = 3 + (size_t)record->body[2]; /* flags, hops, topic */
	return record->len < before + sizeof(struct nodeid) + 8
	           ? NULL
	           : record->body + before;
}

void
spread_foresee(struct link *link, struct spread_next *next)
{
	const struct idtable *table = &link->mesh->origins.table;
	const uint8_t *at = spread_peek(&next->record);
	struct nodeid id;
	uint64_t seq;

	link->mixed--;
	if (at != NULL && table->room > 0) {
		memcpy(&id, at, sizeof(id));
		memcpy(&seq, at + sizeof(id), sizeof(seq));
		next->seq = be64toh(seq);
		next->hash = idtable_hash(table, &id);
		idtable_foresee(table, next->hash);
	}
}

void
spread_foresee_more(const struct link *link, const struct spread_next *next)
{
	const struct mesh *mesh = link->mesh;
	const struct origin *origin = origins_foresee(
	    &mesh->origins, next->hash, next->seq);

	if (origin != NULL) {
		history_foresee(&mesh->spread.history, origin, next->seq);
	}
}

void
spread_recall(struct link *link, const struct spread_next *next)
{
	struct origin *origin = origins_guess(&link->mesh->origins, next->hash);

	if (origin != NULL && origin != link->last) {
		link->last = origin;
		link->mixed = SPREAD_MIXED;
	}
}
