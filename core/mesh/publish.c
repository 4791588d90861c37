/* SPDX-License-Identifier: MIT
 * publish.c - spread.h and mesh.h: this node's own messages. */

#include "mesh/fetch_inside.h"
#include "mesh/tree.h"

void
spread_init(struct mesh *mesh, struct chunk_pool *pool, size_t history_bytes)
{
	struct spread *spread = &mesh->spread;

	origin_init(&spread->self, &mesh->node_id, 0);
	history_init(&spread->history, pool,
	    history_bytes != 0 ? history_bytes : HISTORY_BYTES_DEFAULT,
	    mesh->origins.table.salt);
	chunk_log_init(&spread->passing, pool, CHUNK_SMALL);
	missing_init(&spread->missing);
	lazy_init(&spread->lazies[SPREAD_EARLY], RECORD_IHAVE, LAZY_MS,
	    LAZY_QUIET_MS);
	lazy_init(&spread->lazies[SPREAD_LATE], RECORD_IHAVE, LAZY_LATE_MS,
	    LAZY_LATE_MS);
	lazy_init(&spread->lazies[SPREAD_TOLD], RECORD_SYNC, LAZY_TOLD_MS,
	    LAZY_TOLD_MS);
	idcache_init(&spread->unicast.windows, mesh->rng, UNICAST_MAX);
	spread->flow_ms = UINT64_MAX;
	spread->sync_ms = UINT64_MAX;
}

void
spread_fini(struct mesh *mesh)
{
	struct spread *spread = &mesh->spread;

	history_fini(&spread->history);
	chunk_log_fini(&spread->passing);
	missing_fini(&spread->missing);
	for (size_t i = 0; i < SPREAD_LAZIES; i++) {
		lazy_fini(&spread->lazies[i]);
	}
	idcache_fini(&spread->unicast.windows);
}

void
spread_leave_boot(struct mesh *mesh)
{
	if ((uint32_t)mesh->seq != 0) {
		fetch_set_last(mesh, &mesh->spread.self, mesh->seq);
	}
}

/* The counter begins with 1, also when it wraps into the next boot. */
static uint64_t
spread_next_seq(struct mesh *mesh)
{
	if ((uint32_t)mesh->seq == UINT32_MAX) {
		spread_leave_boot(mesh);
		mesh->seq++;
	}
	return ++mesh->seq;
}

struct record_data
spread_data(
    const struct mesh *mesh, const struct message_view *view, uint8_t flags)
{
	bool is_text = (view->flags & MESSAGE_TEXT) != 0;

	return (struct record_data){
		.flags = (uint8_t)(flags | (is_text ? DATA_TEXT : 0)),
		.topic = { .text = view->topic,
		    .len = (uint8_t)view->topic_len },
		.origin = mesh->node_id,
		.payload = view->payload,
		.payload_len = view->payload_len,
	};
}

enum err
spread_publish(
    struct mesh *mesh, struct message_view *view, const struct nodeid *dest)
{
	struct spread *spread = &mesh->spread;
	struct record_data data = spread_data(
	    mesh, view, dest != NULL ? DATA_UNICAST | DATA_FLOOD : 0);

	if (view->payload_len > mesh->max_message) {
		return ERR_TOOBIG;
	}
	if (!spread->has_published) {
		tree_adopt(mesh, &spread->self);
		spread->has_published = true;
		spread->model_ms = 0;
	}
	view->origin = mesh->node_id;
	view->seq = spread_next_seq(mesh);
	spread->self.seen_ms = mesh->now_ms;
	mesh->stats.published++;
	data.seq = view->seq;
	if (dest != NULL) {
		data.dest = *dest;
	}
	spread_relay(mesh, &spread->self, 0, &data);
	return ERR_OK;
}

enum err
mesh_publish(struct mesh *mesh, uint64_t now_ms, struct message_view *view)
{
	mesh->now_ms = now_ms;
	return spread_publish(mesh, view, NULL);
}

enum err
mesh_reply(struct mesh *mesh, struct link *link, uint64_t now_ms,
    const struct message_view *view)
{
	struct record_data data = spread_data(mesh, view, DATA_REPLY);

	mesh->now_ms = now_ms;
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
	data.hops = 1;
	data.seq = ++link->reply_seq;
	return spread_to(mesh, link_bit(link), &data) ? ERR_OK : ERR_NOMEM;
}
