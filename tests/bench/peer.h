/* SPDX-License-Identifier: MIT
 * peer.h - one peer link of gv_relay: what a node would be at its other end,
 * as far as a node relaying messages can tell.
 *
 * It dials, says HELLO, and counts what arrives; it answers pings, ignores
 * lists of ids, and never says PRUNE, so that the node keeps pushing to it.
 * Errors end the program. */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/frame.h"
#include "wire/nodeid.h"
#include "wire/record.h"

#define PEER_TOPIC "bench"
/* Numbers from here on introduce an origin, and do not count. */
#define PEER_INTRO (UINT64_C(1) << 63)

/* The nodes that messages seem to come from, the same for all peers.  Message
 * n comes from node n % count, which has sent an introduction before. */
struct cast {
	struct nodeid *ids;
	size_t count;
	uint32_t boot;
};

struct peer {
	int fd;
	bool is_up;
	const struct cast *cast;
	size_t size; /* of every payload */
	struct frame_decoder decoder;
	uint64_t next; /* the number that should come now */
	uint64_t turn; /* of that: node, */
	uint64_t seq;  /* and its own number */
	uint64_t intros;
	uint64_t received;
	uint64_t lost;       /* numbers that were skipped */
	uint64_t duplicates; /* numbers that came again, or late */
};

/* Make `count` ids that no other run has. */
void cast_init(struct cast *cast, size_t count);
void cast_fini(struct cast *cast);

/* Dial 127.0.0.1:`port` and wait until the link is up. */
void peer_open(
    struct peer *peer, const struct cast *cast, uint16_t port, size_t size);
void peer_close(struct peer *peer);

/* Read once and check what came. */
void peer_read(struct peer *peer);

/* Write the DATA record of message `number` (or an introduction); returns its
 * length, which is the same for all.  The payload but for its number stays as
 * it is in `out`. */
size_t peer_record(
    uint8_t *out, const struct cast *cast, uint64_t number, size_t size);
size_t peer_record_len(size_t size);

/* Mask `len` bytes of records and write a frame's header just before them;
 * returns the length of that header. */
size_t peer_frame(uint8_t *records, size_t len);

/* Send some; returns how many bytes the socket took. */
size_t peer_send(const struct peer *peer, const uint8_t *bytes, size_t len);

#endif
