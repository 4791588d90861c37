/* SPDX-License-Identifier: MIT
 * peer.c - see peer.h. */

#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "die.h"

enum {
	PEER_READ_BYTES = 256 * 1024,
	PEER_MESSAGE_MAX = 2 * 1024 * 1024,
	PEER_DEADLINE_S = 10,
	PEER_HOPS = 2, /* of a message, when it has come through the node */
};

static const uint8_t peer_mask[4] = { 0x37, 0xfa, 0x21, 0x3d };

/* SHA-256 of "grapevine", the name a network has if nobody gives it one. */
static const uint8_t peer_net[8] = { 0x22, 0xbd, 0x79, 0x0e, 0x02, 0xa8, 0x0f,
	0x57 };

static const struct frame_limits peer_limits = {
	.message_max = PEER_MESSAGE_MAX,
	.fragments_max = 1,
};

static void
peer_random(void *bytes, size_t len)
{
	/* At most 256 bytes come whole. */
	if (getrandom(bytes, len, 0) != (ssize_t)len) {
		die("getrandom: %s", strerror(errno));
	}
}

void
cast_init(struct cast *cast, size_t count)
{
	cast->ids = calloc(count, sizeof(*cast->ids));
	if (cast->ids == NULL) {
		die("out of memory");
	}
	cast->count = count;
	cast->boot = (uint32_t)time(NULL);
	for (size_t i = 0; i < count; i++) {
		peer_random(&cast->ids[i], sizeof(cast->ids[i]));
	}
}

void
cast_fini(struct cast *cast)
{
	free(cast->ids);
	cast->ids = NULL;
}

size_t
peer_record(uint8_t *out, const struct cast *cast, uint64_t number, size_t size)
{
	bool is_intro = number >= PEER_INTRO;
	uint64_t n = number & ~PEER_INTRO;
	const struct record_data data = {
		.hops = PEER_HOPS - 1,
		.topic = { .text = PEER_TOPIC, .len = sizeof(PEER_TOPIC) - 1 },
		.origin = cast->ids[n % cast->count],
		.seq = ((uint64_t)cast->boot << 32) +
		       (is_intro ? 1 : 2 + n / cast->count),
		.payload_len = size,
	};
	size_t len = record_data_head(out, &data);

	memcpy(out + len, &number, sizeof(number));
	return len + size;
}

size_t
peer_record_len(size_t size)
{
	/* Header, flags and hops, topic, origin, number: see PROTOCOL. */
	return RECORD_HEADER_LEN + 2 + sizeof(PEER_TOPIC) +
	       sizeof(struct nodeid) + sizeof(uint64_t) + size;
}

size_t
peer_frame(uint8_t *records, size_t len)
{
	uint8_t header[FRAME_HEADER_MAX];
	size_t head = frame_header_write(
	    header, FRAME_OP_BINARY, len, peer_mask);

	frame_mask(records, records, len, peer_mask);
	memcpy(records - head, header, head);
	return head;
}

size_t
peer_send(const struct peer *peer, const uint8_t *bytes, size_t len)
{
	ssize_t n = send(peer->fd, bytes, len, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		die("send: %s", strerror(errno));
	}
	return n < 0 ? 0 : (size_t)n;
}

/* A few bytes of an answer: they will go. */
static void
peer_send_all(const struct peer *peer, const uint8_t *bytes, size_t len)
{
	for (size_t at = 0; at < len;) {
		at += peer_send(peer, bytes + at, len - at);
	}
}

static void
peer_on_ping(const struct peer *peer, const struct frame_event *event)
{
	uint8_t out[FRAME_HEADER_MAX + FRAME_CONTROL_MAX];
	size_t len = frame_header_write(
	    out, FRAME_OP_PONG, event->len, peer_mask);

	frame_mask(out + len, event->bytes, event->len, peer_mask);
	peer_send_all(peer, out, len + event->len);
}

/* Message `peer->next` is behind us. */
static inline void
peer_advance(struct peer *peer)
{
	peer->next++;
	if (++peer->turn == peer->cast->count) {
		peer->turn = 0;
		peer->seq++;
	}
}

static void
peer_on_number(struct peer *peer, uint64_t number)
{
	if (number < peer->next) {
		peer->duplicates++;
		return;
	}
	while (peer->next < number) {
		peer->lost++;
		peer_advance(peer);
	}
	peer->received++;
}

static void
peer_on_data(struct peer *peer, const struct record *record)
{
	struct record_data data;
	uint64_t number;

	if (record_data_decode(record, &data) != ERR_OK) {
		die("malformed DATA");
	}
	if (data.topic.len != sizeof(PEER_TOPIC) - 1 ||
	    memcmp(data.topic.text, PEER_TOPIC, data.topic.len) != 0) {
		return; /* the node tells of itself */
	}
	if (data.payload_len != peer->size || data.hops != PEER_HOPS) {
		die("a message of %zu bytes after %u hops, expected %zu and %d",
		    data.payload_len, data.hops, peer->size, PEER_HOPS);
	}
	memcpy(&number, data.payload, sizeof(number));
	if (number >= PEER_INTRO) {
		peer->intros++;
		return;
	}
	peer_on_number(peer, number);
	if (number < peer->next) {
		return;
	}
	if (data.seq != peer->seq ||
	    !nodeid_equal(&data.origin, &peer->cast->ids[peer->turn])) {
		die("a message under another's id");
	}
	peer_advance(peer);
}

static void
peer_on_record(struct peer *peer, const struct record *record)
{
	struct record_bye bye;

	switch (record->type) {
	case RECORD_DATA:
		peer_on_data(peer, record);
		return;
	case RECORD_WELCOME2:
		peer->is_up = true;
		return;
	case RECORD_BYE:
		if (record_bye_decode(record, &bye) != ERR_OK) {
			die("malformed BYE");
		}
		die("the node says BYE %u: %.*s", bye.reason, bye.text.len,
		    bye.text.text);
	case RECORD_IHAVE:
		die("the node announces instead of pushing");
	default:
		return; /* WELCOME, SYNC and others that need no answer */
	}
}

static void
peer_on_message(struct peer *peer, const struct frame_event *event)
{
	const uint8_t *at = event->bytes, *end = at + event->len;
	struct record record;
	enum err err;

	while ((err = record_next(&at, end, &record)) == ERR_OK) {
		peer_on_record(peer, &record);
	}
	if (err != ERR_NOTFOUND) {
		die("no whole record");
	}
}

static void
peer_on_event(
    struct peer *peer, enum frame_kind kind, const struct frame_event *event)
{
	switch (kind) {
	case FRAME_BINARY:
		peer_on_message(peer, event);
		return;
	case FRAME_PING:
		peer_on_ping(peer, event);
		return;
	case FRAME_ERROR:
	case FRAME_CLOSE:
		die("closed with %u", event->code);
	case FRAME_TEXT:
		die("a text message on a peer link");
	case FRAME_MORE:
	case FRAME_PONG:
		return;
	}
}

void
peer_read(struct peer *peer)
{
	static uint8_t bytes[PEER_READ_BYTES];
	struct frame_event event;
	enum frame_kind kind;
	ssize_t n = recv(peer->fd, bytes, sizeof(bytes), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	}
	if (n <= 0) {
		die("recv: %s",
		    n == 0 ? "closed by the node" : strerror(errno));
	}
	frame_decoder_feed(&peer->decoder, bytes, (size_t)n);
	do {
		kind = frame_decoder_next(&peer->decoder, &event);
		peer_on_event(peer, kind, &event);
	} while (kind != FRAME_MORE);
}

/* A byte at a time: what follows the answer is the decoder's. */
static void
peer_await_101(const struct peer *peer)
{
	char text[4096];
	size_t len = 0;

	while (len < 4 || memcmp(text + len - 4, "\r\n\r\n", 4) != 0) {
		if (len == sizeof(text) - 1 ||
		    recv(peer->fd, text + len, 1, 0) != 1) {
			die("handshake: no answer");
		}
		len++;
	}
	text[len] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	if (strncmp(text, "HTTP/1.1 101", 12) != 0) {
		die("handshake: expected 101, got: %s", text);
	}
}

static void
peer_upgrade(const struct peer *peer, uint16_t port)
{
	char text[512];
	int len = snprintf(text, sizeof(text),
	    "GET / HTTP/1.1\r\n"
	    "Host: 127.0.0.1:%u\r\n"
	    "Upgrade: websocket\r\n"
	    "Connection: Upgrade\r\n"
	    "Sec-WebSocket-Key: Z3JhcGV2aW5lIGJlbmNoIQ==\r\n"
	    "Sec-WebSocket-Protocol: grapevine.peer.1\r\n"
	    "Sec-WebSocket-Version: 13\r\n\r\n",
	    port);

	peer_send_all(peer, (const uint8_t *)text, (size_t)len);
	peer_await_101(peer);
}

static void
peer_hello(const struct peer *peer)
{
	struct record_hello hello = {
		.ver_min = 1,
		.ver_max = 1,
		.flags = HELLO_FRESH | HELLO_LEAF,
		.boot = peer->cast->boot,
		.addr = { .text = "", .len = 0 },
		.name = { .text = "bench", .len = 5 },
		.max_message = PEER_MESSAGE_MAX,
	};
	struct buf out = { .bytes = NULL };
	static const uint8_t room[FRAME_HEADER_MAX];
	size_t head;

	memcpy(hello.net, peer_net, sizeof(hello.net));
	peer_random(&hello.node_id, sizeof(hello.node_id));
	peer_random(hello.nonce, sizeof(hello.nonce));
	if (buf_append(&out, room, sizeof(room)) != ERR_OK ||
	    record_hello_encode(&out, &hello) != ERR_OK) {
		die("out of memory");
	}
	head = peer_frame(out.bytes + sizeof(room), out.len - sizeof(room));
	peer_send_all(peer, out.bytes + sizeof(room) - head,
	    out.len - sizeof(room) + head);
	buf_fini(&out);
}

static void
peer_connect(struct peer *peer, uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	const struct timeval deadline = { .tv_sec = PEER_DEADLINE_S };
	const int one = 1;

	peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (peer->fd < 0) {
		die("socket: %s", strerror(errno));
	}
	address.sin_port = htons(port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(
	    peer->fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof(deadline));
	setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(peer->fd, (const struct sockaddr *)&address,
	        sizeof(address)) != 0) {
		die("connect to port %u: %s", port, strerror(errno));
	}
}

void
peer_open(
    struct peer *peer, const struct cast *cast, uint16_t port, size_t size)
{
	time_t end = time(NULL) + PEER_DEADLINE_S;

	memset(peer, 0, sizeof(*peer));
	peer->cast = cast;
	peer->size = size;
	peer->seq = ((uint64_t)cast->boot << 32) + 2;
	frame_decoder_init(&peer->decoder, FRAME_CLIENT, &peer_limits);
	peer_connect(peer, port);
	peer_upgrade(peer, port);
	peer_hello(peer);
	while (!peer->is_up) {
		if (time(NULL) > end) {
			die("handshake: no WELCOME2");
		}
		peer_read(peer);
	}
	if (fcntl(peer->fd, F_SETFL, O_NONBLOCK) != 0) {
		die("fcntl: %s", strerror(errno));
	}
}

void
peer_close(struct peer *peer)
{
	close(peer->fd);
	frame_decoder_fini(&peer->decoder);
}
