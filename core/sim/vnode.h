/* SPDX-License-Identifier: MIT
 * vnode.h - a virtual host with a node on it: the real mesh, and the actions
 * it asks for. */
#ifndef SIM_VNODE_H
#define SIM_VNODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/rng.h"
#include "mesh/mesh.h"
#include "sim/config.h"
#include "sim/phase.h"

#define VNODE_ADDR_LEN 32

struct world;
struct vend;

enum vnode_state {
	VNODE_OFF, /* nothing listens: a dial is refused */
	VNODE_ON,
	VNODE_LEAVING, /* said goodbye, flushes */
	VNODE_GONE,    /* the host has vanished: a dial gets no answer */
};

enum vnode_role {
	VNODE_HONEST,
	VNODE_OTHER_KEY, /* strangers: they must never be linked */
	VNODE_NO_KEY,
	VNODE_LIAR, /* linked, and not to be believed */
};

struct vnode {
	struct world *world;
	uint32_t index;
	uint8_t state;
	uint8_t role;
	bool is_doomed; /* will crash when the event begins */
	bool is_steady; /* a sender that neither crashes nor leaves */
	bool is_small;  /* takes only half a payload */
	bool side;      /* of a cut */
	uint32_t part;  /* a node of its component (overlay_parts) */
	bool is_paused;
	bool has_reader; /* EVENT_READER is scheduled */
	uint16_t incarnation;
	uint32_t boot; /* of this life, or the last */
	struct nodeid id;
	struct mesh *mesh; /* NULL: not running */
	struct buf saved;  /* what it keeps between lives */
	struct mesh_io io;
	struct rng rng;         /* the mesh's */
	uint64_t since_us;      /* this life began */
	uint64_t resume_us;     /* while paused */
	uint64_t starved_us;    /* until then allocations fail, */
	uint32_t starve_one_in; /* one in so many */
	uint64_t skew_us;       /* its clock leaves out long stops */
	uint64_t tick_us;       /* when a tick is scheduled, UINT64_MAX: none */
	uint64_t ticked_ms;     /* of the last tick, and how often then */
	unsigned ticked;
	uint64_t uplink_us;     /* free from then on */
	double slow_bps;        /* bytes a second that it takes; 0: any */
	uint64_t read_us;       /* it takes the next then */
	LIST_HEAD(, vend) ends; /* all its connections */
	struct vend *cursor;    /* of the reader's round */
	struct vend *input;     /* being read now */
	uint64_t bytes[CLASS_COUNT];
	uint64_t gaps;         /* ids given up, of all lives */
	size_t gap_at;         /* the last of them among all messages */
	struct nodeid told_id; /* for tally_mark_recent */
	unsigned told_last;
};

/* ws://10.x.y.z:7000 of node `index`; back: UINT32_MAX if it is none. */
void vnode_addr(uint32_t index, char addr[VNODE_ADDR_LEN]);
uint32_t vnode_of_addr(const char *addr, uint32_t count);

/* The largest message that nodes of this run take, presence included; and what
 * this one does. */
size_t vnode_message_max(const struct sim_config *config);
size_t vnode_takes(const struct vnode *node);

/* Start a mesh; with a new id, or (`again`) with the last one and what it has
 * saved. */
void vnode_start(struct vnode *node, bool again);
/* Save what a mesh keeps between its lives, or forget what was saved. */
void vnode_save(struct vnode *node);
void vnode_forget(struct vnode *node);
/* Say goodbye; EVENT_LEFT ends it. */
void vnode_leave(struct vnode *node);
/* It is gone at once; `silent`: and its host with it. */
void vnode_kill(struct vnode *node, bool silent);
/* Stop it like SIGSTOP. */
void vnode_pause(struct vnode *node, uint64_t for_us);
void vnode_resume(struct vnode *node);

bool vnode_is_on(const struct vnode *node);
bool vnode_is_honest(const struct vnode *node);
bool vnode_is_stranger(const struct vnode *node);
/* The clock of its mesh. */
uint64_t vnode_now_ms(const struct vnode *node);
void vnode_on_tick(struct vnode *node);
/* Its mesh, for one call into it: has it memory? */
struct mesh *vnode_enter(struct vnode *node);
/* After each such call: send, set the timer, check. */
void vnode_settle(struct vnode *node);

#endif
