/* SPDX-License-Identifier: MIT
 * net.h - sockets: the loop, listeners, dials, and the WebSocket connections
 * that come of them.
 *
 * libwebsockets does HTTP and the two handshakes; libuv runs the loop; from
 * the 101 on the bytes of a connection are ours (docs/ARCHITECTURE.md).  All
 * functions [loop] but net_wake.  Handlers are called from the loop, and may
 * call every function here: a connection is never freed inside a handler,
 * but after on_closed has returned. */
#ifndef NET_NET_H
#define NET_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/chunk.h"
#include "base/counter.h"
#include "base/err.h"
#include "base/outq.h"
#include "base/rng.h"

struct net;
struct conn;

enum net_closed {
	NET_CLOSED,     /* it was open */
	NET_FAILED,     /* a dial: no connection, or no handshake */
	NET_NOT_A_PEER, /* a dial: a WebSocket, but not our subprotocol */
	NET_BAD_URL,
};

struct net_handler {
	void *ctx;
	/* May a plain client have this path?  No: 400 with the text. */
	enum err (*on_path)(void *ctx, const char *path, struct diag *diag);
	/* A connection is open: a peer's, or a plain client's with its path
	 * and query.  False: drop it, on_closed follows. */
	bool (*on_open)(
	    void *ctx, struct conn *conn, const char *path, const char *query);
	/* Bytes came; what they make whole follows. */
	void (*on_bytes)(void *ctx, struct conn *conn);
	/* A whole message, borrowed. */
	void (*on_message)(void *ctx, struct conn *conn, bool text,
	    const uint8_t *bytes, size_t len);
	void (*on_pong)(
	    void *ctx, struct conn *conn, const uint8_t *bytes, size_t len);
	/* Reading stopped, or goes on (a pause, net_press). */
	void (*on_reading)(void *ctx, struct conn *conn, bool on);
	/* A frame error, the other end's Close, net_close_clients: queue
	 * nothing more; on_closed follows later.  Not for your own closes. */
	void (*on_closing)(void *ctx, struct conn *conn);
	/* Nothing was taken for 10 s although something is queued. */
	void (*on_stalled)(void *ctx, struct conn *conn);
	/* It is gone; the pointer dies when this returns. */
	void (*on_closed)(void *ctx, struct conn *conn, enum net_closed how);
	/* The last thing of a turn, before everything queued is written. */
	void (*on_turn)(void *ctx);
	/* net_timer_set's time has come. */
	void (*on_timer)(void *ctx);
	void (*on_wake)(void *ctx);
	void (*on_signal)(void *ctx, int signum);
};

/* Deadlines, in ms; looked at every 250 ms. */
struct net_times {
	uint32_t handshake; /* accepted to 101, or 101 to us */
	uint32_t connect;   /* TCP, per address */
	uint32_t assembly;  /* first to last byte of a message */
	uint32_t stall;     /* nothing taken although something is queued */
	uint32_t close;     /* our Close arrived to the other's */
	uint32_t linger;    /* our Close given to the kernel to arrived */
	uint32_t ping;      /* plain clients: silence before a ping */
	uint32_t dead;      /* plain clients: silence before the drop */
};
/* 5 s, 3 s, 10 s, 10 s, 2 s, 60 s, 20 s, 40 s */
extern const struct net_times net_default_times;

struct net_config {
	struct net_times times;
	size_t max_message;
	uint32_t max_clients;  /* accepted connections, handshakes included */
	uint32_t client_rate;  /* messages a second of a client; 0: any */
	uint32_t client_burst; /* and at once */
	char *const *allow_origins;
	size_t allow_origin_count;
	size_t soft;             /* SOFT limit of an out queue, for pauses */
	struct chunk_pool *pool; /* of what is queued, borrowed for life */
	size_t buffers_max;      /* the whole pool, others' share included */
	size_t assembly_max;     /* messages that have begun, all together */
};

struct net_stats {
	uint64_t accepted, opened, closed;
	uint64_t clients, peers; /* open now */
	uint64_t handshakes;     /* in progress now */
	uint64_t dials, dial_failures;
	uint64_t rejected_limit, rejected_address, rejected_nomem;
	uint64_t rejected_http, rejected_timeout, rejected_raw;
	uint64_t handshakes_lost; /* given up by either side before the 101 */
	uint64_t accept_emfile;   /* descriptors ran out */
	uint64_t hasty;           /* spoke before the 101 */
	uint64_t frame_errors;    /* 1002, 1003, 1007, 1008, 1009 */
	uint64_t closed_stalled, closed_silent, closed_slow;
	uint64_t closed_unread;   /* took too long to read up to our Close */
	uint64_t closed_assembly; /* for the memory that its message took */
	uint64_t messages_in, bytes_in, bytes_out, writes, reads;
	uint64_t pings_in, pongs_coalesced;
	uint64_t pauses, pause_ms;           /* for a target's sake */
	uint64_t rate_pauses, rate_pause_ms; /* clients over their rate */
	uint64_t dropped_closing; /* from or for a closing connection */
	uint64_t dropped_unsent;  /* frames that a client never got */
	uint64_t dropped_nomem;
	uint64_t buffer_bytes;   /* of the pool, now */
	uint64_t assembly_bytes; /* of messages that have begun, now */
};

/* Names every member of struct net_stats. */
extern const struct counter net_counters[];
extern const size_t net_counter_count;

/* Copies `config` (its strings are borrowed for life).  `handler`, `rng` are
 * borrowed.  ERR_NOMEM, ERR_SYSTEM: `diag` says what. */
NODISCARD enum err net_create(struct net **net, const struct net_config *config,
    const struct net_handler *handler, struct rng *rng, struct diag *diag);
/* Drops what is left, runs the loop until it is empty, waiting for names that
 * are being resolved.  NULL is fine. */
void net_destroy(struct net *net);

/* Listen on every address that HOST of HOST:PORT resolves to; an address this
 * host does not have is a warning as long as one is left.  Port 0: any, the
 * same for all of one call.  ERR_BIND, ERR_NOMEM: `diag`. */
NODISCARD enum err net_listen(
    struct net *net, const char *bind, struct diag *diag);
/* Call `each` with "HOST PORT" of every listening socket. */
void net_each_listener(const struct net *net,
    void (*each)(void *ctx, const char *host, uint16_t port), void *ctx);
/* No new connections any more.  From now on who takes nothing of what the
 * kernel holds for him is waited for 2 s, not 10. */
void net_stop_listening(struct net *net);

/* Dial ws://HOST:PORT[/PATH] as a peer, each address of HOST in turn.
 * on_open or on_closed follows, never from inside.  NULL: no memory. */
struct conn *net_dial(struct net *net, const char *url, void *user);

/* Give up the dial that was begun for `user`; on_closed follows. */
void net_cancel_dial(struct net *net, const void *user);

/* Is a name being resolved?  That may take as long as its server does. */
bool net_is_resolving(const struct net *net);

/* Run until net_quit. */
void net_run(struct net *net);
void net_quit(struct net *net);
/* on_wake will be called.  [any] */
void net_wake(struct net *net);
/* on_timer at `at_ms` of net_now_ms's clock, instead of the time set before;
 * UINT64_MAX: never. */
void net_timer_set(struct net *net, uint64_t at_ms);
/* on_signal will be called for `signum`, which net_destroy leaves ignored. */
NODISCARD enum err net_catch_signal(struct net *net, int signum);

/* Milliseconds of this turn: CLOCK_MONOTONIC less what the loop stood still for
 * longer than 500 ms, so that a suspended node does not think all others dead.
 * Never goes back. */
uint64_t net_now_ms(const struct net *net);
const struct net_stats *net_stats(struct net *net);

/* The connection with this id, or NULL. */
struct conn *net_find(const struct net *net, uint64_t id);
/* Close every open plain client with 1001 and `reason`. */
void net_close_clients(struct net *net, const char *reason);
/* Open connections and dials. */
size_t net_conn_count(const struct net *net);
/* Bytes queued, also on connections that are closing, and those that the kernel
 * has and the other ends have not. */
size_t net_undelivered(struct net *net);

/* Queue one whole peer record on those connections of the array whose bits are
 * in `which` (not 0), as conn_append_record does, but with one look at each
 * connection for a run of records that lie behind each other and go to the
 * same.  Takes references of its own.  Whoever changes the array has closed
 * the connection he takes out. */
void net_share_record(struct net *net, void *const *conns, uint64_t which,
    const struct range *record);

/* ---- one connection ---- */

uint64_t conn_id(const struct conn *conn); /* never used again */
bool conn_is_peer(const struct conn *conn);
bool conn_is_open(const struct conn *conn); /* and not closing */
void *conn_user(const struct conn *conn);
void conn_set_user(struct conn *conn, void *user);
#define NET_ADDR_LEN 46
/* Numeric address of the other end, without port, written to `text`. */
const char *conn_remote(const struct conn *conn, char text[NET_ADDR_LEN]);
/* Where whole frames of a plain client are queued; conn_dirty once it is no
 * longer empty. */
struct outq *conn_outq(struct conn *conn);
void conn_dirty(struct conn *conn);
/* Bytes queued.  First queues what net_share_record still holds back, on all. */
size_t conn_queued(struct conn *conn);

/* Queue records on a peer's connection, to share a message with the other
 * records of this turn; nothing if it is closing.  A link that lost a record
 * would be worse than none: out of memory drops it. */
void conn_append_record(struct conn *conn, const struct range *range);
/* The same, of bytes that are copied. */
void conn_send_records(struct conn *conn, const void *records, size_t len);
/* The same, ahead of what waits, as a message of its own. */
void conn_send_control(struct conn *conn, const void *records, size_t len);
void conn_ping(struct conn *conn, uint64_t stamp);

/* Write now what the kernel takes, not only at the end of the turn: a reader
 * that keeps up is not slow because one turn brought much.  Not to one that was
 * opened in this turn.  No handler is called.  Returns the bytes that are still
 * queued. */
size_t conn_relieve(struct conn *conn);

/* `target` is over SOFT: stop reading, for at most 10 ms, whoever is being
 * read now.  False: nobody is, or one that closes, or `target` has had its
 * second in ten (PROTOCOL 10). */
bool conn_press(struct conn *target);

/* Send what is queued (`flush`) or drop it, then Close, as long as the other
 * end takes something; what the kernel then holds is waited for in the same
 * way, 60 s at most.  Then it has 2 s to answer, or a little more.  on_closed
 * follows later. */
void conn_close(
    struct conn *conn, uint16_t code, const char *reason, bool flush);
/* Drop TCP; on_closed follows at the end of the turn. */
void conn_drop(struct conn *conn);

#endif
