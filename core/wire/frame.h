/* SPDX-License-Identifier: MIT
 * frame.h - the WebSocket frame codec, RFC 6455 sections 5 to 7, both roles.
 *
 * sans-I/O: bytes in, events out.  One decoder per connection; it is small
 * while nothing is half received, and it never buffers more than what really
 * arrived.  Masked payloads are unmasked in place, in the caller's buffer.
 *
 *     frame_decoder_feed(&decoder, bytes, len);
 *     while ((kind = frame_decoder_next(&decoder, &event)) > FRAME_MORE) ...
 *
 * No allocation for messages that arrive whole; [loop] only. */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define FRAME_HEADER_MAX  14 /* 2 + 8 length + 4 mask */
#define FRAME_CONTROL_MAX 125

enum frame_role {
	FRAME_SERVER, /* we accepted: input must be masked, output is not */
	FRAME_CLIENT, /* we dialled: the other way round */
};

enum frame_opcode {
	FRAME_OP_CONTINUATION = 0x0,
	FRAME_OP_TEXT = 0x1,
	FRAME_OP_BINARY = 0x2,
	FRAME_OP_CLOSE = 0x8,
	FRAME_OP_PING = 0x9,
	FRAME_OP_PONG = 0xa,
};

enum frame_kind {
	FRAME_ERROR,  /* violation: event.code and event.reason; the end */
	FRAME_MORE,   /* all input is used up */
	FRAME_TEXT,   /* a whole message, valid UTF-8 */
	FRAME_BINARY, /* a whole message */
	FRAME_PING,   /* event.bytes is what the pong must carry */
	FRAME_PONG,
	FRAME_CLOSE, /* event.code (1005: none), bytes = reason; the end */
};

struct frame_event {
	/* Payload or reason, borrowed until the next call on the decoder. */
	const uint8_t *bytes;
	size_t len;
	uint16_t code;      /* FRAME_CLOSE, FRAME_ERROR: close code */
	const char *reason; /* FRAME_ERROR: static words, what was wrong */
};

struct frame_limits {
	size_t message_max; /* payload bytes; above: 1009, from the header */
	uint32_t fragments_max; /* frames a message; above: 1008 */
};

/* Fields are the codec's own, but for those commented as readable. */
struct frame_decoder {
	const struct frame_limits *limits; /* borrowed, outlives the decoder */
	uint8_t *in, *in_end; /* the caller's bytes, being used up */
	uint64_t left;        /* payload bytes of the open frame to come */
	struct buf message;   /* fragments or a cut frame; empty when idle */
	uint8_t *control;     /* a cut control payload; NULL when none */
	uint32_t fragments;   /* readable: > 0 inside a message */
	uint32_t utf8;        /* state of the UTF-8 automaton */
	uint8_t mask[4];      /* turned: [0] falls on the next byte */
	uint8_t header[FRAME_HEADER_MAX]; /* of the open frame, if it was cut */
	uint8_t header_len;
	uint8_t opcode;   /* of the open message */
	uint8_t mask_bit; /* what the role wants to see: 0x80 or 0 */
	uint8_t state;
};

void frame_decoder_init(struct frame_decoder *decoder, enum frame_role role,
    const struct frame_limits *limits);
void frame_decoder_fini(struct frame_decoder *decoder);

/* Hand over `len` bytes; they are changed, and must stay until
 * frame_decoder_next has said FRAME_MORE or FRAME_ERROR. */
void frame_decoder_feed(
    struct frame_decoder *decoder, uint8_t *bytes, size_t len);

/* The next event.  After FRAME_ERROR and FRAME_CLOSE: always FRAME_MORE, the
 * rest of the input is ignored (section 5.5.1).  Out of memory is FRAME_ERROR
 * with code 1011. */
enum frame_kind frame_decoder_next(
    struct frame_decoder *decoder, struct frame_event *event);

/* Leave the rest of the input alone, behind an event: returns its length.  What
 * that event lent is given back. */
size_t frame_decoder_stop(struct frame_decoder *decoder);

/* True if a message or a frame has begun and not ended: the caller's assembly
 * deadline runs. */
bool frame_decoder_is_inside(const struct frame_decoder *decoder);

/* Bytes the decoder has allocated. */
size_t frame_decoder_held(const struct frame_decoder *decoder);

/* Length of the header of an unfragmented frame of `len` bytes. */
size_t frame_header_len(size_t len, bool masked);

/* Write that header; returns its length.  `mask` NULL: not masked. */
size_t frame_header_write(uint8_t out[FRAME_HEADER_MAX],
    enum frame_opcode opcode, size_t len, const uint8_t mask[4]);

/* XOR `len` bytes with `mask`, whose position 0 falls on the first byte:
 * `out` may be `in`, else they do not overlap. */
void frame_mask(
    uint8_t *out, const uint8_t *in, size_t len, const uint8_t mask[4]);

/* True if a peer may send this close code (section 7.4). */
bool frame_close_code_is_valid(uint16_t code);

#endif
