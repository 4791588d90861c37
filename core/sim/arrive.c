/* SPDX-License-Identifier: MIT
 * arrive.c - packets that reach an end: read at once, or when the node gets
 * round to it. */

#include "sim/lane.h"
#include "sim/vnet.h"
#include "sim/world.h"

enum {
	ARRIVE_PAUSE_MS = 10,          /* one pause of a source */
	ARRIVE_PAUSE_BUDGET_MS = 1000, /* pauses a target may cause in */
	ARRIVE_PAUSE_WINDOW_MS = 10000,
};

static void
arrive_pong(struct vend *end, uint64_t stamp)
{
	struct vnode *node = end->node;
	uint8_t bytes[8];

	for (int i = 0; i < 8; i++) {
		bytes[i] = (uint8_t)(stamp >> (56 - 8 * i));
	}
	mesh_on_pong(
	    node->mesh, end->link, vnode_now_ms(node), bytes, sizeof(bytes));
}

static void
arrive_close(struct vend *end)
{
	/* The first of two Closes is answered; TCP follows. */
	if (end->state == VEND_OPEN) {
		lane_clear(end);
		lane_frame(end, PACKET_CLOSE, 0);
		lane_flush(end);
	}
	vend_gone(end, MESH_CLOSED);
}

static void
arrive_packet(struct vend *end, const struct packet *packet)
{
	struct vnode *node = end->node;

	if (packet->kind == PACKET_RESET) {
		vend_gone(end, end->state == VEND_WAITING ? MESH_DIAL_FAILED
		                                          : MESH_CLOSED);
		return;
	}
	if (end->state != VEND_OPEN && end->state != VEND_CLOSING) {
		return;
	}
	node->input = end;
	switch ((enum packet_kind)packet->kind) {
	case PACKET_RECORDS:
		mesh_on_message(vnode_enter(node), end->link,
		    vnode_now_ms(node), packet->blob->bytes, packet->blob->len);
		break;
	case PACKET_PING:
		mesh_on_activity(end->link, vnode_now_ms(node));
		if (end->state == VEND_OPEN) {
			lane_frame(end, PACKET_PONG, packet->stamp);
		}
		break;
	case PACKET_PONG:
		arrive_pong(end, packet->stamp);
		break;
	case PACKET_CLOSE:
		arrive_close(end);
		return;
	case PACKET_RESET:
		break;
	}
	node->input = NULL;
	vnode_settle(node);
}

/* Read the next packet that has reached `end`.  Returns its length. */
static uint32_t
arrive_read(struct vend *end)
{
	struct vconn *conn = end->conn;
	struct vend *from = end->other;
	struct packet *packet = lane_take(from);
	uint32_t len = packet->len;

	world_note(conn->world, (uint64_t)packet->kind << 32 | len);
	from->taken_us = conn->world->now_us;
	arrive_packet(end, packet);
	packet_destroy(packet);
	if (from->queued > 0 && from->state != VEND_GONE) {
		lane_flush(from);
	}
	vconn_unref(conn);
	return len;
}

/* Nobody has this connection open any more. */
static void
arrive_lost(struct vend *end)
{
	struct packet *packet = lane_take(end->other);

	if (vnode_is_on(end->node) && packet->kind != PACKET_RESET &&
	    end->other->state != VEND_GONE) {
		lane_reset(end);
	}
	packet_destroy(packet);
	vconn_unref(end->conn);
}

void
vnet_on_arrive(struct vend *end)
{
	struct vnode *node = end->node;

	if (vnet_is_cut(end->conn->world, node, end->other->node)) {
		end->held++;
		end->conn->world->result->seen[SEEN_CUT]++;
	} else if (end->state == VEND_GONE) {
		arrive_lost(end);
	} else if (node->is_paused || end->is_shut || node->slow_bps > 0 ||
	           end->ready > 0) {
		end->ready++;
		vnet_wake_reader(node);
	} else {
		(void)arrive_read(end);
	}
}

/* ---- nodes that are slow, or were stopped */

void
vnet_wake_reader(struct vnode *node)
{
	if (!node->has_reader && !node->is_paused) {
		node->has_reader = true;
		world_at(node->world, node->read_us, EVENT_READER, node, 0);
	}
}

/* The next end, in turn, that has something to read. */
static struct vend *
arrive_next(struct vnode *node)
{
	struct vend *first = LIST_FIRST(&node->ends);
	struct vend *begin = node->cursor != NULL ? node->cursor : first;
	struct vend *end = begin;

	while (end != NULL) {
		struct vend *next = LIST_NEXT(end, end_entry);

		if (end->ready > 0 && !end->is_shut) {
			node->cursor = next;
			return end;
		}
		end = next != NULL ? next : first;
		if (end == begin) {
			break;
		}
	}
	return NULL;
}

void
vnet_on_reader(struct vnode *node)
{
	struct vend *end;
	uint32_t len;

	node->has_reader = false;
	if (node->is_paused) {
		return; /* EVENT_RESUME will say */
	}
	end = arrive_next(node);
	if (end == NULL) {
		return;
	}
	end->ready--;
	len = arrive_read(end);
	node->read_us = node->world->now_us;
	if (node->slow_bps > 0) {
		node->read_us += (uint64_t)(len * 1e6 / node->slow_bps);
	}
	vnet_wake_reader(node);
}

/* ---- back-pressure (PROTOCOL 10) */

void
vnet_press(struct vend *target)
{
	struct world *world = target->conn->world;
	struct vend *source = target->node->input;

	if (world->now_us - target->pressed_us >=
	    ARRIVE_PAUSE_WINDOW_MS * US_PER_MS) {
		target->pressed_us = world->now_us;
		target->pressed_for_us = 0;
	}
	if (source == NULL || source == target || source->is_shut ||
	    target->pressed_for_us >= ARRIVE_PAUSE_BUDGET_MS * US_PER_MS) {
		return;
	}
	target->pressed_for_us += ARRIVE_PAUSE_MS * US_PER_MS;
	source->is_shut = true;
	source->conn->refs++;
	world_at(world, world->now_us + ARRIVE_PAUSE_MS * US_PER_MS,
	    EVENT_REOPEN, source, 0);
}

void
vnet_on_reopen(struct vend *end)
{
	end->is_shut = false;
	if (end->state != VEND_GONE && end->ready > 0) {
		vnet_wake_reader(end->node);
	}
}
