/* SPDX-License-Identifier: MIT
 * vnet.c - see vnet.h: dials, ends, what arrives. */

#include "sim/vnet.h"

#include <stdlib.h>
#include <string.h>

#include "sim/lane.h"
#include "sim/world.h"

enum {
	VNET_CONNECT_MS = 3000,   /* nobody answers the SYN */
	VNET_HANDSHAKE_MS = 5000, /* nobody answers the upgrade */
	VNET_CLOSE_MS = 2000,     /* our Close to the other's */
	VNET_RETRY_MS = 9000,     /* longest wait of TCP for its next try */
	VNET_DIAL_BYTES = 350,    /* of each side */
	VNET_STALL_MS = 10000,
};

/* The same for a pair, whoever dials, and for a seed. */
static uint64_t
vnet_latency_us(const struct world *world, uint32_t a, uint32_t b)
{
	uint64_t low = world_us(world->config.latency_min_ms / 1000);
	uint64_t high = world_us(world->config.latency_max_ms / 1000);
	uint64_t pair = a < b ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a;
	struct rng rng;

	rng_init(&rng, world->config.seed * 1000003 + pair);
	return low + rng_below(&rng, high - low + 1);
}

bool
vnet_is_cut(
    const struct world *world, const struct vnode *a, const struct vnode *b)
{
	return world->is_parted && a->side != b->side;
}

/* ---- connections */

void
vconn_unref(struct vconn *conn)
{
	if (--conn->refs > 0) {
		return;
	}
	for (int i = 0; i < 2; i++) {
		struct vend *end = &conn->end[i];

		lane_clear(end);
		while (end->flight.first != NULL) {
			packet_destroy(lane_take(end));
		}
	}
	LIST_REMOVE(conn, conn_entry);
	free(conn);
}

static void
vend_attach(struct vend *end, enum vend_state state, struct link *link)
{
	end->state = (uint8_t)state;
	end->link = link;
	end->conn->refs++;
	LIST_INSERT_HEAD(&end->node->ends, end, end_entry);
}

static void
vend_detach(struct vend *end)
{
	struct vnode *node = end->node;

	if (node->cursor == end) {
		node->cursor = LIST_NEXT(end, end_entry);
	}
	if (node->input == end) {
		node->input = NULL;
	}
	LIST_REMOVE(end, end_entry);
	end->state = VEND_GONE;
	end->link = NULL;
	lane_clear(end);
	/* What was waiting to be read here is lost. */
	while (end->ready > 0) {
		end->ready--;
		packet_destroy(lane_take(end->other));
		end->conn->refs--; /* not the last: this end has its own */
	}
	vconn_unref(end->conn);
}

void
vend_gone(struct vend *end, enum mesh_closed how)
{
	struct vnode *node = end->node;
	struct link *link = end->link;

	vend_detach(end);
	mesh_on_closed(vnode_enter(node), link, vnode_now_ms(node), how);
	vnode_settle(node);
}

static struct vconn *
vconn_create(struct vnode *from, struct vnode *to)
{
	struct world *world = from->world;
	struct vconn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL) {
		world->err = ERR_NOMEM;
		return NULL;
	}
	conn->world = world;
	conn->id = ++world->conn_count;
	conn->began_us = world->now_us;
	conn->end[0].node = from;
	conn->end[0].dialled = true;
	conn->end[1].node = to;
	conn->end[1].state = VEND_GONE;
	for (int i = 0; i < 2; i++) {
		conn->end[i].conn = conn;
		conn->end[i].other = &conn->end[!i];
	}
	LIST_INSERT_HEAD(&world->conns, conn, conn_entry);
	return conn;
}

/* ---- dials */

static void
vconn_fail_at(struct vconn *conn, uint64_t at_us)
{
	conn->refs++;
	world_at(conn->world, at_us, EVENT_DIAL_FAILED, conn, 0);
}

/* Nobody is there, at `to`: refused after the SYN's way back, or silence. */
static void
vconn_miss(struct vconn *conn, const struct vnode *to)
{
	bool refuses = to == NULL ||
	               (to->state != VNODE_GONE &&
	                   !vnet_is_cut(conn->world, conn->end[0].node, to));

	vconn_fail_at(conn,
	    conn->began_us +
	        (refuses ? 2 * conn->latency_us : VNET_CONNECT_MS * US_PER_MS));
}

void
vnet_dial(struct vnode *node, struct link *link, const char *url)
{
	struct world *world = node->world;
	uint32_t index = vnode_of_addr(url, world->config.nodes);
	struct vnode *to = index < UINT32_MAX ? &world->nodes[index] : NULL;
	struct vconn *conn = vconn_create(node, to);

	if (conn == NULL) {
		return;
	}
	vend_attach(&conn->end[0], VEND_WAITING, link);
	conn->latency_us = vnet_latency_us(world, node->index, index);
	node->bytes[CLASS_BACKGROUND] += VNET_DIAL_BYTES;
	if (to == NULL || !vnode_is_on(to) || vnet_is_cut(world, node, to)) {
		vconn_miss(conn, to);
		return;
	}
	/* SYN, SYN and ACK, GET. */
	conn->refs++;
	world_at(
	    world, world->now_us + 3 * conn->latency_us, EVENT_ACCEPT, conn, 0);
}

void
vnet_cancel(struct vnode *node, const struct link *link)
{
	struct vend *end;

	LIST_FOREACH (end, &node->ends, end_entry) {
		if (end->link == link && end->state == VEND_WAITING) {
			end->state = VEND_DROPPED;
			end->conn->refs++;
			world_at(node->world, node->world->now_us, EVENT_CLOSED,
			    end, 0);
			return;
		}
	}
}

static void
vconn_accept(struct vconn *conn)
{
	struct world *world = conn->world;
	struct vend *end = &conn->end[1];
	struct vnode *node = end->node;
	char remote[VNODE_ADDR_LEN];
	struct link *link;

	node->bytes[CLASS_BACKGROUND] += VNET_DIAL_BYTES;
	/* The 101 is on its way before anything else. */
	end->last_us = world->now_us + conn->latency_us;
	conn->refs++;
	world_at(world, end->last_us, EVENT_OPENED, conn, 0);
	vnode_addr(conn->end[0].node->index, remote);
	*strrchr(remote, ':') = '\0';
	link = mesh_on_accepted(vnode_enter(node), vnode_now_ms(node), conn->id,
	    remote + strlen("ws://"), end);
	if (link == NULL) {
		lane_reset(end);
	} else {
		vend_attach(end, VEND_OPEN, link);
	}
	vnode_settle(node);
}

void
vnet_on_accept(struct vconn *conn)
{
	struct world *world = conn->world;
	struct vnode *node = conn->end[1].node;

	if (conn->end[0].state != VEND_WAITING) {
		return;
	}
	if (!vnode_is_on(node) || vnet_is_cut(world, conn->end[0].node, node)) {
		vconn_miss(conn, node);
	} else if (node->is_paused) {
		conn->refs++;
		world_at(world, node->resume_us, EVENT_ACCEPT, conn, 0);
		vconn_fail_at(
		    conn, conn->began_us + VNET_HANDSHAKE_MS * US_PER_MS);
	} else {
		vconn_accept(conn);
	}
}

void
vnet_on_opened(struct vconn *conn)
{
	struct world *world = conn->world;
	struct vend *end = &conn->end[0];
	struct vnode *node = end->node;
	char remote[VNODE_ADDR_LEN];

	if (end->state != VEND_WAITING) {
		/* The listener waits for a HELLO that will not come. */
		if (end->state == VEND_GONE &&
		    conn->end[1].state == VEND_OPEN && vnode_is_on(node)) {
			lane_reset(end);
		}
		return;
	}
	if (node->is_paused) {
		conn->refs++;
		world_at(world, node->resume_us, EVENT_OPENED, conn, 0);
		return;
	}
	if (vnet_is_cut(world, node, end->other->node)) {
		vconn_fail_at(
		    conn, conn->began_us + VNET_HANDSHAKE_MS * US_PER_MS);
		return;
	}
	end->state = VEND_OPEN;
	vnode_addr(end->other->node->index, remote);
	*strrchr(remote, ':') = '\0';
	mesh_on_opened(vnode_enter(node), end->link, vnode_now_ms(node),
	    conn->id, remote + strlen("ws://"), end);
	vnode_settle(node);
}

/* Whoever is stopped is told nothing until it goes on: its clock would be
 * wrong, too. */
static bool
vend_waits(struct vend *end, enum event_kind kind, void *what)
{
	const struct vnode *node = end->node;

	if (!node->is_paused) {
		return false;
	}
	end->conn->refs++;
	world_at(node->world, node->resume_us, kind, what, 0);
	return true;
}

void
vnet_on_dial_failed(struct vconn *conn)
{
	struct vend *end = &conn->end[0];

	if (end->state != VEND_WAITING ||
	    vend_waits(end, EVENT_DIAL_FAILED, conn)) {
		return;
	}
	if (conn->end[1].state == VEND_OPEN) {
		lane_reset(end);
	}
	vend_gone(end, MESH_DIAL_FAILED);
}

/* ---- ends */

void
vnet_close(struct vend *end, uint16_t code)
{
	struct world *world = end->conn->world;

	if (end->state != VEND_OPEN) {
		return;
	}
	end->conn->refs++;
	if (code == 0) {
		lane_clear(end);
		lane_reset(end);
		end->state = VEND_DROPPED;
		world_at(world, world->now_us, EVENT_CLOSED, end, 0);
		return;
	}
	lane_frame(end, PACKET_CLOSE, 0);
	end->state = VEND_CLOSING;
	world_at(world, world->now_us + VNET_CLOSE_MS * US_PER_MS,
	    EVENT_CLOSE_LATE, end, 0);
}

void
vnet_on_closed(struct vend *end)
{
	if (end->state != VEND_GONE && !vend_waits(end, EVENT_CLOSED, end)) {
		vend_gone(end, MESH_CLOSED);
	}
}

void
vnet_on_close_late(struct vend *end)
{
	if (end->state == VEND_CLOSING &&
	    !vend_waits(end, EVENT_CLOSE_LATE, end)) {
		lane_reset(end);
		vend_gone(end, MESH_CLOSED);
	}
}

void
vnet_on_stall(struct vend *end)
{
	struct world *world = end->conn->world;
	uint64_t due_us = end->taken_us + VNET_STALL_MS * US_PER_MS;

	end->is_watched = false;
	if ((end->state != VEND_OPEN && end->state != VEND_CLOSING) ||
	    (end->control.first == NULL && end->data.first == NULL)) {
		return;
	}
	if (world->now_us < due_us || end->node->is_paused) {
		end->is_watched = true;
		end->conn->refs++;
		world_at(world,
		    end->node->is_paused ? end->node->resume_us + US_PER_MS
		                         : due_us,
		    EVENT_STALL, end, 0);
		return;
	}
	mesh_on_stalled(
	    vnode_enter(end->node), end->link, vnode_now_ms(end->node));
	vnode_settle(end->node);
}

/* ---- faults */

void
vnet_abandon(struct vnode *node, bool silent)
{
	while (!LIST_EMPTY(&node->ends)) {
		struct vend *end = LIST_FIRST(&node->ends);

		if (!silent && end->state != VEND_DROPPED &&
		    end->other->state != VEND_GONE) {
			lane_reset(end);
		}
		vend_detach(end);
	}
}

void
vnet_break(struct vconn *conn)
{
	for (int i = 0; i < 2; i++) {
		struct vend *end = &conn->end[i];

		if (end->state == VEND_OPEN || end->state == VEND_CLOSING) {
			lane_clear(end);
			lane_reset(end->other);
		}
	}
}

void
vnet_heal(struct world *world)
{
	uint64_t cut_us = world->now_us - world->cut_us;
	uint64_t wait_us = cut_us < VNET_RETRY_MS * US_PER_MS
	                       ? cut_us
	                       : VNET_RETRY_MS * US_PER_MS;
	struct vconn *conn;

	LIST_FOREACH (conn, &world->conns, conn_entry) {
		for (int i = 0; i < 2; i++) {
			struct vend *end = &conn->end[i];
			uint64_t at = world->now_us + conn->latency_us;

			if (end->held == 0) {
				continue;
			}
			at += rng_below(&world->rng, wait_us + 1);
			if (at > end->other->last_us) {
				end->other->last_us = at;
			}
			for (; end->held > 0; end->held--) {
				world_at(world, end->other->last_us,
				    EVENT_ARRIVE, end, 0);
			}
		}
	}
}

bool
vnet_is_up(const struct vconn *conn)
{
	for (int i = 0; i < 2; i++) {
		const struct vend *end = &conn->end[i];

		if (end->state != VEND_OPEN || !link_is_up(end->link)) {
			return false;
		}
	}
	return !vnet_is_cut(conn->world, conn->end[0].node, conn->end[1].node);
}

void
vnet_fini(struct world *world)
{
	for (uint32_t i = 0; i < world->config.nodes; i++) {
		if (world->nodes[i].mesh != NULL) {
			vnet_abandon(&world->nodes[i], true);
		}
	}
	for (struct vconn *conn = LIST_FIRST(&world->conns), *next;
	     conn != NULL; conn = next) {
		next = LIST_NEXT(conn, conn_entry);
		conn->refs = 1; /* of events that never happen */
		vconn_unref(conn);
	}
}
