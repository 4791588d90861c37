/* SPDX-License-Identifier: MIT
 * fuzz_frame.c - any bytes at the frame decoder.
 *
 *     byte 0      bit 0 the role, bit 1 small limits, bit 2 build frames
 *     byte 1      how the second reading cuts the input
 *     the rest    the input; with bit 2: first byte, length, payload, ...
 *
 * Invariants: cut input says what whole input says; nothing is said after the
 * end; text is UTF-8; limits hold; what is held is bounded by what came; and
 * a message, written again as one frame, is read as the same message. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "wire/frame.h"
#include "wire/utf8.h"

enum { FUZZ_FRAME_OVERHEAD = 64 + FRAME_CONTROL_MAX };

static const struct frame_limits fuzz_limits[] = {
	{ 1 << 20, 4096 },
	{ 24, 3 },
};

struct fuzz_reader {
	enum frame_role role;
	const struct frame_limits *limits;
	struct buf said; /* kind, code, length and payload of each event */
	size_t fed;
	bool over;
};

static void
fuzz_append(struct buf *buf, const void *bytes, size_t len)
{
	if (buf_append(buf, bytes, len) != ERR_OK) {
		abort();
	}
}

/* What one decoder took, another one takes back out of one frame. */
static void
fuzz_check_again(const struct fuzz_reader *reader, enum frame_kind kind,
    const struct frame_event *event)
{
	static const uint8_t key[4] = { 7, 0xff, 0x80, 3 };
	const uint8_t *mask = reader->role == FRAME_SERVER ? key : NULL;
	enum frame_opcode opcode = kind == FRAME_TEXT     ? FRAME_OP_TEXT
	                           : kind == FRAME_BINARY ? FRAME_OP_BINARY
	                           : kind == FRAME_PING   ? FRAME_OP_PING
	                                                  : FRAME_OP_PONG;
	uint8_t *frame = malloc(FRAME_HEADER_MAX + event->len);
	struct frame_decoder decoder;
	struct frame_event again;
	size_t head;

	assert(frame != NULL);
	head = frame_header_write(frame, opcode, event->len, mask);
	assert(head == frame_header_len(event->len, mask != NULL));
	memcpy(frame + head, event->bytes, event->len);
	if (mask != NULL) {
		frame_mask(frame + head, frame + head, event->len, mask);
	}
	frame_decoder_init(&decoder, reader->role, reader->limits);
	frame_decoder_feed(&decoder, frame, head + event->len);
	assert(frame_decoder_next(&decoder, &again) == kind);
	assert(again.bytes == frame + head && again.len == event->len);
	assert(memcmp(again.bytes, event->bytes, event->len) == 0);
	assert(frame_decoder_next(&decoder, &again) == FRAME_MORE);
	assert(!frame_decoder_is_inside(&decoder));
	frame_decoder_fini(&decoder);
	free(frame);
}

static void
fuzz_on_event(struct fuzz_reader *reader, enum frame_kind kind,
    const struct frame_event *event)
{
	uint8_t name = (uint8_t)kind;

	assert(!reader->over);
	fuzz_append(&reader->said, &name, 1);
	if (kind == FRAME_ERROR) {
		assert(event->code == 1002 || event->code == 1007 ||
		       event->code == 1008 || event->code == 1009);
		assert(event->reason != NULL);
		fuzz_append(
		    &reader->said, event->reason, strlen(event->reason));
		reader->over = true;
		return;
	}
	assert(event->bytes != NULL);
	assert(event->len <= reader->limits->message_max ||
	       event->len <= FRAME_CONTROL_MAX);
	fuzz_append(&reader->said, &event->len, sizeof(event->len));
	fuzz_append(&reader->said, event->bytes, event->len);
	if (kind == FRAME_CLOSE) {
		assert(event->code == 1005 ||
		       frame_close_code_is_valid(event->code));
		fuzz_append(&reader->said, &event->code, 2);
		reader->over = true;
	} else {
		fuzz_check_again(reader, kind, event);
	}
	if (kind == FRAME_CLOSE || kind == FRAME_TEXT) {
		assert(utf8_is_valid(event->bytes, event->len));
	}
}

static void
fuzz_feed(struct fuzz_reader *reader, struct frame_decoder *decoder,
    const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	struct frame_event event;
	enum frame_kind kind;

	assert(copy != NULL);
	memcpy(copy, bytes, len);
	reader->fed += len;
	frame_decoder_feed(decoder, copy, len);
	while ((kind = frame_decoder_next(decoder, &event)) != FRAME_MORE) {
		fuzz_on_event(reader, kind, &event);
	}
	assert(frame_decoder_held(decoder) <=
	       2 * reader->fed + FUZZ_FRAME_OVERHEAD);
	assert(frame_decoder_is_inside(decoder) ||
	       frame_decoder_held(decoder) == 0);
	assert(!reader->over || !frame_decoder_is_inside(decoder));
	free(copy);
}

/* Read it all in steps whose lengths follow from `seed`; 0: at once. */
static void
fuzz_read(struct fuzz_reader *reader, const struct buf *input, uint8_t seed)
{
	struct frame_decoder decoder;
	size_t at = 0;
	size_t step;
	uint32_t mix = seed;

	frame_decoder_init(&decoder, reader->role, reader->limits);
	while (at < input->len) {
		mix = mix * 1103515245 + 12345;
		step = seed == 0       ? input->len
		       : seed % 2 == 1 ? seed / 2U + 1
		                       : 1 + (mix >> 16) % (seed + 1U);
		if (step > input->len - at) {
			step = input->len - at;
		}
		fuzz_feed(reader, &decoder, input->bytes + at, step);
		at += step;
	}
	frame_decoder_fini(&decoder);
}

/* Lawful lengths and masks around the bytes, so that they get further. */
static void
fuzz_build(
    struct buf *input, enum frame_role role, const uint8_t *bytes, size_t len)
{
	const uint8_t *mask = bytes;
	uint8_t header[FRAME_HEADER_MAX];
	size_t part, head, at;

	while (len >= 4) {
		part = bytes[1] < len - 2 ? bytes[1] : len - 2;
		head = frame_header_write(header, FRAME_OP_TEXT, part,
		    role == FRAME_SERVER ? mask : NULL);
		header[0] = bytes[0];
		fuzz_append(input, header, head);
		at = input->len;
		fuzz_append(input, bytes + 2, part);
		if (role == FRAME_SERVER && part > 0) {
			frame_mask(
			    input->bytes + at, input->bytes + at, part, mask);
		}
		bytes += 2 + part;
		len -= 2 + part;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct fuzz_reader whole = { .role = FRAME_SERVER };
	struct fuzz_reader cut;
	struct buf input;

	if (len < 2) {
		return 0;
	}
	whole.role = (bytes[0] & 1) != 0 ? FRAME_CLIENT : FRAME_SERVER;
	whole.limits = &fuzz_limits[bytes[0] >> 1 & 1];
	cut = whole;
	buf_init(&input);
	if ((bytes[0] & 4) != 0) {
		fuzz_build(&input, whole.role, bytes + 2, len - 2);
	} else {
		fuzz_append(&input, bytes + 2, len - 2);
	}
	fuzz_read(&whole, &input, 0);
	fuzz_read(&cut, &input, bytes[1]);
	assert(whole.said.len == cut.said.len);
	assert(whole.said.len == 0 ||
	       memcmp(whole.said.bytes, cut.said.bytes, whole.said.len) == 0);
	buf_fini(&whole.said);
	buf_fini(&cut.said);
	buf_fini(&input);
	return 0;
}
