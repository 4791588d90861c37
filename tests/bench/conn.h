/* SPDX-License-Identifier: MIT
 * conn.h - one client connection of the load generator, over WebSocket or over
 * the NATS text protocol: what is sent and what is checked is the same.
 *
 * A payload begins with its number, so that every receiver can tell what is
 * missing, what came twice and what came late.  Errors end the program: a
 * figure measured over a broken connection is worth nothing. */
#ifndef BENCH_CONN_H
#define BENCH_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONN_NUMBER_LEN 8u         /* shortest payload */
#define CONN_PROBE      UINT64_MAX /* the number of a message not counted */

enum proto { PROTO_WS, PROTO_NATS };

struct conn {
	int fd;
	enum proto proto;
	bool probed;   /* a probe has arrived */
	size_t size;   /* of every payload; 0: none is expected */
	uint64_t next; /* the number that should come now */
	uint64_t received;
	uint64_t lost;       /* numbers that were skipped */
	uint64_t duplicates; /* numbers that came again, or late */
	uint8_t *carry;      /* the beginning of a frame, NULL: none yet */
	size_t carry_len, carry_cap;
};

/* What a publisher sends: frames made once, numbered each time. */
struct batch {
	uint8_t *bytes;
	size_t frame_len, number_at; /* of one frame */
	size_t cap;                  /* frames */
	size_t len, sent;            /* bytes of what is being sent */
	uint8_t mask[CONN_NUMBER_LEN];
};

/* Connect to 127.0.0.1:`port` and wait until the server has agreed.  The
 * client listens to `topic`, unless it is a NATS client that only publishes. */
void conn_open(struct conn *conn, enum proto proto, uint16_t port,
    const char *topic, bool listens, size_t size);
void conn_close(struct conn *conn);

/* Read once and check what came; false: there was nothing. */
bool conn_read(struct conn *conn);

void batch_init(struct batch *batch, enum proto proto, const char *topic,
    size_t size, size_t bytes);
void batch_fini(struct batch *batch);
/* Make ready `count` (<= cap) messages, numbered from `number`. */
void batch_fill(struct batch *batch, uint64_t number, size_t count);
/* Send what is ready; false: the socket took only a part of it. */
bool batch_send(struct batch *batch, const struct conn *conn);

#endif
