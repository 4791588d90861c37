/* SPDX-License-Identifier: MIT
 * conn.c - see conn.h. */

#include "conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "die.h"

enum {
	CONN_READ_BYTES = 256 * 1024,
	CONN_CARRY_BYTES = 2 * 1024 * 1024,
	CONN_DEADLINE_S = 10,
};

static const uint8_t conn_mask[4] = { 0x37, 0xfa, 0x21, 0x3d };

static void
conn_write_all(const struct conn *conn, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	while (len > 0) {
		ssize_t n = send(conn->fd, at, len, MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			continue; /* a few bytes of an answer: it will go */
		}
		if (n < 0) {
			die("send: %s", strerror(errno));
		}
		at += n;
		len -= (size_t)n;
	}
}

/* Read until `end` has come. */
static void
conn_await(const struct conn *conn, char *text, size_t cap, const char *end)
{
	size_t len = 0;

	for (;;) {
		ssize_t n = recv(conn->fd, text + len, cap - 1 - len, 0);

		if (n <= 0) {
			die("handshake: %s",
			    n == 0 ? "closed by the server" : strerror(errno));
		}
		len += (size_t)n;
		text[len] = '\0';
		if (strstr(text, end) != NULL) {
			return;
		}
		if (len == cap - 1) {
			die("handshake: the answer is too long");
		}
	}
}

static void
conn_join_ws(struct conn *conn, uint16_t port, const char *topic)
{
	char text[4096];
	int len = snprintf(text, sizeof(text),
	    "GET /%s HTTP/1.1\r\n"
	    "Host: 127.0.0.1:%u\r\n"
	    "Upgrade: websocket\r\n"
	    "Connection: Upgrade\r\n"
	    "Sec-WebSocket-Key: Z3JhcGV2aW5lIGJlbmNoIQ==\r\n"
	    "Sec-WebSocket-Version: 13\r\n\r\n",
	    topic, port);

	conn_write_all(conn, text, (size_t)len);
	conn_await(conn, text, sizeof(text), "\r\n\r\n");
	if (strncmp(text, "HTTP/1.1 101", 12) != 0) {
		text[strcspn(text, "\r\n")] = '\0';
		die("handshake: expected 101, got: %s", text);
	}
}

static void
conn_join_nats(struct conn *conn, const char *topic, bool listens)
{
	char text[4096];
	int len;

	conn_await(conn, text, sizeof(text), "\r\n");
	if (strncmp(text, "INFO ", 5) != 0) {
		die("handshake: expected INFO");
	}
	len = snprintf(text, sizeof(text),
	    "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n");
	if (listens) {
		len += snprintf(text + len, sizeof(text) - (size_t)len,
		    "SUB %s 1\r\n", topic);
	}
	len += snprintf(text + len, sizeof(text) - (size_t)len, "PING\r\n");
	conn_write_all(conn, text, (size_t)len);
	conn_await(conn, text, sizeof(text), "PONG\r\n");
}

void
conn_open(struct conn *conn, enum proto proto, uint16_t port, const char *topic,
    bool listens, size_t size)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	const struct timeval deadline = { .tv_sec = CONN_DEADLINE_S };
	const int one = 1;

	memset(conn, 0, sizeof(*conn));
	conn->proto = proto;
	conn->size = size;
	conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (conn->fd < 0) {
		die("socket: %s", strerror(errno));
	}
	address.sin_port = htons(port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(
	    conn->fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof(deadline));
	setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(conn->fd, (const struct sockaddr *)&address,
	        sizeof(address)) != 0) {
		die("connect to port %u: %s", port, strerror(errno));
	}
	if (proto == PROTO_WS) {
		conn_join_ws(conn, port, topic);
	} else {
		conn_join_nats(conn, topic, listens);
	}
	if (fcntl(conn->fd, F_SETFL, O_NONBLOCK) != 0) {
		die("fcntl: %s", strerror(errno));
	}
}

void
conn_close(struct conn *conn)
{
	close(conn->fd);
	free(conn->carry);
	conn->carry = NULL;
}

static inline void
conn_on_payload(struct conn *conn, const uint8_t *payload, size_t len)
{
	uint64_t number;

	if (len != conn->size) {
		die("a payload of %zu bytes, expected %zu", len, conn->size);
	}
	memcpy(&number, payload, sizeof(number));
	if (number == conn->next) {
		conn->next++;
		conn->received++;
	} else if (number == CONN_PROBE) {
		conn->probed = true;
	} else if (number < conn->next) {
		conn->duplicates++;
	} else {
		conn->lost += number - conn->next;
		conn->next = number + 1;
		conn->received++;
	}
}

static void
conn_on_control(
    struct conn *conn, uint8_t opcode, const uint8_t *payload, size_t len)
{
	uint8_t pong[6 + 125] = { 0x8a, (uint8_t)(0x80 | len) };

	if (opcode == 0x8) {
		unsigned code = 1005;

		if (len >= 2) {
			code = (unsigned)payload[0] << 8 | payload[1];
		}
		die("closed by the server with %u", code);
	}
	if (opcode != 0x9 || len > 125) {
		return;
	}
	memcpy(pong + 2, conn_mask, sizeof(conn_mask));
	for (size_t i = 0; i < len; i++) {
		pong[6 + i] = payload[i] ^ conn_mask[i & 3];
	}
	conn_write_all(conn, pong, 6 + len);
}

/* Check all whole frames; returns the bytes they took. */
static size_t
conn_parse_ws(struct conn *conn, const uint8_t *bytes, size_t len)
{
	size_t at = 0;

	while (len - at >= 2) {
		const uint8_t *frame = bytes + at;
		size_t head = 2, body = frame[1];

		if (body > 127) {
			die("a masked frame from a server");
		}
		if (body >= 126) {
			head = body == 126 ? 4 : 10;
			if (len - at < head) {
				break;
			}
			body = 0;
			for (size_t i = 2; i < head; i++) {
				body = body << 8 | frame[i];
			}
		}
		if (len - at - head < body) {
			break;
		}
		if (frame[0] == 0x82 || frame[0] == 0x81) {
			conn_on_payload(conn, frame + head, body);
		} else if (frame[0] >= 0x88) {
			conn_on_control(
			    conn, frame[0] & 0xf, frame + head, body);
		} else {
			die("a frame that begins with 0x%02x", frame[0]);
		}
		at += head + body;
	}
	return at;
}

static void
conn_on_line(struct conn *conn, const char *line, size_t len)
{
	if (len >= 4 && memcmp(line, "PING", 4) == 0) {
		conn_write_all(conn, "PONG\r\n", 6);
	} else if (len >= 4 && memcmp(line, "-ERR", 4) == 0) {
		die("the server says %.*s", (int)len - 2, line);
	}
}

/* The last word of `MSG <subject> <sid> <len>\r\n`. */
static size_t
conn_nats_len(const char *line, size_t len)
{
	size_t at = len - 2, value = 0;

	while (at > 0 && line[at - 1] != ' ') {
		at--;
	}
	for (; at < len - 2; at++) {
		value = value * 10 + (size_t)(line[at] - '0');
	}
	return value;
}

static size_t
conn_parse_nats(struct conn *conn, const uint8_t *bytes, size_t len)
{
	size_t at = 0;

	while (at < len) {
		const char *line = (const char *)bytes + at;
		const char *end = memchr(line, '\n', len - at);
		size_t head, body;

		if (end == NULL) {
			break;
		}
		head = (size_t)(end + 1 - line);
		if (head < 8 || memcmp(line, "MSG ", 4) != 0) {
			conn_on_line(conn, line, head);
			at += head;
			continue;
		}
		body = conn_nats_len(line, head);
		if (len - at - head < body + 2) {
			break;
		}
		conn_on_payload(conn, bytes + at + head, body);
		at += head + body + 2;
	}
	return at;
}

/* Keep what is left of the last read for the next one. */
static void
conn_keep(struct conn *conn, const uint8_t *bytes, size_t len)
{
	if (len > CONN_CARRY_BYTES) {
		die("a frame of more than %zu bytes", len);
	}
	if (len > conn->carry_cap) {
		free(conn->carry);
		conn->carry = malloc(len * 2);
		conn->carry_cap = len * 2;
		if (conn->carry == NULL) {
			die("out of memory");
		}
	}
	if (len > 0) {
		memcpy(conn->carry, bytes, len);
	}
	conn->carry_len = len;
}

bool
conn_read(struct conn *conn)
{
	static uint8_t bytes[CONN_CARRY_BYTES + CONN_READ_BYTES];
	size_t len = conn->carry_len, used;
	ssize_t n;

	n = recv(conn->fd, bytes + len, CONN_READ_BYTES, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return false;
	}
	if (n <= 0) {
		die("recv: %s",
		    n == 0 ? "closed by the server" : strerror(errno));
	}
	if (len > 0) {
		memcpy(bytes, conn->carry, len);
	}
	len += (size_t)n;
	used = conn->proto == PROTO_WS ? conn_parse_ws(conn, bytes, len)
	                               : conn_parse_nats(conn, bytes, len);
	conn_keep(conn, bytes + used, len - used);
	return true;
}

/* The header of one message to send; returns its length. */
static size_t
batch_header(
    uint8_t *out, size_t cap, enum proto proto, const char *topic, size_t size)
{
	size_t len = 0;

	if (proto == PROTO_NATS) {
		return (size_t)snprintf(
		    (char *)out, cap, "PUB %s %zu\r\n", topic, size);
	}
	out[len++] = 0x82;
	if (size < 126) {
		out[len++] = (uint8_t)(0x80 | size);
	} else if (size < 65536) {
		out[len++] = 0x80 | 126;
	} else {
		out[len++] = 0x80 | 127;
	}
	for (int i = size < 126 ? 0 : size < 65536 ? 2 : 8; i-- > 0;) {
		out[len++] = (uint8_t)(size >> (8 * i));
	}
	memcpy(out + len, conn_mask, sizeof(conn_mask));
	return len + sizeof(conn_mask);
}

void
batch_init(struct batch *batch, enum proto proto, const char *topic,
    size_t size, size_t bytes)
{
	uint8_t header[512];
	size_t len = batch_header(header, sizeof(header), proto, topic, size);

	memset(batch, 0, sizeof(*batch));
	batch->number_at = len;
	batch->frame_len = len + size + (proto == PROTO_NATS ? 2 : 0);
	batch->cap = bytes / batch->frame_len + 1;
	batch->bytes = malloc(batch->cap * batch->frame_len);
	if (batch->bytes == NULL) {
		die("out of memory");
	}
	for (size_t i = 0; i < CONN_NUMBER_LEN; i++) {
		batch->mask[i] = proto == PROTO_WS ? conn_mask[i & 3] : 0;
	}
	for (size_t i = 0; i < batch->cap; i++) {
		uint8_t *frame = batch->bytes + i * batch->frame_len;

		memcpy(frame, header, len);
		memset(frame + len, 'x', size);
		if (proto == PROTO_NATS) {
			frame[len + size] = '\r';
			frame[len + size + 1] = '\n';
		}
	}
}

void
batch_fini(struct batch *batch)
{
	free(batch->bytes);
	batch->bytes = NULL;
}

void
batch_fill(struct batch *batch, uint64_t number, size_t count)
{
	uint8_t *at = batch->bytes + batch->number_at;

	for (size_t i = 0; i < count; i++, at += batch->frame_len) {
		uint64_t n = number == CONN_PROBE ? number : number + i;

		memcpy(at, &n, sizeof(n));
		for (size_t k = 0; k < CONN_NUMBER_LEN; k++) {
			at[k] ^= batch->mask[k];
		}
	}
	batch->len = count * batch->frame_len;
	batch->sent = 0;
}

bool
batch_send(struct batch *batch, const struct conn *conn)
{
	while (batch->sent < batch->len) {
		ssize_t n = send(conn->fd, batch->bytes + batch->sent,
		    batch->len - batch->sent, MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			return false;
		}
		if (n < 0) {
			die("send: %s", strerror(errno));
		}
		batch->sent += (size_t)n;
	}
	return true;
}
