/* SPDX-License-Identifier: MIT
 * mesh.h - who talks to whom, and what travels between nodes.
 *
 * The mesh protocol of docs/PROTOCOL.md, sans-I/O: events come in through the
 * mesh_on_... functions, actions go out through struct mesh_io, time and
 * randomness are handed in.  The same objects run in the node and on a
 * simulated network.  [loop] only.
 *
 * A link is one connection to a peer, dialled or accepted.  The mesh creates
 * it, the caller reports each end of it exactly once with mesh_on_closed, and
 * from then on the pointer is dead.  Actions are called from inside events;
 * they must not call back into the mesh. */
#ifndef MESH_MESH_H
#define MESH_MESH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/chunk.h"
#include "base/err.h"
#include "base/rng.h"
#include "mesh/stats.h"
#include "wire/message.h"
#include "wire/nodeid.h"

#define MESH_LINKS_MAX 64 /* links that are UP; slots 0..63 */
#define MESH_LINKS_CAP 16 /* of them in a mesh that finds its own */
#define MESH_DIALS_MAX 8  /* at a time */
#define MESH_PSK_MIN   16 /* bytes */
#define MESH_SEND_MAX \
	((size_t)64 * 1024) /* of a message that is no DATA:
                                              each node takes so much */

struct mesh;
struct link;

/* A neighbour, for events and lists; strings live as long as the call. */
struct mesh_peer {
	struct nodeid node_id;
	const char *name; /* "" if it gave none */
	const char *addr; /* dialled: where; else what it advertises, or "" */
	uint64_t conn;    /* connection id */
	bool up, dialled;
	uint8_t bye;     /* down: its or our reason, 0xff: none was given */
	uint64_t rtt_us; /* 0: not measured yet */
};

struct mesh_io {
	void *ctx;

	/* Queue one DATA record on every link whose slot is in `slots`
	 * (mesh_users has them).  It was encoded once and is shared: take a
	 * reference of its chunk, or copy it. */
	void (*spread)(void *ctx, uint64_t slots, const struct range *record);
	/* Queue whole records on one link, MESH_SEND_MAX bytes at the most, as
	 * (or with others in) one WebSocket message: ahead of DATA if
	 * `control`, behind everything else not. */
	void (*send)(void *ctx, struct link *link, const uint8_t *records,
	    size_t len, bool control);
	/* Send a WebSocket ping whose 8 payload bytes are `stamp`, big-endian;
	 * the pong comes back through mesh_on_pong. */
	void (*ping)(void *ctx, struct link *link, uint64_t stamp);
	/* Send what is queued, then Close with `code`; code 0: drop TCP now.
	 * mesh_on_closed follows later, never from inside.  No other action
	 * on this link follows.  What the peer sent before it learned of the
	 * Close may still be handed in: mesh_on_message knows what to take. */
	void (*close)(
	    void *ctx, struct link *link, uint16_t code, const char *reason);
	/* Dial `url`; mesh_on_opened or mesh_on_closed follows later. */
	void (*dial)(void *ctx, struct link *link, const char *url);
	/* Bytes queued on `link` and not yet taken by the kernel. */
	size_t (*queued)(void *ctx, const struct link *link);
	/* `link` is over SOFT: slow down whoever is being read now. */
	void (*pressed)(void *ctx, struct link *link);
	/* Monotonic microseconds, for round-trip times finer than now_ms;
	 * NULL: milliseconds do. */
	uint64_t (*now_us)(void *ctx);
	/* Seconds since 1970 by the wall clock as it is now: asked when a
	 * number seems to be from the future, and once a second when one was.
	 * NULL: config.boot and what has passed since config.now_ms. */
	uint32_t (*wall_s)(void *ctx);
	/* Bytes that nobody can guess, `len` <= 32; NULL: the kernel's.  A
	 * simulator makes them repeatable. */
	enum err (*secret)(void *ctx, void *bytes, size_t len);

	/* Would anybody here get a message?  If not, `deliver` may be left
	 * out; NULL: somebody would. */
	bool (*listens)(void *ctx);
	/* A message that came from a peer, never seen before: to this node's
	 * clients and plugins; one with MESSAGE_REPLY to plugins only. */
	void (*deliver)(void *ctx, const struct message_view *view);
	/* A neighbour came up or went down. */
	void (*peer)(void *ctx, const struct mesh_peer *peer);
	/* Messages of `origin` that will never be delivered here. */
	void (*gap)(void *ctx, const struct nodeid *origin, uint64_t first,
	    uint64_t count);
	/* This node goes on under a new id; NULL: nobody needs to know. */
	void (*renamed)(void *ctx, const struct nodeid *id);
};

struct mesh_config {
	struct nodeid node_id;
	bool keeps_id;            /* beyond this life: it must not change */
	uint32_t boot;            /* wall-clock seconds now, */
	uint64_t now_ms;          /* which is when the mesh is made */
	const char *name;         /* of this node */
	const char *network;      /* only nodes of the same name link up */
	const char *advertise;    /* address for others, "": LEAF */
	const char *const *peers; /* ws:// addresses to keep linked */
	size_t peer_count;
	size_t max_message; /* payload bytes */
	uint32_t max_hops;
	uint32_t ping_ms;  /* of silence; dead after three times that */
	size_t soft, hard; /* limits of a link's out queue, bytes; the largest
	                      message should fit between them */

	bool is_auto; /* find links of its own; else keep `peers` linked */
	bool floods;  /* no trees: each message over every link */
	unsigned links_min, links_max; /* if so; 0: 5, 8; at most
	                                  MESH_LINKS_CAP */
	const uint8_t *psk; /* >= MESH_PSK_MIN bytes that all nodes share; NULL:
	                       anybody may join.  Not kept, only its hash. */
	size_t psk_len;
	bool presence;           /* tell the others of this node now and then */
	const char *version;     /* told with it; NULL: nothing */
	size_t history_bytes;    /* messages kept to repair others; 0: 8 MiB */
	struct chunk_pool *pool; /* of messages; outlives the mesh */
};

enum mesh_closed {
	MESH_CLOSED,          /* it was open, now it is not */
	MESH_DIAL_FAILED,     /* no connection, no TLS, no HTTP answer */
	MESH_DIAL_NOT_A_PEER, /* a server, but it does not speak our protocol */
	MESH_DIAL_BAD_URL,
};

/* Copies `config` (strings too).  `io` and `rng` are borrowed for life.
 * ERR_NOMEM; ERR_INVALID (a peer address: `diag` says which). */
NODISCARD enum err mesh_create(struct mesh **mesh,
    const struct mesh_config *config, const struct mesh_io *io, struct rng *rng,
    struct diag *diag);
/* Frees everything, calls no action.  NULL is fine. */
void mesh_destroy(struct mesh *mesh);

/* Begin to dial. */
void mesh_start(struct mesh *mesh, uint64_t now_ms);
/* BYE 0 and Close 1001 on every link, no dials any more. */
void mesh_stop(struct mesh *mesh, uint64_t now_ms);

/* A connection with our subprotocol was accepted; `remote` is its numeric
 * address without port.  NULL: stopped or no memory, drop it.  If too many
 * wait, another one is closed.  `user` is kept for the caller (link_user). */
struct link *mesh_on_accepted(struct mesh *mesh, uint64_t now_ms, uint64_t conn,
    const char *remote, void *user);
/* A dial succeeded, the peer speaks our subprotocol. */
void mesh_on_opened(struct mesh *mesh, struct link *link, uint64_t now_ms,
    uint64_t conn, const char *remote, void *user);
/* One binary message of a peer. */
void mesh_on_message(struct mesh *mesh, struct link *link, uint64_t now_ms,
    const uint8_t *bytes, size_t len);
void mesh_on_pong(struct mesh *mesh, struct link *link, uint64_t now_ms,
    const uint8_t *bytes, size_t len);
/* Anything else arrived: the peer lives. */
void mesh_on_activity(struct link *link, uint64_t now_ms);
/* Reading from it was stopped (a pause) or goes on: silence counts only while
 * reading is on. */
void mesh_on_reading(struct link *link, uint64_t now_ms, bool on);
/* Nothing was taken for 10 s although something is queued. */
void mesh_on_stalled(struct mesh *mesh, struct link *link, uint64_t now_ms);
/* The connection is gone, or the dial failed.  Frees the link. */
void mesh_on_closed(struct mesh *mesh, struct link *link, uint64_t now_ms,
    enum mesh_closed how);

/* When mesh_on_tick wants to be called next: at that time or later. */
uint64_t mesh_next_ms(const struct mesh *mesh);
/* What was sent in time was handed in before: a loop that stood still leaves
 * that out of `now_ms`, in all calls. */
void mesh_on_tick(struct mesh *mesh, uint64_t now_ms);

/* Publish a message of this node: gives it the next id, written to
 * `view->origin` and `view->seq`, and sends it to all links.  Does not deliver
 * it here.  `view->topic` is valid.  ERR_TOOBIG. */
NODISCARD enum err mesh_publish(
    struct mesh *mesh, uint64_t now_ms, struct message_view *view);

/* Publish a message for the node `dest` alone: along its tree, or through
 * everybody if none is known.  Gives it a number as mesh_publish does, of a
 * series of its own.  No gap tells of a loss.  ERR_TOOBIG; ERR_INVALID: `dest`
 * is this node. */
NODISCARD enum err mesh_send(struct mesh *mesh, uint64_t now_ms,
    const struct nodeid *dest, struct message_view *view);

/* Answer over one link (DATA with REPLY).  ERR_TOOBIG, ERR_CLOSED,
 * ERR_NOMEM. */
NODISCARD enum err mesh_reply(struct mesh *mesh, struct link *link,
    uint64_t now_ms, const struct message_view *view);

/* What link_user says of the links that are UP, by slot.  For io.spread. */
void *const *mesh_users(const struct mesh *mesh);

/* The caller's own pointer (of mesh_on_accepted or mesh_on_opened; NULL while
 * dialling), the state. */
void *link_user(const struct link *link);
bool link_is_up(const struct link *link);

/* Append what this node keeps between two lives: its id and boot number, and
 * the addresses it has learned.  ERR_NOMEM. */
NODISCARD enum err mesh_snapshot(const struct mesh *mesh, struct buf *out);
/* Changes whenever a snapshot would. */
uint64_t mesh_snapshot_version(const struct mesh *mesh);
/* Take a snapshot into a mesh that has not started: its id, a boot number
 * behind both its own and the config's, and the addresses.  ERR_INVALID: it is
 * damaged, or from the future; nothing was taken. */
NODISCARD enum err mesh_restore(
    struct mesh *mesh, const uint8_t *bytes, size_t len);
/* Only the node id in it; `wall_s`: what the config's boot number will be.
 * ERR_INVALID. */
NODISCARD enum err mesh_snapshot_id(
    const uint8_t *bytes, size_t len, uint32_t wall_s, struct nodeid *id);

/* A node that has told of itself; strings live as long as the call. */
struct mesh_member {
	struct nodeid node_id;
	const char *name, *addr, *version; /* "" if not given */
	uint32_t links;                    /* at that time */
	uint64_t seen_ms;                  /* when it came */
};

/* Call `each` for every other member known: first those that have told but
 * once, then the others, of both the one heard of longest ago first. */
void mesh_each_member(const struct mesh *mesh,
    void (*each)(void *ctx, const struct mesh_member *member), void *ctx);

/* All of them as they are now. */
const struct mesh_stats *mesh_stats(struct mesh *mesh);
/* Call `each` for every link that is UP. */
void mesh_each_peer(const struct mesh *mesh,
    void (*each)(void *ctx, const struct mesh_peer *peer), void *ctx);

#endif
