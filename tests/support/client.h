/* SPDX-License-Identifier: MIT
 * client.h - a raw TCP and WebSocket client that can misbehave in every way:
 * it sends what it is told to, byte for byte.
 *
 * It shares no code with the node, so that the two cannot agree on a mistake.
 * Calls block, at most DEADLINE_MS, and then fail the test.  Teardown closes
 * and frees every client. */
#ifndef TESTS_SUPPORT_CLIENT_H
#define TESTS_SUPPORT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct client {
	int fd;      /* -1: closed */
	bool server; /* the other role: our frames are not masked */
	uint8_t *in; /* received, not yet used up */
	size_t in_len, in_cap;
	int status;      /* of the last HTTP answer */
	char head[4096]; /* the whole of it */
};

enum { /* the first byte of a frame */
	CLIENT_FIN = 0x80,
	CLIENT_RSV1 = 0x40,
	CLIENT_RSV2 = 0x20,
	CLIENT_RSV3 = 0x10,
	CLIENT_CONTINUATION = 0x0,
	CLIENT_TEXT = 0x81, /* whole messages */
	CLIENT_BINARY = 0x82,
	CLIENT_CLOSE = 0x88,
	CLIENT_PING = 0x89,
	CLIENT_PONG = 0x8a,
};

struct client_frame {
	uint8_t first; /* FIN, RSV, opcode */
	bool masked;
	uint8_t *bytes; /* the caller's: client_frame_free */
	size_t len;
};

/* Connect to 127.0.0.1; `host` another address, `source` the own one. */
struct client *client_connect(uint16_t port);
struct client *client_connect_to(
    const char *host, uint16_t port, const char *source);
/* The same with a receive buffer of about `bytes`: a reader who is soon full,
 * and so is the node's buffer in the kernel. */
struct client *client_connect_small(uint16_t port, int bytes);
/* Take over a connected socket. */
struct client *client_attach(int fd);
/* False if nobody listens there, or accepts. */
bool client_can_connect(const char *host, uint16_t port);

/* All bytes, waiting while the other side does not read. */
void client_send(struct client *client, const void *bytes, size_t len);
void client_print(struct client *client, const char *format, ...) PRINTF(2, 3);
/* As much as goes, at most `len`; true while the connection stands. */
bool client_send_some(
    struct client *client, const void *bytes, size_t len, size_t *sent);

/* A GET with every header a WebSocket needs, then `more` ("" or lines with
 * CRLF): the status, whole answer in `head`.  0: closed without an answer. */
int client_upgrade(struct client *client, const char *path, const char *more);
/* Read an HTTP head: its status; 0: closed without an answer. */
int client_read_status(struct client *client);
/* The same, but a connection reset half-way is 0 too. */
int client_read_status_or_reset(struct client *client);
/* The rest until EOF: one line, with `words` in it. */
void client_expect_body(struct client *client, const char *words);
/* Read the head of a request into `head`: the other role. */
void client_read_request(struct client *client);
/* Connect and upgrade: must be 101. */
struct client *client_open(uint16_t port, const char *path);

/* A frame with the right mask of its role. */
void client_frame(
    struct client *client, int first, const void *bytes, size_t len);
void client_text(struct client *client, const char *text);
/* A header alone: any length claimed, any mask bit. */
void client_header(
    struct client *client, int first, bool masked, uint64_t claimed);
/* Build a frame; returns its length.  `out` holds len + 14. */
size_t client_frame_build(
    uint8_t *out, int first, bool masked, const void *bytes, size_t len);

/* Read a frame, whatever it is; false: EOF or reset. */
bool client_read_frame(struct client *client, struct client_frame *frame);
void client_frame_free(struct client_frame *frame);
/* The next text or binary message must be this one. */
void client_expect(
    struct client *client, int first, const void *bytes, size_t len);
void client_expect_text(struct client *client, const char *text);
/* Nothing may come: proven by a ping whose pong is the next thing to come,
 * but for the node's own pings. */
void client_expect_nothing(struct client *client);
/* Ping and wait for its pong, skipping anything else: what was sent before has
 * been read by the node. */
void client_sync(struct client *client);
/* The next must be a Close with that code (0: any), then EOF; answers it. */
void client_expect_close(struct client *client, int code);
/* The same while we still had something to say: what the node has not read
 * makes the kernel reset the connection, and the Close may be lost in it.
 * Any Close that does come must have the code. */
void client_expect_close_or_reset(struct client *client, int code);
/* A round trip of somebody else: the node's loop has turned. */
void client_sync_new(uint16_t port);
/* A healthy client is served, whatever others did before. */
void client_expect_served(uint16_t port);
/* EOF or reset must come; whatever comes before is dropped. */
void client_expect_eof(struct client *client);
/* The connection ends, and not one byte comes before. */
void client_expect_silent_eof(struct client *client);

/* Close with RST. */
void client_reset(struct client *client);
void client_close(struct client *client);
/* cmocka teardown: close and free all. */
int client_teardown(void **state);

#endif
