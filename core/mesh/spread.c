/* SPDX-License-Identifier: MIT
 * spread.c - see spread.h. */

#include "mesh/spread.h"

#include "base/log.h"
#include "mesh/inside.h"
#include "wire/utf8.h"

void
spread_check_queues(struct mesh *mesh, uint64_t now_ms)
{
	if (mesh->unchecked < mesh->check_every) {
		return;
	}
	mesh->unchecked = 0;
	for (uint64_t left = mesh->up_slots; left != 0; left &= left - 1) {
		struct link *link = mesh->up[__builtin_ctzll(left)];
		size_t queued = mesh->io->queued(mesh->io->ctx, link);

		if (queued > mesh->hard) {
			link_too_slow(link, now_ms);
		} else if (queued > mesh->soft) {
			mesh->io->pressed(mesh->io->ctx, link);
		}
	}
}

/* Without the links that do not take so much. */
static uint64_t
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

/* Queue `data` on the links of `slots`. */
static void
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
	spread_check_queues(mesh, now_ms);
}

static uint32_t
spread_flags(const struct record_data *data)
{
	return ((data->flags & DATA_TEXT) != 0 ? MESSAGE_TEXT : 0) |
	       ((data->flags & DATA_REPLY) != 0 ? MESSAGE_REPLY : 0);
}

static void
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

	io->deliver(io->ctx, &view);
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
spread_on_own(struct link *link, const struct record_data *data)
{
	struct mesh *mesh = link->mesh;

	if (data->seq <= mesh->seq) {
		mesh->stats.own++;
		return;
	}
	mesh->stats.spoofed++;
	log_warn("mesh", "spoofed", "spoofed or cloned node id",
	    LOG_STR("name", link->name), LOG_STR("remote", link->remote),
	    LOG_U64("seq", data->seq));
}

/* The origin of a message, made if it is new; NULL: counted, drop it. */
static struct origin *
spread_origin(struct link *link, const struct nodeid *id, uint64_t now_ms)
{
	struct mesh *mesh = link->mesh;
	struct origin *origin = origins_find(&mesh->origins, id);
	enum err err;

	if (origin == NULL) {
		if (!link_takes_origin(link, now_ms)) {
			mesh->stats.origins_rate++;
			return NULL;
		}
		err = origins_add(&mesh->origins, id, now_ms, &origin);
		if (err != ERR_OK) {
			*(err == ERR_NOMEM ? &mesh->stats.nomem
			                   : &mesh->stats.origins_full) += 1;
			return NULL;
		}
		mesh->stats.origins = mesh->origins.count;
		mesh_wake_at(mesh, now_ms + ORIGIN_IDLE_MS);
	}
	link->last = origin;
	return origin;
}

/* The checks that need no table; false: counted, drop it. */
static bool
spread_is_fit(
    struct link *link, uint64_t now_ms, const struct record_data *data)
{
	struct mesh *mesh = link->mesh;

	if ((data->flags & DATA_UNICAST) != 0) {
		mesh->stats.ignored++;
		return false;
	}
	if (data->hops > mesh->max_hops) {
		mesh->stats.hop_limit++;
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
	if (nodeid_equal(&data->origin, &mesh->node_id)) {
		spread_on_own(link, data);
		return false;
	}
	if (data->seq >> 32 >
	    (uint64_t)mesh_wall_s(mesh, now_ms) + MESH_BOOT_AHEAD_S) {
		mesh->stats.bad_boot++;
		return false;
	}
	return true;
}

/* On to everybody else, one link further. */
static void
spread_relay(struct link *link, uint64_t now_ms, struct record_data *data)
{
	struct mesh *mesh = link->mesh;
	uint64_t slots = mesh->up_slots;
	uint8_t hops = data->hops;
	uint8_t flags = data->flags;

	if (link->state == LINK_UP) {
		slots &= ~(UINT64_C(1) << link->slot);
	}
	if (slots == 0) {
		return;
	}
	if (hops == UINT8_MAX) {
		mesh->stats.hop_limit++;
		return;
	}
	data->hops++;
	data->flags &= (uint8_t)~DATA_REPAIR;
	spread_to(mesh, slots, data, now_ms);
	data->hops = hops;
	data->flags = flags;
}

void
spread_on_data(struct link *link, uint64_t now_ms, const struct record *record)
{
	struct mesh *mesh = link->mesh;
	struct origin *origin = link->last;
	struct record_data data;

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
	if (origin == NULL || !nodeid_equal(&origin->id, &data.origin)) {
		origin = spread_origin(link, &data.origin, now_ms);
		if (origin == NULL) {
			return;
		}
	}
	switch (origins_take(&mesh->origins, origin, data.seq, now_ms)) {
	case WINDOW_NEW:
		break;
	case WINDOW_SEEN:
		mesh->stats.duplicates++;
		return;
	case WINDOW_OLD:
		mesh->stats.old++;
		return;
	}
	/* Forward before deliver: no plugin slows the backbone. */
	spread_relay(link, now_ms, &data);
	mesh->stats.delivered++;
	spread_deliver(link, now_ms, &data);
}

void
spread_on_gap(
    void *ctx, const struct nodeid *id, uint64_t first, uint64_t count)
{
	struct mesh *mesh = ctx;
	char hex[NODEID_HEX_LEN + 1];

	mesh->stats.gaps += count;
	nodeid_hex(id, hex);
	log_warn("mesh", "gap", "messages that never came",
	    LOG_STR("origin", hex), LOG_U64("first", first),
	    LOG_U64("count", count));
	mesh->io->gap(mesh->io->ctx, id, first, count);
}

void
spread_on_gone(void *ctx, const struct origin *origin)
{
	struct mesh *mesh = ctx;

	for (struct link *link = mesh->links; link != NULL; link = link->next) {
		if (link->last == origin) {
			link->last = NULL;
		}
	}
}

enum err
mesh_publish(struct mesh *mesh, uint64_t now_ms, struct message_view *view)
{
	struct record_data data;

	if (view->payload_len > mesh->max_message) {
		return ERR_TOOBIG;
	}
	view->origin = mesh->node_id;
	view->seq = ++mesh->seq;
	mesh->stats.published++;
	if (mesh->up_slots == 0) {
		return ERR_OK;
	}
	data = (struct record_data){
		.flags = (view->flags & MESSAGE_TEXT) != 0 ? DATA_TEXT : 0,
		.hops = 1,
		.topic = { .text = view->topic,
		    .len = (uint8_t)view->topic_len },
		.origin = view->origin,
		.seq = view->seq,
		.payload = view->payload,
		.payload_len = view->payload_len,
	};
	spread_to(mesh, mesh->up_slots, &data, now_ms);
	return ERR_OK;
}

enum err
mesh_reply(
    struct mesh *mesh, struct link *link, const struct message_view *view)
{
	struct record_data data = {
		.flags = (uint8_t)(DATA_REPLY |
		                   ((view->flags & MESSAGE_TEXT) != 0
		                           ? DATA_TEXT
		                           : 0)),
		.hops = 1,
		.topic = { .text = view->topic,
		    .len = (uint8_t)view->topic_len },
		.origin = mesh->node_id,
		.payload = view->payload,
		.payload_len = view->payload_len,
	};
	uint8_t head[RECORD_DATA_HEAD_MAX];
	size_t len;

	if (link->state != LINK_UP) {
		return ERR_CLOSED;
	}
	if (view->payload_len > link->max_message) {
		mesh->stats.peer_limit++;
		return ERR_TOOBIG;
	}
	if (view->payload_len > mesh->max_message) {
		return ERR_TOOBIG;
	}
	data.seq = ++link->reply_seq;
	len = record_data_head(head, &data);
	mesh->io->spread(mesh->io->ctx, UINT64_C(1) << link->slot, head, len,
	    view->payload, view->payload_len);
	mesh->unchecked += len + view->payload_len;
	if (mesh->unchecked >= mesh->check_every) {
		mesh->next_ms = 0; /* the tick looks at the queues */
	}
	return ERR_OK;
}
