/* SPDX-License-Identifier: MIT
 * vnet.h - the virtual network: connections as TCP and WebSocket make them.
 *
 * A connection has two ends; each owns the packets on their way to the other
 * one, which arrive in order.  A packet is one WebSocket frame.  What two
 * kernels take without the reader's help is bounded; the rest waits at the
 * sender, control before data, as the node does it.  A cut holds packets back,
 * a vanished host swallows them, a dead end answers with a reset. */
#ifndef SIM_VNET_H
#define SIM_VNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "mesh/mesh.h"
#include "sim/phase.h"

struct world;
struct vnode;

enum packet_kind {
	PACKET_RECORDS,
	PACKET_PING,
	PACKET_PONG,
	PACKET_CLOSE,
	PACKET_RESET, /* TCP's RST: no bytes */
};

struct blob; /* bytes, shared by reference count */

struct packet {
	struct packet *next;
	struct blob *blob; /* PACKET_RECORDS */
	uint64_t stamp;    /* of a ping or pong */
	uint32_t bytes[CLASS_COUNT];
	uint32_t len; /* on the wire */
	uint8_t kind;
};

struct queue_of {
	struct packet *first, *last;
};

enum vend_state {
	VEND_WAITING, /* the dialler's, until it is opened */
	VEND_OPEN,
	VEND_CLOSING, /* our Close is queued or sent */
	VEND_DROPPED, /* we dropped it, the mesh is told next */
	VEND_GONE,    /* the mesh has no link any more */
};

struct vconn;

struct vend {
	struct vconn *conn;
	struct vnode *node;
	struct vend *other;
	struct link *link;
	uint8_t state;
	bool dialled;
	bool is_dirty;
	bool is_watched; /* EVENT_STALL is scheduled */
	bool is_closed;  /* the Close is queued */
	bool is_shut;    /* not read: pressed */

	struct queue_of turn;    /* records of this turn, for one message */
	struct queue_of control; /* frames that go first */
	struct queue_of data;
	size_t queued; /* bytes of all three */

	struct queue_of flight; /* on their way to the other end */
	size_t in_flight;       /* bytes sent and not taken there */
	uint64_t last_us;       /* arrival of the last */
	uint64_t taken_us;      /* when the kernel took something */
	uint32_t ready;         /* arrived here and not read yet */
	uint32_t held;          /* held back here by a cut */
	uint64_t pressed_us;    /* pauses caused: since when, how long */
	uint64_t pressed_for_us;

	LIST_ENTRY(vend) end_entry;
	struct vend *next_dirty;
};

struct vconn {
	struct world *world;
	struct vend end[2]; /* the dialler's, the listener's */
	uint64_t id;
	uint64_t latency_us;
	uint64_t began_us;
	uint32_t refs; /* ends not gone, events scheduled */
	LIST_ENTRY(vconn) conn_entry;
};

/* ---- for the mesh's actions */

void vnet_dial(struct vnode *node, struct link *link, const char *url);
void vnet_close(struct vend *end, uint16_t code);
/* Give up the dial of `link`. */
void vnet_cancel(struct vnode *node, const struct link *link);
/* `target` is over SOFT: stop reading what is being read now. */
void vnet_press(struct vend *target);

/* ---- for events */

void vnet_on_accept(struct vconn *conn);
void vnet_on_opened(struct vconn *conn);
void vnet_on_dial_failed(struct vconn *conn);
void vnet_on_arrive(struct vend *end);
void vnet_on_closed(struct vend *end);
void vnet_on_close_late(struct vend *end);
void vnet_on_stall(struct vend *end);
void vnet_on_reader(struct vnode *node);
void vnet_on_reopen(struct vend *end);

/* ---- for faults */

/* The node's process is gone; `silent`: nobody is told. */
void vnet_abandon(struct vnode *node, bool silent);
/* The connection breaks: both ends see a reset. */
void vnet_break(struct vconn *conn);
/* The cut has healed: what was held back arrives. */
void vnet_heal(struct world *world);
/* The node reads again. */
void vnet_wake_reader(struct vnode *node);

/* ---- */

bool vnet_is_cut(
    const struct world *world, const struct vnode *a, const struct vnode *b);
/* Both ends are UP and can talk. */
bool vnet_is_up(const struct vconn *conn);
/* Frees everything. */
void vnet_fini(struct world *world);
void vconn_unref(struct vconn *conn);
/* The mesh is told that its link is gone. */
void vend_gone(struct vend *end, enum mesh_closed how);

#endif
