/* SPDX-License-Identifier: MIT
 * conn_write.c - bytes out: records into messages, messages into frames, all
 * frames of a turn into one system call. */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "net/private.h"

enum { CONN_IOVS = 64 };

void
conn_dirty(struct conn *conn)
{
	if (!conn->dirty) {
		conn->dirty = true;
		conn->next_dirty = conn->net->dirty;
		conn->net->dirty = conn;
	}
}

static void
conn_make_mask(struct conn *conn, uint8_t mask[4])
{
	uint64_t random = rng_next(conn->net->rng);

	memcpy(mask, &random, 4);
}

static void
conn_drop_nomem(struct conn *conn)
{
	conn->net->stats.dropped_nomem++;
	conn_drop(conn);
}

enum err
conn_queue_frame(struct conn *conn, struct outq *outq, enum frame_opcode opcode,
    const void *payload, size_t len)
{
	bool masked = conn->role == FRAME_CLIENT;
	size_t head = frame_header_len(len, masked);
	uint8_t mask[4] = { 0 };
	struct range range;
	enum err err = chunk_log_append(&conn->net->frames, head + len, &range);

	if (err != ERR_OK) {
		return err;
	}
	if (masked) {
		conn_make_mask(conn, mask);
	}
	(void)frame_header_write(
	    range_bytes(&range), opcode, len, masked ? mask : NULL);
	if (masked) {
		frame_mask(range_bytes(&range) + head, payload, len, mask);
	} else if (len > 0) {
		memcpy(range_bytes(&range) + head, payload, len);
	}
	return outq_push(outq, &range);
}

/* We dialled: the message's ranges are copied and masked, into one frame. */
static enum err
conn_seal_masked(struct conn *conn)
{
	size_t head = frame_header_len(conn->open_len, true);
	uint8_t mask[4];
	struct range sealed;
	uint8_t *to;
	size_t at = 0;
	enum err err = chunk_log_append(
	    &conn->net->frames, head + conn->open_len, &sealed);

	if (err != ERR_OK) {
		return err;
	}
	conn_make_mask(conn, mask);
	to = range_bytes(&sealed);
	(void)frame_header_write(to, FRAME_OP_BINARY, conn->open_len, mask);
	to += head;
	for (uint32_t i = conn->open_at; i < conn->out.count; i++) {
		const struct range *range = outq_at(&conn->out, i);
		uint8_t turned[4];

		for (size_t j = 0; j < 4; j++) {
			turned[j] = mask[(at + j) % 4];
		}
		frame_mask(to + at, range_bytes(range), range->len, turned);
		at += range->len;
	}
	outq_truncate(&conn->out, conn->open_at);
	return outq_push(&conn->out, &sealed);
}

/* We accepted: the room left for the header is filled in, from its end. */
static void
conn_seal_plain(struct conn *conn)
{
	struct range *head = outq_at(&conn->out, conn->open_at);
	uint8_t bytes[FRAME_HEADER_MAX];
	size_t len = frame_header_write(
	    bytes, FRAME_OP_BINARY, conn->open_len, NULL);
	uint32_t spare = head->len - (uint32_t)len;

	head->off += spare;
	head->len -= spare;
	conn->out.bytes -= spare;
	memcpy(range_bytes(head), bytes, len);
}

void
conn_seal(struct conn *conn)
{
	if (conn->open_len == 0) {
		return;
	}
	if (conn->role == FRAME_SERVER) {
		conn_seal_plain(conn);
	} else if (conn_seal_masked(conn) != ERR_OK) {
		conn_drop_nomem(conn);
	}
	conn->open_len = 0;
}

/* Begin a message: leave room for the longest header, if it is not masked. */
static enum err
conn_begin_message(struct conn *conn)
{
	struct range head;
	enum err err;

	conn->open_at = conn->out.count;
	if (conn->role == FRAME_CLIENT) {
		return ERR_OK;
	}
	err = chunk_log_append(&conn->net->frames, FRAME_HEADER_MAX - 4, &head);
	return err == ERR_OK ? outq_push_slow(&conn->out, &head) : err;
}

void
conn_append_record(struct conn *conn, const struct range *range)
{
	enum err err = ERR_OK;

	share_settle(conn->net);
	if (UNLIKELY(conn->state != CONN_OPEN)) {
		conn->net->stats.dropped_closing++;
		return;
	}
	if (conn->open_len > 0 &&
	    conn->open_len + range->len > NET_BATCH_BYTES) {
		conn_seal(conn);
	}
	if (conn->open_len == 0) {
		err = conn_begin_message(conn);
	}
	if (err == ERR_OK) {
		err = conn->open_len == 0 ? outq_push_slow(&conn->out, range)
		                          : outq_push(&conn->out, range);
	}
	if (err != ERR_OK) {
		conn_drop_nomem(conn);
		return;
	}
	conn->open_len += range->len;
	conn_dirty(conn);
}

void
conn_send_records(struct conn *conn, const void *records, size_t len)
{
	struct range range;

	if (conn->state != CONN_OPEN) {
		conn->net->stats.dropped_closing++;
		return;
	}
	if (chunk_log_append(&conn->net->records, len, &range) != ERR_OK) {
		conn_drop_nomem(conn);
		return;
	}
	memcpy(range_bytes(&range), records, len);
	conn_append_record(conn, &range);
}

void
conn_queue_control(struct conn *conn, enum frame_opcode opcode,
    const void *payload, size_t len)
{
	if (conn_queue_frame(conn, &conn->ctl, opcode, payload, len) !=
	    ERR_OK) {
		conn_drop_nomem(conn);
		return;
	}
	conn_dirty(conn);
}

void
conn_send_control(struct conn *conn, const void *records, size_t len)
{
	if (conn->state != CONN_OPEN) {
		conn->net->stats.dropped_closing++;
		return;
	}
	conn_queue_control(conn, FRAME_OP_BINARY, records, len);
}

void
conn_ping(struct conn *conn, uint64_t stamp)
{
	uint8_t bytes[8];

	if (conn->state != CONN_OPEN) {
		return;
	}
	for (int i = 0; i < 8; i++) {
		bytes[i] = (uint8_t)(stamp >> (56 - 8 * i));
	}
	conn_queue_control(conn, FRAME_OP_PING, bytes, sizeof(bytes));
}

size_t
conn_relieve(struct conn *conn)
{
	/* A fresh one may prove hasty, and whoever asks is walking others. */
	if (!conn->blocked && !conn->fresh) {
		conn_flush(conn);
	}
	return conn_queued(conn);
}

/* What goes next, in order: the rest of a data frame that is partly out, the
 * control lane, the data lane.  `*data` is how much of the front is data. */
static size_t
conn_gather(struct conn *conn, struct iovec *iov, size_t *front, size_t *ctl)
{
	size_t n;

	*front = conn->out.frame_left;
	*ctl = conn->ctl.bytes;
	n = outq_iov(&conn->out, iov, CONN_IOVS, 0, *front);
	n += outq_iov(&conn->ctl, iov + n, CONN_IOVS - n, 0, SIZE_MAX);
	return n +
	       outq_iov(&conn->out, iov + n, CONN_IOVS - n, *front, SIZE_MAX);
}

static void
conn_consume(struct conn *conn, size_t sent, size_t front, size_t ctl)
{
	size_t part = sent < front ? sent : front;

	/* With no control waiting the front and the rest are one. */
	if (ctl == 0) {
		outq_consume(&conn->out, sent);
		return;
	}
	if (part > 0) {
		outq_consume(&conn->out, part);
		sent -= part;
	}
	part = sent < ctl ? sent : ctl;
	if (part > 0) {
		outq_consume(&conn->ctl, part);
		sent -= part;
	}
	if (sent > 0) {
		outq_consume(&conn->out, sent);
	}
}

/* One system call; false when the kernel has had enough. */
static bool
conn_write_some(struct conn *conn)
{
	struct iovec iov[CONN_IOVS];
	struct msghdr message = { .msg_iov = iov };
	size_t front;
	size_t ctl;
	size_t want = 0;
	ssize_t sent;

	message.msg_iovlen = conn_gather(conn, iov, &front, &ctl);
	for (size_t i = 0; i < message.msg_iovlen; i++) {
		want += iov[i].iov_len;
	}
	sent = sendmsg(conn->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	conn->net->stats.writes++;
	if (sent < 0) {
		/* What it said before is still to be read. */
		conn->broken = errno != EAGAIN && errno != EINTR &&
		               errno != ENOBUFS;
		return false;
	}
	conn->net->stats.bytes_out += (uint64_t)sent;
	conn->progress_ms = conn->net->now_ms;
	conn_consume(conn, (size_t)sent, front, ctl);
	return (size_t)sent == want;
}

/* Room again for the pong that a flood of pings left behind. */
static void
conn_send_late_pong(struct conn *conn)
{
	if (conn->pong_wanted && conn->state == CONN_OPEN &&
	    conn->ctl.bytes < NET_CONTROL_MAX) {
		conn->pong_wanted = false;
		conn_queue_control(
		    conn, FRAME_OP_PONG, conn->pong + 1, conn->pong[0]);
	}
}

static void
conn_block(struct conn *conn)
{
	struct net *net = conn->net;

	conn->blocked = true;
	outq_settle(&conn->out, net->pool);
	outq_settle(&conn->ctl, net->pool);
	conn_watch(conn);
	wheel_hasten(&net->wheel, &conn->timer,
	    conn->progress_ms + conn_times(conn)->stall);
}

void
conn_flush(struct conn *conn)
{
	if (conn->fresh) {
		conn->fresh = false;
		conn_refuse_hasty(conn);
	}
	if (!conn_is_alive(conn)) {
		return;
	}
	share_settle(conn->net); /* what it adds must be sealed */
	conn_seal(conn);
	if (!conn_is_alive(conn)) { /* no memory: these are no frames */
		return;
	}
	if (conn->blocked) { /* EPOLLOUT will say */
		outq_settle(&conn->out, conn->net->pool);
		outq_settle(&conn->ctl, conn->net->pool);
		return;
	}
	conn_send_late_pong(conn);
	conn->progress_ms = conn->net->now_ms; /* nothing was stuck so far */
	while (conn->out.bytes + conn->ctl.bytes > 0) {
		if (!conn_write_some(conn)) {
			if (conn->state != CONN_DOOMED) {
				conn_block(conn);
			}
			return;
		}
		conn_send_late_pong(conn);
	}
	if (conn->state == CONN_CLOSING && !conn->close_sent) {
		conn_on_close_sent(conn);
	}
}
