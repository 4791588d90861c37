/* SPDX-License-Identifier: MIT
 * conn.c - the life of a connection: handshake, open, closing, gone.
 *
 * Reading is in conn_read.c, writing in conn_write.c, pauses in pause.c. */

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/log.h"
#include "net/private.h"

struct conn *
conn_create(struct net *net, enum conn_state state)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL) {
		return NULL;
	}
	conn->net = net;
	conn->fd = -1;
	conn->state = (uint8_t)state;
	conn->began_ms = net->now_ms;
	outq_init(&conn->out);
	outq_init(&conn->ctl);
	if (net_add_conn(net, conn) != ERR_OK) {
		free(conn);
		return NULL;
	}
	return conn;
}

/* What waits for a plain client goes, whole frames only, and is counted. */
static void
conn_drop_unsent(struct conn *conn)
{
	if (!conn->peer) {
		conn->net->stats.dropped_unsent += outq_drop_oldest(
		    &conn->out, 0);
	}
}

/* The same at the end: a frame that is partly out is lost too; the Close, if
 * it is still there, is no message. */
static void
conn_drop_rest(struct conn *conn)
{
	if (!conn->peer && conn->out.bytes > 0) {
		conn->net->stats.dropped_unsent += (conn->out.frame_left > 0
		                                        ? 1
		                                        : 0);
		conn_drop_unsent(conn);
		conn->net->stats.dropped_unsent -= conn->close_waits ? 1 : 0;
	}
}

void
conn_destroy(struct conn *conn)
{
	struct net *net = conn->net;

	assert(conn->wsi == NULL);
	share_settle(net);
	conn_forget_presser(conn);
	wheel_remove(&net->wheel, &conn->timer);
	if (conn->accepted) {
		admit_leave(net->admit, &conn->addr, conn->upgraded);
		net->accepted_count--;
	}
	if (conn->dial != NULL) {
		dial_destroy(conn->dial);
	}
	if (conn->upgraded) {
		frame_decoder_fini(&conn->decoder);
		net->assembled -= conn->held;
	}
	conn_drop_rest(conn);
	outq_fini(&conn->out);
	outq_fini(&conn->ctl);
	free(conn->pong);
	net_remove_conn(net, conn);
	free(conn);
}

/* Tell the nested epoll what this connection waits for. */
void
conn_watch(struct conn *conn)
{
	struct epoll_event event = { .data.ptr = conn };

	if (conn->fd < 0) {
		return;
	}
	/* Who waits for its rate may hang up meanwhile, which would be said
	 * again and again: once is enough. */
	event.events = (conn->paused ? 0u : (uint32_t)EPOLLIN) |
	               (conn->throttled ? (uint32_t)EPOLLET : 0u) |
	               (conn->blocked ? (uint32_t)EPOLLOUT : 0u);
	(void)epoll_ctl(conn->net->epoll_fd, EPOLL_CTL_MOD, conn->fd, &event);
}

static void
conn_tune_socket(const struct conn *conn)
{
	int on = 1;
	int peer_ms = 12000; /* above the 10 s of a stall, which says BYE 8 */

	(void)setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (conn->peer) {
		(void)setsockopt(conn->fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
		    &peer_ms, sizeof(peer_ms));
	}
}

bool
conn_open(struct conn *conn, enum frame_role role, bool peer, const char *path,
    const char *query)
{
	struct net *net = conn->net;
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = conn };

	/* A 101 that the kernel did not take whole would have to be finished
	 * by lws, behind our back: a reader that slow is not let in. */
	if (lws_partial_buffered(conn->wsi)) {
		return false;
	}
	conn->fd = lws_get_socket_fd(conn->wsi);
	conn->role = (uint8_t)role;
	conn->peer = peer;
	(void)lws_rx_flow_control(conn->wsi, 0);
	if (epoll_ctl(net->epoll_fd, EPOLL_CTL_ADD, conn->fd, &event) != 0) {
		conn->fd = -1;
		return false;
	}
	conn_tune_socket(conn);
	frame_decoder_init(
	    &conn->decoder, role, peer ? &net->peer_limits : &net->limits);
	conn->upgraded = true;
	if (conn->accepted) {
		admit_upgraded(net->admit, &conn->addr);
		net->stats.handshakes--;
	}
	conn->state = CONN_OPEN;
	conn->rx_ms = net->now_ms;
	conn->progress_ms = net->now_ms;
	conn->began_ms = 0;
	net->stats.opened++;
	*(peer ? &net->stats.peers : &net->stats.clients) += 1;
	wheel_set(
	    &net->wheel, &conn->timer, net->now_ms + conn_times(conn)->ping);
	conn->opened = true;
	conn->fresh = true;
	conn_dirty(conn);
	return net->handler->on_open(net->handler->ctx, conn, path, query);
}

void
conn_release(struct conn *conn)
{
	if (conn->fd >= 0) {
		(void)epoll_ctl(
		    conn->net->epoll_fd, EPOLL_CTL_DEL, conn->fd, NULL);
		conn->fd = -1;
	}
}

void
conn_doom(struct conn *conn, enum net_closed how)
{
	struct net *net = conn->net;

	if (conn->doomed) {
		return;
	}
	share_settle(net);
	if (conn->opened) {
		net->stats.closed++;
		*(conn->peer ? &net->stats.peers : &net->stats.clients) -= 1;
	} else if (conn->accepted) {
		net->stats.handshakes--;
		net->stats.handshakes_lost += conn->rejected ? 0 : 1;
	}
	conn->doomed = true;
	conn->state = CONN_DOOMED;
	conn->how = (uint8_t)how;
	conn->next_doomed = net->doomed;
	net->doomed = conn;
}

void
conn_drop(struct conn *conn)
{
	conn_doom(conn, NET_CLOSED);
}

/* Queue the Close frame, RFC 6455 section 5.5.1, behind everything else. */
static void
conn_queue_close(struct conn *conn, uint16_t code, const char *reason)
{
	uint8_t body[FRAME_CONTROL_MAX];
	size_t len = 0;

	if (code != 1005) { /* "no code" is said by an empty body */
		size_t text = strnlen(reason, sizeof(body) - 2);

		body[0] = (uint8_t)(code >> 8);
		body[1] = (uint8_t)code;
		memcpy(body + 2, reason, text);
		len = 2 + text;
	}
	if (conn_queue_frame(conn, &conn->out, FRAME_OP_CLOSE, body, len) ==
	    ERR_OK) {
		conn->close_waits = true;
	} else {
		conn->net->stats.dropped_nomem++;
		conn_drop(conn);
	}
}

void
conn_close(struct conn *conn, uint16_t code, const char *reason, bool flush)
{
	struct net *net = conn->net;

	if (conn->state != CONN_OPEN) {
		if (conn->state == CONN_DIALLING) {
			conn_drop(conn);
		}
		return;
	}
	share_settle(net);
	conn_seal(conn);
	if (conn->state != CONN_OPEN) {
		return; /* no memory: it is dropped */
	}
	conn->state = CONN_CLOSING;
	if (conn->throttled) {
		conn_resume(conn); /* for its Close; nothing else counts now */
	}
	if (!flush) {
		conn_drop_unsent(conn);
	}
	conn_queue_close(conn, code, reason);
	wheel_hasten(
	    &net->wheel, &conn->timer, net->now_ms + conn_times(conn)->close);
	conn_dirty(conn);
}

void
conn_end(struct conn *conn, uint16_t code, const char *reason, bool flush)
{
	if (conn->state == CONN_OPEN) {
		conn->net->handler->on_closing(conn->net->handler->ctx, conn);
	}
	conn_close(conn, code, reason, flush);
}

uint32_t
conn_unsent(const struct conn *conn)
{
	int bytes = 0;

	if (ioctl(conn->fd, SIOCOUTQ, &bytes) != 0 || bytes < 0) {
		return 0;
	}
	return (uint32_t)bytes;
}

/* Both sides have said Close, or ours is out and nobody listens: done. */
void
conn_on_close_sent(struct conn *conn)
{
	conn->close_waits = false;
	conn->close_sent = true;
	conn->sent_ms = conn->net->now_ms;
	conn->close_ms = conn->sent_ms;
	if (conn->eof) {
		conn_drop(conn);
		return;
	}
	(void)shutdown(conn->fd, SHUT_WR);
	conn->unsent = conn_unsent(conn);
	wheel_hasten(&conn->net->wheel, &conn->timer,
	    conn->net->now_ms + conn_times(conn)->close);
}

static uint64_t
min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Once, though what was closed for it may stall again in closing. */
static void
conn_count_stalled(struct conn *conn)
{
	conn->net->stats.closed_stalled += conn->stalled ? 0 : 1;
	conn->stalled = true;
}

/* Each deadline that applies; returns when to look again. */
static uint64_t
conn_check_open(struct conn *conn, uint64_t now)
{
	struct net *net = conn->net;
	uint64_t next = now + conn_times(conn)->ping;

	/* Who is gone takes nothing more, but is heard out at its rate. */
	if (conn->blocked && !(conn->broken && conn_is_limited(conn))) {
		if (now - conn->progress_ms >= conn_times(conn)->stall) {
			conn_count_stalled(conn);
			net->handler->on_stalled(net->handler->ctx, conn);
			return now + conn_times(conn)->close;
		}
		next = min_u64(
		    next, conn->progress_ms + conn_times(conn)->stall);
	}
	if (conn->began_ms != 0) {
		if (now - conn->began_ms >= conn_times(conn)->assembly) {
			net->stats.frame_errors++;
			conn_end(conn, 1008, "message took too long", false);
			return now + conn_times(conn)->close;
		}
		next = min_u64(
		    next, conn->began_ms + conn_times(conn)->assembly);
	}
	if (conn->peer || conn->paused) {
		return next; /* the mesh keeps its own time */
	}
	if (now - conn->rx_ms >= conn_times(conn)->dead) {
		net->stats.closed_silent++;
		conn_drop(conn);
	} else if (now - conn->rx_ms >= conn_times(conn)->ping &&
	           !conn->pinged) {
		conn->pinged = true;
		conn_ping(conn, now);
	}
	return min_u64(
	    next, conn->rx_ms + (conn->pinged ? conn_times(conn)->dead
	                                      : conn_times(conn)->ping));
}

/* The kernel has our Close.  A connection that is dropped answers what still
 * comes with a reset, and the Close would not arrive any more.  But a stop is
 * not held up by those who take nothing. */
static uint64_t
conn_check_close_sent(struct conn *conn, uint64_t now)
{
	const struct net_times *times = conn_times(conn);
	uint32_t stall = conn->net->leaving ? times->close : times->stall;
	uint32_t unsent = conn_unsent(conn);

	if (unsent == 0) {
		if (now - conn->close_ms >= times->close) {
			conn_drop(conn);
		}
		return conn->close_ms + times->close;
	}
	if (unsent < conn->unsent) {
		conn->progress_ms = now;
	}
	conn->unsent = unsent;
	conn->close_ms = now;
	if (now - conn->progress_ms >= stall) {
		conn_count_stalled(conn);
		conn_drop(conn);
	} else if (now - conn->sent_ms >= times->linger) {
		conn->net->stats.closed_unread++;
		conn_drop(conn);
	}
	return now + times->close;
}

static uint64_t
conn_check_closing(struct conn *conn, uint64_t now)
{
	if (conn->close_sent) {
		return conn_check_close_sent(conn, now);
	}
	/* It waits for room like data: as long as there is progress.  Who is
	 * closed for being slow shall hear of it. */
	if (now - conn->progress_ms >= conn_times(conn)->stall) {
		conn_count_stalled(conn);
		conn_drop(conn);
	}
	return conn->progress_ms + conn_times(conn)->stall;
}

static uint64_t
conn_check_handshake(struct conn *conn, uint64_t now)
{
	uint64_t limit = conn->connected ? conn_times(conn)->handshake
	                                 : conn_times(conn)->connect;
	char remote[NET_ADDR_LEN];

	if (now - conn->began_ms >= limit) {
		if (conn->accepted) {
			conn->rejected = true;
			conn->net->stats.rejected_timeout++;
			log_info("net", "handshake_rejected",
			    "no WebSocket handshake in time",
			    LOG_STR("why", "timeout"),
			    LOG_STR("remote", conn_remote(conn, remote)));
		}
		conn_doom(conn, NET_FAILED);
	}
	return conn->began_ms + limit;
}

void
conn_on_timer(struct conn *conn)
{
	uint64_t now = conn->net->now_ms;
	uint64_t next = 0;

	switch ((enum conn_state)conn->state) {
	case CONN_HANDSHAKE:
	case CONN_DIALLING:
		next = conn_check_handshake(conn, now);
		break;
	case CONN_OPEN:
		next = conn_check_open(conn, now);
		break;
	case CONN_CLOSING:
		next = conn_check_closing(conn, now);
		break;
	case CONN_DOOMED:
		return;
	}
	if (conn->state != CONN_DOOMED) {
		wheel_hasten(&conn->net->wheel, &conn->timer, next);
	}
}

uint64_t
conn_id(const struct conn *conn)
{
	return conn->id;
}

bool
conn_is_peer(const struct conn *conn)
{
	return conn->peer;
}

bool
conn_is_open(const struct conn *conn)
{
	return conn->state == CONN_OPEN;
}

void *
conn_user(const struct conn *conn)
{
	return conn->user;
}

void
conn_set_user(struct conn *conn, void *user)
{
	conn->user = user;
}

const char *
conn_remote(const struct conn *conn, char text[NET_ADDR_LEN])
{
	const struct in6_addr *addr = &conn->addr;

	if (IN6_IS_ADDR_V4MAPPED(addr)) {
		return inet_ntop(
		    AF_INET, &addr->s6_addr[12], text, NET_ADDR_LEN);
	}
	return inet_ntop(AF_INET6, addr, text, NET_ADDR_LEN);
}

struct outq *
conn_outq(struct conn *conn)
{
	return &conn->out;
}

size_t
conn_queued(struct conn *conn)
{
	share_settle(conn->net);
	return conn->out.bytes + conn->ctl.bytes;
}
