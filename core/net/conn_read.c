/* SPDX-License-Identifier: MIT
 * conn_read.c - bytes in: from the socket through the frame codec to the
 * handler. */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/log.h"
#include "net/private.h"

static void
conn_fail(struct conn *conn, uint16_t code, const char *reason)
{
	char remote[NET_ADDR_LEN];

	conn->net->stats.frame_errors++;
	log_info("net", "frame_error",
	    "closing a connection that broke the "
	    "WebSocket protocol",
	    LOG_U64("conn", conn->id),
	    LOG_STR("remote", conn_remote(conn, remote)), LOG_U64("code", code),
	    LOG_STR("reason", reason));
	conn_end(conn, code, reason, false);
}

/* What came in one piece with the handshake stays inside lws, which shows it
 * to nobody; but it wants to be called again for it, unless reading is off.
 * RFC 6455 section 4.1: a client waits for the 101. */
void
conn_refuse_hasty(struct conn *conn)
{
	struct lws_context *context = conn->net->context;
	bool others;
	bool any;

	if (conn->state != CONN_OPEN || conn->wsi == NULL) {
		return;
	}
	others = lws_service_adjust_timeout(context, 1, 0) == 0;
	(void)lws_rx_flow_control(conn->wsi, 1);
	any = lws_service_adjust_timeout(context, 1, 0) == 0;
	(void)lws_rx_flow_control(conn->wsi, 0);
	if (any && !others) {
		conn->net->stats.hasty++;
		conn_fail(conn, 1002, "data before the handshake was over");
	}
}

/* Answer a ping at once; under a flood only the last one (RFC 6455 5.5.3). */
static void
conn_on_ping(struct conn *conn, const struct frame_event *event)
{
	struct net *net = conn->net;
	uint64_t second = net->now_ms / 1000;

	net->stats.pings_in++;
	if (conn->state != CONN_OPEN) {
		return; /* nothing may follow our Close */
	}
	if (conn->ping_second != second) {
		conn->ping_second = second;
		conn->pings = 0;
	}
	if (++conn->pings > NET_PINGS_MAX) {
		conn_fail(conn, 1008, "too many pings");
		return;
	}
	if (conn->ctl.bytes < NET_CONTROL_MAX) {
		conn_queue_control(
		    conn, FRAME_OP_PONG, event->bytes, event->len);
		return;
	}
	net->stats.pongs_coalesced++;
	if (conn->pong == NULL) {
		conn->pong = malloc(1 + FRAME_CONTROL_MAX);
	}
	if (conn->pong != NULL) { /* length, then payload */
		conn->pong[0] = (uint8_t)event->len;
		memcpy(conn->pong + 1, event->bytes, event->len);
		conn->pong_wanted = true;
	}
}

static void
conn_on_close(struct conn *conn, const struct frame_event *event)
{
	conn->eof = true;
	if (conn->state == CONN_OPEN) {
		conn_end(conn, event->code, "", false);
	} else if (conn->close_sent) {
		conn_drop(conn);
	}
}

static void
conn_on_data(struct conn *conn, bool text, const struct frame_event *event)
{
	struct net *net = conn->net;

	/* Our Close is on its way.  What a peer sent before it saw that is a
	 * message all the same, and the mesh knows what to take. */
	if (conn->state != CONN_OPEN && !(conn->peer && !text)) {
		net->stats.dropped_closing++;
		return;
	}
	net->stats.messages_in++;
	if (text && conn->peer) {
		conn_fail(conn, 1003, "text on a peer link");
		return;
	}
	net->handler->on_message(
	    net->handler->ctx, conn, text, event->bytes, event->len);
	if (conn_is_limited(conn)) {
		bucket_take(&conn->bucket, &net->rate, net->now_ms);
		conn->spent = !bucket_has_token(
		    &conn->bucket, &net->rate, net->now_ms);
	}
}

static void
conn_on_event(
    struct conn *conn, enum frame_kind kind, const struct frame_event *event)
{
	const struct net_handler *handler = conn->net->handler;

	switch (kind) {
	case FRAME_TEXT:
		conn_on_data(conn, true, event);
		break;
	case FRAME_BINARY:
		conn_on_data(conn, false, event);
		break;
	case FRAME_PING:
		conn_on_ping(conn, event);
		break;
	case FRAME_PONG:
		if (conn->state == CONN_OPEN) {
			handler->on_pong(
			    handler->ctx, conn, event->bytes, event->len);
		}
		break;
	case FRAME_CLOSE:
		conn_on_close(conn, event);
		break;
	case FRAME_ERROR:
		conn_fail(conn, event->code, event->reason);
		break;
	case FRAME_MORE:
		break;
	}
}

static void
conn_count_held(struct conn *conn)
{
	size_t held = frame_decoder_held(&conn->decoder);

	conn->net->assembled += held - conn->held;
	conn->held = held;
}

/* The decoder ignores what still comes. */
void
conn_give_up_message(struct conn *conn)
{
	frame_decoder_fini(&conn->decoder);
	conn_count_held(conn);
	conn->began_ms = 0;
	conn->net->stats.closed_assembly++;
	if (conn->state == CONN_OPEN) {
		conn_fail(conn, 1008, "no room for messages this slow");
	}
}

/* Returns how many of the bytes were used: all, or up to the message that took
 * the last token. */
static size_t
conn_decode(struct conn *conn, size_t len)
{
	struct net *net = conn->net;
	struct frame_event event;
	enum frame_kind kind;
	size_t rest;

	net->reading = conn;
	frame_decoder_feed(&conn->decoder, net->read_buffer, len);
	while (
	    conn->state != CONN_DOOMED && !conn->spent &&
	    (kind = frame_decoder_next(&conn->decoder, &event)) != FRAME_MORE) {
		/* A message has ended: the clock is the next one's.  Not every
		 * read of a steady stream ends where a message does. */
		if (conn->decoder.fragments == 0) {
			conn->began_ms = 0;
		}
		conn_on_event(conn, kind, &event);
	}
	net->reading = NULL;
	rest = frame_decoder_stop(&conn->decoder);
	conn_count_held(conn);
	if (!frame_decoder_is_inside(&conn->decoder)) {
		conn->began_ms = 0;
	} else if (conn->began_ms == 0) {
		conn->began_ms = net->now_ms;
		wheel_hasten(&net->wheel, &conn->timer,
		    net->now_ms + conn_times(conn)->assembly);
	}
	return len - rest;
}

/* One read must not carry its targets from empty to HARD, so small queues make
 * small reads; after a pause even less, and the target is looked at again. */
static size_t
conn_read_limit(const struct conn *conn)
{
	size_t most = conn->was_paused ? NET_READ_PAUSED : NET_READ_BYTES;
	size_t fair = conn->net->config.soft / 4;

	if (conn_is_limited(conn)) {
		return NET_READ_LIMITED;
	}
	if (fair < NET_READ_MIN) {
		fair = NET_READ_MIN;
	}
	return most < fair ? most : fair;
}

/* Take bytes off the socket that were looked at. */
static void
conn_discard(struct conn *conn, size_t len)
{
	if (recv(conn->fd, conn->net->read_buffer, len,
	        MSG_DONTWAIT | MSG_TRUNC) != (ssize_t)len) {
		conn_drop(conn);
	}
}

/* Who has no token left for the rest leaves it with the kernel, which does not
 * let the other end send more than it holds. */
void
conn_read(struct conn *conn)
{
	struct net *net = conn->net;
	size_t most = conn_read_limit(conn);
	bool limited = conn_is_limited(conn);
	ssize_t len = recv(conn->fd, net->read_buffer, most,
	    MSG_DONTWAIT | (limited ? MSG_PEEK : 0));
	size_t used;

	conn->was_paused = false;
	net->stats.reads++;
	if (len < 0) {
		if (conn->broken || (errno != EAGAIN && errno != EINTR)) {
			conn_drop(conn);
		}
		return;
	}
	if (len == 0) {
		conn_drop(conn);
		return;
	}
	conn->rx_ms = net->now_ms;
	conn->pinged = false;
	net->handler->on_bytes(net->handler->ctx, conn);
	used = conn_decode(conn, (size_t)len);
	net->stats.bytes_in += used;
	if (limited) {
		conn_discard(conn, used);
	}
	conn_pause_if_due(conn);
}

/* What the other end said before it went is read to the end, and at once: its
 * readiness would not wait for a pause to be over.  That of who is throttled
 * does (conn_watch): going is no way round the rate. */
void
conn_on_ready(struct conn *conn, uint32_t events)
{
	bool is_over = conn->broken || (events & (EPOLLHUP | EPOLLERR)) != 0;

	if (!conn_is_alive(conn)) {
		return;
	}
	if ((events & EPOLLOUT) != 0 && !conn->broken) {
		conn->blocked = false;
		conn_flush(conn);
		if (!conn->blocked) {
			conn_watch(conn);
		}
		pause_check(conn->net);
	}
	if (conn->state != CONN_DOOMED && !conn->throttled &&
	    (is_over || ((events & EPOLLIN) != 0 && !conn->paused))) {
		conn_read(conn);
	}
}
