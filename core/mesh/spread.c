/* SPDX-License-Identifier: MIT
 * spread.c - see spread.h. */

#include "mesh/spread.h"

#include <endian.h>

#include "base/log.h"
#include "mesh/fetch.h"
#include "mesh/flow.h"
#include "mesh/inside.h"
#include "mesh/limit.h"
#include "mesh/repair.h"
#include "mesh/sync.h"
#include "mesh/tree.h"
#include "wire/utf8.h"

uint64_t
spread_limit(struct mesh *mesh, uint64_t slots, size_t payload_len)
{
	for (uint64_t left = slots; left != 0; left &= left - 1) {
		unsigned slot = (unsigned)__builtin_ctzll(left);

		if (payload_len > mesh->up[slot]->max_message) {
			slots &= ~(UINT64_C(1) << slot);
			mesh->stats.peer_limit++;
		}
	}
	return slots;
}

void
spread_to(struct mesh *mesh, uint64_t slots, const struct record_data *data,
    uint64_t now_ms)
{
	uint8_t head[RECORD_DATA_HEAD_MAX];
	size_t len;

	if (UNLIKELY(data->payload_len > mesh->smallest_max)) {
		slots = spread_limit(mesh, slots, data->payload_len);
	}
	if (slots == 0) {
		return;
	}
	len = record_data_head(head, data);
	mesh->io->spread(
	    mesh->io->ctx, slots, head, len, data->payload, data->payload_len);
	mesh->stats.relayed += (uint64_t)__builtin_popcountll(slots);
	mesh->unchecked += len + data->payload_len;
	flow_check(mesh, now_ms);
}

void
spread_send_runs(struct mesh *mesh, unsigned slot, enum record_type type,
    const struct record_run *runs, size_t count)
{
	struct buf *out = &mesh->spread.out;

	buf_clear(out);
	if (record_array_encode(out, type, runs, count) != ERR_OK) {
		mesh->stats.nomem++;
		return;
	}
	mesh->stats.control_bytes += out->len;
	mesh->io->send(
	    mesh->io->ctx, mesh->up[slot], out->bytes, out->len, true);
}

static uint32_t
spread_flags(const struct record_data *data)
{
	return ((data->flags & DATA_TEXT) != 0 ? MESSAGE_TEXT : 0) |
	       ((data->flags & DATA_REPLY) != 0 ? MESSAGE_REPLY : 0);
}

void
spread_deliver(
    struct link *link, uint64_t now_ms, const struct record_data *data)
{
	const struct mesh_io *io = link->mesh->io;
	struct message_view view = {
		.origin = data->origin,
		.seq = data->seq,
		.from = link->conn,
		.received_ns = now_ms * 1000000,
		.flags = spread_flags(data),
		.hops = data->hops,
		.topic = data->topic.text,
		.topic_len = data->topic.len,
		.payload = data->payload,
		.payload_len = data->payload_len,
	};

	/* Only the nodes' own topics begin so. */
	if (LIKELY(view.topic[0] != '$') ||
	    !members_on_message(link->mesh, now_ms, &view)) {
		io->deliver(io->ctx, &view);
	}
}

static void
spread_on_reply(
    struct link *link, uint64_t now_ms, const struct record_data *data)
{
	struct mesh *mesh = link->mesh;

	if (!nodeid_equal(&data->origin, &link->node_id)) {
		mesh->stats.spoofed++;
		return;
	}
	mesh->stats.replies++;
	spread_deliver(link, now_ms, data);
}

/* Our own id: a message of ours that came back, or somebody's lie. */
static void
spread_on_own(
    struct link *link, uint64_t now_ms, const struct record_data *data)
{
	struct mesh *mesh = link->mesh;
	struct history_entry *entry;

	if (data->seq > mesh->seq) {
		identity_on_spoof(link, now_ms, data->seq);
		return;
	}
	mesh->stats.own++;
	if (link->state != LINK_UP) {
		return;
	}
	entry = history_find(
	    &mesh->spread.history, &mesh->spread.self, data->seq);
	if (entry != NULL) {
		entry->known |= UINT64_C(1) << link->slot;
	}
	tree_on_duplicate(mesh, &mesh->spread.self, now_ms, link->slot,
	    data->seq, (data->flags & DATA_REPAIR) != 0);
}

struct origin *
spread_find(struct mesh *mesh, const struct nodeid *id)
{
	return nodeid_equal(id, &mesh->node_id)
	           ? &mesh->spread.self
	           : origins_find(&mesh->origins, id);
}

struct origin *
spread_origin(
    struct link *link, const struct nodeid *id, uint64_t now_ms, bool is_free)
{
	struct mesh *mesh = link->mesh;
	struct origin *origin = link->last;
	enum err err;

	if (LIKELY(origin != NULL && nodeid_equal(&origin->id, id))) {
		return origin;
	}
	origin = spread_find(mesh, id);
	if (origin == NULL) {
		if (!is_free && !link_takes_origin(link, now_ms)) {
			mesh->stats.origins_rate++;
			return NULL;
		}
		err = origins_add(&mesh->origins, id, now_ms, &origin);
		if (err != ERR_OK) {
			*(err == ERR_NOMEM ? &mesh->stats.nomem
			                   : &mesh->stats.origins_full) += 1;
			return NULL;
		}
		tree_adopt(mesh, origin, now_ms);
		mesh_wake_at(mesh, now_ms + ORIGIN_IDLE_MS);
	}
	link->last = origin;
	link->mixed = SPREAD_MIXED;
	return origin;
}

/* The checks that need no table; false: counted, drop it. */
static bool
spread_is_fit(
    struct link *link, uint64_t now_ms, const struct record_data *data)
{
	struct mesh *mesh = link->mesh;

	if (data->hops > mesh->max_hops) {
		mesh->stats.hop_limit++;
		if ((data->flags & DATA_REPAIR) != 0) {
			fetch_on_far(link, now_ms, data);
		}
		return false;
	}
	if ((data->flags & DATA_TEXT) != 0 &&
	    !utf8_is_valid(data->payload, data->payload_len)) {
		mesh->stats.bad_utf8++;
		return false;
	}
	if ((data->flags & DATA_REPLY) != 0) {
		spread_on_reply(link, now_ms, data);
		return false;
	}
	if (nodeid_equal(&data->origin, &mesh->node_id) &&
	    !unicast_is_direct(data)) {
		spread_on_own(link, now_ms, data);
		return false;
	}
	if (data->seq >> 32 >
	    (uint64_t)mesh_wall_s(mesh, now_ms) + MESH_BOOT_AHEAD_S) {
		mesh->stats.bad_boot++;
		return false;
	}
	return true;
}

bool
spread_run_is_fit(
    struct mesh *mesh, const struct record_run *run, uint64_t now_ms)
{
	if (run->seq == 0 || run->count == 0 ||
	    run->seq >> 32 != (run->seq + run->count - 1) >> 32) {
		mesh->stats.bad_runs++;
		return false;
	}
	if (run->seq >> 32 >
	    (uint64_t)mesh_wall_s(mesh, now_ms) + MESH_BOOT_AHEAD_S) {
		mesh->stats.bad_boot++;
		return false;
	}
	return true;
}

void
spread_relay(struct mesh *mesh, struct origin *origin, uint64_t from,
    struct record_data *data, uint64_t now_ms)
{
	struct spread *spread = &mesh->spread;
	uint64_t slots = mesh->up_slots & ~from;
	uint64_t mute = mesh->floods ? 0 : origin->mute;
	uint64_t lazy = slots & (mute | spread->congested);
	enum err err;

	data->flags &= (uint8_t)~DATA_REPAIR;
	slots &= ~lazy;
	err = history_put(&spread->history, origin, data, from | slots, now_ms);
	if (UNLIKELY(err != ERR_OK)) {
		/* It can be sent, but not repaired. */
		*(err == ERR_NOMEM ? &mesh->stats.nomem
		                   : &mesh->stats.history_limit) += 1;
	} else if (spread->history.count == 1) {
		mesh_wake_at(mesh, now_ms + HISTORY_MS);
	}
	if (data->hops == UINT8_MAX) {
		mesh->stats.hop_limit++;
		return;
	}
	data->hops++;
	spread_to(mesh, slots, data, now_ms);
	/* Whoever was found too slow just now is not UP any more. */
	lazy &= mesh->up_slots;
	if (lazy != 0 && err == ERR_OK) {
		spread_announce(mesh, origin, lazy, data, now_ms);
	}
	data->hops--;
}

static bool
spread_is_late(
    const struct mesh *mesh, const struct origin *origin, uint64_t seq)
{
	const struct spread *spread = &mesh->spread;

	for (size_t i = 0; i < spread->given_count && i < SPREAD_GIVEN_MAX;
	     i++) {
		const struct spread_given *given = &spread->given[i];

		if (seq - given->seq < given->count &&
		    nodeid_equal(&given->id, &origin->id)) {
			return true;
		}
	}
	return false;
}

static void
spread_on_duplicate(struct link *link, struct origin *origin, uint64_t now_ms,
    const struct record_data *data)
{
	struct mesh *mesh = link->mesh;
	struct history_entry *entry;

	if (UNLIKELY(origin->has_given) &&
	    spread_is_late(mesh, origin, data->seq)) {
		mesh->stats.late++;
		return;
	}
	mesh->stats.duplicates++;
	if (link->state != LINK_UP) {
		return;
	}
	entry = history_find(&mesh->spread.history, origin, data->seq);
	if (entry != NULL) {
		entry->known |= UINT64_C(1) << link->slot;
	}
	tree_on_duplicate(mesh, origin, now_ms, link->slot, data->seq,
	    (data->flags & DATA_REPAIR) != 0);
}

/* What a first copy says of its origin's tree, and of others that must exist:
 * `max` and `seen_ms` are what the origin had until then. */
static void
spread_learn(struct link *link, struct origin *origin, uint64_t now_ms,
    const struct record_data *data, uint64_t max, uint64_t seen_ms)
{
	struct mesh *mesh = link->mesh;
	struct tree_copy copy = {
		.slot = link->state == LINK_UP ? link->slot : ORIGIN_NO_SLOT,
		.seq = data->seq,
		.first = ORIGIN_NO_SLOT,
		/* The first message of all: nothing else is in flight. */
		.quiet_ms = origin->has_come ? now_ms - seen_ms : UINT64_MAX,
	};

	if (UNLIKELY(origin->runs > 0)) {
		struct fetch_info info = fetch_on_first(
		    mesh, origin, data->seq, copy.slot, now_ms);

		copy.first = info.first;
		copy.lead_ms = info.lead_ms;
		copy.is_fetched = info.is_fetched;
	}
	if (UNLIKELY(data->seq > max + 1)) {
		uint64_t first = data->seq >> 32 == max >> 32 ? max + 1
		                                              : origin->base;

		fetch_note_holes(
		    mesh, origin, first, data->seq - first, now_ms);
	}
	origin->has_come = true;
	tree_on_first(mesh, origin, now_ms, &copy);
}

/* Never seen before. */
static void
spread_on_first(struct link *link, struct origin *origin, uint64_t now_ms,
    struct record_data *data, uint64_t max, uint64_t seen_ms)
{
	struct mesh *mesh = link->mesh;
	uint64_t from = link->state == LINK_UP ? UINT64_C(1) << link->slot : 0;

	if (LIKELY(from != 0 && origin->parent == (int8_t)link->slot &&
	           origin->runs == 0 && data->seq == max + 1 &&
	           origin->has_come)) {
		tree_on_next(origin, data->seq);
	} else {
		spread_learn(link, origin, now_ms, data, max, seen_ms);
	}
	/* Forward before deliver: no plugin slows the backbone. */
	spread_relay(mesh, origin, from, data, now_ms);
	if (UNLIKELY((data->flags & DATA_UNICAST) != 0) &&
	    !nodeid_equal(&data->dest, &mesh->node_id)) {
		return;
	}
	mesh->stats.delivered++;
	spread_deliver(link, now_ms, data);
}

void
spread_on_data(struct link *link, uint64_t now_ms, const struct record *record)
{
	struct mesh *mesh = link->mesh;
	struct origin *origin;
	struct record_data data;
	uint64_t max, seen_ms;

	if (UNLIKELY(record_data_decode(record, &data) != ERR_OK)) {
		link_violate(link, now_ms, 1002, "malformed DATA");
		return;
	}
	if (UNLIKELY(data.payload_len > mesh->max_message)) {
		link_violate(link, now_ms, 1009, "message too long");
		return;
	}
	mesh->stats.received++;
	if (!spread_is_fit(link, now_ms, &data)) {
		return;
	}
	if (UNLIKELY(unicast_is_direct(&data))) {
		unicast_on_data(link, now_ms, &data);
		return;
	}
	origin = link->last;
	if (UNLIKELY(
	        origin == NULL || !nodeid_equal(&origin->id, &data.origin))) {
		origin = spread_origin(link, &data.origin, now_ms, false);
	}
	if (UNLIKELY(origin == NULL)) {
		return;
	}
	fetch_on_boot(mesh, origin, data.seq, now_ms);
	max = origin->window.max;
	seen_ms = origin->seen_ms;
	switch (origins_take(&mesh->origins, origin, data.seq, now_ms)) {
	case WINDOW_NEW:
		spread_on_first(link, origin, now_ms, &data, max, seen_ms);
		return;
	case WINDOW_SEEN:
		spread_on_duplicate(link, origin, now_ms, &data);
		return;
	case WINDOW_OLD:
		mesh->stats.old++;
		return;
	}
}

/* Where the next record, if it is DATA, has origin and number; or NULL. */
static const uint8_t *
spread_peek(const uint8_t **at, const uint8_t *end)
{
	struct record record;
	size_t before;

	if (record_next(at, end, &record) != ERR_OK ||
	    record.type != RECORD_DATA || record.len < 3) {
		return NULL;
	}
	before = 3 + (size_t)record.body[2]; /* flags, hops, topic */
	return record.len < before + sizeof(struct nodeid) + 8
	           ? NULL
	           : record.body + before;
}

void
spread_foresee(struct link *link, const uint8_t *at, const uint8_t *end)
{
	const struct origins *origins = &link->mesh->origins;
	const struct origin *origin;
	const uint8_t *peek;
	struct nodeid id;
	uint64_t seq;

	link->mixed--;
	peek = spread_peek(&at, end);
	if (peek == NULL) {
		return;
	}
	memcpy(&id, peek, sizeof(id));
	memcpy(&seq, peek + sizeof(id), sizeof(seq));
	seq = be64toh(seq);
	origin = origins_foresee_next(origins, &id, seq);
	if (origin != NULL) {
		history_foresee(&link->mesh->spread.history, origin, seq);
	}
	peek = spread_peek(&at, end);
	if (peek != NULL) {
		memcpy(&id, peek, sizeof(id));
		origins_foresee(origins, &id);
	}
}

void
spread_on_passed(
    void *ctx, struct origin *origin, uint64_t first, uint64_t count)
{
	fetch_forget(ctx, origin, first, count);
}

void
spread_on_gap(void *ctx, struct origin *origin, uint64_t first, uint64_t count)
{
	struct mesh *mesh = ctx;
	char hex[NODEID_HEX_LEN + 1];

	mesh->stats.gaps += count;
	nodeid_hex(&origin->id, hex);
	log_warn("mesh", "gap", "messages that never came",
	    LOG_STR("origin", hex), LOG_U64("first", first),
	    LOG_U64("count", count));
	mesh->io->gap(mesh->io->ctx, &origin->id, first, count);
}

void
spread_on_gone(void *ctx, struct origin *origin)
{
	struct mesh *mesh = ctx;

	fetch_on_origin_gone(mesh, origin);
	history_forget(&mesh->spread.history, origin);
	lazy_forget_origin(&mesh->spread.early, origin);
	lazy_forget_origin(&mesh->spread.late, origin);
	tree_forget(mesh, origin);
	for (struct link *link = mesh->links; link != NULL; link = link->next) {
		if (link->last == origin) {
			link->last = NULL;
		}
	}
}

void
spread_on_record(
    struct link *link, uint64_t now_ms, const struct record *record)
{
	struct mesh *mesh = link->mesh;
	struct record_array array;
	uint32_t count;

	if (record_array_decode(record, &array) != ERR_OK) {
		link_violate(link, now_ms, 1002, "malformed list");
		return;
	}
	count = (uint32_t)record_array_count(&array);
	switch (record->type) {
	case RECORD_IHAVE:
		if (!limit_takes(link, now_ms, LIMIT_ANNOUNCE, count)) {
			mesh->stats.announce_limit += count;
			return;
		}
		fetch_on_ihave(link, now_ms, record);
		return;
	case RECORD_GRAFT:
		if (!limit_takes(link, now_ms, LIMIT_GRAFT, count)) {
			mesh->stats.graft_limit += count;
			return;
		}
		repair_on_graft(link, now_ms, record);
		return;
	case RECORD_PRUNE:
		tree_on_prune(link, record);
		return;
	case RECORD_GONE:
		fetch_on_gone(link, now_ms, record);
		return;
	case RECORD_SYNC:
		if (now_ms - link->up_ms >= SYNC_EARLY_MS &&
		    !limit_takes(link, now_ms, LIMIT_SYNC, 1)) {
			mesh->stats.sync_limit++;
			return;
		}
		sync_on_record(link, now_ms, record);
		return;
	default:
		return;
	}
}

void
spread_on_up(struct link *link, uint64_t now_ms)
{
	struct mesh *mesh = link->mesh;
	uint64_t bit = UINT64_C(1) << link->slot;

	link->up_ms = now_ms;
	link->fetches = 0;
	link->is_over = false;
	mesh->spread.congested &= ~bit;
	mesh->spread.second &= ~bit;
	if (nodeid_compare(&link->node_id, &mesh->node_id) < 0) {
		mesh->spread.second |= bit;
	}
	tree_on_up(mesh, link);
	if (mesh->up_slots == bit) {
		fetch_on_first_up(mesh, now_ms);
	}
	sync_send(link, now_ms);
}

void
spread_on_down(struct link *link, uint64_t now_ms)
{
	struct mesh *mesh = link->mesh;

	tree_on_down(mesh, link->slot);
	lazy_forget_slot(&mesh->spread.early, link->slot);
	lazy_forget_slot(&mesh->spread.late, link->slot);
	mesh->spread.congested &= ~(UINT64_C(1) << link->slot);
	/* What is due because of it is asked for with the next tick. */
	fetch_on_down(mesh, link->slot, now_ms);
}

uint64_t
spread_on_tick(struct mesh *mesh, uint64_t now_ms)
{
	struct spread *spread = &mesh->spread;
	uint64_t next = UINT64_MAX;
	uint64_t times[5];

	flow_check(mesh, now_ms);
	spread_announce_due(mesh, now_ms);
	fetch_due(mesh, now_ms);
	history_expire(&spread->history, now_ms);
	times[0] = spread->flow_ms;
	times[1] = spread->early.due_ms;
	times[2] = spread->late.due_ms;
	times[3] = fetch_next_ms(mesh);
	times[4] = history_next_ms(&spread->history, now_ms);
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		next = times[i] < next ? times[i] : next;
	}
	return next;
}
