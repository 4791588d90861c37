/* SPDX-License-Identifier: MIT
 * peer.c - the hand-written mesh peer. */
#include "support/peer.h"

#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "support/daemon.h"
#include "support/test.h"

#define PEERS_MAX 128

static struct peer *peers[PEERS_MAX];
static size_t peer_count;

struct peer *
peer_create(uint8_t id)
{
	struct peer *peer = calloc(1, sizeof(*peer));
	uint8_t digest[SHA256_DIGEST_LENGTH];

	assert_non_null(peer);
	assert_true(peer_count < PEERS_MAX);
	peers[peer_count++] = peer;
	peer->listen_fd = -1;
	peer->hello.ver_min = peer->hello.ver_max = 1;
	peer->hello.flags = HELLO_FRESH | HELLO_LEAF;
	memset(peer->hello.node_id.bytes, id, 16);
	memset(peer->hello.nonce, id, 16);
	peer->hello.boot = (uint32_t)time(NULL);
	peer->hello.name = (struct str8){ "by-hand", 7 };
	peer->hello.max_message = 1 << 20;
	SHA256((const unsigned char *)"grapevine", 9, digest);
	memcpy(peer->hello.net, digest, 8);
	peer->welcome.version = 1;
	peer->welcome.flags = WELCOME_ACCEPT;
	peer->welcome.node_id = peer->hello.node_id;
	peer->welcome.boot = peer->hello.boot;
	memset(peer->welcome.nonce, id, 16);
	peer->welcome.seen_addr = (struct str8){ "127.0.0.1", 9 };
	peer->welcome.max_message = 1 << 20;
	return peer;
}

int
peer_teardown(void **state)
{
	while (peer_count > 0) {
		struct peer *peer = peers[--peer_count];

		if (peer->listen_fd >= 0) {
			close(peer->listen_fd);
		}
		buf_fini(&peer->message);
		free(peer);
	}
	return client_teardown(state);
}

void
peer_node_id(struct daemon *daemon, struct nodeid *id)
{
	const cJSON *state = daemon_state(daemon);
	const cJSON *hex = cJSON_GetObjectItemCaseSensitive(
	    cJSON_GetObjectItemCaseSensitive(state, "node"), "id");

	assert_true(cJSON_IsString(hex));
	assert_int_equal(strlen(hex->valuestring), 32);
	for (size_t i = 0; i < 16; i++) {
		char byte[3] = { hex->valuestring[2 * i],
			hex->valuestring[2 * i + 1], '\0' };

		id->bytes[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
}

/* ---- dialling ---- */

void
peer_dial(struct peer *peer, uint16_t port)
{
	peer->client = peer->buffer > 0
	                   ? client_connect_small(port, peer->buffer)
	                   : client_connect(port);
	peer->close_code = 0;
	buf_clear(&peer->message);
	peer->at = peer->message.bytes;
	assert_int_equal(client_upgrade(peer->client, "/",
	                     "Sec-WebSocket-Protocol: grapevine.peer.1\r\n"),
	    101);
	assert_non_null(strcasestr(peer->client->head,
	    "\r\nSec-WebSocket-Protocol: grapevine.peer.1\r\n"));
}

void
peer_say_hello(struct peer *peer)
{
	struct buf out = { 0 };

	assert_int_equal(record_hello_encode(&out, &peer->hello), ERR_OK);
	peer_send(peer, &out);
	buf_fini(&out);
}

void
peer_dial_up(struct peer *peer, uint16_t port)
{
	struct record record;
	struct record_welcome welcome;

	peer_dial(peer, port);
	peer_say_hello(peer);
	peer_wait(peer, RECORD_WELCOME, &record);
	assert_int_equal(record_welcome_decode(&record, &welcome), ERR_OK);
	assert_int_equal(welcome.version, 1);
	assert_true(welcome.flags & WELCOME_ACCEPT);
	peer_wait(peer, RECORD_WELCOME2, &record);
}

/* ---- listening ---- */

void
peer_listen(struct peer *peer)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	peer->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(peer->listen_fd >= 0);
	assert_int_equal(
	    bind(peer->listen_fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(peer->listen_fd, 16), 0);
	assert_int_equal(
	    getsockname(peer->listen_fd, (struct sockaddr *)&address, &len), 0);
	peer->port = ntohs(address.sin_port);
}

struct daemon *
peer_start_dialler(struct peer *peer)
{
	peer_listen(peer);
	return daemon_start(
	    "--name n --peers ws://127.0.0.1:%u", (unsigned)peer->port);
}

struct client *
peer_accept_tcp(struct peer *peer, int ms)
{
	struct client *client;
	int fd;

	if (!test_wait_readable(peer->listen_fd, ms)) {
		return NULL;
	}
	fd = accept4(peer->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd >= 0);
	client = client_attach(fd);
	client->server = true;
	peer->client = client;
	peer->close_code = 0;
	buf_clear(&peer->message);
	peer->at = peer->message.bytes;
	return client;
}

/* RFC 6455 4.2.2: what proves that the server understood. */
static void
peer_accept_key(const char *head, char accept[29])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	const char *key = strcasestr(head, "\r\nSec-WebSocket-Key:");
	uint8_t digest[SHA_DIGEST_LENGTH];
	char text[64];

	assert_non_null(key);
	key += strlen("\r\nSec-WebSocket-Key:");
	key += strspn(key, " ");
	assert_int_equal(strcspn(key, " \r"), 24);
	snprintf(text, sizeof(text), "%.24s%s", key, guid);
	SHA1((const unsigned char *)text, strlen(text), digest);
	EVP_EncodeBlock((unsigned char *)accept, digest, SHA_DIGEST_LENGTH);
}

void
peer_accept(struct peer *peer, const char *subprotocol)
{
	char accept[29];

	if (peer_accept_tcp(peer, DEADLINE_MS) == NULL) {
		fail_msg("deadline: nobody dials");
	}
	client_read_request(peer->client);
	assert_non_null(strcasestr(peer->client->head,
	    "\r\nSec-WebSocket-Protocol: grapevine.peer.1\r\n"));
	peer_accept_key(peer->client->head, accept);
	client_print(peer->client,
	    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s%s%s\r\n",
	    accept, subprotocol != NULL ? "Sec-WebSocket-Protocol: " : "",
	    subprotocol != NULL ? subprotocol : "",
	    subprotocol != NULL ? "\r\n" : "");
}

void
peer_accept_up(struct peer *peer, struct record_hello *hello_in)
{
	struct record_welcome2 welcome2 = { 0 };
	struct record_hello hello;
	struct record record;
	struct buf out = { 0 };

	peer_accept(peer, "grapevine.peer.1");
	peer_wait(peer, RECORD_HELLO, &record);
	assert_int_equal(record_hello_decode(&record, &hello), ERR_OK);
	if (hello_in != NULL) {
		*hello_in = hello;
	}
	assert_int_equal(record_welcome_encode(&out, &peer->welcome), ERR_OK);
	assert_int_equal(record_welcome2_encode(&out, &welcome2), ERR_OK);
	peer_send(peer, &out);
	buf_fini(&out);
}

/* ---- records ---- */

void
peer_send(struct peer *peer, struct buf *records)
{
	client_frame(peer->client, CLIENT_BINARY, records->bytes, records->len);
	buf_clear(records);
}

void
peer_send_record(struct peer *peer, uint8_t type, const void *body, size_t len)
{
	uint8_t head[4] = { type, (uint8_t)(len >> 16), (uint8_t)(len >> 8),
		(uint8_t)len };
	struct buf out = { 0 };

	assert_int_equal(buf_append(&out, head, 4), ERR_OK);
	assert_int_equal(buf_append(&out, body, len), ERR_OK);
	peer_send(peer, &out);
	buf_fini(&out);
}

uint64_t
peer_seq(const struct peer *peer, uint32_t counter)
{
	return (uint64_t)peer->hello.boot << 32 | counter;
}

void
peer_send_data(struct peer *peer, const struct nodeid *origin, uint64_t seq,
    uint8_t hops, const char *topic, const char *text)
{
	struct record_data data = { .flags = DATA_TEXT,
		.hops = hops,
		.topic = { topic, (uint8_t)strlen(topic) },
		.origin = *origin,
		.seq = seq,
		.payload = (const uint8_t *)text,
		.payload_len = strlen(text) };
	uint8_t head[RECORD_DATA_HEAD_MAX];
	struct buf out = { 0 };
	size_t len = record_data_head(head, &data);

	assert_int_equal(buf_append(&out, head, len), ERR_OK);
	assert_int_equal(buf_append(&out, text, strlen(text)), ERR_OK);
	peer_send(peer, &out);
	buf_fini(&out);
}

void
peer_publish(struct peer *peer, const char *topic, const char *text)
{
	peer_send_data(peer, &peer->hello.node_id,
	    peer_seq(peer, ++peer->counter), 1, topic, text);
}

/* Read frames until a binary message comes; false: Close or EOF. */
static bool
peer_read_message(struct peer *peer)
{
	uint64_t deadline = test_now_ms() + 2 * DEADLINE_MS;
	struct client_frame frame;
	bool more = true;

	while (more) {
		assert_true(test_now_ms() < deadline); /* pings or not */
		if (!client_read_frame(peer->client, &frame)) {
			return false;
		}
		if (frame.first == CLIENT_BINARY) {
			buf_clear(&peer->message);
			assert_int_equal(
			    buf_append(&peer->message, frame.bytes, frame.len),
			    ERR_OK);
			peer->at = peer->message.bytes;
			client_frame_free(&frame);
			return true;
		}
		if (frame.first == CLIENT_PING) {
			client_frame(
			    peer->client, CLIENT_PONG, frame.bytes, frame.len);
		} else if (frame.first == CLIENT_CLOSE) {
			if (frame.len >= 2) {
				peer->close_code = frame.bytes[0] << 8 |
				                   frame.bytes[1];
			}
			client_frame(peer->client, CLIENT_CLOSE, frame.bytes,
			    frame.len >= 2 ? 2 : 0);
			more = false;
		} else if (frame.first != CLIENT_PONG) {
			fail_msg("a frame %02x from a node", frame.first);
		}
		client_frame_free(&frame);
	}
	return false;
}

bool
peer_next(struct peer *peer, struct record *record)
{
	while (peer->message.len == 0 ||
	       peer->at == peer->message.bytes + peer->message.len) {
		if (!peer_read_message(peer)) {
			return false;
		}
	}
	assert_int_equal(record_next(&peer->at,
	                     peer->message.bytes + peer->message.len, record),
	    ERR_OK);
	return true;
}

void
peer_wait(struct peer *peer, uint8_t type, struct record *record)
{
	do {
		if (!peer_next(peer, record)) {
			fail_msg("end (Close %d) instead of record 0x%02x",
			    peer->close_code, type);
		}
	} while (record->type != type);
}

void
peer_wait_text(struct peer *peer, const char *text, const char *never)
{
	struct record record;
	struct record_data data;

	for (;;) {
		peer_wait(peer, RECORD_DATA, &record);
		assert_int_equal(record_data_decode(&record, &data), ERR_OK);
		if (data.payload_len == strlen(text) &&
		    memcmp(data.payload, text, data.payload_len) == 0) {
			return;
		}
		if (never != NULL && data.payload_len == strlen(never) &&
		    memcmp(data.payload, never, data.payload_len) == 0) {
			fail_msg("`%s` came", never);
		}
	}
}

void
peer_expect_bye(struct peer *peer, enum bye_reason reason)
{
	/* PROTOCOL 3: BYE -> close code. */
	static const int codes[] = { 1001, 1000, 1000, 4001, 4001, 1008, 4003,
		1008, 4002, 1008 };
	struct record record;
	struct record_bye bye;

	peer_wait(peer, RECORD_BYE, &record);
	assert_int_equal(record_bye_decode(&record, &bye), ERR_OK);
	assert_int_equal(bye.reason, reason);
	peer_expect_close(peer, codes[reason]);
}

void
peer_expect_close(struct peer *peer, int code)
{
	struct record record;

	while (peer_next(peer, &record)) {
	}
	assert_int_equal(peer->close_code, code);
	client_expect_silent_eof(peer->client);
}

int
test_teardown(void **state)
{
	(void)peer_teardown(state);
	return daemon_teardown(state);
}
