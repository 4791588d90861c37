/* SPDX-License-Identifier: MIT
 * client.c - the misbehaving client. */
#include "support/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/daemon.h"
#include "support/test.h"

#define CLIENTS_MAX 4096

static struct client *clients[CLIENTS_MAX];
static size_t client_count;

static bool
client_wait(const struct client *client, short events, uint64_t deadline)
{
	struct pollfd fd = { .fd = client->fd, .events = events };
	uint64_t now = test_now_ms();

	return now < deadline && poll(&fd, 1, (int)(deadline - now)) > 0;
}

/* ---- TCP ---- */

static socklen_t
client_address(
    struct sockaddr_storage *address, const char *host, uint16_t port)
{
	struct sockaddr_in *four = (struct sockaddr_in *)address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;

	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons(port);
		return sizeof(*four);
	}
	assert_int_equal(inet_pton(AF_INET6, host, &six->sin6_addr), 1);
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(port);
	return sizeof(*six);
}

/* Soon full: a kernel keeps some segments for a sender, whatever their size,
 * and on the loopback they are large. */
static void
client_make_small(int fd, int buffer)
{
	int segment = 536;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof(segment));
}

static int
client_dial(const char *host, uint16_t port, const char *source, int buffer)
{
	struct sockaddr_storage to, from;
	socklen_t len = client_address(&to, host, port);
	int one = 1;
	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (buffer > 0) {
		client_make_small(fd, buffer);
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (source != NULL) {
		socklen_t own = client_address(&from, source, 0);

		assert_int_equal(bind(fd, (struct sockaddr *)&from, own), 0);
	}
	if (connect(fd, (struct sockaddr *)&to, len) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

struct client *
client_attach(int fd)
{
	struct client *client = calloc(1, sizeof(*client));

	assert_non_null(client);
	assert_true(client_count < CLIENTS_MAX);
	assert_true(fcntl(fd, F_SETFL, O_NONBLOCK) >= 0);
	client->fd = fd;
	clients[client_count++] = client;
	return client;
}

struct client *
client_connect_to(const char *host, uint16_t port, const char *source)
{
	int fd = client_dial(host, port, source, 0);

	if (fd < 0) {
		fail_msg("connect %s %u: %s", host, port, strerror(errno));
	}
	return client_attach(fd);
}

struct client *
client_connect(uint16_t port)
{
	return client_connect_to("127.0.0.1", port, NULL);
}

struct client *
client_connect_small(uint16_t port, int bytes)
{
	int fd = client_dial("127.0.0.1", port, NULL, bytes);

	assert_true(fd >= 0);
	return client_attach(fd);
}

bool
client_can_connect(const char *host, uint16_t port)
{
	int fd = client_dial(host, port, NULL, 0);

	if (fd < 0) {
		return false;
	}
	close(fd);
	return true;
}

bool
client_send_some(
    struct client *client, const void *bytes, size_t len, size_t *sent)
{
	ssize_t n = send(client->fd, bytes, len, MSG_NOSIGNAL);

	*sent = n > 0 ? (size_t)n : 0;
	return n >= 0 || errno == EAGAIN;
}

void
client_send(struct client *client, const void *bytes, size_t len)
{
	uint64_t deadline = test_now_ms() + DEADLINE_MS;
	const uint8_t *at = bytes;
	size_t sent;

	while (len > 0) {
		if (!client_send_some(client, at, len, &sent)) {
			return; /* closed: reading will tell */
		}
		at += sent;
		len -= sent;
		if (sent == 0 && !client_wait(client, POLLOUT, deadline)) {
			fail_msg("deadline: %zu bytes not taken", len);
		}
	}
}

void
client_print(struct client *client, const char *format, ...)
{
	char text[8192];
	va_list list;
	int len;

	va_start(list, format);
	len = vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	assert_true(len >= 0 && (size_t)len < sizeof(text));
	client_send(client, text, (size_t)len);
}

/* Read more; false: EOF or reset. */
static bool
client_read(struct client *client)
{
	uint64_t deadline = test_now_ms() + DEADLINE_MS;
	ssize_t len;

	if (client->in_cap < client->in_len + 65536) {
		client->in_cap = client->in_cap * 2 + 65536;
		client->in = realloc(client->in, client->in_cap);
		assert_non_null(client->in);
	}
	for (;;) {
		len = recv(client->fd, client->in + client->in_len,
		    client->in_cap - client->in_len - 1, 0);
		if (len > 0) {
			client->in_len += (size_t)len;
			return true;
		}
		if (len == 0 || errno != EAGAIN) {
			return false;
		}
		if (!client_wait(client, POLLIN, deadline)) {
			fail_msg("deadline: the node says nothing");
		}
	}
}

static void
client_use_up(struct client *client, size_t len)
{
	memmove(client->in, client->in + len, client->in_len - len);
	client->in_len -= len;
}

/* ---- HTTP ---- */

/* Read up to the empty line into `head`; false: EOF before the first byte. */
static bool
client_read_head(struct client *client)
{
	uint8_t *end = NULL;
	size_t len;

	while (client->in_len == 0 || (end = memmem(client->in, client->in_len,
	                                   "\r\n\r\n", 4)) == NULL) {
		if (!client_read(client)) {
			assert_int_equal(client->in_len, 0);
			return false;
		}
	}
	len = (size_t)(end + 4 - client->in);
	assert_true(len < sizeof(client->head));
	memcpy(client->head, client->in, len);
	client->head[len] = '\0';
	client_use_up(client, len);
	return true;
}

int
client_read_status(struct client *client)
{
	client->status = 0;
	client->head[0] = '\0';
	if (client_read_head(client) &&
	    sscanf(client->head, "HTTP/1.%*1[01] %d ", &client->status) != 1) {
		fail_msg("no HTTP answer: %s", client->head);
	}
	return client->status;
}

int
client_read_status_or_reset(struct client *client)
{
	client->status = 0;
	while (client->in_len == 0 ||
	       memmem(client->in, client->in_len, "\r\n\r\n", 4) == NULL) {
		if (!client_read(client)) {
			return 0;
		}
	}
	return client_read_status(client);
}

void
client_expect_body(struct client *client, const char *words)
{
	while (client_read(client)) {
	}
	/* There is always a byte of room behind what was read. */
	assert_true(client->in_len > 0 && client->in_len < client->in_cap);
	client->in[client->in_len] = '\0';
	if (strstr((char *)client->in, words) == NULL ||
	    memchr(client->in, '\n', client->in_len) !=
	        client->in + client->in_len - 1) {
		fail_msg(
		    "not one line with `%s`: %s", words, (char *)client->in);
	}
	client_close(client);
}

void
client_read_request(struct client *client)
{
	assert_true(client_read_head(client));
	if (strncmp(client->head, "GET ", 4) != 0) {
		fail_msg("no GET: %s", client->head);
	}
}

int
client_upgrade(struct client *client, const char *path, const char *more)
{
	client_print(client,
	    "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
	    path, more);
	return client_read_status(client);
}

struct client *
client_open(uint16_t port, const char *path)
{
	struct client *client = client_connect(port);

	assert_int_equal(client_upgrade(client, path, ""), 101);
	/* RFC 6455 4.2.2: the answer that belongs to that key. */
	assert_non_null(
	    strstr(client->head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	return client;
}

/* ---- frames ---- */

static size_t
client_header_build(uint8_t *out, int first, bool masked, uint64_t len)
{
	uint8_t bit = masked ? 0x80 : 0;
	size_t at = 2;
	int bytes = len < 126 ? 0 : len < 65536 ? 2 : 8;

	out[0] = (uint8_t)first;
	out[1] = (uint8_t)(bit | (bytes == 0 ? len : bytes == 2 ? 126 : 127));
	while (bytes-- > 0) {
		out[at++] = (uint8_t)(len >> (8 * bytes));
	}
	if (masked) {
		memcpy(out + at, "\x12\x9a\x57\xfe", 4);
		at += 4;
	}
	return at;
}

size_t
client_frame_build(
    uint8_t *out, int first, bool masked, const void *bytes, size_t len)
{
	size_t head = client_header_build(out, first, masked, len);
	const uint8_t *in = bytes;

	for (size_t i = 0; i < len; i++) {
		out[head + i] = masked ? in[i] ^ out[head - 4 + i % 4] : in[i];
	}
	return head + len;
}

void
client_frame(struct client *client, int first, const void *bytes, size_t len)
{
	uint8_t *out = malloc(len + 14);

	assert_non_null(out);
	client_send(client, out,
	    client_frame_build(out, first, !client->server, bytes, len));
	free(out);
}

void
client_text(struct client *client, const char *text)
{
	client_frame(client, CLIENT_TEXT, text, strlen(text));
}

void
client_header(struct client *client, int first, bool masked, uint64_t claimed)
{
	uint8_t out[14];

	client_send(
	    client, out, client_header_build(out, first, masked, claimed));
}

/* Length of the header of the frame at the front; 0: not all there yet. */
static size_t
client_parse_header(const struct client *client, uint64_t *len)
{
	const uint8_t *in = client->in;
	size_t bytes, head;

	if (client->in_len < 2) {
		return 0;
	}
	*len = in[1] & 0x7f;
	bytes = *len == 126 ? 2 : *len == 127 ? 8 : 0;
	head = 2 + bytes;
	if (client->in_len < head) {
		return 0;
	}
	if (bytes > 0) {
		*len = 0;
	}
	for (size_t i = 0; i < bytes; i++) {
		*len = *len << 8 | in[2 + i];
	}
	/* What the node sends is minimal, always. */
	assert_true(bytes != 2 || *len >= 126);
	assert_true(bytes != 8 || *len >= 65536);
	return head + (in[1] & 0x80 ? 4 : 0);
}

bool
client_read_frame(struct client *client, struct client_frame *frame)
{
	uint64_t len = 0;
	size_t head;

	while ((head = client_parse_header(client, &len)) == 0 ||
	       client->in_len < head + len) {
		if (!client_read(client)) {
			return false;
		}
	}
	frame->first = client->in[0];
	frame->masked = client->in[1] & 0x80;
	/* The node masks when it dialled, and only then. */
	assert_int_equal(frame->masked, client->server);
	frame->len = (size_t)len;
	frame->bytes = calloc(1, frame->len + 1);
	assert_non_null(frame->bytes);
	for (size_t i = 0; i < frame->len; i++) {
		frame->bytes[i] = frame->masked
		                      ? client->in[head + i] ^
		                            client->in[head - 4 + i % 4]
		                      : client->in[head + i];
	}
	client_use_up(client, head + frame->len);
	return true;
}

void
client_frame_free(struct client_frame *frame)
{
	free(frame->bytes);
	frame->bytes = NULL;
}

void
client_expect(struct client *client, int first, const void *bytes, size_t len)
{
	uint64_t deadline = test_now_ms() + DEADLINE_MS;
	struct client_frame frame;

	do {
		if (!client_read_frame(client, &frame)) {
			fail_msg("EOF instead of a message");
		}
		if (frame.first == CLIENT_PING) {
			/* A keep-alive is no progress. */
			assert_true(test_now_ms() < deadline);
			client_frame(
			    client, CLIENT_PONG, frame.bytes, frame.len);
			client_frame_free(&frame);
		}
	} while (frame.bytes == NULL);
	if (frame.first == CLIENT_CLOSE && frame.len >= 2) {
		fail_msg("Close %d %s instead of a message",
		    frame.bytes[0] << 8 | frame.bytes[1],
		    (char *)frame.bytes + 2);
	}
	assert_int_equal(frame.first, first);
	assert_int_equal(frame.len, len);
	assert_memory_equal(frame.bytes, bytes, len);
	client_frame_free(&frame);
}

void
client_expect_text(struct client *client, const char *text)
{
	client_expect(client, CLIENT_TEXT, text, strlen(text));
}

void
client_expect_nothing(struct client *client)
{
	struct client_frame frame;

	client_frame(client, CLIENT_PING, "nothing", 7);
	assert_true(client_read_frame(client, &frame));
	while (frame.first == CLIENT_PING) { /* it was silent for long */
		client_frame(client, CLIENT_PONG, frame.bytes, frame.len);
		client_frame_free(&frame);
		assert_true(client_read_frame(client, &frame));
	}
	assert_int_equal(frame.first, CLIENT_PONG);
	assert_int_equal(frame.len, 7);
	assert_memory_equal(frame.bytes, "nothing", 7);
	client_frame_free(&frame);
}

void
client_sync(struct client *client)
{
	struct client_frame frame;
	bool done = false;

	client_frame(client, CLIENT_PING, "sync", 4);
	while (!done) {
		assert_true(client_read_frame(client, &frame));
		done = frame.first == CLIENT_PONG && frame.len == 4 &&
		       memcmp(frame.bytes, "sync", 4) == 0;
		client_frame_free(&frame);
	}
}

void
client_expect_close(struct client *client, int code)
{
	struct client_frame frame;
	int is;

	do {
		if (!client_read_frame(client, &frame)) {
			fail_msg("EOF instead of Close %d", code);
		}
		if (frame.first == CLIENT_PING) {
			client_frame_free(&frame);
		}
	} while (frame.bytes == NULL);
	if (frame.first != CLIENT_CLOSE || frame.len < 2) {
		fail_msg("a frame %02x of %zu bytes instead of Close %d",
		    frame.first, frame.len, code);
	}
	is = frame.bytes[0] << 8 | frame.bytes[1];
	if (code != 0 && is != code) {
		fail_msg("Close %d (%s) instead of %d", is,
		    (char *)frame.bytes + 2, code);
	}
	client_frame(client, CLIENT_CLOSE, frame.bytes, 2);
	client_frame_free(&frame);
	client_expect_silent_eof(client);
}

void
client_expect_close_or_reset(struct client *client, int code)
{
	struct client_frame frame;

	while (client_read_frame(client, &frame)) {
		int is = frame.first == CLIENT_CLOSE && frame.len >= 2
		             ? frame.bytes[0] << 8 | frame.bytes[1]
		             : code;

		client_frame_free(&frame);
		assert_int_equal(is, code);
	}
	client_close(client);
}

void
client_sync_new(uint16_t port)
{
	struct client *client = client_open(port, "/sync");

	client_sync(client);
	client_close(client);
}

void
client_expect_served(uint16_t port)
{
	struct client *client = client_open(port, "/health?echo=1");

	client_text(client, "well?");
	client_expect_text(client, "well?");
	client_close(client);
}

void
client_expect_eof(struct client *client)
{
	do {
		client->in_len = 0;
	} while (client_read(client));
	client_close(client);
}

void
client_expect_silent_eof(struct client *client)
{
	if (client->in_len > 0 || client_read(client)) {
		fail_msg("%zu bytes instead of EOF, the first %02x",
		    client->in_len, client->in[0]);
	}
	client_close(client);
}

/* ---- ends ---- */

void
client_close(struct client *client)
{
	if (client->fd >= 0) {
		close(client->fd);
		client->fd = -1;
	}
	free(client->in);
	client->in = NULL;
	client->in_len = client->in_cap = 0;
}

void
client_reset(struct client *client)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	assert_int_equal(setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &linger,
	                     sizeof(linger)),
	    0);
	client_close(client);
}

int
client_teardown(void **state)
{
	(void)state;
	while (client_count > 0) {
		client_close(clients[--client_count]);
		free(clients[client_count]);
	}
	return 0;
}
