/* SPDX-License-Identifier: MIT
 * frame.c - see frame.h.
 *
 * Two ways through: frame_decoder_next itself takes a whole, unfragmented
 * data frame out of the input, which is nearly every frame there is; all else
 * goes through frame_resume.  Both give the same events for the same bytes,
 * however those are cut. */

#include "wire/frame.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "wire/mask.h"
#include "wire/utf8.h"

enum {
	FRAME_FIN = 0x80,
	FRAME_RSV = 0x70,
	FRAME_OPCODE = 0x0f,
	FRAME_CONTROL = 0x08, /* the bit that control opcodes have */
	FRAME_MASKED = 0x80,
	FRAME_LEN = 0x7f,
	FRAME_LEN_16 = 126,
	FRAME_LEN_64 = 127,
};

enum {
	FRAME_IS_IDLE,      /* between messages, nothing held */
	FRAME_IN_HEADER,    /* a cut header, or between fragments */
	FRAME_IN_DATA,      /* a cut data payload */
	FRAME_IN_CONTROL,   /* a cut control payload */
	FRAME_LENT_MESSAGE, /* the caller reads `message`; freed next time */
	FRAME_LENT_CONTROL, /* the caller reads `control`; likewise */
	FRAME_IS_OVER,      /* after a close or an error */
};

struct frame_fault {
	uint16_t code;
	const char *reason;
};

static const struct frame_fault frame_ok = { 0, NULL };

static_assert(sizeof(struct frame_decoder) <= 96, "one per idle connection");

void
frame_mask(uint8_t *out, const uint8_t *in, size_t len, const uint8_t mask[4])
{
	(void)mask_xor(out, in, len, mask_load(mask));
}

size_t
frame_header_len(size_t len, bool masked)
{
	return 2 +
	       (len < FRAME_LEN_16     ? 0U
	           : len <= UINT16_MAX ? 2U
	                               : 8U) +
	       (masked ? (size_t)MASK_LEN : 0);
}

size_t
frame_header_write(uint8_t out[FRAME_HEADER_MAX], enum frame_opcode opcode,
    size_t len, const uint8_t mask[4])
{
	size_t at = frame_header_len(len, false);
	uint64_t value = len;

	out[0] = (uint8_t)(FRAME_FIN | opcode);
	out[1] = mask != NULL ? FRAME_MASKED : 0;
	if (at == 2) {
		out[1] |= (uint8_t)len;
	} else {
		out[1] |= at == 4 ? FRAME_LEN_16 : FRAME_LEN_64;
		for (size_t i = at; i > 2; i--) {
			out[i - 1] = (uint8_t)value;
			value >>= 8;
		}
	}
	if (mask != NULL) {
		memcpy(out + at, mask, MASK_LEN);
		at += MASK_LEN;
	}
	return at;
}

bool
frame_close_code_is_valid(uint16_t code)
{
	if (code < 3000) {
		return code >= 1000 && code <= 1014 && code != 1004 &&
		       code != 1005 && code != 1006;
	}
	return code < 5000;
}

void
frame_decoder_init(struct frame_decoder *decoder, enum frame_role role,
    const struct frame_limits *limits)
{
	memset(decoder, 0, sizeof(*decoder));
	decoder->limits = limits;
	decoder->mask_bit = role == FRAME_SERVER ? FRAME_MASKED : 0;
	decoder->state = FRAME_IS_IDLE;
}

void
frame_decoder_fini(struct frame_decoder *decoder)
{
	buf_fini(&decoder->message);
	free(decoder->control);
	decoder->control = NULL;
	decoder->fragments = 0;
	decoder->header_len = 0;
	decoder->state = FRAME_IS_OVER;
}

void
frame_decoder_feed(struct frame_decoder *decoder, uint8_t *bytes, size_t len)
{
	decoder->in = bytes;
	decoder->in_end = bytes + len;
}

bool
frame_decoder_is_inside(const struct frame_decoder *decoder)
{
	return decoder->fragments > 0 || decoder->header_len > 0;
}

size_t
frame_decoder_held(const struct frame_decoder *decoder)
{
	return decoder->message.cap +
	       (decoder->control != NULL ? (size_t)FRAME_CONTROL_MAX : 0);
}

__attribute__((cold, noinline)) static enum frame_kind
frame_fail(struct frame_decoder *decoder, struct frame_event *event,
    uint16_t code, const char *reason)
{
	frame_decoder_fini(decoder);
	event->bytes = NULL;
	event->len = 0;
	event->code = code;
	event->reason = reason;
	return FRAME_ERROR;
}

/* Take back what the last event lent to the caller. */
static void
frame_reclaim(struct frame_decoder *decoder)
{
	if (decoder->state == FRAME_LENT_MESSAGE) {
		buf_fini(&decoder->message);
		decoder->state = FRAME_IS_IDLE;
	} else if (decoder->state == FRAME_LENT_CONTROL) {
		free(decoder->control);
		decoder->control = NULL;
		decoder->state = decoder->fragments > 0 ? FRAME_IN_HEADER
		                                        : FRAME_IS_IDLE;
	} else if (decoder->state == FRAME_IS_OVER) {
		frame_decoder_fini(decoder);
		decoder->in = decoder->in_end;
	}
}

size_t
frame_decoder_stop(struct frame_decoder *decoder)
{
	size_t rest = (size_t)(decoder->in_end - decoder->in);

	decoder->in_end = decoder->in;
	frame_reclaim(decoder);
	return rest;
}

static size_t
frame_take(struct frame_decoder *decoder)
{
	size_t len = (size_t)(decoder->in_end - decoder->in);

	return len < decoder->left ? len : (size_t)decoder->left;
}

static bool
frame_header_fill(struct frame_decoder *decoder, size_t len)
{
	while (decoder->header_len < len && decoder->in < decoder->in_end) {
		decoder->header[decoder->header_len++] = *decoder->in++;
		decoder->state = FRAME_IN_HEADER;
	}
	return decoder->header_len >= len;
}

/* What the first two bytes can be guilty of. */
static struct frame_fault
frame_check_start(const struct frame_decoder *decoder)
{
	uint8_t opcode = decoder->header[0] & FRAME_OPCODE;
	bool fin = (decoder->header[0] & FRAME_FIN) != 0;
	bool inside = decoder->fragments > 0;

	if ((decoder->header[0] & FRAME_RSV) != 0) {
		return (struct frame_fault){ 1002, "reserved bit set" };
	}
	if ((opcode & ~FRAME_CONTROL) > FRAME_OP_BINARY) {
		return (struct frame_fault){ 1002, "unknown opcode" };
	}
	if ((decoder->header[1] & FRAME_MASKED) != decoder->mask_bit) {
		return decoder->mask_bit != 0
		           ? (struct frame_fault){ 1002,
			             "frame without a mask" }
		           : (struct frame_fault){ 1002, "frame with a mask" };
	}
	if ((opcode & FRAME_CONTROL) != 0) {
		if (!fin) {
			return (struct frame_fault){ 1002,
				"control frame in fragments" };
		}
		return (decoder->header[1] & FRAME_LEN) > FRAME_CONTROL_MAX
		           ? (struct frame_fault){ 1002,
			             "control frame too long" }
		           : frame_ok;
	}
	if (inside != (opcode == FRAME_OP_CONTINUATION)) {
		return inside ? (struct frame_fault){ 1002,
			"message inside a message" }
		              : (struct frame_fault){ 1002,
			                "continuation of nothing" };
	}
	if (inside && decoder->fragments >= decoder->limits->fragments_max) {
		return (struct frame_fault){ 1008, "too many fragments" };
	}
	return frame_ok;
}

/* Read the length of `len` bytes behind the first two; 0: it is in them. */
static struct frame_fault
frame_check_length(struct frame_decoder *decoder, size_t len)
{
	uint64_t value = decoder->header[1] & FRAME_LEN;
	bool is_data = (decoder->header[0] & FRAME_CONTROL) == 0;

	if (len > 0) {
		value = 0;
		for (size_t i = 0; i < len; i++) {
			value = value << 8 | decoder->header[2 + i];
		}
		if (value >> 63 != 0) {
			return (
			    struct frame_fault){ 1002, "length of 64 bits" };
		}
		if (value < FRAME_LEN_16 || (len == 8 && value <= UINT16_MAX)) {
			return (struct frame_fault){ 1002,
				"length not in its shortest form" };
		}
	}
	if (is_data &&
	    (decoder->message.len > decoder->limits->message_max ||
	        value > decoder->limits->message_max - decoder->message.len)) {
		return (struct frame_fault){ 1009, "message too big" };
	}
	decoder->left = value;
	return frame_ok;
}

static void
frame_open(struct frame_decoder *decoder)
{
	uint8_t opcode = decoder->header[0] & FRAME_OPCODE;

	if (decoder->mask_bit != 0) {
		memcpy(decoder->mask,
		    decoder->header + decoder->header_len - MASK_LEN, MASK_LEN);
	}
	if ((opcode & FRAME_CONTROL) != 0) {
		decoder->state = FRAME_IN_CONTROL;
		return;
	}
	if (decoder->fragments == 0) {
		decoder->opcode = opcode;
		decoder->utf8 = UTF8_START;
	}
	decoder->fragments++;
	decoder->state = FRAME_IN_DATA;
}

/* FRAME_MORE: the header is cut, or the frame is open now (see `state`).
 * Each check is made as soon as its bytes are there. */
static enum frame_kind
frame_take_header(struct frame_decoder *decoder, struct frame_event *event)
{
	struct frame_fault fault;
	size_t more = 0;

	if (!frame_header_fill(decoder, 2)) {
		return FRAME_MORE;
	}
	fault = frame_check_start(decoder);
	if (fault.code != 0) {
		return frame_fail(decoder, event, fault.code, fault.reason);
	}
	switch (decoder->header[1] & FRAME_LEN) {
	case FRAME_LEN_16:
		more = 2;
		break;
	case FRAME_LEN_64:
		more = 8;
		break;
	default:
		break;
	}
	if (!frame_header_fill(decoder, 2 + more)) {
		return FRAME_MORE;
	}
	fault = frame_check_length(decoder, more);
	if (fault.code != 0) {
		return frame_fail(decoder, event, fault.code, fault.reason);
	}
	more += decoder->mask_bit != 0 ? MASK_LEN : 0;
	if (frame_header_fill(decoder, 2 + more)) {
		frame_open(decoder);
	}
	return FRAME_MORE;
}

/* Take `len` payload bytes from the input to `out`, unmasked.  True: ASCII. */
static bool
frame_unmask(struct frame_decoder *decoder, uint8_t *out, size_t len)
{
	uint64_t mask = mask_load(decoder->mask);
	bool ascii = mask_xor(out, decoder->in, len, mask);

	mask = mask_turn(mask, len);
	memcpy(decoder->mask, &mask, MASK_LEN);
	decoder->in += len;
	decoder->left -= len;
	return ascii;
}

static enum frame_kind
frame_close(struct frame_decoder *decoder, struct frame_event *event)
{
	uint16_t code;

	if (event->len == 1) {
		return frame_fail(decoder, event, 1002, "close of one byte");
	}
	event->code = 1005;
	if (event->len >= 2) {
		code = (uint16_t)(event->bytes[0] << 8 | event->bytes[1]);
		event->bytes += 2;
		event->len -= 2;
		if (!frame_close_code_is_valid(code)) {
			return frame_fail(
			    decoder, event, 1002, "invalid close code");
		}
		if (!utf8_is_valid(event->bytes, event->len)) {
			return frame_fail(
			    decoder, event, 1007, "close reason is not UTF-8");
		}
		event->code = code;
	}
	/* `control`, which the reason may lie in, goes with the next call. */
	buf_fini(&decoder->message);
	decoder->fragments = 0;
	decoder->state = FRAME_IS_OVER;
	return FRAME_CLOSE;
}

/* The control payload is whole at `bytes`. */
static enum frame_kind
frame_end_control(struct frame_decoder *decoder, struct frame_event *event,
    const uint8_t *bytes)
{
	uint8_t opcode = decoder->header[0] & FRAME_OPCODE;

	event->bytes = bytes;
	event->len = decoder->header[1] & FRAME_LEN;
	decoder->header_len = 0;
	if (decoder->control != NULL) {
		decoder->state = FRAME_LENT_CONTROL;
	} else {
		decoder->state = decoder->fragments > 0 ? FRAME_IN_HEADER
		                                        : FRAME_IS_IDLE;
	}
	if (opcode == FRAME_OP_CLOSE) {
		return frame_close(decoder, event);
	}
	return opcode == FRAME_OP_PING ? FRAME_PING : FRAME_PONG;
}

static enum frame_kind
frame_take_control(struct frame_decoder *decoder, struct frame_event *event)
{
	uint8_t total = decoder->header[1] & FRAME_LEN;
	size_t len = frame_take(decoder);
	uint8_t *out = decoder->in;

	if (len < decoder->left && decoder->control == NULL) {
		decoder->control = malloc(FRAME_CONTROL_MAX);
		if (decoder->control == NULL) {
			return frame_fail(
			    decoder, event, 1011, "out of memory");
		}
	}
	if (decoder->control != NULL) {
		out = decoder->control + (total - decoder->left);
	}
	(void)frame_unmask(decoder, out, len);
	if (decoder->left > 0) {
		return FRAME_MORE;
	}
	return frame_end_control(
	    decoder, event, decoder->control != NULL ? decoder->control : out);
}

/* The message is whole: `bytes` in the input, or, NULL, in `message`. */
static enum frame_kind
frame_end_message(struct frame_decoder *decoder, struct frame_event *event,
    const uint8_t *bytes, size_t len)
{
	bool text = decoder->opcode == FRAME_OP_TEXT;

	if (text && decoder->utf8 != UTF8_START) {
		return frame_fail(decoder, event, 1007, "text is not UTF-8");
	}
	decoder->fragments = 0;
	decoder->state = FRAME_IS_IDLE;
	if (decoder->message.cap > 0) {
		decoder->state = FRAME_LENT_MESSAGE;
	}
	event->bytes = bytes;
	event->len = len;
	return text ? FRAME_TEXT : FRAME_BINARY;
}

static enum frame_kind
frame_take_data(struct frame_decoder *decoder, struct frame_event *event)
{
	struct buf *message = &decoder->message;
	bool fin = (decoder->header[0] & FRAME_FIN) != 0;
	size_t len = frame_take(decoder);
	bool in_place = fin && message->len == 0 && len == decoder->left;
	uint8_t *out = decoder->in;
	bool ascii;

	if (!in_place && len > 0) {
		if (buf_reserve(message, len) != ERR_OK) {
			return frame_fail(
			    decoder, event, 1011, "out of memory");
		}
		out = message->bytes + message->len;
		message->len += len;
	}
	ascii = frame_unmask(decoder, out, len);
	if (decoder->opcode == FRAME_OP_TEXT &&
	    !(ascii && decoder->utf8 == UTF8_START)) {
		decoder->utf8 = utf8_advance(decoder->utf8, out, len);
		if (decoder->utf8 == UTF8_REJECT) {
			return frame_fail(
			    decoder, event, 1007, "text is not UTF-8");
		}
	}
	if (decoder->left > 0) {
		return FRAME_MORE;
	}
	decoder->header_len = 0;
	decoder->state = FRAME_IN_HEADER;
	if (!fin) {
		return FRAME_MORE;
	}
	return in_place ? frame_end_message(decoder, event, out, len)
	                : frame_end_message(
	                      decoder, event, message->bytes, message->len);
}

__attribute__((noinline)) static enum frame_kind
frame_resume(struct frame_decoder *decoder, struct frame_event *event)
{
	enum frame_kind kind = FRAME_MORE;

	frame_reclaim(decoder);
	while (kind == FRAME_MORE && decoder->in < decoder->in_end) {
		if (decoder->state <= FRAME_IN_HEADER) {
			kind = frame_take_header(decoder, event);
		}
		if (decoder->state == FRAME_IN_DATA) {
			kind = frame_take_data(decoder, event);
		} else if (decoder->state == FRAME_IN_CONTROL) {
			kind = frame_take_control(decoder, event);
		}
	}
	return kind;
}

enum frame_kind
frame_decoder_next(struct frame_decoder *decoder, struct frame_event *event)
{
	uint8_t *in = decoder->in;
	size_t left = (size_t)(decoder->in_end - in);
	size_t head = 2 + (size_t)(decoder->mask_bit >> 5);
	bool ascii = false;
	size_t len;

	if (UNLIKELY(decoder->state != FRAME_IS_IDLE || left < head + 2)) {
		return frame_resume(decoder, event);
	}
	len = in[1] & FRAME_LEN;
	if (len == FRAME_LEN_16) {
		head += 2;
		len = (size_t)in[2] << 8 | in[3];
		len = len < FRAME_LEN_16 ? SIZE_MAX : len;
	} else if (UNLIKELY(len == FRAME_LEN_64)) {
		len = SIZE_MAX;
	}
	/* All that is not a whole, lawful data frame without fragments. */
	if (UNLIKELY((uint8_t)(in[0] - (FRAME_FIN | FRAME_OP_TEXT)) > 1 ||
	             (in[1] & FRAME_MASKED) != decoder->mask_bit ||
	             len > left - head || len > decoder->limits->message_max)) {
		return frame_resume(decoder, event);
	}
	decoder->in += head + len;
	event->bytes = in + head;
	event->len = len;
	if (decoder->mask_bit != 0) {
		ascii = mask_xor(
		    in + head, in + head, len, mask_load(in + head - MASK_LEN));
	}
	if (in[0] == (FRAME_FIN | FRAME_OP_BINARY)) {
		return FRAME_BINARY;
	}
	if (!ascii && !utf8_is_valid(in + head, len)) {
		return frame_fail(decoder, event, 1007, "text is not UTF-8");
	}
	return FRAME_TEXT;
}
