/* SPDX-License-Identifier: MIT
 * spread.c - see spread.h. */

#include "mesh/spread.h"

#include "base/log.h"
#include "mesh/fetch.h"
#include "mesh/flow.h"
#include "mesh/inside.h"
#include "mesh/limit.h"
#include "mesh/repair.h"
#include "mesh/sync.h"
#include "mesh/tree.h"
#include "mesh/wall.h"

/* `slots` without the links that do not take so much; counted. */
static uint64_t
spread_limit(struct mesh *mesh, uint64_t slots, size_t payload_len)
{
	const struct link *link;

	MESH_EACH_UP (mesh, slots, link) {
		if (payload_len > link->max_message) {
			slots &= ~link_bit(link);
			mesh->stats.peer_limit++;
		}
	}
	return slots;
}

/* Write the record of a message that is not kept. */
static enum err
spread_write(
    struct mesh *mesh, const struct record_data *data, struct range *range)
{
	enum err err = chunk_log_append(
	    &mesh->spread.passing, record_data_size(data), range);

	if (err == ERR_OK) {
		record_data_write(range_bytes(range), data);
	}
	return err;
}

static inline void
spread_queue(struct mesh *mesh, uint64_t slots, const struct range *record)
{
	struct spread *spread = &mesh->spread;

	if (slots == 0) {
		return;
	}
	mesh->io->spread(mesh->io->ctx, slots, record);
	/* Mostly the same ones, and counting bits takes a call. */
	if (slots != spread->fan) {
		spread->fan = slots;
		spread->fan_count = (uint32_t)__builtin_popcountll(slots);
	}
	mesh->stats.relayed += spread->fan_count;
	mesh->unchecked += record->len;
	flow_check(mesh);
}

bool
spread_to(struct mesh *mesh, uint64_t slots, const struct record_data *data)
{
	struct range range;

	slots = spread_limit(mesh, slots, data->payload_len);
	if (spread_write(mesh, data, &range) != ERR_OK) {
		mesh->stats.nomem++;
		return false;
	}
	spread_queue(mesh, slots, &range);
	return true;
}

void
spread_untold(struct mesh *mesh, uint64_t *why)
{
	struct link *link;

	*why += 1;
	MESH_EACH_UP (mesh, mesh->up_slots, link) {
		sync_again(link);
	}
}

void
spread_send_runs(struct link *link, enum record_type type,
    const struct record_run *runs, size_t count)
{
	struct mesh *mesh = link->mesh;
	size_t most = RECORD_ARRAY_MAX / record_array_entry_len((uint8_t)type);

	while (count > 0) {
		size_t n = count < most ? count : most;

		if (record_array_encode(mesh_scratch(mesh), type, runs, n) !=
		    ERR_OK) {
			spread_untold(mesh, &mesh->stats.nomem);
			return;
		}
		mesh->stats.control_bytes += mesh->scratch.len;
		mesh->unchecked += mesh->scratch.len;
		(void)link_send(link, ERR_OK);
		runs += n;
		count -= n;
	}
}

static uint32_t
spread_flags(const struct record_data *data)
{
	return ((data->flags & DATA_TEXT) != 0 ? MESSAGE_TEXT : 0) |
	       ((data->flags & DATA_REPLY) != 0 ? MESSAGE_REPLY : 0);
}

/* Apart, since its frame is large and mostly nobody listens. */
__attribute__((noinline)) static void
spread_hand_over(struct link *link, const struct record_data *data)
{
	const struct mesh_io *io = link->mesh->io;
	struct message_view view = {
		.origin = data->origin,
		.seq = data->seq,
		.from = link->conn,
		.flags = spread_flags(data),
		.hops = data->hops,
		.topic = data->topic.text,
		.topic_len = data->topic.len,
		.payload = data->payload,
		.payload_len = data->payload_len,
	};

	if (LIKELY(view.topic[0] != '$') ||
	    !members_on_message(link->mesh, &view)) {
		io->deliver(io->ctx, &view);
	}
}

void
spread_deliver(struct link *link, const struct record_data *data)
{
	const struct mesh_io *io = link->mesh->io;

	/* Only the nodes' own topics begin so. */
	if (data->topic.text[0] == '$' || io->listens == NULL ||
	    io->listens(io->ctx)) {
		spread_hand_over(link, data);
	}
}

struct origin *
spread_find(struct mesh *mesh, const struct nodeid *id)
{
	return nodeid_equal(id, &mesh->node_id)
	           ? &mesh->spread.self
	           : origins_find(&mesh->origins, id);
}

/* One more new origin of this link, in this second? */
static bool
spread_takes_new(struct link *link)
{
	const struct bucket_rate rate = bucket_rate(
	    LINK_FRESH_S, LINK_FRESH_BURST);
	uint64_t now_ms = link->mesh->now_ms;
	bool takes = bucket_has_token(&link->fresh, &rate, now_ms);

	if (takes) {
		bucket_take(&link->fresh, &rate, now_ms);
	}
	return takes;
}

/* There is no room, memory or time for it: behind this node it may be
 * promised. */
static struct origin *
spread_no_origin(
    struct link *link, const struct nodeid *id, uint64_t seq, uint64_t *counter)
{
	++*counter;
	sync_hear(link, id, seq);
	return NULL;
}

enum err
spread_add_origin(
    struct mesh *mesh, const struct nodeid *id, struct origin **origin)
{
	enum err err = origins_add(&mesh->origins, id, mesh->now_ms, origin);

	if (err != ERR_OK) {
		return err;
	}
	tree_adopt(mesh, *origin);
	if ((*origin)->base != 0) { /* known again */
		sync_recall(mesh, *origin);
	}
	mesh_wake_at(mesh, mesh->now_ms + ORIGIN_IDLE_MS);
	return ERR_OK;
}

__attribute__((noinline)) static struct origin *
spread_new_origin(
    struct link *link, const struct nodeid *id, uint64_t seq, bool is_free)
{
	struct mesh *mesh = link->mesh;
	struct origin *origin;
	enum err err;

	if (origins_is_buried(&mesh->origins, id, seq)) {
		return NULL;
	}
	if (!is_free && !spread_takes_new(link)) {
		return spread_no_origin(
		    link, id, seq, &mesh->stats.origins_rate);
	}
	err = spread_add_origin(mesh, id, &origin);
	if (err != ERR_OK) {
		return spread_no_origin(link, id, seq,
		    err == ERR_NOMEM ? &mesh->stats.nomem
		                     : &mesh->stats.origins_full);
	}
	return origin;
}

struct origin *
spread_origin(
    struct link *link, const struct nodeid *id, uint64_t seq, bool is_free)
{
	struct origin *origin = spread_find(link->mesh, id);

	if (UNLIKELY(origin == NULL)) {
		origin = spread_new_origin(link, id, seq, is_free);
	}
	if (origin != NULL && link->last != origin) {
		link->last = origin;
		link->mixed = SPREAD_MIXED;
	}
	return origin;
}

bool
spread_run_is_fit(struct mesh *mesh, const struct record_run *run)
{
	if (run->seq == 0 || run->count == 0 ||
	    run->seq >> 32 != (run->seq + run->count - 1) >> 32) {
		mesh->stats.bad_runs++;
		return false;
	}
	return !wall_is_ahead(
	    mesh, &run->origin, run->seq >> 32, MESH_BOOT_AHEAD_S);
}

/* The history did not take it: it can be sent, but neither announced nor
 * repaired.  Returns who it can be sent to. */
__attribute__((noinline)) static uint64_t
spread_unkept(struct mesh *mesh, uint64_t slots, uint64_t lazy,
    const struct record_data *data, enum err why, struct range *range)
{
	*(why == ERR_NOMEM ? &mesh->stats.nomem
	                   : &mesh->stats.history_limit) += 1;
	if (slots != 0 && spread_write(mesh, data, range) != ERR_OK) {
		mesh->stats.nomem += why != ERR_NOMEM ? 1 : 0;
		lazy |= slots;
		slots = 0;
	}
	sync_tell(mesh, &data->origin, data->seq, lazy);
	return slots;
}

void
spread_relay(struct mesh *mesh, struct origin *origin, uint64_t from,
    struct record_data *data)
{
	struct spread *spread = &mesh->spread;
	uint64_t slots = mesh->up_slots & ~from;
	uint64_t mute = mesh->floods ? 0 : origin->mute;
	bool is_far = data->hops == UINT8_MAX;
	struct range range;
	uint64_t lazy;
	enum err err;

	if (UNLIKELY(data->payload_len > mesh->smallest_max)) {
		uint64_t fit = spread_limit(mesh, slots, data->payload_len);

		sync_tell(mesh, &data->origin, data->seq, slots & ~fit);
		slots = fit;
	}
	lazy = slots & (mute | spread->congested);
	data->flags &= (uint8_t)~DATA_REPAIR;
	data->hops = (uint8_t)(data->hops + (is_far ? 0 : 1));
	slots &= ~lazy;
	err = history_put(
	    &spread->history, origin, data, from | slots, mesh->now_ms, &range);
	if (LIKELY(err == ERR_OK)) {
		if (history_count(&spread->history) == 1) {
			mesh_wake_at(mesh, mesh->now_ms + HISTORY_MS);
		}
	} else {
		slots = spread_unkept(
		    mesh, is_far ? 0 : slots, lazy, data, err, &range);
	}
	if (is_far) {
		mesh->stats.hop_limit++;
		return;
	}
	spread_queue(mesh, slots, &range);
	/* Whoever was found too slow just now is not UP any more. */
	lazy &= mesh->up_slots;
	if (lazy != 0 && err == ERR_OK) {
		spread_announce(mesh, origin, lazy, data);
	}
	data->hops--;
}

void
spread_on_gap(void *ctx, struct origin *origin, uint64_t first, uint64_t count)
{
	struct mesh *mesh = ctx;
	uint64_t end = first + count - 1;
	char hex[NODEID_HEX_LEN + 1];

	mesh->stats.gaps += count;
	log_warn("mesh", "gap", "messages that never came",
	    LOG_STR("origin", nodeid_hex(&origin->id, hex)),
	    LOG_U64("first", first), LOG_U64("count", count));
	mesh->io->gap(mesh->io->ctx, &origin->id, first, count);
	/* Behind the end of a boot nothing comes that would show the hole. */
	if (end >= origin->window.max ||
	    end == fetch_old_end(mesh, origin, end)) {
		sync_tell(mesh, &origin->id, end, mesh->up_slots);
	}
}

void
spread_on_gone(void *ctx, struct origin *origin)
{
	struct mesh *mesh = ctx;

	fetch_on_origin_gone(mesh, origin);
	if (origin->has_ends) {
		(void)ends_forget(&mesh->spread.ends, &origin->id);
	}
	history_forget(&mesh->spread.history, origin);
	if (mesh->spread.model == origin) {
		mesh->spread.model = NULL;
	}
	for (struct link *link = mesh->links; link != NULL; link = link->next) {
		if (link->last == origin) {
			link->last = NULL;
		}
	}
}

void
spread_on_record(struct link *link, const struct record *record)
{
	struct mesh *mesh = link->mesh;
	struct record_array list;
	uint32_t count;

	if (record_array_decode(record, &list) != ERR_OK) {
		link_violate(link, 1002, "malformed list");
		return;
	}
	count = (uint32_t)record_array_count(&list);
	switch (record->type) {
	case RECORD_IHAVE:
		if (!limit_takes(link, LIMIT_ANNOUNCE, count)) {
			mesh->stats.announce_limit += count;
			return;
		}
		fetch_on_ihave(link, &list);
		return;
	case RECORD_GRAFT:
		if (!limit_takes(link, LIMIT_GRAFT, count)) {
			mesh->stats.graft_limit += count;
			return;
		}
		repair_on_graft(link, &list);
		return;
	case RECORD_PRUNE:
		tree_on_prune(link, &list);
		return;
	case RECORD_GONE:
		fetch_on_gone(link, &list);
		return;
	case RECORD_SYNC:
		if ((mesh->now_ms - link->up_ms >= SYNC_EARLY_MS &&
		        !limit_takes(link, LIMIT_SYNC, 1)) ||
		    !limit_takes(link, LIMIT_SYNC_RUN, count)) {
			mesh->stats.sync_limit++;
			return;
		}
		sync_on_record(link, &list);
		return;
	default:
		return;
	}
}

void
spread_on_up(struct link *link)
{
	struct mesh *mesh = link->mesh;
	uint64_t bit = link_bit(link);

	link->up_ms = mesh->now_ms;
	link->limits.second_ms = mesh->now_ms;
	mesh->spread.second &= ~bit;
	if (nodeid_compare(&link->node_id, &mesh->node_id) < 0) {
		mesh->spread.second |= bit;
	}
	tree_on_up(link);
	if (mesh->up_slots == bit) {
		fetch_on_first_up(mesh);
	}
	sync_send(link);
}

void
spread_on_down(struct link *link)
{
	struct mesh *mesh = link->mesh;

	tree_on_down(link);
	for (size_t i = 0; i < SPREAD_LAZIES; i++) {
		lazy_forget_slots(&mesh->spread.lazies[i], link_bit(link));
	}
	mesh->spread.congested &= ~link_bit(link);
	/* What is due because of it is asked for with the next tick. */
	fetch_on_down(link);
}

void
spread_on_tick(struct mesh *mesh)
{
	struct spread *spread = &mesh->spread;

	sync_due(mesh);
	flow_check(mesh);
	spread_announce_due(mesh);
	fetch_due(mesh);
	mesh_wake_at(mesh, history_expire(&spread->history, mesh->now_ms));
	chunk_log_trim(&spread->passing);
	mesh_wake_at(mesh, spread->flow_ms);
}
