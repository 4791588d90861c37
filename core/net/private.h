/* SPDX-License-Identifier: MIT
 * private.h - the structs that the files of core/net share. */
#ifndef NET_PRIVATE_H
#define NET_PRIVATE_H

#include <libwebsockets.h>
#include <netinet/in.h>
#include <uv.h>

#include "base/bucket.h"
#include "net/admit.h"
#include "net/http.h"
#include "net/net.h"
#include "net/wheel.h"
#include "wire/frame.h"

enum {
	NET_PAUSE_MS = 10, /* one pause of a source */
	NET_PAUSE_WINDOW_MS = 10000,
	NET_PAUSE_BUDGET_MS = 1000, /* pauses a target may cause per window */
	NET_EMFILE_LOG_MS = 1000,
	NET_LATE_MS = 500, /* a stop of the loop that is made good */
	NET_LWS_S = 60,    /* lws's deadlines, beyond our own */
	NET_FRAGMENTS_MAX = 4096,
	NET_PINGS_MAX = 1000,   /* a second; above: 1008 */
	NET_CONTROL_MAX = 4096, /* queued pongs; above: the last one only */
	NET_READ_BYTES = 256 * 1024,
	NET_READ_MIN = 16 * 1024,
	NET_READ_PAUSED = 64 * 1024,  /* the first read after a pause */
	NET_READ_LIMITED = 16 * 1024, /* looked at first, then taken */
	NET_RECORD_BYTES = 516,       /* what a record may add to a payload */
	NET_BATCH_BYTES = 64 * 1024,  /* records in one message */
};

enum conn_state {
	CONN_HANDSHAKE, /* accepted, no 101 yet */
	CONN_DIALLING,  /* resolving, connecting, no 101 yet */
	CONN_OPEN,
	CONN_CLOSING, /* our Close is queued or sent */
	CONN_DOOMED,  /* dead at the end of this turn */
};

struct dial; /* dialer.c */

struct conn {
	struct net *net;
	struct lws *wsi; /* NULL: none yet, or gone */
	uint64_t id;
	void *user;
	struct wheel_item timer;
	struct conn *next_dirty, *next_doomed, *next_paused;
	struct conn **paused_link; /* what points to it there */
	struct frame_decoder decoder;
	struct outq out; /* data; the Close is its last frame */
	struct outq ctl; /* pongs, pings, control records: go first */
	size_t held;     /* the decoder's bytes, as net->assembled has them */
	uint8_t *pong;   /* the last ping's payload, when coalescing */
	struct dial *dial;
	struct in6_addr addr;

	uint64_t rx_ms;       /* last time anything came */
	uint64_t began_ms;    /* handshake or dial; then: open message */
	uint64_t progress_ms; /* out queue: last time something was taken */
	uint64_t sent_ms;     /* our Close: given to the kernel */
	uint64_t close_ms;    /* and last seen not to have arrived */
	uint64_t pause_ms;    /* reading stopped */
	uint64_t ping_second; /* and the pings that came in it */
	uint32_t pings;
	uint32_t unsent;          /* with the kernel, as last seen */
	uint32_t slot;            /* in net->conns */
	uint32_t pause_used_ms;   /* pauses caused by this target ... */
	uint64_t pause_window_ms; /* ... since then */
	struct conn *presser;     /* the target that this source waits for */
	struct bucket bucket;     /* a client's, under --client-rate */

	uint32_t open_at;  /* index in `out` of the open message's header */
	uint32_t open_len; /* bytes of records in it; 0: none open */

	int fd;        /* of an open connection; lws closes it */
	uint8_t state; /* enum conn_state */
	uint8_t role;  /* enum frame_role */
	uint8_t how;   /* enum net_closed, once doomed */
	bool peer;
	bool accepted;   /* counts for admit and max_clients */
	bool connecting; /* inside lws_client_connect_via_info */
	bool connected;  /* TCP is up: the handshake's time runs */
	bool rejected;   /* the handshake: counted already */
	bool upgraded;
	bool opened; /* on_open was called: on_closed is owed */
	bool dirty, blocked, paused, was_paused, doomed;
	bool spent;     /* its last token, in this read: no more messages now */
	bool throttled; /* paused for that, not for a target */
	bool pinged;    /* a keep-alive ping is unanswered */
	bool pong_wanted;
	bool fresh;                   /* opened in this turn */
	bool close_waits, close_sent; /* our Close: queued, with the kernel */
	bool eof, stalled;
	bool broken; /* writing failed: to be read to the end, then dropped */
};

struct listener {
	struct listener *next;
	struct net *net;
	uv_poll_t poll;
	int fd;
	char host[INET6_ADDRSTRLEN];
	uint16_t port;
};

struct net_signal {
	struct net_signal *next;
	uv_signal_t handle;
};

/* Records that wait to be queued on the same connections (share.c). */
struct share {
	uint64_t which;     /* as the owner said whom; 0: nothing waits */
	struct range range; /* holds a reference */
	uint64_t records;   /* in it */
	struct conn *conns[64];
	size_t count;
};

struct net {
	struct net_config config;
	const struct net_handler *handler;
	struct rng *rng;
	struct frame_limits limits;      /* of plain clients */
	struct frame_limits peer_limits; /* one record, or a batch of them */
	struct net_stats stats;
	uv_loop_t loop;
	uv_poll_t epoll_watch;
	uv_prepare_t prepare;
	uv_check_t check;
	uv_async_t async;
	uv_timer_t timer; /* the handler's */
	uv_timer_t tick;  /* the wheel's */
	uv_idle_t idle;   /* if one of them is due: the poll does not wait */
	uv_timer_t pause; /* ends the pauses */
	struct lws_context *context;
	struct lws_vhost *vhost;
	struct admit *admit;
	struct wheel wheel;
	struct chunk_pool *pool;  /* config's */
	struct chunk_log records; /* of conn_send_records */
	struct chunk_log frames;  /* headers, masked batches */
	struct share share;
	struct listener *listeners;
	struct net_signal *signals;
	struct conn **conns;   /* by slot; NULL: free */
	uint32_t *generations; /* of each slot */
	uint32_t *free_slots;
	uint32_t conn_cap, free_count;
	size_t conn_count, accepted_count, resolving;
	size_t assembled; /* bytes of messages that have begun */
	struct conn *dirty, *doomed, *pauses;
	struct conn *throttled, **throttled_end; /* longest first */
	struct bucket_rate rate;                 /* zeros: none */
	uint32_t throttle_ms; /* one pause of a client over its rate */
	struct conn *reading; /* whose bytes are being handled */
	uint8_t *read_buffer; /* NET_READ_BYTES */
	uint64_t real_ms, now_ms, timer_ms, tick_ms;
	uint64_t emfile_ms; /* last logged */
	int epoll_fd, reserve_fd;
	bool timer_due, tick_due; /* looked at behind the next poll */
	bool listening_paused;
	bool leaving;  /* net_stop_listening was called */
	bool stopping; /* net_destroy was */
};

static inline const struct net_times *
conn_times(const struct conn *conn)
{
	return &conn->net->config.times;
}

/* It is read and written. */
static inline bool
conn_is_alive(const struct conn *conn)
{
	return conn->state == CONN_OPEN || conn->state == CONN_CLOSING;
}

/* It is read as --client-rate lets it be. */
static inline bool
conn_is_limited(const struct conn *conn)
{
	return conn->net->rate.token_ns != 0 && !conn->peer &&
	       conn->state == CONN_OPEN;
}

/* net.c */
void net_update_now(struct net *net);

/* turn.c */
/* Write and bury, until nothing is left of either. */
void net_settle(struct net *net);
/* The same, with the handler's turn before it. */
void net_end_turn(struct net *net);

/* conns.c */
/* A slot and an id for a new connection; ERR_NOMEM. */
NODISCARD enum err net_add_conn(struct net *net, struct conn *conn);
void net_remove_conn(struct net *net, struct conn *conn);

/* conn.c */
struct conn *conn_create(struct net *net, enum conn_state state);
void conn_destroy(struct conn *conn);
/* lws is through with the handshake: take the socket over.  False: drop. */
bool conn_open(struct conn *conn, enum frame_role role, bool peer,
    const char *path, const char *query);
/* conn_close for our own reasons: tells the handler. */
void conn_end(struct conn *conn, uint16_t code, const char *reason, bool flush);
/* Bytes of ours that the kernel has and the other end's has not. */
uint32_t conn_unsent(const struct conn *conn);
/* lws is about to close the socket. */
void conn_release(struct conn *conn);
/* Dead at the end of this turn. */
void conn_doom(struct conn *conn, enum net_closed how);
/* The nested epoll says so. */
void conn_on_ready(struct conn *conn, uint32_t events);
void conn_on_timer(struct conn *conn);
/* Tell the nested epoll what this connection waits for now. */
void conn_watch(struct conn *conn);
void conn_on_close_sent(struct conn *conn);

/* conn_read.c */
void conn_read(struct conn *conn);
/* Its message is not waited for any more: 1008. */
void conn_give_up_message(struct conn *conn);
/* At the end of the turn that opened it: drop what spoke too soon. */
void conn_refuse_hasty(struct conn *conn);

/* conn_write.c */
/* End the open message, if there is one: write its frame header. */
void conn_seal(struct conn *conn);
/* Queue one whole frame.  ERR_NOMEM. */
NODISCARD enum err conn_queue_frame(struct conn *conn, struct outq *outq,
    enum frame_opcode opcode, const void *payload, size_t len);
/* Queue one control frame, ahead of data.  Out of memory drops the link. */
void conn_queue_control(struct conn *conn, enum frame_opcode opcode,
    const void *payload, size_t len);
/* Write as much as the kernel takes. */
void conn_flush(struct conn *conn);

/* share.c */
/* Queue what waits: before a queue is looked at, added to, written or closed,
 * and before a connection goes. */
void share_settle(struct net *net);

/* pause.c */
/* Before anything is paused: what config says about it. */
void pause_init(struct net *net);
/* Stop reading, if this was the client's last token, or conn_press asked for it
 * while this was read. */
void conn_pause_if_due(struct conn *conn);
/* Read it again: it is paused. */
void conn_resume(struct conn *conn);
/* End the pauses that are over. */
void pause_check(struct net *net);
/* `conn` is going: nobody waits for it, and it waits for nobody. */
void conn_forget_presser(struct conn *conn);

/* http and lws: upgrade.c */
extern const struct lws_protocols upgrade_protocols[];

/* listener.c */
void listener_close_all(struct net *net);
void listener_pause(struct net *net);
void listener_resume(struct net *net);

/* dialer.c */
/* Another address to try?  Else the dial has failed. */
bool dial_next(struct conn *conn);
void dial_destroy(struct dial *dial);

#endif
